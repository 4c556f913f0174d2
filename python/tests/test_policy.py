"""Waiting and trying again, without a network."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import httpx
import pytest

import tusk
from tusk import problems
from tusk.policy import Attempts, Retry, Timeouts, retry_after, transport_error


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("12", 12),
        (" 3 ", 3),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0),
        ("Sun, 06 Nov 1994 08:49:37 -0000", 0),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("٣", None),
    ],
)
def test_retry_after(text: str, seconds: float | None) -> None:
    assert retry_after(httpx.Response(429, headers=[(b"Retry-After", text.encode())])) == seconds


def test_progress_counts_anew() -> None:
    attempts = Attempts(Retry(attempts=2, first=0), repeatable=True)
    failure = tusk.ConnectionBroken("x")
    for _ in range(5):
        assert attempts.wait_after(failure) == 0
        attempts.progress()
    attempts.wait_after(failure)
    with pytest.raises(tusk.ConnectionBroken):
        attempts.wait_after(failure)


def test_the_total_ends_the_attempts() -> None:
    attempts = Attempts(Retry(attempts=99, total=0), repeatable=True)
    with pytest.raises(problems.QueueFull):
        attempts.wait_after(problems.QueueFull("full", retry_after=1))


@pytest.mark.parametrize("failure", [tusk.TimedOut("x"), tusk.BadAnswer("x", status=502), problems.Deadline("x"), problems.ImageSize("x")])
def test_what_does_not_pass_is_raised(failure: tusk.Error) -> None:
    with pytest.raises(type(failure)):
        Attempts(Retry(), repeatable=True).wait_after(failure)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (Retry, {"attempts": 0}),
        (Retry, {"total": -1}),
        (Retry, {"first": float("nan")}),
        (Retry, {"longest": -0.1}),
        (Timeouts, {"read": 0}),
        (Timeouts, {"answer": -3}),
        (Timeouts, {"connect": float("nan")}),
    ],
)
def test_policies_name_what_is_wrong(kind: Any, options: dict[str, float]) -> None:
    (name,) = options
    with pytest.raises(ValueError, match=f"{name}: expected"):
        kind(**options)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx.ConnectError("x"), tusk.ConnectionFailed),
        (httpx.ConnectTimeout("x"), tusk.ConnectionFailed),
        (httpx.ProxyError("x"), tusk.ConnectionFailed),
        (httpx.ReadTimeout("x"), tusk.TimedOut),
        (httpx.WriteTimeout("x"), tusk.TimedOut),
        (httpx.PoolTimeout("x"), tusk.TimedOut),
        (httpx.ReadError("x"), tusk.ConnectionBroken),
        (httpx.WriteError("x"), tusk.ConnectionBroken),
        (httpx.RemoteProtocolError("x"), tusk.ConnectionBroken),
        (httpx.DecodingError("x"), tusk.BadAnswer),
    ],
)
def test_errors_of_the_transport_are_told_apart(error: httpx.HTTPError, kind: type[tusk.Error]) -> None:
    assert type(transport_error(error)) is kind
    assert "longer than it takes" not in str(transport_error(error, 100))


def test_an_error_without_text_says_where_it_is_from() -> None:
    error = httpx.ConnectError("")
    assert str(transport_error(error)) == "ConnectError"
    error.__cause__ = OSError("no route")
    assert str(transport_error(error)) == "no route"


def test_a_large_body_may_be_why() -> None:
    assert "100000 bytes; a service may close so" in str(transport_error(httpx.WriteError("x"), 100_000))


@pytest.mark.parametrize(
    "failure", [problems.ImageSize("d", title="T", extra={"index": 2}), tusk.BadAnswer("m", status=502, retry_after=1)]
)
def test_errors_can_be_pickled(failure: tusk.Error) -> None:
    for again in (pickle.loads(pickle.dumps(failure)), copy.copy(failure)):
        assert type(again) is type(failure)
        assert (str(again), again.__dict__) == (str(failure), failure.__dict__)


def test_problems_say_their_status_and_type() -> None:
    assert str(problems.QueueFull("the queue is full")) == "the queue is full (429, queue-full)"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("127.0.0.1:8080", "expected http"),
        ("ftp://tusk", "expected http"),
        ("http://", "expected http"),
        ("http://tusk?x=1", "expected http"),
        ("http://tusk:port", "url: "),
        ("http://user:pass@tusk", "a key goes into key="),
    ],
)
def test_addresses_name_what_is_wrong(url: str, message: str) -> None:
    for kind in (tusk.Client, tusk.AsyncClient):
        with pytest.raises(ValueError, match=message) as refused:
            kind(url)
        assert "pass@" not in str(refused.value)


def test_a_socket_has_no_proxy() -> None:
    with pytest.raises(ValueError, match="proxy: a Unix socket has none"):
        tusk.Client("unix:/run/tusk.sock", proxy="http://proxy:3128")
