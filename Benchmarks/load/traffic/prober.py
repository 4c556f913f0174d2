"""One-image requests at fixed times, in a process of its own, so that the latency is the server's and not that of the other clients."""

import multiprocessing
import time

from .. import messages
from ..arrivals import jittered
from ..clients import attentive
from . import exchanges
from .link import Broken, Link


def _run(address, key, rate, seconds, results):
    image = messages.png(messages.images((28, 28), 1)[0])
    fields = exchanges.authorization(key)
    found, link = [], Link(address)
    began = time.monotonic()
    with attentive():
        for due in jittered(rate, seconds, seed=1):
            time.sleep(max(began + due - time.monotonic(), 0))
            try:
                status = link.ask("POST", "/logprob", image, "image/png", fields=fields).status
            except (Broken, OSError):
                status = None
            found.append((due, 1000 * (time.monotonic() - began - due), status))
            # the service ends a connection after so many requests
            if status is None or len(found) % 5000 == 0:
                link.close()
                link = Link(address)
    results.send(found)


class Prober:
    """`finish` has for each request when it was due, s, its latency since then, ms, and its status, None where there was no answer."""

    def __init__(self, address, key, rate, seconds):
        context = multiprocessing.get_context("fork")
        self.results, there = context.Pipe(duplex=False)
        self.process = context.Process(target=_run, args=(address, key, rate, seconds, there), daemon=True)
        self.process.start()
        there.close()

    def finish(self):
        if not self.results.poll(120):
            self.process.kill()
            raise RuntimeError("the prober does not end")
        try:
            return self.results.recv()
        except EOFError:
            raise RuntimeError("the prober broke off") from None
        finally:
            self.process.join()
