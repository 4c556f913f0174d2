"""What is measured, each part by itself; a part returns what goes into the JSON."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import time

import numpy

from . import crowds, load, processes, servers
from .png import png

CONNECTIONS = 64
# They all come from this machine, which by default may have 256 connections.
ANY_NUMBER = ["--max-connections-per-client", "0"]
WRK_THREADS = [1, 2]


def say(text):
    print(text, flush=True)


def with_cpu(server, measure):
    before = processes.cpu_seconds(server.pid)
    run = measure()
    run["cpu_seconds"] = processes.cpu_seconds(server.pid) - before
    return run


def health(options, folder):
    """GET /health of every server in turns."""
    runs, missing = {}, {}
    with contextlib.ExitStack() as stack:
        contestants = [stack.enter_context(servers.tusk(options.program))]
        for name, start, reason in servers.peers(folder):
            if reason:
                missing[name] = reason
                say(f"health: {name} is left out: {reason}")
            else:
                contestants.append(stack.enter_context(start()))
        for server in contestants:  # warm-up
            load.wrk(f"{server.url}/health", CONNECTIONS, 1, 1)
        for _ in range(options.rounds):
            for threads in WRK_THREADS:
                for server in contestants:
                    run = with_cpu(server, lambda: load.wrk(
                        f"{server.url}/health", CONNECTIONS, threads, options.seconds))
                    runs.setdefault(str(threads), {}).setdefault(server.name, []).append(run)
            # whoever goes first in one round goes last in the next
            contestants.append(contestants.pop(0))
    return {"connections": CONNECTIONS, "runs": runs, "missing": missing}


def logged(options, folder):
    """GET /health with the log of requests on, plain and over TLS: ours, other builds of it (--against) and nginx, in turns."""
    certificate, key = self_signed(folder)
    runs = {}
    for kind, credentials in {"HTTP": None, "HTTPS": (certificate, key)}.items():
        with contextlib.ExitStack() as stack:
            contestants = [stack.enter_context(servers.logging_tusk(name, program, folder, credentials))
                           for name, program in [("tusk", options.program), *((p, p) for p in options.against)]]
            if servers.NGINX.exists() or shutil.which("nginx"):
                contestants.append(stack.enter_context(servers.logging_nginx(folder, credentials)))
            for server in contestants:  # warm-up
                load.wrk(f"{server.url}/health", CONNECTIONS, 1, 1)
            for _ in range(options.rounds):
                for server in contestants:
                    run = with_cpu(server, lambda: load.wrk(f"{server.url}/health", CONNECTIONS, 1, options.seconds))
                    runs.setdefault(kind, {}).setdefault(server.name, []).append(run)
                contestants.append(contestants.pop(0))
    return {"connections": CONNECTIONS, "runs": runs}


def start(options, folder):
    """From start to ready, and memory before any request and after a load; other builds (--against) in turns with ours."""
    found = {program: {"start_ms": [], "idle_mb": [], "loaded_mb": []} for program in [options.program, *options.against]}
    for _ in range(max(options.rounds, 3)):
        for program, figures in found.items():
            with servers.tusk(program) as server:
                figures["start_ms"].append(server.started_in)
                time.sleep(3)  # by then it has given back what only its start needed: --release-memory-after
                figures["idle_mb"].append(processes.resident_mb(server.pid))
                load.wrk(f"{server.url}/health", CONNECTIONS, 1, 1)
                figures["loaded_mb"].append(processes.resident_mb(server.pid))
    return found.pop(options.program) | {"against": found}


def density_body():
    """A PNG of a grey disc, as large as the embedded model's images; its content does not change the cost."""
    y, x = numpy.mgrid[:28, :28]
    distance = numpy.hypot(y - 14, x - 14)
    return png(numpy.clip(255 - 24 * distance, 0, 255).astype(numpy.uint8))


def posting_script(folder):
    """A script for wrk that posts that PNG; its path."""
    body = pathlib.Path(folder) / "image.png"
    body.write_bytes(density_body())
    script = pathlib.Path(folder) / "logprob.lua"
    script.write_text(
        f'local file = assert(io.open("{body}", "rb"))\n'
        'wrk.method, wrk.body = "POST", file:read("*a")\n'
        'wrk.headers["Content-Type"] = "image/png"\nfile:close()\n')
    return str(script)


