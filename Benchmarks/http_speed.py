"""Requests/s of a running `tusk serve` under wrk, its time from start to ready, and its idle memory, as one table.

    python http_speed.py --program ../.build/release/tusk --data FOLDER [--model FILE] [--connections 16] [--seconds 10]

/logprob gets one PNG of a test image a request. wrk and the server share the machine's cores.
"""

import argparse
import pathlib
import re
import signal
import socket
import struct
import subprocess
import tempfile
import time
import zlib

from idx import read_split

READY_WITHIN = 60  # seconds


def png(image):
    """8-bit grey PNG of `[height, width]` bytes."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = image.shape
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = b"".join(b"\0" + row.tobytes() for row in image)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


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


def start(command, port):
    """The server, and ms from its start to the first 200 of /health/ready."""
    began = time.monotonic()
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not answers_ready(port):
        if server.poll() is not None or time.monotonic() - began > READY_WITHIN:
            server.kill()
            raise RuntimeError(f"{' '.join(command)}: not ready, exit code {server.poll()}")
        time.sleep(0.001)
    return server, (time.monotonic() - began) * 1000


def resident_mb(pid):
    kilobytes = re.search(r"VmRSS:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text()).group(1)
    return int(kilobytes) / 1024


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

    port = free_port()
    command = [options.program, "serve", "--port", str(port)] + (["--model", options.model] if options.model else [])
    with tempfile.TemporaryDirectory() as folder:
        body = pathlib.Path(folder) / "image.png"
        body.write_bytes(png(read_split(options.data, "test", 5)[0]))
        script = pathlib.Path(folder) / "logprob.lua"
        script.write_text(
            f'local file = assert(io.open("{body}", "rb"))\n'
            'wrk.method, wrk.body = "POST", file:read("*a")\n'
            'wrk.headers["Content-Type"] = "image/png"\nfile:close()\n')
        starts = []
        for _ in range(5):  # the first one reads the program from disk
            server, milliseconds = start(command, port)
            starts.append(milliseconds)
            if len(starts) < 5:
                server.send_signal(signal.SIGTERM)
                server.wait(30)
        try:
            time.sleep(1)
            idle = resident_mb(server.pid)
            base = f"http://127.0.0.1:{port}"
            health = wrk(f"{base}/health", options)
            logprob = wrk(f"{base}/logprob", options, str(script))
            after = resident_mb(server.pid)
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(30)

    load = f"wrk -c{options.connections} -t{options.wrk_threads} -d{options.seconds}s"
    print(f"| {load} | requests/s | p50 | p99 | errors |")
    print("|---|---|---|---|---|")
    for name, (rate, median, tail, errors) in (("GET /health", health), ("POST /logprob, one PNG", logprob)):
        print(f"| {name} | {rate:,.0f} | {median} | {tail} | {errors} |")
    print(f"\nStart to ready, ms, five starts: {', '.join(f'{ms:.0f}' for ms in starts)}.")
    print(f"Resident memory, MB: {idle:.1f} idle, {after:.1f} after the load.")


if __name__ == "__main__":
    main()
