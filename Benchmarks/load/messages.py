"""What the callers send: images of a model's size, alone or many, and large pictures. Pixels are drawn by a seed."""

import base64
import functools
import io
import json
import struct

import numpy as np
from PIL import Image

from Benchmarks.http.png import png
from . import wire

LARGE = 4096  # pixels a side: 16 megapixels, the most that a service takes by default


def images(shape, count, seed=1):
    """`[count, height, width]` bytes of discs on black, with some noise: about as compressible as what people send."""
    chance = np.random.default_rng(seed)
    height, width = shape
    y, x = np.mgrid[:height, :width]
    centre = chance.uniform(0.3, 0.7, (count, 2, 1, 1))
    distance = np.hypot(y - centre[:, 0] * height, x - centre[:, 1] * width) / height
    bright = np.clip(700 * (0.35 - distance), 0, 220)
    return (bright + chance.integers(0, 20, bright.shape) * (bright > 0)).astype(np.uint8)


@functools.cache
def many_scans(bands=63, bits=4, side=LARGE):
    """Grey progressive JPEG of 1 + `bands` · `bits` scans and `side`² pixels, all the same, `side` a multiple of 1024: 46 kB, of which a
    decoder walks through all coefficients 253 times. Pillow writes no scans but its own ten, so this is by ITU-T T.81, annexes B and
    G: the DC coefficients, then each AC coefficient by itself, bit by bit."""
    def segment(marker, *parts):
        body = b"".join(parts)
        return bytes([0xFF, marker]) + struct.pack(">H", 2 + len(body)) + body

    def table(kind, symbol):
        """Huffman table whose only code, a bit of 0, is `symbol`."""
        return segment(0xC4, bytes([kind, 1, *[0] * 15, symbol]))

    def scan(first, last, high, low, coded):
        return segment(0xDA, bytes([1, 1, 0, first, last, high << 4 | low])) + bytes(coded)

    blocks = (side // 8) ** 2
    parts = [
        b"\xff\xd8", segment(0xDB, b"\0", b"\1" * 64), segment(0xC2, struct.pack(">BHHB", 8, side, side, 1), bytes([1, 0x11, 0])),
        # differences of 0; runs of 2¹⁴ blocks without a coefficient, by a code and 14 bits of 0
        table(0x00, 0x00), table(0x10, 0xE0), scan(0, 0, 0, 0, blocks // 8)]
    for band in range(1, bands + 1):
        for bit in reversed(range(bits)):
            parts.append(scan(band, band, 0 if bit == bits - 1 else bit + 1, bit, blocks // 2 ** 14 * 15 // 8))
    return b"".join(parts) + b"\xff\xd9"


@functools.cache
def progressive():
    """Progressive JPEG of one colour as Pillow writes it, in ten scans: 100 kB that unfold to 48 MB."""
    file = io.BytesIO()
    Image.new("RGB", (LARGE, LARGE), (90, 140, 60)).save(file, "JPEG", progressive=True, quality=90)
    return file.getvalue()


@functools.cache
def flat():
    """PNG of one colour: some 50 kB that unfold to 48 MB."""
    file = io.BytesIO()
    Image.new("RGB", (LARGE, LARGE), (90, 140, 60)).save(file, "PNG", optimize=True)
    return file.getvalue()


PICTURES = {"scans": (many_scans, "image/jpeg"), "progressive": (progressive, "image/jpeg"), "flat": (flat, "image/png")}


class Tusk:
    """How `tusk serve` is asked."""

    path = "/logprob"
    knows_deadlines = True  # X-Request-Timeout-Ms

    def __init__(self, shape):
        self.shape = shape

    def one(self):
        """An image as PNG."""
        return self.load(1, 1)

    def load(self, count, draws, keep_alive=True, timeout=None):
        """`count` images, of which the density is bounded by `draws` of their noise; `timeout` is the deadline that the request names,
        seconds."""
        fields = [("X-Request-Timeout-Ms", round(1000 * timeout))] if timeout else []
        path = self.path if draws == 1 else f"{self.path}?samples={draws}"
        if count == 1:
            return wire.request("POST", path, png(images(self.shape, 1)[0]), "image/png", keep_alive, fields)
        return wire.request("POST", path, images(self.shape, count).tobytes(), "application/octet-stream", keep_alive, fields)

    def several(self, count):
        return self.load(count, 1)

    def picture(self, kind):
        body, media = PICTURES[kind]
        return wire.request("POST", f"{self.path}?fit=contain", body(), media)

    def sample(self, count):
        return wire.request("GET", f"/sample?count={count}", fields=[("Accept", "application/x-npy")])


class Ray(Tusk):
    """Our peer with Ray Serve takes the same bodies; it draws nothing."""

    knows_deadlines = False

    def sample(self, count):
        return None


class LitServe:
    """LitServe takes JSON, so images are PNG in base64, as in its own examples."""

    knows_deadlines = False

    def __init__(self, shape):
        self.shape = shape

    def post(self, encoded, draws=1, keep_alive=True):
        text = [base64.b64encode(image).decode() for image in encoded]
        body = json.dumps({"images": text, "samples": draws}).encode()
        return wire.request("POST", "/logprob", body, "application/json", keep_alive)

    def one(self):
        return self.load(1, 1)

    def load(self, count, draws, keep_alive=True, timeout=None):
        return self.post([png(image) for image in images(self.shape, count)], draws, keep_alive)

    def several(self, count):
        return self.load(count, 1)

    def picture(self, kind):
        return self.post([PICTURES[kind][0]()])

    def sample(self, count):
        return None
