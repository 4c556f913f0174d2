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
    found, link = [], None
    began = time.monotonic()
    with attentive():
        for due in jittered(rate, seconds, seed=1):
            time.sleep(max(began + due - time.monotonic(), 0))
            try:
                link = link or Link(address)
                answer = link.ask("POST", "/logprob", image, "image/png", fields=fields)
                status, ends = answer.status, answer.closes  # as the service does after so many requests
            except (Broken, OSError):
                status, ends = None, True
            found.append((due, 1000 * (time.monotonic() - began - due), status))
            if ends and link:
                link.close()
                link = None
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
