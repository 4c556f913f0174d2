"""Passes the program the sockets that systemd's units name, as systemd-socket-activate does, with the unit's own command.

    python3 sockets.py [--program PATH]
"""
import argparse
import configparser
import http.client
import json
import pathlib
import shlex
import socket
import subprocess
import tempfile
import time

from service import free_port, stop

# What deploy/README.md adds to the unit's command for tusk-metrics.socket.
METRICS = ["--metrics-listen", "fd:metrics"]
DEPLOY = pathlib.Path(__file__).parents[2] / "deploy"


def unit(name):
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters="=", comment_prefixes="#")
    parser.optionxform = str
    parser.read_string((DEPLOY / name).read_text())
    return parser


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=10)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(10)
        self.sock.connect(self.path)


def status(connection, path):
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", default=".build/release/tusk")
    program = parser.parse_args().program
    command = shlex.split(unit("tusk.service")["Service"]["ExecStart"])
    command += METRICS
    sockets = [unit(name)["Socket"] for name in ("tusk.socket", "tusk-admin.socket", "tusk-metrics.socket")]
    names = [part["FileDescriptorName"] for part in sockets]
    with tempfile.TemporaryDirectory() as folder:
        port, metrics_port, path = free_port(), free_port(), f"{folder}/admin.sock"
        # The addresses of this check, in the units' kinds: ports of this machine, and a file.
        kinds = ["127.0.0.1:", "/run/", "127.0.0.1:"]
        assert all(part["ListenStream"].startswith(kind) for part, kind in zip(sockets, kinds, strict=True))
        process = subprocess.Popen(
            ["systemd-socket-activate", f"--listen=127.0.0.1:{port}", f"--listen={path}", f"--listen=127.0.0.1:{metrics_port}",
             f"--fdname={':'.join(names)}",
             program, *command[1:], "--access-log", "off"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            for _ in range(100):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.05)
            public = status(http.client.HTTPConnection("127.0.0.1", port, timeout=20), "/health/ready")[0]
            refused = status(http.client.HTTPConnection("127.0.0.1", port, timeout=10), "/admin/status")[0]
            code, body = status(UnixConnection(path), "/admin/status")
            scraped = status(http.client.HTTPConnection("127.0.0.1", metrics_port, timeout=10), "/metrics")[0]
            absent = status(http.client.HTTPConnection("127.0.0.1", metrics_port, timeout=10), "/sample")[0]
        finally:
            stop(process)
            output = process.stdout.read()
    if (public, refused, code, scraped) != (200, 403, 200, 200) or absent == 200 or "rows" not in json.loads(body):
        raise SystemExit(f"ready {public}, /admin on the port {refused}, on the Unix socket {code}, metrics {scraped}, a sample there {absent}:\n{output}")
    print(f"sockets {', '.join(names)}: passed and answered; /admin on the Unix one alone, samples not on the one for metrics")


if __name__ == "__main__":
    main()
