"""The examples of the pages and of docstrings, run as they stand against a service."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import ROOT, serving

import tusk

MODULES = [module.name for module in pkgutil.iter_modules(tusk.__path__, "tusk.") if module.name != "tusk.torch"]


@pytest.fixture(scope="module")
def address(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Of a service that anyone may use, and its Unix socket."""
    socket = tmp_path_factory.mktemp("socket") / "s"
    with serving(program, "--listen", f"unix:{socket}") as url:
        yield url, socket


@pytest.mark.parametrize("page", ["python/README.md", "docs/guide/python.md"])
def test_pages(page: str, address: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url, socket = address
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TUSK_KEY", "tusk_0123")
    text = (ROOT / page).read_text().replace("http://127.0.0.1:8080", url).replace("/run/tusk.sock", str(socket))
    test = doctest.DocTestParser().get_doctest(text, {}, page, page, 0)
    assert test.examples
    assert doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test).failed == 0


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
