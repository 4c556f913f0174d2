"""Requests as bytes, and answers as they arrive, by RFC 9112: a length or chunks, or all until the connection ends."""

import re


def request(method, path, body=b"", kind=None, keep_alive=True, fields=()):
    """`kind` is the body's media type; `fields` are names and values of more fields."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *(f"{name}: {value}" for name, value in fields)]
    if kind:
        lines += [f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
    if not keep_alive:
        lines.append("Connection: close")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def field(head, name):
    found = re.search(rb"\r\n" + name + rb":[ \t]*([^\r]*?)[ \t]*\r\n", head)
    return found.group(1) if found else None


class Answer:
    """Grows by `take`, which says when it is whole. `rest` is what came behind it."""

    def __init__(self, of_head=False):
        self.received = bytearray()
        self.of_head = of_head  # the answer to a HEAD has no body
        self.status = self.retry_after = self.length = self.head = None
        self.body = b""
        self.closes = self.chunked = self.until_end = False
        self.position = 0  # in chunks: where the next one begins
        self.rest = b""

    def take(self, part):
        """Whether the answer is whole with `part`."""
        self.received += part
        while self.head is None:
            end = self.received.find(b"\r\n\r\n")
            if end < 0:
                return False
            self.read_head(bytes(self.received[:end + 2]))
            del self.received[:end + 4]
        if self.chunked:
            return self.take_chunks()
        if self.until_end or len(self.received) < self.length:
            return False
        self.body, self.rest = bytes(self.received[:self.length]), bytes(self.received[self.length:])
        return True

    def read_head(self, head):
        start = re.match(rb"HTTP/1\.([01]) (\d\d\d)[ \r]", head)
        if not start:
            raise ValueError(f"no answer of HTTP/1: {head[:60]!r}")
        lower = head.lower()
        self.status = int(start.group(2))
        if self.status < 200:  # an interim one: another head follows
            return
        self.head = head
        self.closes = field(lower, b"connection") == b"close" or start.group(1) == b"0"
        wait = field(lower, b"retry-after")
        self.retry_after = int(wait) if wait and wait.isdigit() else None
        length = field(lower, b"content-length")
        if self.of_head or self.status in (204, 304):
            self.length = 0
        elif field(lower, b"transfer-encoding") == b"chunked":
            self.chunked = True
        elif length is not None:
            self.length = int(length)
        else:
            self.until_end = self.closes = True

    def take_chunks(self):
        data = self.received
        while True:
            line = data.find(b"\r\n", self.position)
            if line < 0:
                return False
            size = int(bytes(data[self.position:line]).partition(b";")[0], 16)
            if size == 0:
                end = data.find(b"\r\n\r\n", line)  # trailers lie between
                if end < 0:
                    return False
                self.rest = bytes(data[end + 4:])
                return True
            following = line + 2 + size + 2
            if len(data) < following:
                return False
            self.body += bytes(data[line + 2:line + 2 + size])
            self.position = following

    def ended(self):
        """Whether the end of the connection ends the answer as it should."""
        if self.head is None or not self.until_end:
            return False
        self.body = bytes(self.received)
        return True
