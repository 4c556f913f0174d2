"""A real service, and the three clients behind one face."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from anyio.from_thread import BlockingPortal
from numpy.typing import NDArray

import tusk

Levels = NDArray[np.uint8]
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Service:
    url: str
    key: str
    socket: Path
    """Of administration."""


def program_path() -> Path:
    candidates = [Path(path) for path in [os.environ.get("TUSK_PROGRAM")] if path]
    candidates += [ROOT / ".build" / mode / "tusk" for mode in ("release", "debug")]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise FileNotFoundError(f"no program: none of {', '.join(map(str, candidates))}; make build, or set TUSK_PROGRAM")


@contextmanager
def started(program: Path, *options: str | Path, port: int = 0) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Address and process of a service, which ends with the block."""
    command = [program, "serve", "--port", str(port), "--access-log", "off", "--log-level", "critical", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            url = None
            assert process.stdout is not None
            for line in process.stdout:
                if found := re.search(r" listens on (http[^\s,]+)", line):
                    url = found[1]
                if line.startswith("ready"):
                    break
            assert url, "the service did not start"
            yield url, process
        finally:
            process.terminate()


@contextmanager
def serving(program: Path, *options: str | Path, port: int = 0) -> Iterator[str]:
    """Address of a service, which ends with the block."""
    with started(program, *options, port=port) as (url, _):
        yield url


class Both:
    """A client whose calls end when they are done, whichever kind it is; a stream is a list, or what ``take`` takes of it."""

    def __init__(self, client: tusk.Client | tusk.AsyncClient, portal: BlockingPortal | None) -> None:
        self.client, self._portal = client, portal

    @property
    def admin(self) -> Both:
        return Both(self.client.admin, self._portal)  # type: ignore[arg-type]

    def __repr__(self) -> str:
        return repr(self.client)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self.client, name)

        def call(*arguments: Any, **options: Any) -> Any:
            if name.endswith("_stream"):
                items: list[Any] = []
                self.into(items, name, *arguments, **options)
                return items
            return self._portal.call(partial(method, *arguments, **options)) if self._portal else method(*arguments, **options)

        return call

    def into(self, items: list[Any], name: str, *arguments: Any, **options: Any) -> None:
        """Puts what a stream gives into ``items``, so that it is there when the stream breaks."""
        method = getattr(self.client, name)
        if self._portal is None:
            items.extend(method(*arguments, **options))
            return

        async def collect() -> None:
            stream: AsyncIterator[Any] = method(*arguments, **options)
            async for item in stream:
                items.append(item)

        self._portal.call(collect)


Make = Callable[..., Both]
