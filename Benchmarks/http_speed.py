"""Requests/s of a running `tusk serve` under wrk, its time from start to ready, and its idle memory, as one table.

    python http_speed.py --program ../.build/release/tusk --data FOLDER [--model FILE] [--connections 16] [--seconds 10]

/logprob gets one PNG of a test image a request. wrk and the server share the machine's cores.
"""

import argparse
import pathlib
import re
import struct
import subprocess
import tempfile
import time
import zlib

from idx import read_split
from service import Service


def png(image):
    """8-bit grey PNG of `[height, width]` bytes."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = image.shape
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = b"".join(b"\0" + row.tobytes() for row in image)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def wrk(url, options, script=None):
    """Requests/s, median and 99th percentile latency, and how many answers were not 2xx or broke."""
    command = ["wrk", f"-c{options.connections}", f"-t{options.wrk_threads}", f"-d{options.seconds}s", "--latency"]
    command += ["-s", script] if script else []
    output = subprocess.run(command + [url], check=True, capture_output=True, text=True).stdout
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", output).group(1))
    median, tail = (re.search(rf"{p}%\s+(\S+)", output).group(1) for p in (50, 99))
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    broken = re.search(r"Socket errors: (.*)", output)
    errors = (failed.group(1) if failed else "0") + (f"; {broken.group(1)}" if broken else "")
    return rate, median, tail, errors


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, help="the built tusk")
    parser.add_argument("--data", required=True, help="folder of the IDX files that the image is taken from")
    parser.add_argument("--model", help="model file; without it the embedded one")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--wrk-threads", type=int, default=1)
    parser.add_argument("--seconds", type=int, default=10)
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        body = pathlib.Path(folder) / "image.png"
        body.write_bytes(png(read_split(options.data, "test", 5)[0]))
        script = pathlib.Path(folder) / "logprob.lua"
        script.write_text(
            f'local file = assert(io.open("{body}", "rb"))\n'
            'wrk.method, wrk.body = "POST", file:read("*a")\n'
            'wrk.headers["Content-Type"] = "image/png"\nfile:close()\n')
        starts = []
        for _ in range(4):  # the first one reads the program from disk
            with Service(options.program, options.model) as service:
                starts.append(service.started_in)
        with Service(options.program, options.model) as service:
            starts.append(service.started_in)
            time.sleep(1)
            idle = service.resident_mb()
            health = wrk(f"{service.url}/health", options)
            logprob = wrk(f"{service.url}/logprob", options, str(script))
            after = service.resident_mb()

    load = f"wrk -c{options.connections} -t{options.wrk_threads} -d{options.seconds}s"
    print(f"| {load} | requests/s | p50 | p99 | errors |")
    print("|---|---|---|---|---|")
    for name, (rate, median, tail, errors) in (("GET /health", health), ("POST /logprob, one PNG", logprob)):
        print(f"| {name} | {rate:,.0f} | {median} | {tail} | {errors} |")
    print(f"\nStart to ready, ms, five starts: {', '.join(f'{ms:.0f}' for ms in starts)}.")
    print(f"Resident memory, MB: {idle:.1f} idle, {after:.1f} after the load.")


if __name__ == "__main__":
    main()
