"""The splits of a data set exactly as `tusk` makes them, and the hash by which it says what it trained on."""

import hashlib
import pathlib

import numpy as np

from .idx import read_idx

# Split and the names that it may have in file names, as in Swift's `Split`.
NAMES = {"train": ["train"], "validation": ["validation", "valid", "val"], "test": ["test", "t10k"]}


def find(folder, split, stem):
    """The file of `split`, gzipped or not; None when there is none."""
    for name in NAMES[split]:
        for suffix in ("", ".gz"):
            path = pathlib.Path(folder) / f"{name}-{stem}{suffix}"
            if path.exists():
                return path
    return None


def part_of(image):
    """0 ... 9, from the content of an image alone: 8 belongs to validation and 9 to test, where these have no files."""
    pixels, mirrored = image.tobytes(), image[:, ::-1].tobytes()
    return int.from_bytes(hashlib.sha256(min(pixels, mirrored)).digest()[:8], "big") % 10


def content_hash(images, labels, levels=256):
    """`data_hash` of a model file: SHA-256 of shape, levels, labels and pixels."""
    count, height, width = images.shape
    listed = "[" + ", ".join(map(str, labels.tolist())) + "]"
    head = f"{count}x{height}x{width}x1 levels {levels} labels {listed}\n"
    return hashlib.sha256(head.encode() + images.tobytes()).hexdigest()


def load(folder):
    """`{split: (images [n, height, width], labels [n])}`; what has no file is cut out of train, a tenth for each."""
    found = {split: find(folder, split, "images-idx3-ubyte") for split in NAMES}
    if not found["train"]:
        raise FileNotFoundError(f"{folder}: no train-images-idx3-ubyte[.gz]")
    splits = {split: (read_idx(path), read_idx(find(folder, split, "labels-idx1-ubyte")))
              for split, path in found.items() if path}
    missing = {part: split for part, split in ((8, "validation"), (9, "test")) if split not in splits}
    if missing:
        images, labels = splits["train"]
        parts = np.array([part_of(image) for image in images])
        for part, split in missing.items():
            splits[split] = (images[parts == part], labels[parts == part])
        kept = ~np.isin(parts, list(missing))
        splits["train"] = (images[kept], labels[kept])
    return splits
