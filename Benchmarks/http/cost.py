"""Processor time of one request, of several builds of `tusk` in turns: `/health`, and `/logprob` with one PNG.

    .venv/bin/python -m Benchmarks.http.cost --program .build/release/tusk --beside ../earlier/.build/release/tusk \
        --model small.safetensors

Time on the processors is summed over the threads of the server, nanoseconds of Linux's scheduler; the client's is not in it. A small
model leaves the routes' own work visible. Each round asks every build, in alternating order; the figures are medians over rounds.

With --instructions what a request executes outside the kernel is counted instead, by valgrind's callgrind: the difference of two
runs that ask different numbers of times. It does not depend on what else the machine does.
"""

import argparse
import contextlib
import pathlib
import re
import signal
import socket
import statistics
import subprocess
import tempfile
import time

import numpy

from Benchmarks.service import READY_WITHIN, answers_ready, free_port
from . import load, servers
from .png import png

CONNECTIONS = 8


def busy_nanoseconds(pid):
    """Time that the threads of `pid` were on a processor; proc(5), `schedstat`."""
    return sum(int(task.read_text().split()[0]) for task in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"))


def ask(connection, request):
    """One answer, which must say 200."""
    connection.sendall(request)
    received = b""
    while load.answer_length(received) is None:
        received += connection.recv(65536)
    if not received.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"answered {received.splitlines()[0]!r}")


def microseconds(server, request, count):
    """Processor time of a request, of `count` on a few kept connections in turns."""
    with contextlib.ExitStack() as stack:
        connections = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port))) for _ in range(CONNECTIONS)]
        for connection in connections:
            ask(connection, request)
        before = busy_nanoseconds(server.pid)
        for i in range(count):
            ask(connections[i % CONNECTIONS], request)
        return (busy_nanoseconds(server.pid) - before) / count / 1000


def executed(program, arguments, request, count):
    """Instructions of a whole `tusk serve` of one worker that answers `request` `count` times on one connection."""
    port = free_port()
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program, "serve", "--port", str(port), *servers.QUIET,
               "--threads", "1", *arguments]
    # a file, which takes the log too
    errors = tempfile.TemporaryFile("w+")
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)
    try:
        began = time.monotonic()
        while not answers_ready(port):
            if process.poll() is not None or time.monotonic() - began > READY_WITHIN:
                raise RuntimeError(f"{' '.join(command)}: not ready")
            time.sleep(0.1)
        with socket.create_connection(("127.0.0.1", port)) as connection:
            for _ in range(count):
                ask(connection, request)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
    with errors:
        errors.seek(0)
        return int(re.search(r"Collected : (\d+)", errors.read()).group(1))


def instructions(program, arguments, request, counts=(20, 220)):
    """Instructions of a request."""
    with tempfile.TemporaryDirectory() as folder:
        # valgrind gives up on the debug information that Swift's linker merges
        bare = pathlib.Path(folder) / "tusk"
        subprocess.run(["strip", "--strip-debug", "-o", bare, program], check=True)
        few, many = (executed(str(bare), arguments, request, count) for count in counts)
    return (many - few) / (counts[1] - counts[0])


def image(side):
    y, x = numpy.mgrid[:side, :side]
    return png(((x * 9 + y * 5) % 256).astype(numpy.uint8))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True)
    parser.add_argument("--beside", action="append", default=[], help="another build; may be repeated")
    parser.add_argument("--model", help="a model of square grey images for /logprob; default: the one in the program")
    parser.add_argument("--side", type=int, default=28, help="of the model's images")
    parser.add_argument("--query", default="", help="of /logprob, such as ?class=elephant")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--requests", type=int, default=4000, help="of /health a round; of /logprob a fifth")
    parser.add_argument("--log", action="store_true", help="with the log of requests on, into a file")
    parser.add_argument("--instructions", action="store_true", help="count them, by valgrind, in place of the time")
    options = parser.parse_args()

    requests = [
        ("/health", load.request("GET", "/health"), options.requests),
        ("/logprob", load.request("POST", "/logprob" + options.query, image(options.side), "image/png"), max(1, options.requests // 5)),
    ]
    programs = [options.program, *options.beside]
    arguments = ["--model", options.model] if options.model else []
    if options.log:
        arguments += ["--access-log", "on"]
    if options.instructions:
        for name, request, _ in requests:
            counted = [instructions(program, arguments, request) for program in programs]
            for program, count in zip(programs, counted):
                print(f"{name:9} {count:9,.0f} instructions, {count / counted[0]:.3f} of the first: {program}")
        return
    with contextlib.ExitStack() as stack:
        builds = [(p, stack.enter_context(servers.tusk(p, *arguments))) for p in programs]
        found = {(program, name): [] for program in programs for name, _, _ in requests}
        for round in range(options.rounds + 1):
            for program, server in builds if round % 2 else reversed(builds):
                for name, request, count in requests:
                    cost = microseconds(server, request, count)
                    if round:  # the first is for warming up
                        found[program, name].append(cost)
    for name, _, _ in requests:
        first = statistics.median(found[options.program, name])
        for program in programs:
            costs = found[program, name]
            middle = statistics.median(costs)
            print(f"{name:9} {middle:9.1f} us ({min(costs):.1f} to {max(costs):.1f}), {middle / first:.3f} of the first: {program}")


if __name__ == "__main__":
    main()
