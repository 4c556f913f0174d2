"""What is loaded: the card of a model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tusk.decoding import Doubles, Result

Order = Literal["parallel", "sequential"]


@dataclass(frozen=True, eq=False)
class Shape(Result):
    height: int
    width: int
    channels: int


@dataclass(frozen=True, eq=False)
class Preprocessing(Result):
    levels: int
    dequantization: Literal["uniform", "variational"]
    dequantizer: Mapping[str, Any] | None
    """Sizes of the flow that draws the noise of a variational dequantization."""
    logit_alpha: float


@dataclass(frozen=True, eq=False)
class Execution(Result):
    """How each direction is ordered over the dimensions of an image."""

    logprob: Order
    sample: Order


@dataclass(frozen=True, eq=False)
class Limits(Result):
    """The largest requests that can be answered within the time limit."""

    images: int
    """Images of a ``score_many``, times its ``samples``."""
    samples: int
    """Images of a ``sample``; not of a ``sample_stream``."""


@dataclass(frozen=True, eq=False)
class CurvePoint(Result):
    seconds: float
    epochs: float
    train_bits_per_dim: float
    validation_bits_per_dim: float


@dataclass(frozen=True, eq=False)
class Start(Result):
    """Model that a fine-tuning started from."""

    name: str
    parameter_hash: str


@dataclass(frozen=True, eq=False)
class Training(Result):
    data_hash: str
    split: str
    images: int
    horizontal_flips: bool
    seed: int
    epochs: int
    best_epoch: int
    batch: int
    wall_seconds: float
    curve: tuple[CurvePoint, ...] | None
    skipped_images: int = 0
    start: Start | None = None


@dataclass(frozen=True, eq=False)
class HeldOut(Result):
    split: str
    count: int
    bits_per_dim: float
    bits_per_dim_standard_error: float | None


@dataclass(frozen=True, eq=False)
class Calibration(Result):
    split: str
    count: int
    log_prob_quantiles: Doubles


@dataclass(frozen=True, eq=False)
class Decision(Result):
    """What ``verdict`` is decided by."""

    split: str
    fitted: int
    count: int
    alarm: float
    """Rate of false alarms where a request has none."""
    evidence: tuple[str, ...]
    class_counts: tuple[int | None, ...] | None


@dataclass(frozen=True, eq=False)
class Flagged(Result):
    alarm: float
    fraction: float


@dataclass(frozen=True, eq=False)
class Outliers(Result):
    """A set of outliers that held-out images were held against."""

    name: str
    count: int
    auroc: float
    caught: float | None


@dataclass(frozen=True, eq=False)
class Evaluation(Result):
    """Figures on images that neither training nor calibration saw."""

    split: str
    count: int
    bits_per_dim: float
    bits_per_dim_standard_error: float | None
    flagged: tuple[Flagged, ...]
    outliers: tuple[Outliers, ...]


@dataclass(frozen=True, eq=False)
class Model(Result):
    """A model's card."""

    name: str
    architecture: str
    hyper_parameters: Mapping[str, Any]
    shape: Shape
    dims: int
    """``H·W·C``."""
    classes: tuple[str, ...]
    class_prior: tuple[float, ...] | None
    """Fraction of the training images in each class; None where the model has one density for all."""
    preprocessing: Preprocessing
    execution: Execution
    limits: Limits
    parameter_count: int
    format_version: int
    mathematics_version: int
    training: Training | None
    held_out: HeldOut | None
    calibration: Calibration | None
    decision: Decision | None
    evaluation: Evaluation | None


@dataclass(frozen=True, eq=False)
class Models(Result):
    """The models that are loaded, the default first."""

    default: str
    models: tuple[Model, ...]

    def __iter__(self) -> Iterator[Model]:
        return iter(self.models)

    def __len__(self) -> int:
        return len(self.models)
