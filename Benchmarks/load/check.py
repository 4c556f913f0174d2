"""Checks of the clients and of the soak's eyes, against servers of their own that do what they are told: 10 seconds.

    .venv/bin/python -m Benchmarks.load.check
"""

import contextlib
import math
import socket
import statistics
import threading
import time

import numpy as np

from Tests.Goldens.checks import check
from . import callers, wire
from .arrivals import jittered, poisson
from .clients import Clients, clock
from .exchange import ANSWERED, CLOSED, GAVE_UP, REFUSED, summary
from .scenarios import one_after_the_other, steady_rate
from .traffic import watch
from .traffic.link import Broken, Link

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Request-Id: %s\r\n\r\nok"
ASKED = wire.request("GET", "/", fields=[("X-Request-Id", "one")])


@contextlib.contextmanager
def serving(answer):
    """A server with a thread a connection; `answer(head, connection)` is called for each request, one at a time."""
    listener, lock, left = socket.create_server(("127.0.0.1", 0), backlog=512), threading.Lock(), []

    def serve(connection):
        data = b""
        with contextlib.suppress(OSError):
            while part := connection.recv(65536):
                data += part
                while b"\r\n\r\n" in data:
                    head, _, data = data.partition(b"\r\n\r\n")
                    with lock:
                        answer(head + b"\r\n", connection)
        left.append(clock())
        connection.close()

    def accept():
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1], left
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def own(head, connection, times=1):
    connection.sendall(OK % (wire.field(head.lower(), b"x-request-id") or b"") * times)


def check_arrivals():
    times = poisson(1000, 20, seed=3)
    gaps = np.diff(times)
    check("Poisson arrivals", abs(len(times) / 20_000 - 1) < 0.03 and abs(gaps.std() / gaps.mean() - 1) < 0.03
          and times == poisson(1000, 20, seed=3) != poisson(1000, 20, seed=4), f"{len(times)} of 20,000, gaps {gaps.mean() * 1000:.3f} ± {gaps.std() * 1000:.3f} ms")
    gaps = np.diff(jittered(10, 100, seed=3))
    check("jittered arrivals", gaps.min() >= 0.05 and gaps.max() <= 0.15, f"gaps {gaps.min():.3f} to {gaps.max():.3f} s at 10 a second")


def check_stall():
    """A server that stands still for a second is charged for all that was due then, not for the one request that it held."""
    began = clock()

    def answer(head, connection):
        if 0.5 < clock() - began < 1.5:
            time.sleep(1.5 - (clock() - began))
        own(head, connection)

    with serving(answer) as (port, _), Clients(port, ASKED) as clients:
        began = clock()
        exchanges = clients.run([i / 100 for i in range(200)])
    late = sum(0.25 < exchange.latency < 1.1 for exchange in exchanges)
    check("a stall of 1 s at 100 requests a second", len(exchanges) == 200 and 70 <= late <= 80, f"{late} waited above a quarter of a second, 75 were due then")


def check_patience():
    with serving(lambda *_: None) as (port, left):
        with Clients(port, ASKED, patience=0.3) as clients:
            began = clock()
            exchanges = clients.run([0.0] * 20)
            took = clock() - began
        time.sleep(0.2)
        gone = len(left)
    check("clients who give up", {exchange.end for exchange in exchanges} == {GAVE_UP} and 0.3 <= took < 0.5 and gone == 20,
          f"{summary(exchanges)['outcomes']} after {took:.2f} s, {gone} connections closed")
    with serving(lambda head, connection: connection.shutdown(socket.SHUT_RDWR)) as (port, _), Clients(port, ASKED) as clients:
        closed = clients.run([0.0] * 5)
    with Clients(port, ASKED) as clients:
        refused = clients.run([0.0] * 5)
    check("servers that close or are not there", {e.end for e in closed} == {CLOSED} and {e.end for e in refused} == {REFUSED},
          f"{summary(closed)['outcomes']}, {summary(refused)['outcomes']}")


