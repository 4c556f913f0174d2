"""What broken, slow and hostile clients do; each on a connection of its own. An outcome is a status, or `left`, `cut` and the like for
what this side ended."""

import gzip
import itertools
import os
import socket
import time

from .. import messages, wire
from .good import BUSY
from .link import Broken

HOST = b"Host: localhost\r\n"
GET = b"GET /health HTTP/1.1\r\n" + HOST
POST = b"POST /logprob HTTP/1.1\r\n" + HOST

# Heads that are no heads, or beyond a limit, and what each is answered with before the connection closes.
HEADS = [
    (b"GET /health HTTP/1.1\n" + HOST + b"\r\n", 400),
    (b"GET /health HTTP/1.1\r\n\r\n", 400),
    (GET + HOST + b"\r\n", 400),
    (GET + b"Name : value\r\n\r\n", 400),
    (GET + b"Name: a\r\n folded\r\n\r\n", 400),
    (GET + b"Name: \0\r\n\r\n", 400),
    (b"GET /health HTTP/3.0\r\n" + HOST + b"\r\n", 505),
    (b"\x16\x03\x01\x02\x00 not a head\r\n\r\n", 400),
    (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
    (GET + b"Long: " + b"a" * 40_000 + b"\r\n\r\n", 431),
    (GET + b"N: 1\r\n" * 120 + b"\r\n", 431),
    (POST + b"Content-Length: +5\r\n\r\nhello", 400),
    (POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400),
    (POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    (b"CONNECT localhost:80 HTTP/1.1\r\n" + HOST + b"\r\n", 501),
]


def huge_header():
    """PNG whose header announces 2³¹ − 1 pixels a side."""
    data = bytearray(messages.png(messages.images((28, 28), 1)[0]))
    data[16:24] = b"\x7f\xff\xff\xff" * 2
    return bytes(data)


class Bad:
    """`act(open, chance, fields)`: `open()` makes a connection, `fields` authorize."""

    def __init__(self, head_timeout):
        self.head_timeout = head_timeout
        self.image = messages.png(messages.images((28, 28), 1)[0])
        self.pictures = itertools.cycle([(make(), media) for make, media in messages.PICTURES.values()])  # one thread's alone
        self.unfolding = gzip.compress(bytes(1 << 26), 9)
        # each with its weight
        self.table = [
            (8, self.malformed), (6, self.cut_head), (8, self.cut_body), (8, self.leaves), (4, self.leaves_stream), (3, self.slow_sender),
            (3, self.slow_reader), (1, self.stalls), (4, self.bad_image), (2, self.too_large), (2, self.bomb),
            (3, self.unauthorized), (3, self.idles), (2, self.garbage)]

    def head(self, fields, length, path="/logprob", kind="image/png"):
        head = wire.request("POST", path, fields=[*fields, ("Content-Type", kind), ("Content-Length", length)])
        return head

    def refused(self, link, *statuses):
        """One answer, and then the end."""
        answer = link.answer()
        if answer.status not in statuses:
            raise Broken(f"status {answer.status}, not {' or '.join(map(str, statuses))}: {answer.body[:200]!r}")
        if not answer.closes:
            raise Broken(f"a {answer.status} that does not close")
        link.expect_end()
        return answer.status

    def malformed(self, open, chance, fields):
        data, status = chance.choice(HEADS)
        with open() as link:
            link.send(data)
            try:
                return self.refused(link, status)
            except Broken as error:
                raise Broken(f"{data[:60]!r}: {error}") from error

    def end(self, link, chance):
        if chance.random() < 0.5:
            link.reset()
        else:
            link.close()

    def cut_head(self, open, chance, fields):
        link = open()
        whole = self.head(fields, len(self.image))
        link.send(whole[:chance.randint(0, len(whole) - 1)])
        self.end(link, chance)
        return "cut"

    def cut_body(self, open, chance, fields):
        link = open()
        link.send(self.head(fields, len(self.image)) + self.image[:chance.randint(0, len(self.image) - 1)])
        time.sleep(chance.random() / 10)
        self.end(link, chance)
        return "cut"

    def leaves(self, open, chance, fields):
        """After a request, before its answer, or while it is on its way."""
        link = open()
        path, count = chance.choice([("/logprob", 1), ("/logprob", 64), ("/sample?count=32", 0)])
        if count:
            link.send(self.head(fields, 784 * count, path, "application/octet-stream") + bytes(784 * count))
        else:
            link.send(wire.request("GET", path, fields=fields))
        time.sleep(chance.random() ** 3 / 5)
        self.end(link, chance)
        return "left"

    def leaves_stream(self, open, chance, fields):
        link = open()
        link.send(wire.request("GET", "/sample?count=200", fields=[*fields, ("Accept", "application/x-ndjson")]))
        link.socket.recv(chance.randint(1, 3000))
        self.end(link, chance)
        return "left"

    def slow_sender(self, open, chance, fields):
        """A few bytes at a time, but in time."""
        data = self.head([*fields, ("Connection", "close")], len(self.image)) + self.image
        step = -(-len(data) // 15)
        with open() as link:
            for start in range(0, len(data), step):
                link.send(data[start:start + step])
                time.sleep(0.05)
            answer = link.answer()
            link.expect_end()
        return answer.status

    def slow_reader(self, open, chance, fields):
        with open() as link:
            link.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            link.send(wire.request("GET", "/openapi.yaml", keep_alive=False, fields=fields))
            answer = wire.Answer()
            while not answer.take(part := link.socket.recv(2048)):
                if not part:
                    raise Broken("closed before a whole answer, while it was read slowly")
                time.sleep(0.01)
            link.rest = answer.rest
            link.expect_end()
        return answer.status

    def stalls(self, open, chance, fields):
        """A head that never ends is told so."""
        with open() as link:
            link.send(GET + b"Name: ")
            began = time.monotonic()
            status = self.refused(link, 408)
            if time.monotonic() - began > self.head_timeout + 10:
                raise Broken(f"408 after {time.monotonic() - began:.0f} s, not {self.head_timeout}")
        return status

    def bad_image(self, open, chance, fields):
        bodies = [os.urandom(400), self.image[:-20], self.image[:60], b"", messages.png(messages.images((5, 9), 1)[0]), huge_header()]
        body = chance.choice(bodies)
        with open() as link:
            answer = link.ask("POST", "/logprob", body, chance.choice(["image/png", "image/jpeg"]), False, fields)
            link.expect_end()
        return self.client_error(answer)

    def client_error(self, answer):
        if not 400 <= answer.status < 500 and answer.status not in BUSY:
            raise Broken(f"status {answer.status} for a bad request: {answer.body[:200]!r}")
        return answer.status

    def too_large(self, open, chance, fields):
        """A body beyond the limit is refused by its length; the client sends on for a while."""
        with open() as link:
            link.send(self.head(fields, 1 << 40))
            status = self.client_error(link.answer())
        return status

    def large_picture(self, open, chance, fields):
        """The kinds in turns."""
        picture, media = next(self.pictures)
        with open() as link:
            answer = link.ask("POST", "/logprob?fit=contain", picture, media, False, fields)
            link.expect_end()
        return answer.status if answer.status == 200 else self.client_error(answer)

    def bomb(self, open, chance, fields):
        """Some kB of gzip that would unfold to 64 MiB."""
        with open() as link:
            answer = link.ask("POST", "/logprob", self.unfolding, "application/octet-stream", False, [*fields, ("Content-Encoding", "gzip")])
        return self.client_error(answer)

    def unauthorized(self, open, chance, fields):
        key = chance.choice([(), [("Authorization", "Bearer tusk_" + "0" * 72)], [("Authorization", "Basic eDp5")]])
        with open() as link:
            answer = link.ask("POST", "/logprob", self.image, "image/png", False, key)
            link.expect_end()
        if answer.status != 401:
            raise Broken(f"status {answer.status} without a key")
        return answer.status

    def idles(self, open, chance, fields):
        with open() as link:
            time.sleep(chance.random())
            link.quiet()
        return "idle"

    def garbage(self, open, chance, fields):
        """Random bytes from the first one on."""
        link = open()
        link.send(os.urandom(chance.randint(1, 3000)))
        self.end(link, chance)
        return "left"
