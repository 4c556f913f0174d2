"""Where the time of one request, one start or one training step goes: a table of per cent by function, and a flame graph.

    .venv/bin/python -m Benchmarks.profile.run --program .build/release/tusk --only health,start --folder docs/measurements

Time on the processors is sampled (stacks.py), so nothing is slowed down as under valgrind, and what waits is not seen. The program must
have its symbols: a release build has, a stripped one has not. Names of Swift are demangled where `swift` is installed.
"""

import argparse
import pathlib
import sys
import tempfile
import threading
import time

from Benchmarks.document import table
from Benchmarks.http import load, parts
from Benchmarks.service import Service
from . import flame, stacks

CONNECTIONS = 8


def health(options):
    """`GET /health` from kept connections, the log of requests on."""
    with Service(options.program) as service:
        port = int(service.url.rpartition(":")[2])
        return asked(service, port, load.request("GET", "/health"), options.seconds)


def logprob(options):
    """`POST /logprob` of the default model, one PNG a request."""
    with Service(options.program) as service:
        port = int(service.url.rpartition(":")[2])
        return asked(service, port, load.request("POST", "/logprob", parts.density_body(), "image/png"), options.seconds)


def sample(options):
    """`GET /sample` of the default model, one image a request."""
    with Service(options.program) as service:
        port = int(service.url.rpartition(":")[2])
        return asked(service, port, load.request("GET", "/sample"), options.seconds)


def asked(service, port, message, seconds):
    """Stacks of a service that a few clients ask one after another, each as soon as it was answered."""
    ends = time.monotonic() + seconds + 1
    failures = []

    def client():
        try:
            with load.socket.create_connection(("127.0.0.1", port)) as connection:
                while time.monotonic() < ends:
                    connection.sendall(message)
                    received = b""
                    while load.answer_length(received) is None:
                        received += connection.recv(65536)
                    if not received.startswith(b"HTTP/1.1 200"):
                        raise RuntimeError(f"answered {received.splitlines()[0]!r}")
        except (OSError, RuntimeError) as error:
            failures.append(error)

    clients = [threading.Thread(target=client) for _ in range(CONNECTIONS)]
    for thread in clients:
        thread.start()
    time.sleep(0.5)
    with stacks.sampled(pid=service.process.pid) as found:
        time.sleep(seconds)
    for thread in clients:
        thread.join()
    if failures:
        raise failures[0]
    return found


def start(options):
    """From the start of `tusk serve` with the default model until it is ready, some times over."""
    found = {}
    for _ in range(max(3, options.seconds)):
        with tempfile.TemporaryDirectory() as folder:
            # the socket of a service manager, which hears of readiness and then ends what it started
            command = [sys.executable, "-c", UNTIL_READY, options.program, str(pathlib.Path(folder) / "notify")]
            with stacks.sampled(command=command, hertz=4999, but=("python",)) as those:
                pass
            for stack, count in those:
                found[stack] = found.get(stack, 0) + count
    return sorted(found.items())


UNTIL_READY = """
import os, signal, socket, subprocess, sys
program, path = sys.argv[1:]
heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
heard.bind(path)
process = subprocess.Popen([program, "serve", "--port", "0"], env={**os.environ, "NOTIFY_SOCKET": path}, stdout=subprocess.DEVNULL)
while b"READY=1" not in heard.recv(4096):
    pass
process.kill()
process.wait()
"""


def training(options):
    """Steps of training of an `nsf-convolutional` flow, batch 64."""
    command = [options.program, "bench", "--architecture", "nsf-convolutional", "--image", "28x28x1", "--direction", "train",
               "--seconds", str(options.seconds), *options.training.split()]
    with stacks.sampled(command=command) as found:
        pass
    return found


PARTS = {"health": health, "start": start, "logprob": logprob, "sample": sample, "training": training}


def text(name, found, rows):
    """Markdown of one part: who has the most samples in itself."""
    total = sum(count for _, count in found)
    lines = [[f"`{function}`", f"{own:.1f}", f"{whole:.1f}"] for function, own, whole in stacks.shares(found)[:rows]]
    return (f"**{name}**: {PARTS[name].__doc__.strip()} {total:,} samples.\n\n"
            + table(["function", "itself, %", "with what it calls, %"], lines))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=".build/release/tusk", help="the built tusk, with its symbols")
    parser.add_argument("--only", default=",".join(PARTS), help="which of " + ", ".join(PARTS))
    parser.add_argument("--seconds", type=int, default=5, help="of sampling; of `start`, starts")
    parser.add_argument("--rows", type=int, default=25, help="functions of a table")
    parser.add_argument("--folder", default="runs/profile", help="where the flame graphs go, and profile.md with the tables")
    parser.add_argument("--training", default="--layers 2 --hidden 64,64 --batch 64", help="sizes for tusk bench of the training step")
    options = parser.parse_args()
    folder = pathlib.Path(options.folder)
    folder.mkdir(parents=True, exist_ok=True)
    unknown = set(options.only.split(",")) - set(PARTS)
    if unknown:
        parser.error(f"--only: {', '.join(sorted(unknown))} is not one of {', '.join(PARTS)}")
    texts = []
    for name in options.only.split(","):
        found = PARTS[name](options)
        (folder / f"profile-{name}.svg").write_text(flame.svg(found, f"{name}: {PARTS[name].__doc__.strip()}"))
        texts.append(text(name, found, options.rows))
        print(texts[-1], "\n", flush=True)
    (folder / "profile.md").write_text("\n\n".join(texts) + "\n")


if __name__ == "__main__":
    main()
