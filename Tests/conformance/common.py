"""What the checks of this folder say and send."""

import io
import struct
import sys
import zlib

import numpy as np

images = np.random.default_rng(1).integers(0, 256, (3, 28, 28, 1), np.uint8)


def check(what, holds):
    print(("ok   " if holds else "FAIL ") + what)
    if not holds:
        sys.exit(1)


def png(image):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + row.tobytes() for row in image[..., 0])
    header = struct.pack(">IIBBBBB", 28, 28, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()