def check_closed_loop():
    def answer(head, connection):
        time.sleep(0.005)
        own(head, connection)

    for keep_alive in (True, False):
        with serving(answer) as (port, left):
            with Clients(port, ASKED, keep_alive=keep_alive) as clients:
                began = clock()
                exchanges = clients.closed_loop(8, within=1.5)
            rate = steady_rate(sorted(e.answered for e in exchanges if e.end == ANSWERED), began + 0.4)
            time.sleep(0.1)
            connections = len(left)
        check(f"capacity of a server that takes 5 ms, {'kept connections' if keep_alive else 'a connection each'}",
              150 < rate <= 202 and (connections == 8) == keep_alive, f"{rate:.0f} a second of at most 200, {connections} connections")


def check_too_much():
    """Callers who ask for too much ask for half, once for all of them."""
    def answer(head, connection):
        time.sleep(0.01)
        size = int(head.split()[1][1:])
        connection.sendall(b"HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n" if size > 16 else OK % b"")

    sizes = [wire.request("GET", f"/{64 >> i}") for i in range(7)]
    with serving(answer) as (port, _), callers.busy(port, sizes, 4) as found:
        pass
    check("callers who ask for too much", found["halvings"] == 2 and found["outcomes"]["413"] <= 8 and found["outcomes"]["200"] > 10,
          f"halved {found['halvings']} times, {found['outcomes']}")


def check_answers():
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\nT: v\r\n\r\n"
    interim = b"HTTP/1.1 100 Continue\r\n\r\n" + OK % b"one"
    for data, body in ((chunked, b"abc0123456789abcdef"), (interim, b"ok")):
        for cut in range(1, len(data)):
            answer = wire.Answer()
            assert not answer.take(data[:cut]) and answer.take(data[cut:] + b"more"), cut
            assert answer.body == body and answer.rest == b"more" and answer.status == 200, cut
    check("answers cut at every byte", True, f"{len(chunked) + len(interim)} places")


def check_eyes():
    """What the soak must notice."""
    faults = {
        "two answers": lambda head, connection: own(head, connection, 2),
        "another request's answer": lambda head, connection: connection.sendall(OK % b"other"),
        "an answer cut off": lambda head, connection: (connection.sendall(b"HTTP/1.1 200 OK\r\nContent-"), connection.shutdown(socket.SHUT_RDWR)),
        "no answer": lambda head, connection: connection.shutdown(socket.SHUT_RDWR),
        "no end": lambda head, connection: own(head, connection),
    }
    for name, answer in faults.items():
        with serving(answer) as (port, _):
            seen = None
            try:
                with Link(("127.0.0.1", port), patience=1) as link:
                    link.ask("GET", "/", keep_alive=False)
                    link.expect_end()
            except Broken as error:
                seen = str(error)
        check(f"noticed: {name}", seen is not None, seen or "it was not")


def check_slope():
    chance = np.random.default_rng(1)
    found = []
    for _ in range(200):
        noise = np.zeros(600)
        for i in range(1, 600):
            noise[i] = 0.8 * noise[i - 1] + chance.normal()
        found.append(watch.slope(range(600), 100 + 30 * np.arange(600) / 3600 + noise))
    slopes, errors = np.array(found).T
    check("slope of a series whose values hang together", abs(slopes.mean() - 30) < 4 and 0.8 < slopes.std() / statistics.median(errors) < 1.25,
          f"{slopes.mean():.1f} of 30, spread {slopes.std():.1f}, error said {statistics.median(errors):.1f}")
    check("one after the other", one_after_the_other([0.0, 0.1, 5.0], 1.0) == [1.0, 1.9, 1.0], "")
    check("no percentile without answers", summary([])["requests"] == 0 and math.isinf(watch.minute_p99([(1, 5, None)], 0, 60)), "")


def main():
    for one in (check_arrivals, check_answers, check_stall, check_patience, check_closed_loop, check_too_much, check_eyes, check_slope):
        one()


if __name__ == "__main__":
    main()
