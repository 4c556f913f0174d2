"""How long a client waits, and when it asks again."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

import httpx

from tusk.errors import BadAnswer, ConnectionBroken, ConnectionFailed, Error, Problem, TimedOut, TransportError

_AGAIN = frozenset({429, 503})


@dataclass(frozen=True)
class Timeouts:
    """Seconds that a client waits; None waits for ever.

    ``answer`` is not measured here: it is what the service is told (``X-Request-Timeout-Ms``), which refuses at once what it
    cannot do in that time. A single call says otherwise with ``time_limit``.
    """

    connect: float | None = 5.0
    """For a connection."""
    read: float | None = 60.0
    """For the next bytes of an answer."""
    write: float | None = 60.0
    """Until the next bytes of a body are taken."""
    pool: float | None = 60.0
    """For one of the client's connections, where all are in use."""
    answer: float | None = None
    """For an answer, as the service counts; its own limit (30 s unless it was started with another) is the most."""

    def __post_init__(self) -> None:
        for name in ("connect", "read", "write", "pool", "answer"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name}: expected seconds above 0, not {value!r}")

    def of_httpx(self) -> httpx.Timeout:
        return httpx.Timeout(connect=self.connect, read=self.read, write=self.write, pool=self.pool)


@dataclass(frozen=True)
class Retry:
    """When a request is sent again: after 429 and 503, and after a connection that broke before an answer.

    What changes the service (``client.admin``) is never sent again. A score that was computed twice, because its answer was lost, counts
    twice for ``drift``. ``Retry-After`` is kept to; where it ends after ``total``, the refusal is raised at once. Without it the n-th
    wait is drawn from 0 to ``first · 2^(n-1)`` seconds, and at most ``longest``.
    """

    attempts: int = 4
    """Requests at most, the first among them; 1 asks once."""
    total: float = 60.0
    """Seconds after the first request until which another may begin."""
    first: float = 0.5
    longest: float = 10.0

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ValueError(f"attempts: expected 1 or more, not {self.attempts!r}")
        for name in ("total", "first", "longest"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name}: expected seconds, 0 or more, not {getattr(self, name)!r}")


class Attempts:
    """The attempts of one request; ``progress`` begins to count anew."""

    def __init__(self, retry: Retry, *, repeatable: bool) -> None:
        self._retry, self._repeatable = retry, repeatable
        self.progress()

    def progress(self) -> None:
        self._made = 1
        self._until = time.monotonic() + self._retry.total

    def wait_after(self, failure: Error) -> float:
        """Seconds until the next attempt; raises the failure where there is none."""
        if not self._repeatable or not _passes(failure) or self._made >= self._retry.attempts:
            raise failure
        told = failure.retry_after if isinstance(failure, (Problem, BadAnswer)) else None
        drawn = random.uniform(0, min(self._retry.longest, self._retry.first * 2.0 ** (self._made - 1)))
        # The service's own Retry-After is spread already.
        wait = told if told is not None else drawn
        if time.monotonic() + wait > self._until:
            raise failure
        self._made += 1
        return wait


def _passes(failure: Error) -> bool:
    if isinstance(failure, (Problem, BadAnswer)):
        return failure.status in _AGAIN
    return isinstance(failure, (ConnectionFailed, ConnectionBroken))


def retry_after(response: httpx.Response) -> float | None:
    """Seconds of Retry-After, which is a number of them or an HTTP date; None where it is neither."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    # "-0000" gives a date without a zone, which is UTC.
    date = date if date.tzinfo else date.replace(tzinfo=timezone.utc)
    return max(0.0, (date - datetime.now(timezone.utc)).total_seconds())


def transport_error(error: httpx.HTTPError, sent: int = 0) -> TransportError:
    """What went wrong, without the request, which has the key; ``sent``: bytes of its body."""
    text = _text(error)
    if isinstance(error, httpx.ConnectTimeout):
        return ConnectionFailed(f"no connection in time: {text}")
    if isinstance(error, httpx.PoolTimeout):
        return TimedOut("none of the client's connections became free in time")
    if isinstance(error, httpx.TimeoutException):
        what = "the body was not taken" if isinstance(error, httpx.WriteTimeout) else "no more of the answer came"
        return TimedOut(f"{what} in time")
    if isinstance(error, (httpx.ConnectError, httpx.ProxyError, httpx.UnsupportedProtocol)):
        return ConnectionFailed(text)
    if isinstance(error, (httpx.DecodingError, httpx.LocalProtocolError)):
        return BadAnswer(text)
    hint = f", of a request with {sent} bytes; a service may close so when a body is longer than it takes" if sent > 65536 else ""
    return ConnectionBroken(text + hint)


def _text(error: BaseException) -> str:
    """What an error says, or of one that says nothing, as those of trio, what it came from."""
    cause: BaseException | None = error
    while cause is not None:
        if str(cause):
            return str(cause)
        cause = cause.__cause__ or cause.__context__
    return type(error).__name__
