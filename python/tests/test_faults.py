"""What the clients make of a service, or of what stands before it, that misbehaves."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import pytest
from fake import SCORE, Exchange, Fake, answering, problem, response
from support import Both, Levels, Make

import tusk
from tusk import problems

pytestmark = pytest.mark.usefixtures("waits")


def drop(exchange: Exchange) -> None:
    exchange.receive()


def test_refusals_are_asked_again_after_what_they_say(faulty: Both, fake: Fake, waits: list[float], noise: Levels) -> None:
    fake.replies = [
        answering(problem(429, "queue-full", Retry_After="7")),
        answering(problem(503, "loading", Retry_After="2")),
        answering(response(200, SCORE)),
    ]
    assert faulty.score(noise).log_prob == 1.5
    assert waits == [7, 2]
    assert len(fake.requests) == 3
    assert {request.body for request in fake.requests} == {fake.requests[0].body}
    assert fake.requests[0].fields["authorization"] == "Bearer tusk_secret"


def test_a_date_is_waited_for(make: Make, fake: Fake, waits: list[float], noise: Levels) -> None:
    date = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=2000), usegmt=True)
    fake.replies = [answering(problem(429, "too-late", Retry_After=date)), answering(response(200, SCORE))]
    make(fake.url, retry=tusk.Retry(total=1e6)).score(noise)
    assert 1000 < waits[0] <= 2000


def test_without_a_time_the_wait_is_drawn(make: Make, fake: Fake, waits: list[float], noise: Levels) -> None:
    fake.replies = [answering(problem(503, "draining"))]
    with pytest.raises(problems.Draining):
        make(fake.url, retry=tusk.Retry(attempts=6, total=1e6, first=1, longest=3)).score(noise)
    assert len(fake.requests) == 6
    assert all(0 <= wait <= most for wait, most in zip(waits, [1, 2, 3, 3, 3], strict=True))
    assert len(set(waits)) == 5


def test_no_wait_is_longer_than_the_total(make: Make, fake: Fake, waits: list[float], noise: Levels) -> None:
    fake.replies = [answering(problem(429, "rate-limited", Retry_After="61"))]
    with pytest.raises(problems.RateLimited) as caught:
        make(fake.url).score(noise)
    assert (caught.value.retry_after, waits, len(fake.requests)) == (61, [], 1)


@pytest.mark.parametrize(("status", "slug"), [(422, "image-size"), (500, "internal"), (504, "deadline"), (401, "unauthorized")])
def test_other_problems_are_told_at_once(faulty: Both, fake: Fake, noise: Levels, status: int, slug: str) -> None:
    fake.replies = [answering(problem(status, slug, Retry_After="1"))]
    with pytest.raises(tusk.Problem, match="as told") as caught:
        faulty.score(noise)
    assert (caught.value.status, caught.value.type, caught.value.request_id) == (status, f"urn:tusk:problem:{slug}", "r1")
    assert len(fake.requests) == 1


def test_a_problem_of_a_newer_service_is_a_problem(faulty: Both, fake: Fake, noise: Levels) -> None:
    members = {"type": "urn:tusk:problem:new", "title": "New", "status": 409, "detail": "what", "limit": 3}
    fake.replies = [answering(response(409, members, "application/problem+json"))]
    with pytest.raises(tusk.Problem) as caught:
        faulty.score(noise)
    assert (type(caught.value), caught.value.title, caught.value.extra) == (tusk.Problem, "New", {"limit": 3})


def test_a_broken_connection_is_tried_again(faulty: Both, fake: Fake, noise: Levels) -> None:
    fake.replies = [drop, lambda exchange: exchange.reset(), answering(b"HTTP/1.1 200 OK\r\nContent-Le"), answering(response(200, SCORE))]
    assert faulty.score(noise).log_prob == 1.5
    fake.replies = [drop]
    with pytest.raises(tusk.ConnectionBroken):
        faulty.score(noise)


def test_an_answer_that_breaks_off_is_asked_again(faulty: Both, fake: Fake, noise: Levels) -> None:
    fake.replies = [answering(response(200, SCORE)[:-5]), answering(response(200, SCORE))]
    assert faulty.score(noise).log_prob == 1.5


def test_what_changes_the_service_is_sent_once(faulty: Both, fake: Fake) -> None:
    calls: list[Callable[[], Any]] = [
        lambda: faulty.admin.load("m"),
        lambda: faulty.admin.unload("m"),
        faulty.admin.reload,
        faulty.admin.reset_drift,
        lambda: faulty.admin.log_level("info"),
    ]
    for call in calls:
        for reply, error in [(drop, tusk.ConnectionBroken), (answering(problem(503, "draining", Retry_After="1")), problems.Draining)]:
            fake.replies, before = [reply], len(fake.requests)
            with pytest.raises(error):
                call()
            assert len(fake.requests) == before + 1


def test_nobody_there(make: Make, fake: Fake, waits: list[float], noise: Levels) -> None:
    with Fake() as gone:
        pass
    with pytest.raises(tusk.ConnectionFailed):
        make(gone.url).score(noise)
    assert len(waits) == 3
    with pytest.raises(tusk.ConnectionFailed):
        make("unix:/nowhere/tusk.sock", retry=tusk.Retry(attempts=1)).health()


def test_a_slow_answer_times_out(make: Make, fake: Fake, noise: Levels) -> None:
    done: list[bytes] = []

    def slow(exchange: Exchange) -> None:
        exchange.receive()
        exchange.send(b"HTTP/1.1 200 OK\r\n")
        done.append(exchange._connection.recv(1))  # until the client leaves

    fake.replies = [slow]
    with pytest.raises(tusk.TimedOut):
        make(fake.url, timeouts=tusk.Timeouts(read=0.2)).score(noise)
    assert len(fake.requests) == 1


def test_time_limits_are_told(make: Make, fake: Fake, noise: Levels) -> None:
    fake.replies = [answering(response(200, SCORE))]
    client = make(fake.url, timeouts=tusk.Timeouts(answer=2.5))
    client.score(noise)
    client.score(noise, time_limit=0.25)
    assert [request.fields["x-request-timeout-ms"] for request in fake.requests] == ["2500", "250"]


@pytest.mark.parametrize(
    "answer",
    [
        response(200, b"{not JSON"),
        response(200, b"[" * 100_000),
        response(200, b"\xff\xfe"),
        response(200, b"[]"),
        response(200, {"model": "m", "log_prob": "1", "bits_per_dim": 1, "samples": 1}),
        response(200, {"model": "m", "bits_per_dim": 1, "samples": 1}),
        response(200, {"model": "m", "failed": 0, "results": {}}),
        response(502, b"<html>bad gateway</html>", "text/html"),
        response(400, b"{", "application/problem+json"),
        response(302, b"", Location="http://elsewhere.example/"),
        response(200, b"no gzip", Content_Encoding="gzip"),
        b"HTTP/1.1 two hundred\r\n\r\n",
    ],
)
def test_no_answer_of_ours_is_a_bad_answer(faulty: Both, fake: Fake, noise: Levels, answer: bytes) -> None:
    fake.replies = [answering(answer)]
    with pytest.raises((tusk.BadAnswer, tusk.ConnectionBroken)) as caught:
        faulty.score(noise)
    if answer.startswith(b"HTTP/1.1 two"):
        assert isinstance(caught.value, tusk.ConnectionBroken)
        return
    assert isinstance(caught.value, tusk.BadAnswer)
    assert len(fake.requests) == 1
    assert not isinstance(caught.value, tusk.Problem)


def test_a_proxy_that_is_busy_is_asked_again(faulty: Both, fake: Fake, waits: list[float], noise: Levels) -> None:
    fake.replies = [answering(response(503, b"busy", "text/plain", Retry_After="3")), answering(response(200, SCORE))]
    assert faulty.score(noise).log_prob == 1.5
    assert waits == [3]


def test_a_refusal_while_the_body_is_sent_is_read(faulty: Both, fake: Fake) -> None:
    def refuse(exchange: Exchange) -> None:
        exchange.head()
        exchange.send(problem(413, "body-too-large"))
        exchange._connection.settimeout(0.5)
        while exchange._connection.recv(1 << 16):
            pass

    fake.replies = [refuse]
    with pytest.raises(problems.BodyTooLarge):
        faulty.score(bytes(4 << 20))
    assert len(fake.requests) == 1


def test_health_is_read_when_it_is_none(faulty: Both, fake: Fake) -> None:
    draining = {"status": "draining", "live": True, "ready": False, "version": "0.2.0", "uptime_seconds": 1}
    fake.replies = [answering(response(503, draining, Retry_After="1"))]
    assert faulty.health().status == "draining"
    fake.replies = [answering(problem(503, "draining", Retry_After="1"))]
    assert faulty.ready() is False
    fake.replies = [answering(problem(503, "stalled", Retry_After="1"))]
    assert faulty.live() is False
    fake.replies = [answering(problem(503, "out-of-memory"))]
    with pytest.raises(problems.OutOfMemory):
        faulty.live()
    assert len(fake.requests) == 4


def test_the_key_is_shown_nowhere(faulty: Both, fake: Fake, noise: Levels, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    fake.replies = [answering(response(200, SCORE))]
    faulty.score(noise)
    shown = [repr(faulty), str(faulty.client), repr(faulty.client._connection)]
    for reply in (drop, answering(problem(401, "unauthorized")), answering(response(200, b"x")), answering(response(200, SCORE)[:-3])):
        fake.replies = [reply]
        with pytest.raises(tusk.Error) as caught:
            faulty.score(noise)
        shown += [repr(caught.value), *traceback.format_exception(caught.value)]
    assert caplog.text
    assert "secret" not in "".join(shown) + caplog.text
    for key in ("tusk_secret\n", "tusk secret", "tusk_sécret", ""):
        with pytest.raises(ValueError, match="key: expected") as refused:
            tusk.Client(fake.url, key=key)
        assert "cret" not in str(refused.value)


def test_a_proxy_is_asked(make: Make, fake: Fake, noise: Levels, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.replies = [answering(response(200, SCORE))]
    make("http://tusk.example:8080", proxy=fake.url).score(noise)
    monkeypatch.setenv("HTTP_PROXY", fake.url)
    make("http://tusk.example:8080/behind/").score(noise)
    assert fake.requests[0].line == "POST http://tusk.example:8080/logprob HTTP/1.1"
    assert fake.requests[1].line == "POST http://tusk.example:8080/behind/logprob HTTP/1.1"
