"""Callers that keep a server busy beside those that are measured, in a process of their own: they ask again as soon as they are
answered. Who is refused waits as long as the answer says, at most a second, or a tenth of one; who asked for too much asks for half."""

import contextlib
import multiprocessing

from .clients import Clients
from .exchange import summary

REFUSAL_PAUSE, LONGEST_PAUSE = 0.1, 1.0  # seconds
TOO_MUCH = (413, 422)
SETTLE = 1.0  # seconds until they are under way


def _run(port, messages, callers, source, stop, results):
    messages = list(messages)
    given = len(messages)

    def pause(exchange):
        if exchange.status in TOO_MUCH and len(messages) > 1:
            messages.pop(0)
            clients.message = messages[0]
        if exchange.status == 200:
            return 0.0
        return min(exchange.retry_after or REFUSAL_PAUSE, LONGEST_PAUSE)

    with Clients(port, messages[0], sources=(source,), patience=3600) as clients:
        exchanges = clients.closed_loop(callers, stop=stop.is_set, pause=pause)
    found = summary(exchanges)
    del found["latencies_ms"]
    results.send(found | {"callers": callers, "halvings": given - len(messages)})


@contextlib.contextmanager
def busy(port, messages, callers, source="127.0.0.2"):
    """`callers` that post `messages[0]`, or the next of `messages` after one that is too much, while the block runs. Yields a
    dictionary that has their figures after it."""
    context = multiprocessing.get_context("fork")
    stop = context.Event()
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(port, messages, callers, source, stop, there), daemon=True)
    process.start()
    there.close()
    figures = {}
    try:
        stop.wait(SETTLE)
        yield figures
        stop.set()
        if not here.poll(30):
            raise RuntimeError("the callers beside did not stop")
        figures.update(here.recv())
    finally:
        stop.set()
        process.join(10)
        if process.is_alive():
            process.kill()
            process.join()
