"""Maps of one number with parameters from a network: ``raw`` is ``[…, parameters]``.

A transform has its number of ``parameters``, ``forward(x, raw)``, data to latent, with the log-derivative, and ``inverse(z, raw)``.
Zeros give the identity or a map near it.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn.functional import softplus

from tusk.torch.spline import spline, spline_inverse

LEAST_SCALE = 1e-3  # of scales by softplus and by the logistic function
LEAST_WEIGHT = 1e-26  # what is added to each weight of a mixture


class Transform(Protocol):
    """What a network's outputs are the parameters of."""

    @property
    def parameters(self) -> int: ...

    def forward(self, x: Tensor, raw: Tensor) -> tuple[Tensor, Tensor]: ...

    def inverse(self, z: Tensor, raw: Tensor) -> Tensor: ...


def log_sigmoid(u: Tensor) -> Tensor:
    """ln σ(u), by an operation that exported graphs keep as precise."""
    return -softplus(-u)


def log_sum(x: Tensor) -> Tensor:
    """ln Σ exp of the last axis, likewise."""
    most = x.amax(-1, keepdim=True)
    return (x - most).exp().sum(-1).log() + most[..., 0]


def log_scale(raw: Tensor, bound: float) -> Tensor:
    """s = a/(1 + |a|/c), in (-c, c)."""
    return raw / (1 + raw.abs() / bound)


@dataclasses.dataclass(frozen=True)
class Affine:
    """x · exp(s) + t, or another scale: ``function`` is exp, softplus or logistic, as in model files."""

    bound: float
    function: str = "exp"
    parameters: int = 2

    def log(self, raw: Tensor) -> Tensor:
        """Logarithm of the scale."""
        if self.function == "exp":
            return log_scale(raw, self.bound)
        if self.function == "softplus":
            return (softplus(raw + math.log(math.expm1(1 - LEAST_SCALE))) + LEAST_SCALE).log()
        return (torch.sigmoid(raw + math.log((1 - LEAST_SCALE) / LEAST_SCALE)) + LEAST_SCALE).log()

    def forward(self, x: Tensor, raw: Tensor) -> tuple[Tensor, Tensor]:
        log = self.log(raw[..., 1])
        return x * log.exp() + raw[..., 0], log

    def inverse(self, z: Tensor, raw: Tensor) -> Tensor:
        return (z - raw[..., 0]) * (-self.log(raw[..., 1])).exp()


@dataclasses.dataclass(frozen=True)
class Shift:
    """x + t: Dinh et al., *NICE* (2014), arXiv:1410.8516, section 3.2."""

    parameters: int = 1

    def forward(self, x: Tensor, raw: Tensor) -> tuple[Tensor, Tensor]:
        return x + raw[..., 0], torch.zeros_like(x)

    def inverse(self, z: Tensor, raw: Tensor) -> Tensor:
        return z - raw[..., 0]


@dataclasses.dataclass(frozen=True)
class Spline:
    """A monotone rational-quadratic spline on [-bound, bound], and the identity outside."""

    bins: int
    bound: float

    @property
    def parameters(self) -> int:
        return 3 * self.bins - 1

    def forward(self, x: Tensor, raw: Tensor) -> tuple[Tensor, Tensor]:
        return spline(x, raw, self.bins, self.bound)

    def inverse(self, z: Tensor, raw: Tensor) -> Tensor:
        return spline_inverse(z, raw, self.bins, self.bound)


@dataclasses.dataclass(frozen=True)
class Mixture:
    """ln(F/(1 - F)) of the distribution function F of a mixture of logistics, then an affine map: Ho et al., *Flow++* (2019),
    arXiv:1902.00275, section 3.2. ``raw`` is shift, log-scale, then K log-weights, means and log-scales."""

    components: int
    bound: float

    @property
    def parameters(self) -> int:
        return 3 * self.components + 2

    def split(self, raw: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Log-weights, means and log-scales, ``[…, K]`` each."""
        k = torch.arange(self.components, dtype=raw.dtype, device=raw.device)
        logits, means, scales = raw[..., 2:].split(self.components, -1)
        means = means + (2 * k + 1 - self.components) / self.components
        return (torch.softmax(logits, -1) + LEAST_WEIGHT).log(), means, log_scale(scales, self.bound)

    def logit(self, x: Tensor, raw: Tensor) -> tuple[Tensor, Tensor]:
        """ln(F/(1 - F)) and the logarithm of its derivative."""
        weights, means, scales = self.split(raw)
        u = (x[..., None] - means) * (-scales).exp()
        left, right = weights + log_sigmoid(u), weights + log_sigmoid(-u)
        below, above, density = log_sum(left), log_sum(right), log_sum(left + log_sigmoid(-u) - scales)
        return below - above, density - below - above

    def forward(self, x: Tensor, raw: Tensor) -> tuple[Tensor, Tensor]:
        logit, log_slope = self.logit(x, raw)
        scale = log_scale(raw[..., 1], self.bound)
        return logit * scale.exp() + raw[..., 0], log_slope + scale

    def inverse(self, z: Tensor, raw: Tensor) -> Tensor:
        """By halving a bracket, the components' own inverses, a hundred times."""
        target = (z - raw[..., 0]) * (-log_scale(raw[..., 1], self.bound)).exp()
        _, means, scales = self.split(raw)
        own = means + target[..., None] * scales.exp()
        low, high = own.amin(-1), own.amax(-1)
        for _ in range(100):
            x = (low + high) / 2
            is_below = self.logit(x, raw)[0] < target
            low, high = torch.where(is_below, x, low), torch.where(is_below, high, x)
        return (low + high) / 2


def transform_of(architecture: str, sizes: dict[str, Any]) -> Transform:
    """The transform of an architecture with sizes as a model file has them."""
    if architecture == "nice":
        return Shift()
    if architecture.startswith("nsf-"):
        return Spline(sizes["bins"], sizes["tail_bound"])
    if architecture.startswith("mixture-"):
        return Mixture(sizes["components"], sizes["mixture_scale_bound"])
    return Affine(sizes["log_scale_bound"], sizes["scale_function"])
