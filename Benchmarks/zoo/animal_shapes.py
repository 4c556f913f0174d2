"""The animal shapes as IDX files with their fixed splits, from the PyPI package that they are published in.

    python3 -m Benchmarks.zoo.animal_shapes --package FOLDER/animal_shape_mnist-0.39-py3-none-any.whl --output FOLDER

The package holds 10,000 images of ten animals in the order of their classes. animal-shapes-order.npy says which of them are
train (the first 7,000), validation (1,000) and test (2,000), and in which order: near-duplicates (a Euclidean distance below
2 on pixels in [0, 1], mirrored or not) share a split. The images come as a pickled array; its bytes are taken out
without running the pickle.
"""

import argparse
import gzip
import pathlib
import pickletools
import zipfile

import numpy as np

from Training.torch import data
from Training.torch.idx import write_idx

FOLDER = "animal_shape_mnist/data/Animal Shape/"
SPLITS = {"train": 7000, "validation": 1000, "test": 2000}
ORDER = pathlib.Path(__file__).with_name("animal-shapes-order.npy")
TRAIN_HASH = "acb2557b9068391645488a1d408a4389730f8854b91ccde6311d155f25712e41"


def array(package, name, dtype, shape):
    """The one block of bytes in a pickled array."""
    raw = gzip.decompress(package.read(f"{FOLDER}{name}"))
    blocks = [value for operation, value, _ in pickletools.genops(raw) if operation.name == "BINBYTES"]
    if len(blocks) != 1:
        raise ValueError(f"{name}: {len(blocks)} blocks of bytes where an array has one")
    return np.frombuffer(blocks[0], dtype).reshape(shape)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--package", required=True, help="the wheel of animal-shape-mnist 0.39")
    parser.add_argument("--output", required=True, type=pathlib.Path, help="folder for the IDX files")
    options = parser.parse_args()
    with zipfile.ZipFile(options.package) as package:
        images = array(package, "animal_data_version_3.gz", np.uint8, (10_000, 28, 28))
        labels = array(package, "animal_label_version_3.gz", "<i8", (10_000,)).astype(np.uint8)
    order = np.load(ORDER, allow_pickle=False)
    parts = np.split(order, np.cumsum(list(SPLITS.values()))[:-1])
    train = parts[0]
    if data.content_hash(images[train], labels[train]) != TRAIN_HASH:
        raise SystemExit("the package does not hold the images that it held in version 0.39")
    options.output.mkdir(parents=True, exist_ok=True)
    for split, rows in zip(SPLITS, parts):
        write_idx(options.output / f"{split}-images-idx3-ubyte.gz", images[rows])
        write_idx(options.output / f"{split}-labels-idx1-ubyte.gz", labels[rows])
    print(f"{options.output}: " + ", ".join(f"{len(rows):,} {split}" for split, rows in zip(SPLITS, parts)))


if __name__ == "__main__":
    main()
