"""A connection that watches what comes on it: each request has one answer, its own, and nothing else comes."""

import secrets
import select
import socket
import ssl
import struct

from .. import wire

PATIENCE = 60.0  # seconds for an answer; the server's own limits are shorter


class Broken(Exception):
    """The server did what it must not."""


class Link:
    """Over TLS to a port of loopback, or plain over a Unix socket; `context` is TLS's, or None."""

    def __init__(self, address, context=None, patience=PATIENCE):
        self.patience = patience
        family = socket.AF_INET if isinstance(address, tuple) else socket.AF_UNIX
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(patience)
        try:
            self.socket.connect(address)
            if context:
                self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        except BaseException:
            self.socket.close()
            raise
        self.rest = b""

    def send(self, data):
        try:
            self.socket.sendall(data)
        except TimeoutError as error:
            raise Broken(f"took no more of a request for {self.patience:g} s") from error

    def answer(self, of_head=False):
        """The next answer, whole."""
        answer = wire.Answer(of_head)
        whole = bool(self.rest) and answer.take(self.rest)
        while not whole:
            try:
                part = self.socket.recv(1 << 16)
            except TimeoutError as error:
                raise Broken(f"no answer within {self.patience:g} s") from error
            except ConnectionResetError as error:
                raise Broken("reset before a whole answer") from error
            if not part:
                if answer.ended():
                    break
                raise Broken("closed before a whole answer")
            try:
                whole = answer.take(part)
            except ValueError as error:
                raise Broken(str(error)) from error
        self.rest = answer.rest
        return answer

    def ask(self, method, path, body=b"", kind=None, keep_alive=True, fields=()):
        """Answer to one request, which must carry this request's id."""
        name = secrets.token_hex(8)
        self.quiet()
        self.send(wire.request(method, path, body, kind, keep_alive, [*fields, ("X-Request-Id", name)]))
        return self.own(name, method)

    def own(self, name, method="GET"):
        answer = self.answer(of_head=method == "HEAD")
        if wire.field(answer.head.lower(), b"x-request-id") != name.encode():
            raise Broken("the answer is another request's")
        return answer

    def quiet(self):
        """Nothing has come that was not asked for. Over TLS something may have, a session ticket: what is no ticket is found before the
        next answer."""
        if self.rest:
            raise Broken(f"unasked bytes: {self.rest[:40]!r}")
        if not isinstance(self.socket, ssl.SSLSocket) and select.select([self.socket], [], [], 0)[0]:
            raise Broken("something came before it was asked for: bytes, or an end without Connection: close")

    def expect_end(self):
        """The server closes, and nothing more comes before that."""
        try:
            more = self.rest or self.socket.recv(1 << 16)
        except TimeoutError as error:
            raise Broken(f"not closed within {self.patience:g} s") from error
        except ConnectionResetError:
            more = b""
        if more:
            raise Broken(f"more than one answer: {bytes(more)[:40]!r}")

    def reset(self):
        """An end by RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
