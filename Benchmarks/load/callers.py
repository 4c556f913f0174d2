"""Callers that keep a server busy beside those that are measured, in a process of their own: they ask again as soon as they are
answered, and after a refusal as soon as it says. Who asked for too much asks for half."""

import contextlib
import multiprocessing

from .clients import Clients
from .exchange import refusal_pause, summary

TOO_MUCH = (413, 422)
SETTLE = 1.0  # seconds until they are under way


def _run(port, messages, callers, source, stop, results):
    messages = list(messages)
    given = len(messages)

    def pause(exchange):
        if exchange.status in TOO_MUCH and exchange.message is messages[0] and len(messages) > 1:
            messages.pop(0)
            clients.message = messages[0]
        return refusal_pause(exchange)

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
