"""Tusk's random numbers: dequantization noise and latents, as docs/reference/numerics.md has them."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROUNDS = 10
LOW = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)


def words(seed: Any, stream: Any, count: int) -> NDArray[np.uint64]:
    """The first ``count`` 32-bit words of a stream of Philox4x32-10 (Salmon et al. 2011): key ``seed``, counter ``(index, stream)``. Of
    several seeds and streams, uint64 ``[n, 1]`` both, as many rows."""
    index = np.arange(-(-count // 4), dtype=np.uint64)
    seed, stream = np.asarray(seed, np.uint64), np.asarray(stream, np.uint64)
    c = [index & LOW, index >> HALF, stream & LOW, stream >> HALF]
    k = [seed & LOW, seed >> HALF]
    for _ in range(ROUNDS):
        first, second = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = [(second >> HALF) ^ c[1] ^ k[0], second & LOW, (first >> HALF) ^ c[3] ^ k[1], first & LOW]
        k = [(k[0] + np.uint64(0x9E3779B9)) & LOW, (k[1] + np.uint64(0xBB67AE85)) & LOW]
    drawn = np.stack(np.broadcast_arrays(*c), axis=-1)
    return drawn.reshape(*drawn.shape[:-2], -1)[..., :count]


def seeds_of(name: str, images: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Seed of the noise of each row of levels, ``[n, dims]``, under the model ``name``: ``[n]``."""
    digests = (hashlib.sha256(name.encode() + b"\0" + pixels.tobytes()).digest() for pixels in images)
    return np.array([int.from_bytes(digest[:8], "big") for digest in digests], np.uint64)


def uniforms(seeds: NDArray[np.uint64], draw: int, dims: int) -> NDArray[np.float32]:
    """Numbers in (0, 1), ``[n, dims]``."""
    drawn = words(seeds[:, None], np.uint64(draw), dims)
    return ((drawn >> np.uint64(9)).astype(np.float32) + np.float32(0.5)) * np.float32(2**-23)


def normals(seeds: NDArray[np.uint64], streams: NDArray[np.uint64], dims: int) -> NDArray[np.float32]:
    """Standard normal numbers, ``[n, dims]``, by Box and Muller (1958)."""
    pairs = words(seeds[:, None], streams[:, None], 2 * dims).astype(np.float64).reshape(len(seeds), dims, 2) * 2.0**-32
    return (np.sqrt(-2 * np.log(pairs[..., 0] + 2.0**-32)) * np.cos(2 * np.pi * pairs[..., 1])).astype(np.float32)
