"""The clients of ``/admin``."""

from __future__ import annotations

from typing import Protocol, TypeVar

from tusk import administration
from tusk.administration import LogLevel
from tusk.calls import Call
from tusk.results import AdminStatus, Drift, ModelFile

T = TypeVar("T")


class Sender(Protocol):
    def __call__(self, call: Call[T], /) -> T: ...


class AsyncSender(Protocol):
    async def __call__(self, call: Call[T], /) -> T: ...


class Admin:
    """The routes of ``/admin``: they need a key with that scope, or a Unix socket. None that changes something is sent again by itself."""

    def __init__(self, send: Sender) -> None:
        self._send = send

    def status(self) -> AdminStatus:
        """Every metric in one number, keys, log level."""
        return self._send(administration.status())

    def models(self) -> tuple[ModelFile, ...]:
        """The models' files, what is served of them, and why one was not loaded."""
        return self._send(administration.files())

    def load(self, model: str) -> ModelFile:
        """Reads a model's file again, or a new one of the folder; answers when it serves."""
        return self._send(administration.load(model))

    def unload(self, model: str) -> None:
        """Serves a model no more."""
        self._send(administration.unload(model))

    def reload(self) -> tuple[str, ...]:
        """Reads the key file, changed models and what else can be exchanged, again; says what there was."""
        return self._send(administration.reload())

    def log_level(self, level: LogLevel) -> None:
        """Changes the least severity that is logged, until the next start."""
        self._send(administration.log_level(level))

    def reset_drift(self, model: str | None = None) -> Drift:
        """Begins a model's test of drift again, as if no image had come."""
        return self._send(administration.reset_drift(model))


class AsyncAdmin:
    """As ``Admin``."""

    def __init__(self, send: AsyncSender) -> None:
        self._send = send

    async def status(self) -> AdminStatus:
        """Every metric in one number, keys, log level."""
        return await self._send(administration.status())

    async def models(self) -> tuple[ModelFile, ...]:
        """The models' files, what is served of them, and why one was not loaded."""
        return await self._send(administration.files())

    async def load(self, model: str) -> ModelFile:
        """Reads a model's file again, or a new one of the folder; answers when it serves."""
        return await self._send(administration.load(model))

    async def unload(self, model: str) -> None:
        """Serves a model no more."""
        await self._send(administration.unload(model))

    async def reload(self) -> tuple[str, ...]:
        """Reads the key file, changed models and what else can be exchanged, again; says what there was."""
        return await self._send(administration.reload())

    async def log_level(self, level: LogLevel) -> None:
        """Changes the least severity that is logged, until the next start."""
        await self._send(administration.log_level(level))

    async def reset_drift(self, model: str | None = None) -> Drift:
        """Begins a model's test of drift again, as if no image had come."""
        return await self._send(administration.reset_drift(model))
