"""Fixtures: a real service on loopback, a server of faults, clients of each kind."""

from __future__ import annotations

import importlib.util
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest
from anyio.from_thread import start_blocking_portal
from fake import Fake
from PIL import Image
from support import ROOT, Both, Levels, Make, Service, program_path, serving

import tusk

# Their tests need PyTorch; a folder of its name alone has no file.
_torch = importlib.util.find_spec("torch")
collect_ignore = ["torch"] if _torch is None or _torch.origin is None else []


@pytest.fixture(scope="session")
def program() -> Path:
    return program_path()


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
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the clients would have waited, in seconds; they do not."""
    told: list[float] = []

    async def asleep(seconds: float) -> None:
        told.append(seconds)

    monkeypatch.setattr(time, "sleep", told.append)
    monkeypatch.setattr(anyio, "sleep", asleep)
    return told


@pytest.fixture
def faulty(make: Make, fake: Fake, waits: list[float]) -> Both:
    """A client of the server of faults, which does not wait."""
    return make(fake.url, key="tusk_secret")


@pytest.fixture
def noise() -> Levels:
    """``[28, 28]`` levels."""
    return np.random.default_rng(1).integers(0, 256, (28, 28), np.uint8)
