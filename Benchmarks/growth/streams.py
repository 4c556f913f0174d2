"""What `tusk score` takes of an array of images that streams in, against its rows: time, and memory, which stays."""

import os
import subprocess
import threading
import time

import numpy as np

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
