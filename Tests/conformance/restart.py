"""Restarts the service behind HAProxy at load, and fails unless every request was answered with 200.

Two ways that operators restart: two processes in turn, which HAProxy leaves and finds again by /health/ready; and one
process in place, whose listening socket outlives it, as under systemd's socket activation. HAProxy retries nothing
that it has sent (its default): a request that a dying process drops is lost, and counted.

    python3 Tests/conformance/restart.py [--program PATH] [--restarts N] [--clients N]
"""

import argparse
import collections
import http.client
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

HAPROXY = """
global
    stats socket {folder}/haproxy.sock
defaults
    mode http
    timeout connect 10s
    timeout client 30s
    timeout server 30s
frontend service
    bind 127.0.0.1:{port}
    default_backend tusk
backend tusk
{backend}
"""
# Down after one failed check: within some 0.2 s of SIGTERM, well within the drain delay.
TWO = """
    option httpchk
    http-check send meth GET uri /health/ready ver HTTP/1.1 hdr Host localhost
    http-check expect status 200
    default-server check inter 200ms fall 1 rise 1
    server a 127.0.0.1:{a}
    server b 127.0.0.1:{b}
"""
ONE = """
    server a 127.0.0.1:{a}
"""
DRAIN_DELAY = "1"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Service:
    """tusk serve; over `listener`, passed as systemd would, or at `port`."""

    def __init__(self, program, port=None, listener=None):
        command = [program, "serve", "--drain-delay", DRAIN_DELAY, "--threads", "1"]
        if listener is None:
            self.process = subprocess.Popen([*command, "--port", str(port)], stdout=subprocess.PIPE, text=True)
        else:
            number = listener.fileno()
            script = f'exec 3<&{number}; LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$@"'
            self.process = subprocess.Popen(
                ["sh", "-c", script, *command], stdout=subprocess.PIPE, text=True, pass_fds=[number])
        for line in self.process.stdout:
            if line.startswith("ready"):
                return
        sys.exit("restart: the service did not start")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.stdout.read()
        status = self.process.wait()
        if status != 0:
            sys.exit(f"restart: the service ended with status {status}")


class Load:
    """Clients that ask without pause over persistent connections, and count what they get."""

    REQUESTS = [
        ("GET", "/health/live", None, {}),
        ("GET", "/sample?count=1&seed=1", None, {"Accept": "image/png"}),
        ("POST", "/logprob", "image", {"Content-Type": "image/png"}),
    ]

    def __init__(self, port, clients):
        self.port, self.counts, self.ended = port, collections.Counter(), threading.Event()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/sample?count=1&seed=1", headers={"Accept": "image/png"})
        self.image = connection.getresponse().read()
        self.threads = [threading.Thread(target=self.run, args=[number]) for number in range(clients)]
        for thread in self.threads:
            thread.start()

    def run(self, number):
        counts, connection = collections.Counter(), None
        while not self.ended.is_set():
            number += 1
            method, path, body, fields = self.REQUESTS[number % len(self.REQUESTS)]
            try:
                if connection is None:
                    connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
                connection.request(method, path, self.image if body else None, fields)
                answer = connection.getresponse()
                answer.read()
                counts[answer.status] += 1
            except (OSError, http.client.HTTPException) as error:
                counts[type(error).__name__] += 1
                connection.close()
                connection = None
        self.counts.update(counts)

    def end(self):
        self.ended.set()
        for thread in self.threads:
            thread.join()
        return self.counts


class Proxy:
    def __init__(self, folder, backend):
        self.folder, self.port = folder, free_port()
        path = pathlib.Path(folder, "haproxy.cfg")
        path.write_text(HAPROXY.format(folder=folder, port=self.port, backend=backend))
        self.process = subprocess.Popen(["haproxy", "-f", path, "-db"], stderr=subprocess.DEVNULL)

    def status(self, server):
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(f"{self.folder}/haproxy.sock")
            control.sendall(b"show stat\n")
            text = b"".join(iter(lambda: control.recv(65536), b"")).decode()
        lines = text.removeprefix("# ").splitlines()
        names = lines[0].split(",")
        for line in lines[1:]:
            row = dict(zip(names, line.split(",")))
            if row.get("pxname") == "tusk" and row.get("svname") == server:
                return row["status"]
        return None

    def wait(self, server):
        """Until it sends requests to `server`."""
        for _ in range(600):
            try:
                if re.match("UP$|no check", self.status(server) or ""):
                    return
            except OSError:
                pass  # not there yet
            time.sleep(0.05)
        sys.exit(f"restart: HAProxy does not find server {server}")

    def stop(self):
        self.process.terminate()
        self.process.wait()


def report(way, restarts, seconds, counts):
    answered = counts.pop(200, 0)
    lost = ", ".join(f"{count} x {kind}" for kind, count in counts.items()) or "none lost"
    print(f"{way}: {restarts} restarts in {seconds:.1f} s, {answered} answered with 200, {lost}", flush=True)
    return answered > 0 and not counts


def two_processes(options, folder):
    ports = {"a": free_port(), "b": free_port()}
    services = {name: Service(options.program, port) for name, port in ports.items()}
    proxy = Proxy(folder, TWO.format(**ports))
    for name in ports:
        proxy.wait(name)
    load, start = Load(proxy.port, options.clients), time.monotonic()
    for turn in range(options.restarts):
        name = "ab"[turn % 2]
        services[name].stop()
        services[name] = Service(options.program, ports[name])
        proxy.wait(name)
    counts, seconds = load.end(), time.monotonic() - start
    proxy.stop()
    for service in services.values():
        service.stop()
    return report("two processes in turn", options.restarts, seconds, counts)


def in_place(options, folder):
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        service = Service(options.program, listener=listener)
        proxy = Proxy(folder, ONE.format(a=listener.getsockname()[1]))
        proxy.wait("a")
        load, start = Load(proxy.port, options.clients), time.monotonic()
        for _ in range(options.restarts):
            service.stop()
            service = Service(options.program, listener=listener)
        counts, seconds = load.end(), time.monotonic() - start
        proxy.stop()
        service.stop()
    return report("one process in place", options.restarts, seconds, counts)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", default=".build/release/tusk")
    parser.add_argument("--restarts", type=int, default=6)
    parser.add_argument("--clients", type=int, default=16)
    options = parser.parse_args()
    passed = True
    for way in [two_processes, in_place]:
        with tempfile.TemporaryDirectory() as folder:
            passed &= way(options, folder)
    sys.exit(0 if passed else "restart: requests were lost")
