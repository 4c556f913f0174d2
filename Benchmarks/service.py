"""A `tusk serve` of our own, started and stopped by a script."""

import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time

READY_WITHIN = 60  # seconds


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers_ready(port):
    """Whether /health/ready says 200; False while nobody listens."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return connection.recv(64).startswith(b"HTTP/1.1 200")
    except (ConnectionRefusedError, ConnectionResetError, TimeoutError):
        return False


class Service:
    """Ready when made; `with` stops it. `started_in` is ms from its start to the first 200 of /health/ready."""

    def __init__(self, program, model=None, arguments=()):
        port = free_port()
        command = [program, "serve", "--port", str(port), *arguments] + (["--model", str(model)] if model else [])
        self.url = f"http://127.0.0.1:{port}"
        with tempfile.TemporaryFile() as log:
            began = time.monotonic()
            self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log)
            while not answers_ready(port):
                if self.process.poll() is not None or time.monotonic() - began > READY_WITHIN:
                    self.process.kill()
                    self.process.wait()
                    log.seek(0)
                    raise RuntimeError(f"{' '.join(command)}: not ready: {log.read().decode().strip()}")
                time.sleep(0.001)
            self.started_in = (time.monotonic() - began) * 1000

    def resident_mb(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) / 1024

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
