"""The installed package: typed, light, and whole."""

from __future__ import annotations

import importlib.machinery
import importlib.resources
import subprocess
import sys
import types

import pytest

import tusk


def test_it_is_typed() -> None:
    assert (importlib.resources.files("tusk") / "py.typed").is_file()


def test_it_does_not_import_torch() -> None:
    subprocess.run([sys.executable, "-c", "import sys, tusk; assert 'torch' not in sys.modules"], check=True)


def test_load_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)  # as if it were not installed
    with pytest.raises(ImportError, match=r"pip install 'tusk-density\[torch\]'"):
        tusk.load("model.safetensors")


def test_load_is_that_of_tusk_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    torch, ours = types.ModuleType("torch"), types.ModuleType("tusk.torch")
    torch.__spec__ = importlib.machinery.ModuleSpec("torch", None)
    ours.load = lambda path, **options: (path, options)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "tusk.torch", ours)
    assert tusk.load("model.safetensors", device="cpu") == ("model.safetensors", {"device": "cpu"})


def test_all_is_there() -> None:
    for module in (tusk, tusk.results):
        for name in module.__all__:
            assert hasattr(module, name)
