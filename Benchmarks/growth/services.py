"""What `tusk serve` takes against connections, models and classes, and its queue against the requests that wait."""

import contextlib
import http.client
import os
import subprocess

from Benchmarks import machine
from Benchmarks.http import crowds, processes
from Benchmarks.service import Service
from . import models
from .curve import Curve

QUIET = ("--access-log", "off", "--turns-by-address")


@contextlib.contextmanager
def client(service):
    connection = http.client.HTTPConnection("127.0.0.1", int(service.url.rpartition(":")[2]), timeout=60)
    try:
        yield connection
    finally:
        connection.close()


def ask(connection, method, path, body=None):
    connection.request(method, path, body, {"Content-Type": "application/octet-stream"} if body else {})
    answer = connection.getresponse()
    data = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{method} {path}: {answer.status} {data[:200]}")


def processor_microseconds(service, connection, count, *request):
    """Of the service for a request, of `count` one after the other, once warm."""
    for _ in range(max(20, count // 10)):
        ask(connection, *request)
    before = processes.cpu_seconds(service.process.pid)
    for _ in range(count):
        ask(connection, *request)
    return 1e6 * (processes.cpu_seconds(service.process.pid) - before) / count


def connections(options):
    limit = processes.raise_descriptor_limit(25_000) // 2
    counts = [1, 100, 1000] if options.quick else [1, 10, 100, 1000, 3000, 10_000]
    asking = Curve("connections-processor", "GET /health beside idle connections", "connections", "µs of the processor", 0,
                   "a request is one, however many others are silent")
    memory = Curve("connections-memory", "resident memory", "connections", "MB", 1, "each keeps some kB, beside what the program has")
    opening = Curve("connections-opening", "opening them and asking once each", "connections", "ms of the processor", 1,
                    "each is accepted and answered")
    small = models.trained(options.program, options.folder / "connections", "small")
    for count in [count for count in counts if count <= limit - 200]:
        room = ("--max-connections", str(count + 100), "--max-connections-per-client", "0")
        with Service(options.program, str(small), (*QUIET, *room)) as service:
            pid, port = service.process.pid, int(service.url.rpartition(":")[2])
            before, began = processes.resident_mb(pid), processes.cpu_seconds(pid)
            with crowds.idle(port, count), client(service) as connection:
                opening.add(count, max(0.01, 1000 * (processes.cpu_seconds(pid) - began)))
                memory.add(count, max(0.001, processes.resident_mb(pid) - before))
                asking.add(count, processor_microseconds(service, connection, options.requests, "GET", "/health"))
    yield from (asking, memory, opening)


def loaded_models(options):
    counts = [1, 4, 10] if options.quick else [1, 3, 10, 30, 100]
    files = [models.trained(options.program, options.folder / "models", f"m{i}") for i in range(counts[-1])]
    start = Curve("models-start", "start to ready", "models", "ms", 1, "each is read, packed and tested")
    memory = Curve("models-memory", "resident memory", "models", "MB", 1, "each keeps its weights")
    scoring = Curve("models-logprob", "POST /logprob of one of them", "models", "µs of the processor", 0, "the others do nothing")
    body = bytes(models.SIDE**2)
    for count in counts:
        arguments = [word for file in files[:count] for word in ("--model", str(file))]
        with Service(options.program, arguments=(*QUIET, *arguments)) as service, client(service) as connection:
            start.add(count, service.started_in)
            memory.add(count, processes.resident_mb(service.process.pid))
            scoring.add(count, processor_microseconds(
                service, connection, options.requests, "POST", f"/logprob?model=m{count - 1}", body))
    yield from (start, memory, scoring)


def classes(options):
    curve = Curve("classes", "POST /logprob without a class", "classes of a mixture", "µs of the processor", 1,
                  "the density of each class is computed; a belief (nsf-convolutional) takes one pass")
    for count in [2, 8, 32] if options.quick else [2, 4, 8, 16, 32, 64]:
        model = models.trained(options.program, options.folder / f"classes-{count}", "classes", count)
        with Service(options.program, str(model), QUIET) as service, client(service) as connection:
            curve.add(count, processor_microseconds(
                service, connection, options.requests // 4, "POST", "/logprob", bytes(models.SIDE**2)))
    yield curve


def queue(options):
    """Events of the batcher, by Benchmarks/queue."""
    counts = [1, 100, 10_000] if options.quick else [1, 10, 100, 1000, 10_000]
    printed = subprocess.run(
        [machine.REPOSITORY / "Benchmarks" / "queue" / "measure.sh"], check=True, capture_output=True, text=True,
        env={**os.environ, "WAITING": " ".join(map(str, counts))}).stdout
    names = ["enqueue", "cancel", "refuse"]
    curves = {name: Curve(f"queue-{name}", f"{name} a request", "requests that wait", "ns of the processor", 0,
                          "an event is about one request, but for the heaps that order them") for name in names}
    finish = Curve("queue-finish", "finish a batch, for each of its rows", "requests that wait", "ns of the processor", 0,
                   "a batch completes its rows")
    for line in printed.splitlines():
        if not line.startswith("at once"):
            continue
        waiting, *costs, rows = map(int, line.removeprefix("at once").split())
        for name, cost in zip(names, costs):
            curves[name].add(waiting, max(1, cost))
        finish.add(waiting, max(1, costs[-1] / max(1, rows)))
    yield from (*curves.values(), finish)
