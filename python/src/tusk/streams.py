"""Streams of lines, without input or output: what is asked for next, and what each line that comes is."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from typing import Any, Protocol, TypeVar

import httpx

from tusk import images
from tusk.calls import Call, object_of, parsed
from tusk.decoding import decode
from tusk.errors import BadAnswer, ConnectionBroken, problem_from
from tusk.images import Body, ImageLike
from tusk.options import SampleOptions, ScoreOptions, sent
from tusk.results import Failed, Score, StreamedSample
from tusk.routes import Given, Limit, entry

T_co = TypeVar("T_co", covariant=True)

NDJSON = "application/x-ndjson"
MOST_LINES = 256
MOST_BYTES = 1 << 20


class Stream(Protocol[T_co]):
    """What is left of a stream, which a request more may go on with."""

    @property
    def done(self) -> bool: ...

    def call(self) -> Call[None]:
        """Asks for what is left."""

    def begin(self, response: httpx.Response) -> None:
        """Looks at the head of the answer."""

    def take(self, line: bytes) -> T_co | None:
        """What a line is; None of one that was there before."""

    def end(self) -> None:
        """Raises ConnectionBroken where the answer ended too soon."""


class Lines:
    """Lines that end with \\n, and nothing else: base64 and JSON texts may hold what Python takes for line breaks."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def feed(self, data: bytes) -> Iterator[bytes]:
        *lines, rest = data.split(b"\n")
        for line in lines:
            whole = b"".join([*self._parts, line])
            self._parts = []
            if whole.strip():
                yield whole
        if rest:
            self._parts.append(rest)


def _members(line: bytes) -> dict[str, Any]:
    """A line's members; raises the problem that ends a stream."""
    members = object_of(parsed(line, "a line of the answer"), "a line of the answer")
    if "index" not in members and "type" in members:
        raise problem_from(members)
    return members


class SampleStream:
    """``count`` samples of one seed. After a break the same are drawn again, and those that were there before are passed over."""

    def __init__(self, count: int, options: Given, limit: Limit) -> None:
        if count < 1:
            raise ValueError(f"count: expected 1 or more, not {count!r}")
        # A seed of our own, since one of the service's would be lost with the connection.
        seed = options.get("seed")
        given = {**options, "seed": secrets.randbits(53) if seed is None else seed}
        self._parameters, self._fields = sent(SampleOptions, given, limit, {"count": count})
        self._count, self._next, self._seen = count, 0, 0
        self._tag: str | None = None

    @property
    def done(self) -> bool:
        return self._next >= self._count

    def call(self) -> Call[None]:
        return Call("GET", "sample", _nothing, self._parameters, self._fields, accept=NDJSON)

    def begin(self, response: httpx.Response) -> None:
        tag = response.headers.get("ETag")
        if self._next and tag != self._tag:
            raise BadAnswer(f"after {self._next} of {self._count} samples the connection broke, and the model is another one now")
        self._tag, self._seen = tag, 0

    def take(self, line: bytes) -> StreamedSample | None:
        sample = decode(StreamedSample, _members(line), "a line of the answer")
        if sample.index != self._seen:
            raise BadAnswer(f"a line of the answer: expected sample {self._seen}, not {sample.index}")
        self._seen += 1
        if sample.index < self._next:
            return None
        self._next += 1
        return sample

    def end(self) -> None:
        if not self.done:
            raise ConnectionBroken(f"the answer ended after {self._seen} of {self._count} samples")


class ScoreBlock:
    """A block of lines to score, the first of which is number ``first``; after a break those without an answer are sent again."""

    def __init__(self, lines: list[bytes], first: int, options: Given, limit: Limit) -> None:
        self._parameters, self._fields = sent(ScoreOptions, options, limit)
        self._lines, self._first, self._answered, self._base = lines, first, 0, 0

    @property
    def done(self) -> bool:
        return self._answered >= len(self._lines)

    def call(self) -> Call[None]:
        body = Body(b"".join(self._lines[self._answered :]), NDJSON)
        return Call("POST", "logprob", _nothing, self._parameters, self._fields, body, accept=NDJSON)

    def begin(self, response: httpx.Response) -> None:
        self._base = self._answered

    def take(self, line: bytes) -> Score | Failed:
        members = _members(line)
        index = decode(int, members.get("index"), "a line of the answer.index")
        if self.done or index != self._answered - self._base:
            raise BadAnswer(f"a line of the answer: expected image {self._answered - self._base}, not {index}")
        self._answered += 1
        return entry(Score, {**members, "index": self._first + self._base + index}, None, "a line of the answer")

    def end(self) -> None:
        if not self.done:
            raise ConnectionBroken(f"the answer ended after {self._answered} of {len(self._lines)} lines")


class Blocks:
    """Gathers lines to blocks.

    httpx sends all of a body before it reads the answer, and a service stops reading while too much of the answer waits: so a block
    is no longer than what fits in between.
    """

    def __init__(self, block: int | None, options: Given, limit: Limit) -> None:
        # Answers with pixels are larger than what asks for them.
        self._most = block if block is not None else MOST_LINES // 8 if options.get("detail") == "pixels" else MOST_LINES
        if self._most < 1:
            raise ValueError(f"block: expected 1 image or more, not {block!r}")
        sent(ScoreOptions, options, limit)  # what is wrong with them is said before the first image is taken
        self._options, self._limit = options, limit
        self._lines: list[bytes] = []
        self._size = self._first = 0

    def add(self, image: ImageLike) -> Stream[Score | Failed] | None:
        """The block that the image completes."""
        line = images.line(image, self._first + len(self._lines))
        self._lines.append(line)
        self._size += len(line)
        return self.rest() if len(self._lines) >= self._most or self._size >= MOST_BYTES else None

    def rest(self) -> Stream[Score | Failed] | None:
        """What has come since the last block."""
        if not self._lines:
            return None
        block = ScoreBlock(self._lines, self._first, self._options, self._limit)
        self._first += len(self._lines)
        self._lines, self._size = [], 0
        return block

    def of(self, several: Iterable[ImageLike]) -> Iterator[Stream[Score | Failed]]:
        for image in several:
            if block := self.add(image):
                yield block
        if block := self.rest():
            yield block


def _nothing(response: httpx.Response) -> None:
    """A stream's answer is read line by line."""
