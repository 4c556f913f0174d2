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
    sockets = [unit(name)["Socket"] for name in ("tusk.socket", "tusk-admin.socket")]
    names = [part["FileDescriptorName"] for part in sockets]
    with tempfile.TemporaryDirectory() as folder:
        port, path = free_port(), f"{folder}/admin.sock"
        # The addresses of this check, in the units' kinds: the first a port, the second a file.
        assert sockets[0]["ListenStream"].startswith("127.0.0.1:") and sockets[1]["ListenStream"].startswith("/run/")
        process = subprocess.Popen(
            ["systemd-socket-activate", f"--listen=127.0.0.1:{port}", f"--listen={path}", f"--fdname={':'.join(names)}",
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
        finally:
            stop(process)
            output = process.stdout.read()
    if (public, refused, code) != (200, 403, 200) or "rows" not in json.loads(body):
        raise SystemExit(f"ready {public}, /admin on the port {refused}, on the Unix socket {code}:\n{output}")
    print(f"sockets {', '.join(names)}: passed and answered; /admin on the Unix one alone")


if __name__ == "__main__":
    main()
