"""Model files for the curves, made here and now; what they have learned does not matter."""

import pathlib
import subprocess

import numpy as np

from Training.torch.idx import write_idx

SIDE = 28


def run(program, *arguments):
    ended = subprocess.run([str(part) for part in (program, *arguments)], capture_output=True, text=True)
    if ended.returncode:
        raise RuntimeError(f"tusk {arguments[0]}: {ended.stderr.strip()}")
    return ended.stdout


def data(folder, classes=1, images=400):
    """Noisy squares, of as many brightnesses as there are classes."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(1)
    for split, count in (("train", max(images, 4 * classes)), ("val", max(100, classes))):
        labels = np.arange(count) % classes
        squares = np.zeros((count, SIDE, SIDE))
        squares[:, 8:20, 8:20] = (40 + 200 * labels / max(1, classes))[:, None, None]
        noisy = np.clip(squares + random.integers(0, 12, squares.shape), 0, 255).astype(np.uint8)
        write_idx(folder / f"{split}-images-idx3-ubyte.gz", noisy)
        write_idx(folder / f"{split}-labels-idx1-ubyte.gz", labels.astype(np.uint8))
    return folder


def trained(program, folder, name, classes=0):
    """A small coupling."""
    folder = pathlib.Path(folder)
    file = folder / f"{name}.safetensors"
    run(program, "train", "--data", data(folder / f"data-{name}", max(1, classes)), "--architecture", "coupling", "--layers", 2,
        "--hidden", "64", "--name", name, "--epochs", 1, "--output", file, *(["--conditional"] if classes else []))
    return file

