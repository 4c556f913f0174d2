"""Several answers in one, of which each may have failed by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from tusk.decoding import Result
from tusk.errors import Problem, problem_from

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Failed(Result):
    """One of several images that could not be read; the others are not affected."""

    index: int
    """Place among what was sent, from 0."""
    type: str
    error: str
    file: str | None = None
    """Name of the file; None of what was not given as a path."""

    @property
    def problem(self) -> Problem:
        """The exception of its type, with ``index`` and ``file`` in ``extra``."""
        place = {"index": self.index, **({"file": self.file} if self.file is not None else {})}
        return problem_from({"type": self.type, "error": self.error}, extra=place)


@dataclass(frozen=True, eq=False)
class Entries(Result, Generic[T]):
    """Answers to several, in their order, with a ``Failed`` in the place of each that could not be used."""

    model: str
    results: tuple[T | Failed, ...]

    def __iter__(self) -> Iterator[T | Failed]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)

    @property
    def failed(self) -> tuple[Failed, ...]:
        return tuple(entry for entry in self.results if isinstance(entry, Failed))

    def all(self) -> tuple[T, ...]:
        """Every answer; raises the problem of the first that is none."""
        for entry in self.failed:
            raise entry.problem
        return tuple(entry for entry in self.results if not isinstance(entry, Failed))
