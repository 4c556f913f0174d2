"""What `tusk score` takes of an array of images that streams in, against its rows: time, and memory, which stays; and the memory of a
service that is sent lines by a client who begins to read late, and reads slowly."""

import os
import socket
import subprocess
import threading
import time

import numpy as np

from Benchmarks.http import processes
from Benchmarks.service import Service
from . import models
from .curve import Curve

ROWS_AT_ONCE = 10_000


def write(pipe, rows):
    """An NPY array `[rows, 28, 28]` of noise, piece by piece."""
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({rows}, {models.SIDE}, {models.SIDE}), }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    with pipe:
        pipe.write(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode())
        piece = np.random.default_rng(1).integers(0, 256, (ROWS_AT_ONCE, models.SIDE, models.SIDE), np.uint8).tobytes()
        while rows:
            count = min(rows, ROWS_AT_ONCE)
            pipe.write(piece[:count * models.SIDE**2])
            rows -= count


def rows(options):
    model = models.trained(options.program, options.folder / "rows", "small")
    seconds = Curve("rows-time", "tusk score of an array on standard input", "images", "s", 1, "every image is scored")
    memory = Curve("rows-memory", "its most resident memory", "images", "MB", 0, "images are let go when they are scored")
    for count in [1000, 10_000, 30_000] if options.quick else [1000, 10_000, 100_000, 1_000_000]:
        began = time.monotonic()
        process = subprocess.Popen(
            [options.program, "score", "--model", model, "--threads", str(options.threads), "-"], stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        feeder = threading.Thread(target=write, args=(process.stdin, count))
        feeder.start()
        _, status, usage = os.wait4(process.pid, 0)
        feeder.join()
        if status:
            raise RuntimeError(f"tusk score of {count} images: status {os.waitstatus_to_exitcode(status)}")
        seconds.add(count, time.monotonic() - began)
        memory.add(count, usage.ru_maxrss * 1024 / 1e6)
    yield from (seconds, memory)


BACKLOG = 65_536


def send_lines(port, count, pid, late):
    """The most resident memory while `count` lines go in; the answer is begun to be read after `late` seconds."""
    line = b"[" + b",".join(b"%d" % (pixel % 200) for pixel in range(models.SIDE**2)) + b"]\n"
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
    client.connect(("127.0.0.1", port))
    head = (f"POST /logprob HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n"
            f"Content-Length: {count * len(line)}\r\n\r\n").encode()

    def feed():
        client.sendall(head)
        for start in range(0, count, 100):
            client.sendall(line * min(100, count - start))

    feeder = threading.Thread(target=feed)
    feeder.start()
    most = before = processes.resident_mb(pid)
    time.sleep(late)
    answers, rest = 0, b""
    for reads in range(1 << 30):
        part = client.recv(65_536)
        if not part:
            raise RuntimeError(f"the answer ends after {answers} of {count} lines")
        answers += (rest + part).count(b'{"index"') - rest.count(b'{"index"')
        rest = (rest + part)[-7:]
        if reads % 16 == 0:
            most = max(most, processes.resident_mb(pid))
        if reads < 50:
            time.sleep(0.02)
        if rest.endswith(b"0\r\n\r\n"):
            break
    feeder.join()
    client.close()
    if answers != count:
        raise RuntimeError(f"{answers} answers to {count} lines")
    return max(0.001, max(most, processes.resident_mb(pid)) - before)


def lines(options):
    memory = Curve("lines-memory", f"what a body of lines adds, with a backlog of {BACKLOG} bytes", "lines", "MB", 0,
                   "no more waits than the backlog, whoever reads slowly")
    model = models.trained(options.program, options.folder / "lines", "small")
    with Service(options.program, str(model), ("--access-log", "off", "--max-stream-backlog", str(BACKLOG))) as service:
        port, pid = int(service.url.rpartition(":")[2]), service.process.pid
        send_lines(port, 1000, pid, 0)
        for count in [1000, 10_000, 50_000] if options.quick else [1000, 10_000, 50_000, 200_000]:
            memory.add(count, send_lines(port, count, pid, 2))
    yield memory
