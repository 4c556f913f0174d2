"""Densities of images and of sets. Log-densities are in nats."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tusk.decoding import Doubles, Result
from tusk.results.entries import Entries

Verdict = Literal["typical", "unusual", "outlier"]


@dataclass(frozen=True, eq=False)
class Evidence(Result):
    """One kind of evidence that an image is odd."""

    value: float
    p_value: float


@dataclass(frozen=True, eq=False)
class Pixels(Result):
    """What each pixel has to do with the density."""

    kind: Literal["conditional", "gradient"]
    """``conditional``: ``log p(pixel | pixels before)``, nats; ``gradient``: nats a level."""
    values: Doubles
    """``[H, W]``."""


@dataclass(frozen=True, eq=False)
class Score(Result):
    """Log-density of an image, and what it means. What the model cannot say, or was not asked for, is None."""

    log_prob: float
    """``log p(y)``, nats."""
    bits_per_dim: float
    samples: int
    """Draws of the dequantization noise."""
    model: str | None = None
    """None of a line of a stream, which does not say."""
    index: int = 0
    """Place among what was sent, from 0."""
    file: str | None = None
    """Name of the file; None of what was not given as a path."""
    percentile: float | None = None
    """Percentage of held-out images with a lower ``log_prob``."""
    verdict: Verdict | None = None
    alarm: float | None = None
    """Rate of false alarms of ``verdict``."""
    p_value: float | None = None
    as_odd: int | None = None
    as_odd_of: int | None = None
    reasons: tuple[str, ...] = ()
    """Ends of "the image …", most telling first."""
    class_set: tuple[str, ...] | None = None
    """Classes that the image may be of; empty says none of these."""
    class_alarm: float | None = None
    evidence: Mapping[str, Evidence] | None = None
    pixels: Pixels | None = None
    standard_error: float | None = None
    """Of ``log_prob``; of more than one draw."""
    class_: str | None = None
    class_posterior: Mapping[str, float] | None = None


@dataclass(frozen=True, eq=False)
class Scores(Entries[Score]):
    """Scores of several images."""

    @property
    def log_prob(self) -> NDArray[np.float64]:
        """``[n]``, nats; NaN where an image could not be read."""
        return np.array([entry.log_prob if isinstance(entry, Score) else np.nan for entry in self.results])


@dataclass(frozen=True, eq=False)
class SetTest(Result):
    """One test of a set of images."""

    name: str
    p_value: float
    direction: Literal["low", "high"]


@dataclass(frozen=True, eq=False)
class Typicality(Result):
    """Whether a set of images, taken together, is like the learned ones."""

    model: str
    images: int
    verdict: Verdict
    alarm: float
    p_value: float
    as_odd: int
    as_odd_of: int
    reasons: tuple[str, ...]
    outliers: int
    unusual: int
    tests: tuple[SetTest, ...]
