"""The core that both clients share: what each call sends, and how its answer is read."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import httpx

from tusk.errors import BadAnswer, Error, problem_from
from tusk.images import Body
from tusk.policy import retry_after

T = TypeVar("T")


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request, and how its answer is read."""

    method: str
    path: str
    read: Callable[[httpx.Response], T]
    parameters: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)
    body: Body | None = None
    accept: str = "application/json"
    repeatable: bool = True
    """Whether it may be sent again: it changes nothing."""
    also: frozenset[int] = frozenset()
    """Statuses besides 200 whose answers are read."""

    def request(self) -> dict[str, Any]:
        """Arguments of httpx's ``build_request``."""
        headers = {"Accept": self.accept, **self.fields}
        arguments: dict[str, Any] = {"method": self.method, "url": self.path, "params": self.parameters, "headers": headers}
        if self.body is not None:
            if self.body.files:
                arguments["files"] = list(self.body.files)
            else:
                arguments["content"] = self.body.content
                if self.body.content_type:
                    headers["Content-Type"] = self.body.content_type
        return arguments

    @property
    def size(self) -> int:
        """Bytes of the body."""
        return self.body.size if self.body else 0

    def failure(self, response: httpx.Response) -> Error | None:
        """What a complete answer says that went wrong."""
        return None if response.status_code == 200 or response.status_code in self.also else failure_of(response)


def failure_of(response: httpx.Response) -> Error:
    """The problem of an answer, or that it is none of Tusk's."""
    status, after = response.status_code, retry_after(response)
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind == "application/problem+json":
        try:
            members = response.json()
        except ValueError:
            members = None
        if isinstance(members, dict):
            return problem_from(members, status=status, retry_after=after)
    return BadAnswer(f"an answer of status {status} and type {kind or 'none'} is no problem of Tusk's", status=status, retry_after=after)


def json_of(response: httpx.Response) -> Any:
    """The JSON of an answer."""
    return parsed(response.content, "the answer")


def parsed(data: bytes, where: str) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadAnswer(f"{where} is not JSON: {error}") from error


def object_of(value: Any, where: str = "the answer") -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadAnswer(f"{where}: expected an object, not {type(value).__name__}")
    return value
