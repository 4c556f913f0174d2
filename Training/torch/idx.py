"""IDX data sets by the names of MNIST: <split>-images-idx3-ubyte and <split>-labels-idx1-ubyte, gzipped or not."""

import gzip
import pathlib
import struct

import numpy as np


def read_idx(path):
    """Unsigned bytes of one IDX file, in the file's shape."""
    raw = pathlib.Path(path).read_bytes()
    if raw[:2] == b"\x1f\x8b":
        raw = gzip.decompress(raw)
    zero, kind, rank = struct.unpack_from(">HBB", raw)
    if zero != 0 or kind != 0x08:
        raise ValueError(f"{path}: not an IDX file of unsigned bytes")
    shape = struct.unpack_from(f">{rank}I", raw, 4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * rank).reshape(shape)


def write_idx(path, values):
    """Unsigned bytes `values` as one gzipped IDX file; the same values, the same file."""
    head = struct.pack(f">HBB{values.ndim}I", 0, 0x08, values.ndim, *values.shape)
    pathlib.Path(path).write_bytes(gzip.compress(head + values.tobytes(), mtime=0))


def read_split(folder, split, label=None):
    """Images `[n, height, width]` of one split, of one class or of all."""

    def named(stem):
        for suffix in ("", ".gz"):
            path = pathlib.Path(folder) / f"{split}-{stem}{suffix}"
            if path.exists():
                return path
        raise FileNotFoundError(f"{folder}: no {split}-{stem}[.gz]")

    images = read_idx(named("images-idx3-ubyte"))
    if label is None:
        return images
    return images[read_idx(named("labels-idx1-ubyte")) == label]
