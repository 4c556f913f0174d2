"""The installed package: typed, light, and whole."""

from __future__ import annotations

import importlib.machinery
import importlib.resources
import subprocess
import sys
import types
from pathlib import Path

import pytest

import tusk


def test_it_is_typed() -> None:
    assert (importlib.resources.files("tusk") / "py.typed").is_file()


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("score: float = client.score('a.png', fit='cover', class_='cat').log_prob", None),
        ("client.score('a.png', fit='crop')", "fit"),
        ("client.score('a.png', klass='cat')", "klass"),
        ("client.score(3)", "score"),
        ("client.sample(1).samples[0].log_prob = 1.0", "read-only"),
    ],
)
def test_users_types_are_checked(code: str, complaint: str | None, tmp_path: Path) -> None:
    mypy = [sys.executable, "-m", "mypy", "--strict", "--config-file", "", "--cache-dir", str(tmp_path.parent / "mypy")]
    answer = subprocess.run(
        [*mypy, "-c", f"import tusk\nclient = tusk.Client()\n{code}"], cwd=tmp_path, check=False, capture_output=True, text=True
    )
    assert answer.returncode == (complaint is not None), answer.stdout
    assert (complaint or "Success") in answer.stdout


def test_it_does_not_import_torch() -> None:
    subprocess.run([sys.executable, "-c", "import sys, tusk; assert 'torch' not in sys.modules"], check=True)


def test_load_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    for absent in (None, types.ModuleType("torch")):  # as if it were not installed, or a folder had its name
        if absent is not None:
            absent.__spec__ = importlib.machinery.ModuleSpec("torch", None, is_package=True)
        monkeypatch.setitem(sys.modules, "torch", absent)
        with pytest.raises(ImportError, match=r"pip install 'tusk-density\[torch\]'"):
            tusk.load("model.safetensors")


def test_load_is_that_of_tusk_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    torch, ours = types.ModuleType("torch"), types.ModuleType("tusk.torch")
    torch.__spec__ = importlib.machinery.ModuleSpec("torch", None, origin="torch.py")
    ours.load = lambda path, **options: (path, options)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "tusk.torch", ours)
    assert tusk.load("model.safetensors", device="cpu") == ("model.safetensors", {"device": "cpu"})


def test_all_is_there() -> None:
    for module in (tusk, tusk.results):
        for name in module.__all__:
            assert hasattr(module, name)
