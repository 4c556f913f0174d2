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
import signal
import socket
import sys
import tempfile
import time

from balanced import Load, Proxy, Request, Service

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


def start(program, port=None, listener=None):
    """The service; over `listener`, passed as systemd would, or at `port`."""
    command = [program, "serve", "--drain-delay", DRAIN_DELAY, "--threads", "1"]
    if listener is None:
        return Service([*command, "--port", str(port)])
    number = listener.fileno()
    script = f'exec 3<&{number}; LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$@"'
    return Service(["sh", "-c", script, *command], pass_fds=[number])


def balance(folder, backend):
    port, path = free_port(), pathlib.Path(folder, "haproxy.cfg")
    path.write_text(HAPROXY.format(folder=folder, port=port, backend=backend))
    return Proxy(folder, path), port


def load(port, clients):
    picture = {"Accept": "image/png"}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/sample?count=1&seed=1", headers=picture)
    image = connection.getresponse().read()
    requests = [
        Request("live", "GET", "/health/live"),
        Request("sample", "GET", "/sample?count=1&seed=1", fields=picture),
        Request("log_prob", "POST", "/logprob", image, {"Content-Type": "image/png"}),
    ]
    return Load(port, requests, clients)


def report(way, restarts, seconds, exchanges):
    counts = collections.Counter(exchange.outcome for exchange in exchanges)
    answered = counts.pop("200", 0)
    lost = ", ".join(f"{count} x {kind}" for kind, count in counts.items()) or "none lost"
    print(f"{way}: {restarts} restarts in {seconds:.1f} s, {answered} answered with 200, {lost}", flush=True)
    return answered > 0 and not counts


def two_processes(options, folder):
    ports = {"a": free_port(), "b": free_port()}
    services = {name: start(options.program, port) for name, port in ports.items()}
    proxy, port = balance(folder, TWO.format(**ports))
    for name in ports:
        proxy.wait(name)
    clients, began = load(port, options.clients), time.monotonic()
    for turn in range(options.restarts):
        name = "ab"[turn % 2]
        services[name].stop()
        services[name] = start(options.program, ports[name])
        proxy.wait(name)
    exchanges, seconds = clients.end(), time.monotonic() - began
    proxy.stop()
    for service in services.values():
        service.stop()
    return report("two processes in turn", options.restarts, seconds, exchanges)


def in_place(options, folder):
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        service = start(options.program, listener=listener)
        proxy, port = balance(folder, ONE.format(a=listener.getsockname()[1]))
        proxy.wait("a")
        clients, began = load(port, options.clients), time.monotonic()
        for _ in range(options.restarts):
            service.stop()
            service = start(options.program, listener=listener)
        exchanges, seconds = clients.end(), time.monotonic() - began
        proxy.stop()
        service.stop()
    return report("one process in place", options.restarts, seconds, exchanges)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", default=".build/release/tusk")
    parser.add_argument("--restarts", type=int, default=6)
    parser.add_argument("--clients", type=int, default=16)
    options = parser.parse_args()
    signal.alarm(120 + 30 * options.restarts)  # whatever it waits for, by the default action: it ends
    passed = True
    for way in [two_processes, in_place]:
        with tempfile.TemporaryDirectory() as folder:
            passed &= way(options, folder)
    sys.exit(0 if passed else "restart: requests were lost")
