"""A server of faults: answers what it was told to, in bytes, and remembers what came."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any


@dataclass
class Request:
    line: str
    fields: dict[str, str]
    body: bytes


class Exchange:
    """One connection with the head of a request read."""

    def __init__(self, connection: socket.socket, server: Fake) -> None:
        self._connection, self._server = connection, server

    def receive(self) -> Request | None:
        """The whole request; None at the end of the connection."""
        data = b""
        while b"\r\n\r\n" not in data:
            more = self._connection.recv(65536)
            if not more:
                return None
            data += more
        head, body = data.split(b"\r\n\r\n", 1)
        line, *rest = head.decode().split("\r\n")
        fields = {name.lower(): value.strip() for name, value in (field.split(":", 1) for field in rest)}
        while len(body) < int(fields.get("content-length", 0)):
            body += self._connection.recv(65536)
        request = Request(line, fields, body)
        self._server.requests.append(request)
        return request

    def head(self) -> None:
        """The head alone; the body stays where it is."""
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._connection.recv(1)
        self._server.requests.append(Request(data.decode().split("\r\n")[0], {}, b""))

    def send(self, data: bytes) -> None:
        self._connection.sendall(data)

    def reset(self) -> None:
        """Ends the connection by RST, as a process does that was killed with data unread."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._connection.close()


Reply = Callable[[Exchange], None]


class Fake:
    """Gives each connection the next reply, and the last one to all that follow."""

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.requests: list[Request] = []
        self.faults: list[BaseException] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
            with connection:
                connection.settimeout(10)
                try:
                    reply(Exchange(connection, self))
                except OSError:
                    continue  # the client left, as some tests have it
                except BaseException as error:
                    self.faults.append(error)

    def __enter__(self) -> Fake:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        assert not self.faults


def response(status: int, body: bytes | dict[str, Any], kind: str = "application/json", **fields: str) -> bytes:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\nConnection: close\r\n{more}\r\n"
    return head.encode() + content


def problem(status: int, slug: str, detail: str = "as told", **fields: str) -> bytes:
    members: dict[str, Any] = {
        "type": f"urn:tusk:problem:{slug}",
        "title": "Title",
        "status": status,
        "detail": detail,
        "error": detail,
        "request_id": "r1",
    }
    return response(status, members, "application/problem+json", **fields)


def answering(data: bytes) -> Reply:
    """Reads the request and answers with ``data``."""

    def reply(exchange: Exchange) -> None:
        if exchange.receive():
            exchange.send(data)

    return reply


def lines(*items: dict[str, Any] | bytes, whole: bool = True, **fields: str) -> bytes:
    """A chunked answer of lines; without ``whole`` it breaks off after them."""
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    out = f"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n{more}\r\n".encode()
    for item in items:
        line = item if isinstance(item, bytes) else json.dumps(item, ensure_ascii=False).encode() + b"\n"
        out += f"{len(line):x}\r\n".encode() + line + b"\r\n"
    return out + (b"0\r\n\r\n" if whole else b"")


SCORE = {"model": "m", "log_prob": 1.5, "bits_per_dim": 2, "samples": 1}


def line_score(index: int, **more: Any) -> dict[str, Any]:
    return {"index": index, "log_prob": float(index), "bits_per_dim": 2.0, "samples": 1, **more}
