"""Images that the model draws, and latents. Log-densities are in nats."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tusk.decoding import Picture, Result, Singles
from tusk.results.entries import Entries


@dataclass(frozen=True, eq=False)
class Sample(Result):
    """An image drawn from the density."""

    index: int
    """Number of the sample within its seed."""
    image: Picture
    """Levels, ``[H, W]`` or ``[H, W, C]`` uint8."""
    log_prob: float
    """``log p(y)`` of the drawn point, or with a class ``log p(y | class)``; nats."""
    bits_per_dim: float
    class_: str | None = None

    def picture(self) -> Image.Image:
        """The levels as a Pillow image; of a model of fewer than 256 levels dark."""
        return Image.fromarray(self.image)


@dataclass(frozen=True, eq=False, kw_only=True)
class StreamedSample(Sample):
    model: str
    seed: int


@dataclass(frozen=True, eq=False)
class Samples(Result):
    """Images drawn with one seed."""

    model: str
    seed: int
    """With it the same images are drawn again."""
    temperature: float
    samples: tuple[Sample, ...]

    def __iter__(self) -> Iterator[Sample]:
        return iter(self.samples)

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def images(self) -> NDArray[np.uint8]:
        """``[n, H, W]`` or ``[n, H, W, C]``, levels."""
        return np.stack([sample.image for sample in self.samples])

    @property
    def log_prob(self) -> NDArray[np.float64]:
        """``[n]``, nats."""
        return np.array([sample.log_prob for sample in self.samples])


@dataclass(frozen=True, eq=False)
class ImageError(Result):
    """How far an image is from what its latent is decoded to."""

    levels: int
    input: float
    """Largest distance of the logit of a dequantized level."""


@dataclass(frozen=True, eq=False)
class LatentError(Result):
    """How far a latent is from that of its image; None where that is not finite."""

    latent: float | None


@dataclass(frozen=True, eq=False)
class Latent(Result):
    """The latent of an image."""

    latent: Singles
    """``[H, W, C]`` float32, in the flow's own order of dimensions."""
    log_prob: float
    bits_per_dim: float
    round_trip_error: ImageError | None
    """None where it is not finite."""
    class_: str | None = None
    """What ``decode`` needs of a class-conditional model."""
    model: str = ""
    index: int = 0
    file: str | None = None


@dataclass(frozen=True, eq=False)
class Latents(Entries[Latent]):
    """Latents of several images."""


@dataclass(frozen=True, eq=False, kw_only=True)
class DecodedImage(Sample):
    """The image of a latent."""

    round_trip_error: LatentError
    states: tuple[Picture, ...] = ()
    """How the latent becomes the image, map by map; only with ``states=True``."""


@dataclass(frozen=True, eq=False)
class Decoded(Entries[DecodedImage]):
    """Images of latents; failed are latents whose image is not finite."""

    @property
    def images(self) -> NDArray[np.uint8]:
        """``[n, H, W]`` or ``[n, H, W, C]``, levels; raises as ``all`` does."""
        return np.stack([entry.image for entry in self.all()])


@dataclass(frozen=True, eq=False)
class Endpoint(Result):
    """What is said of one of the two images that were sent."""

    log_prob: float
    round_trip_error: ImageError | None


@dataclass(frozen=True, eq=False, kw_only=True)
class Step(DecodedImage):
    position: float
    """Place between the two images, by angle, from 0 to 1."""


@dataclass(frozen=True, eq=False)
class Interpolated(Result):
    """Images between two images."""

    model: str
    endpoints: tuple[Endpoint, ...]
    steps: tuple[Step, ...]
    class_: str | None = None

    @property
    def images(self) -> NDArray[np.uint8]:
        """``[n, H, W]`` or ``[n, H, W, C]``, levels."""
        return np.stack([step.image for step in self.steps])


@dataclass(frozen=True, eq=False, kw_only=True)
class Completion(DecodedImage):
    effective_sample_size: float | None = None
    ancestors: int | None = None
    acceptance: float | None = None


@dataclass(frozen=True, eq=False)
class Completions(Result):
    """The rest of an image, drawn given what is known of it."""

    model: str
    seed: int
    temperature: float
    method: Literal["conditional", "sequential-monte-carlo", "latent-markov-chain"]
    exact: bool
    """Whether every draw has the conditional density itself."""
    known_pixels: int
    samples: tuple[Completion, ...]
    particles: int | None = None
    moves: int | None = None

    @property
    def images(self) -> NDArray[np.uint8]:
        """``[n, H, W]`` or ``[n, H, W, C]``, levels."""
        return np.stack([sample.image for sample in self.samples])
