"""A real service on loopback, and the three clients behind one face."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from fake import Fake
from PIL import Image

import tusk

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


@pytest.fixture(scope="session")
def program() -> Path:
    return program_path()


@contextmanager
def serving(program: Path, *options: str | Path) -> Iterator[str]:
    """Address of a service, which ends with the block."""
    command = [program, "serve", "--port", "0", "--access-log", "off", "--log-level", "critical", *options]
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
            yield url
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def service(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Animals, and a small model in colour that was trained for a second; everything needs a key."""
    folder = tmp_path_factory.mktemp("service")
    scopes = [word for scope in ("score", "sample", "admin", "metrics") for word in ("--scope", scope)]
    answer = subprocess.run([program, "key", "new", "--name", "python", *scopes], check=True, capture_output=True, text=True).stdout
    key, line = answer.split("\n", 1)
    (folder / "keys").write_text(line)
    (folder / "pictures").mkdir()
    generator = np.random.default_rng(7)
    for index in range(80):
        Image.fromarray(generator.integers(0, 256, (8, 8, 3), np.uint8)).save(folder / f"pictures/{index}.png")
    small = folder / "small.safetensors"
    training: list[str | Path] = ["--architecture", "nice", "--layers", "2", "--seconds", "1", "--name", "small", "--output", small]
    subprocess.run([program, "train", "--data", folder / "pictures", *training], check=True, capture_output=True)
    models: list[str | Path] = ["--model", ROOT / "Models/animals.safetensors", "--model", small]
    with serving(program, *models, "--key-file", folder / "keys", "--listen", f"unix:{folder}/admin.sock") as url:
        yield Service(url, key, folder / "admin.sock")


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


@pytest.fixture(params=["sync", "asyncio", "trio"])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Makes a client of each kind."""
    with ExitStack() as stack:
        portal = None if request.param == "sync" else stack.enter_context(start_blocking_portal(request.param))

        def client(url: str, **options: Any) -> Both:
            if portal is None:
                return Both(stack.enter_context(tusk.Client(url, **options)), None)
            made = portal.call(partial(tusk.AsyncClient, url, **options))
            stack.callback(portal.call, made.aclose)
            return Both(made, portal)

        yield client


@pytest.fixture
def client(make: Make, service: Service) -> Both:
    return make(service.url, key=service.key)


@pytest.fixture
def fake() -> Iterator[Fake]:
    with Fake() as server:
        yield server


@pytest.fixture
def noise() -> np.ndarray[Any, np.dtype[np.uint8]]:
    """``[28, 28]`` levels."""
    return np.random.default_rng(1).integers(0, 256, (28, 28), np.uint8)