def service(options, folder):
    """The routes that compute: /logprob with one PNG, and /sample."""
    script = posting_script(folder)
    routes = [("POST /logprob, one PNG", "/logprob", 16, script), ("POST /logprob, one PNG", "/logprob", 64, script),
              ("GET /sample", "/sample", 16, None)]
    seconds = max(2 * options.seconds, 6)  # a batch may take seconds
    runs = {}
    with servers.tusk(options.program) as server:
        for _ in range(options.rounds):
            for name, path, connections, script in routes:
                run = with_cpu(server, lambda: load.wrk(
                    f"{server.url}{path}", connections, 1, seconds, script))
                runs.setdefault(f"{name}, {connections} connections", []).append(run)
    return {"runs": runs}


def poisson(options, folder):
    """POST /logprob at half of its measured capacity, arrivals by a Poisson process."""
    message = load.request("POST", "/logprob", density_body(), "image/png")
    runs = []
    with servers.tusk(options.program) as server:
        with load.OpenLoop(server.port, message) as clients:
            # The capacity that counts is the one with this client: it shares the cores as in the measurement.
            for round in range(options.rounds):
                capacity = clients.capacity(2 * options.seconds)
                rate = capacity / 2
                latencies, refused = clients.run(rate, 2 * options.seconds, round)
                runs.append({
                    "capacity": capacity, "rate": rate, "requests": len(latencies), "refused": refused,
                    **{f"p{percent}": load.percentile(latencies, percent) for percent in (50, 90, 99)}})
    return {"runs": runs}


def self_signed(folder):
    """Certificate and key for localhost, for the length of the measurement."""
    certificate, key = pathlib.Path(folder) / "certificate.pem", pathlib.Path(folder) / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate],
        check=True, capture_output=True)
    os.chmod(key, 0o600)
    return certificate, key


def memory(server, count, certificate=None):
    """Resident memory without connections, with `count` idle ones, and after they have gone."""
    time.sleep(0.5)
    before = processes.resident_mb(server.pid)
    with crowds.idle(server.port, count, certificate):
        held = processes.descriptors(server.pid)
        during = processes.resident_mb(server.pid)
    return {"connections": count, "descriptors": held, "before_mb": before, "with_mb": during}


def idle(options, folder):
    """Memory of idle keep-alive connections, over TCP and, where the program speaks it, over TLS."""
    limit = ["--max-connections", str(options.idle + 100), *ANY_NUMBER]
    with servers.tusk(options.program, *limit) as server:
        found = {"TCP": memory(server, options.idle)}
    help_text = subprocess.run([options.program, "serve", "--help"], check=True, capture_output=True, text=True).stdout
    if "--tls-certificate" in help_text:
        certificate, key = self_signed(folder)
        with servers.tusk_over_tls(options.program, certificate, key, *limit) as server:
            found["TLS"] = memory(server, options.idle, str(certificate))
    else:
        say("idle: this tusk does not speak TLS; TCP alone is measured")
    return found


def slow(options, folder):
    """Honest clients at a fixed rate, with slow ones attached and without, in turns."""
    windows = []
    limit = ["--max-connections", str(2 * options.slow + 1000), *ANY_NUMBER]
    with servers.tusk(options.program, *limit) as server:
        with load.OpenLoop(server.port, load.request("GET", "/health")) as clients:
            clients.run(options.rate, 1, 0)  # warm-up
            for round in range(options.rounds):
                for kind in crowds.SLOW:
                    windows.append(window(server, clients, options, len(windows), None))
                    with crowds.slow(server, kind, options.slow, options.seconds + 30) as attached:
                        windows.append(window(server, clients, options, len(windows), kind, attached))
                    settle(server)
            windows.append(window(server, clients, options, len(windows), None))
    return {"clients": options.slow, "rate": options.rate, "windows": windows}


def window(server, clients, options, seed, kind, attached=lambda: 0):
    before, cpu = attached(), processes.cpu_seconds(server.pid)
    latencies, refused = clients.run(options.rate, options.seconds, seed)
    return {
        "slow": kind, "attached": [before, attached()], "refused": refused,
        "cpu_seconds": processes.cpu_seconds(server.pid) - cpu,
        "latencies_us": [round(1000 * value) for value in latencies]}


def settle(server):
    """Until the server has let go of the slow clients, so that the next window is without them."""
    began = time.monotonic()
    while processes.descriptors(server.pid) > 100:
        if time.monotonic() - began > 60:
            raise RuntimeError("the server still holds slow clients a minute after they went away")
        time.sleep(0.1)


PARTS = {"health": health, "logged": logged, "start": start, "service": service, "poisson": poisson, "idle": idle, "slow": slow}
