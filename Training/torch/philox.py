"""Tusk's random numbers again: dequantization noise and latents, as docs/reference/numerics.md and Sources/FlowCore have them."""

import hashlib

import numpy as np

ROUNDS = 10
LOW = np.uint64(0xFFFFFFFF)


def words(seed, stream, count):
    """The first `count` 32-bit words of a stream of Philox4x32-10: key `seed`, counter `(index, stream)`. Of several seeds and streams,
    uint64 `[n, 1]` both, as many rows."""
    index = np.arange(-(-count // 4), dtype=np.uint64)
    c = [index & LOW, index >> np.uint64(32), np.uint64(stream & 0xFFFFFFFF), np.uint64(stream >> 32)]
    k = [seed & 0xFFFFFFFF, seed >> 32]
    for _ in range(ROUNDS):
        first, second = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        high = lambda value: value >> np.uint64(32)  # noqa: E731
        c = [high(second) ^ c[1] ^ np.uint64(k[0]), second & LOW, high(first) ^ c[3] ^ np.uint64(k[1]), first & LOW]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    drawn = np.stack(c, axis=-1)
    return drawn.reshape(*drawn.shape[:-2], -1)[..., :count]


def noise_seed(name, pixels):
    """Seed of the noise of one image's levels under the model `name`."""
    return int.from_bytes(hashlib.sha256(name.encode() + b"\0" + pixels.tobytes()).digest()[:8], "big")


def dequantization_noise(name, pixels, draw=0):
    """`u` in (0, 1), float32, of one image's levels under the model `name`."""
    return uniform(words(noise_seed(name, pixels), draw, pixels.size))


def dequantization_noises(name, images, draws=1):
    """`u` of each row of `images` and of draws 0, 1, … of it, `[n · draws, dims]`, at once."""
    seeds = np.repeat(np.array([noise_seed(name, pixels) for pixels in images], np.uint64), draws)
    streams = np.tile(np.arange(draws, dtype=np.uint64), len(images))
    return uniform(words(seeds[:, None], streams[:, None], images.shape[1]))


def uniform(drawn):
    """Numbers in (0, 1), float32, of 32-bit words."""
    return ((drawn >> np.uint64(9)).astype(np.float32) + np.float32(0.5)) * np.float32(2**-23)


def latents(seed, count, dims):
    """Standard normal `[count, dims]`, float32: the latents of the samples 0, 1, … of a seed."""
    rows = []
    for index in range(count):
        pairs = words(seed, index, 2 * dims).astype(np.float64).reshape(-1, 2) * 2**-32
        rows.append(np.sqrt(-2 * np.log(pairs[:, 0] + 2**-32)) * np.cos(2 * np.pi * pairs[:, 1]))
    return np.stack(rows).astype(np.float32)
