"""What can go wrong: a problem that the service tells, or an answer that did not come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

URN = "urn:tusk:problem:"


class Error(Exception):
    """Whatever this package raises of a request; wrong arguments are ValueError or TypeError."""


class Problem(Error):
    """A problem that the service told (RFC 9457).

    Each type of the contract has a class of its own in ``tusk.problems``; a type that this version does not know is a
    ``Problem`` itself.
    """

    slug: ClassVar[str | None] = None
    code: ClassVar[int | None] = None
    _classes: ClassVar[dict[str, type[Problem]]] = {}

    def __init_subclass__(cls) -> None:
        if cls.slug is not None and "slug" in cls.__dict__:
            Problem._classes[URN + cls.slug] = cls

    def __init__(
        self,
        detail: str,
        *,
        type: str | None = None,
        title: str | None = None,
        status: int | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        """What went wrong: names the field, the limit and the value."""
        self.type = type if type is not None else URN + (self.slug or "")
        """URI of the kind of problem, which never changes."""
        self.title = title
        """What all problems of the type have in common; none of an entry of a list."""
        self.status = status if status is not None else self.code
        """HTTP status; that of the type for an entry of a list, which has none of its own."""
        self.request_id = request_id
        """By which the service's log has the request."""
        self.retry_after = retry_after
        """Seconds until trying again makes sense, by Retry-After."""
        self.extra = dict(extra or {})
        """Further members of the problem."""

    def __str__(self) -> str:
        name = self.type.removeprefix(URN)
        return f"{self.detail} ({', '.join(str(part) for part in (self.status, name) if part)})"

    def __reduce__(self) -> tuple[Any, ...]:
        state = {key: value for key, value in self.__dict__.items() if key != "detail"}
        return _rebuild, (type(self), self.detail, state)


def _rebuild(kind: type[Problem], detail: str, fields: dict[str, Any]) -> Problem:
    return kind(detail, **fields)


def problem_from(
    members: Mapping[str, Any], *, status: int | None = None, retry_after: float | None = None, extra: Mapping[str, Any] | None = None
) -> Problem:
    """The exception of a problem's JSON object, or of an entry of a list that is one."""
    kind = members.get("type")
    kind = kind if isinstance(kind, str) else "about:blank"
    detail = members.get("detail", members.get("error"))
    title, own, request_id = members.get("title"), members.get("status"), members.get("request_id")
    known = {"type", "title", "status", "detail", "error", "request_id"}
    return Problem._classes.get(kind, Problem)(
        detail if isinstance(detail, str) else title if isinstance(title, str) else "the service gave no detail",
        type=kind,
        title=title if isinstance(title, str) else None,
        status=status if status is not None else own if isinstance(own, int) else None,
        request_id=request_id if isinstance(request_id, str) else None,
        retry_after=retry_after,
        extra={**{key: value for key, value in members.items() if key not in known}, **(extra or {})},
    )


class TransportError(Error):
    """No answer came, or none that can be read. Whether the service did what was asked is not known."""


class ConnectionFailed(TransportError):
    """No connection came to be: nothing was sent."""


class ConnectionBroken(TransportError):
    """The connection broke before the answer was complete."""


class TimedOut(TransportError):
    """The answer, or its next part, did not come in the time that ``Timeouts`` gives it."""


class BadAnswer(TransportError):
    """The answer is none of Tusk's: of a proxy, of another service, or damaged."""

    def __init__(self, message: str, *, status: int | None = None, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        """HTTP status of the answer."""
        self.retry_after = retry_after
        """Seconds until trying again makes sense, by Retry-After."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild_answer, (str(self), self.status, self.retry_after)


def _rebuild_answer(message: str, status: int | None, retry_after: float | None) -> BadAnswer:
    return BadAnswer(message, status=status, retry_after=retry_after)
