"""What the clients make of streams that break, end too soon, or hold what they should not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from fake import Fake, answering, line_score, lines, problem
from support import Both, Levels

import tusk
from tusk import problems
from tusk.results import Failed

PNG = "iVBORw0KGgoAAAANSUhEUgAAABwAAAAcCAAAAABXZoBIAAAAFklEQVR42mNgGAVI4D8cjEpilxzBAAAF1mOdlTp5jgAAAABJRU5ErkJggg=="


def line_sample(index: int, **more: Any) -> dict[str, Any]:
    return {"model": "m", "seed": 7, "index": index, "image": PNG, "log_prob": float(index), "bits_per_dim": 1.0, **more}


def test_a_sample_stream_goes_on_where_it_broke(faulty: Both, fake: Fake, waits: list[float]) -> None:
    fake.replies = [
        answering(lines(line_sample(0), line_sample(1), whole=False, ETag='W/"a"')),
        answering(lines(line_sample(0), line_sample(1), line_sample(2), ETag='W/"a"')),
        answering(lines(*[line_sample(index) for index in range(5)], ETag='W/"a"')),
    ]
    assert [sample.log_prob for sample in faulty.sample_stream(5)] == [0, 1, 2, 3, 4]
    targets = {request.line for request in fake.requests}
    assert len(targets) == 1
    assert "seed=" in targets.pop()
    assert len(waits) == 2


def test_a_sample_stream_does_not_go_on_with_another_model(faulty: Both, fake: Fake) -> None:
    fake.replies = [
        answering(lines(line_sample(0), whole=False, ETag='W/"a"')),
        answering(lines(line_sample(0), line_sample(1), ETag='W/"b"')),
    ]
    items: list[Any] = []
    with pytest.raises(tusk.BadAnswer, match="after 1 of 2 samples"):
        faulty.into(items, "sample_stream", 2)
    assert len(items) == 1


def test_a_stream_that_gets_on_does_not_end(faulty: Both, fake: Fake) -> None:
    fake.replies = [answering(lines(*[line_sample(i) for i in range(n)], whole=n == 9, ETag='W/"a"')) for n in range(1, 10)]
    assert len(faulty.sample_stream(9)) == 9
    assert len(fake.requests) == 9


def test_a_stream_that_gets_nowhere_ends(faulty: Both, fake: Fake, waits: list[float]) -> None:
    fake.replies = [answering(lines(line_sample(0), whole=False, ETag='W/"a"'))]
    items: list[Any] = []
    with pytest.raises(tusk.ConnectionBroken):
        faulty.into(items, "sample_stream", 2)
    assert (len(items), len(waits), len(fake.requests)) == (1, 3, 4)


def test_a_problem_ends_a_stream(faulty: Both, fake: Fake, noise: Levels) -> None:
    end = {"type": "urn:tusk:problem:malformed-body", "title": "T", "status": 400, "detail": "line 2 is none", "error": "line 2 is none"}
    fake.replies = [answering(lines(line_score(0), end))]
    items: list[Any] = []
    with pytest.raises(problems.MalformedBody, match="line 2"):
        faulty.into(items, "score_stream", [noise, noise])
    assert len(items) == 1
    drained = {**end, "type": "urn:tusk:problem:draining", "status": 503}
    fake.replies = [answering(lines(line_score(0), drained)), answering(lines(line_score(0)))]
    assert len(faulty.score_stream([noise, noise])) == 2


def test_a_score_stream_sends_what_has_no_answer_again(faulty: Both, fake: Fake, noise: Levels) -> None:
    images = [np.full((2, 2), level, np.uint8) for level in range(4)]
    failed = {"index": 1, "type": "urn:tusk:problem:image-size", "error": "image: small"}
    fake.replies = [
        answering(lines(line_score(0), whole=False)),
        answering(problem(503, "draining", Retry_After="0")),
        answering(lines(line_score(0), failed, line_score(2))),
    ]
    scores = faulty.score_stream(images)
    assert [score.index for score in scores] == [0, 1, 2, 3]
    assert isinstance(scores[2], Failed)
    assert [request.body.count(b"\n") for request in fake.requests] == [4, 3, 3]
    assert fake.requests[0].body.endswith(fake.requests[2].body)


def test_lines_end_where_they_end(faulty: Both, fake: Fake, noise: Levels) -> None:
    odd = line_score(0, reasons=["one\u2028two\x85three\x0b"])
    fake.replies = [answering(lines(odd, b"\n", b'{"index": 1, "log_prob": 1, ', b'"bits_per_dim": 1, "samples": 1}\n'))]
    first, second = faulty.score_stream([noise, noise])
    assert first.reasons == ("one\u2028two\x85three\x0b",)
    assert second.index == 1


@pytest.mark.parametrize(
    "line", [b"nothing\n", b"[]\n", b'{"index": 1, "log_prob": 1, "bits_per_dim": 1, "samples": 1}\n', b'{"index": "0"}\n', b"{}\n"]
)
def test_a_line_that_is_none_is_a_bad_answer(faulty: Both, fake: Fake, noise: Levels, line: bytes) -> None:
    fake.replies = [answering(lines(line))]
    with pytest.raises(tusk.BadAnswer, match="line of the answer"):
        faulty.score_stream([noise])
