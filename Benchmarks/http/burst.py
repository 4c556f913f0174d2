"""Resident memory of `tusk serve` before, in and after a burst of large bodies: needs Python alone.

    python3 Benchmarks/http/burst.py --tusk .build/release/tusk -- --release-memory-after 0

Each of the clients posts, over and over, a PNG of noise whose size the model does not have: 8 MB that are read whole and
refused with 422. What stands behind `--` are further options of `tusk serve`.
"""

import argparse
import collections
import os
import socket
import struct
import subprocess
import tempfile
import threading
import time
import zlib


def noise(side):
    """8-bit grey PNG of `side` x `side` random pixels, which nothing compresses."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + os.urandom(side) for _ in range(side))
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 0)) + chunk(b"IEND", b"")


class Service:
    """A `tusk serve` on a Unix socket."""

    def __init__(self, tusk, options):
        self.path = os.path.join(tempfile.mkdtemp(), "s")
        command = [tusk, "serve", "--listen", "unix:" + self.path, "--access-log", "off", *options]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def ask(self, request):
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(120)
            client.connect(self.path)
            client.sendall(request)
            answer = b""
            while part := client.recv(65536):
                answer += part
        return answer

    def wait(self):
        while True:
            try:
                if b" 200 " in self.ask(b"GET /health/ready HTTP/1.0\r\n\r\n")[:20]:
                    return
            except OSError:
                pass
            time.sleep(0.05)

    @property
    def resident(self):
        """Resident memory, MiB."""
        with open(f"/proc/{self.process.pid}/status") as lines:
            return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tusk", default=".build/release/tusk")
    parser.add_argument("--clients", type=int, default=24)
    parser.add_argument("--requests", type=int, default=3, help="of each client")
    parser.add_argument("options", nargs="*")
    arguments = parser.parse_args()
    service = Service(arguments.tusk, arguments.options)
    service.wait()
    time.sleep(4)
    print(f"ready     {service.resident:6.0f} MiB")
    body = noise(2800)
    head = f"POST /logprob HTTP/1.0\r\nContent-Type: image/png\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    statuses = collections.Counter()
    peak = [0.0]
    isOver = threading.Event()

    def watch():
        while not isOver.wait(0.01):
            peak[0] = max(peak[0], service.resident)

    def client():
        for _ in range(arguments.requests):
            statuses[service.ask(head + body)[9:12].decode()] += 1

    watcher = threading.Thread(target=watch)
    clients = [threading.Thread(target=client) for _ in range(arguments.clients)]
    for thread in [watcher, *clients]:
        thread.start()
    for thread in clients:
        thread.join()
    isOver.set()
    watcher.join()
    print(f"burst     {peak[0]:6.0f} MiB, {sum(statuses.values())} requests of {len(body)} bytes, {dict(statuses)}")
    for seconds in (0.2, 1, 2, 3):
        time.sleep(seconds)
        print(f"+{seconds:3.1f} s    {service.resident:6.0f} MiB")
    service.process.terminate()
    service.process.wait()


main()
