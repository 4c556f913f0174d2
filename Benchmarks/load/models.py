"""The models that are measured: the program's own, whose image takes a third of a second, and a small coupling, a millisecond."""

import dataclasses
import pathlib
import subprocess

from Benchmarks import machine

# Debian's package dataset-fashion-mnist
FASHION_MNIST = "/usr/share/datasets/fashion-mnist"
SMALL = ["--architecture", "coupling", "--layers", "2", "--hidden", "64", "--name", "small", "--seconds", "5"]


@dataclasses.dataclass(frozen=True)
class Model:
    key: str
    title: str
    file: str | None  # for `tusk serve --model`; None is the model inside the program
    weights: str  # the same as a file, for the peers
    seconds: float  # of a scenario
    quick_seconds: float
    peer_batch: int  # most requests of a peer's batch: more only make its answers late
    # in the requests that load the server, images and draws of their noise: with one of the small model the callers, who share the
    # processors with it, would be busier than the server
    load_images: int
    load_draws: int
    shape: tuple = (28, 28)


def default(folder, program, data):
    weights = machine.REPOSITORY / "Models" / "animals.safetensors"
    return Model("default", "default model", None, str(weights), seconds=60, quick_seconds=10, peer_batch=8, load_images=1, load_draws=1)


def small(folder, program, data):
    """Trained here and now; what it has learned does not matter, only that its weights are a model's."""
    file = pathlib.Path(folder) / "small.safetensors"
    command = [program, "train", "--data", data, *SMALL, "--output", file]
    trained = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if trained.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}: {trained.stderr.strip()}")
    return Model("small", "small coupling", str(file), str(file), seconds=20, quick_seconds=4, peer_batch=64, load_images=4, load_draws=64)


MODELS = {"default": default, "small": small}
