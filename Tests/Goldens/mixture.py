"""Mixtures of logistics: Ho et al., *Flow++* (2019), arXiv:1902.00275, §3.2, with our start and bounds."""

import dataclasses

import torch
from torch.distributions import (AffineTransform, Categorical, MixtureSameFamily, SigmoidTransform, TransformedDistribution,
                                 Uniform)
from torch.nn.functional import logsigmoid

from .transforms import log_scale

LEAST = 1e-26  # what is added to each weight


@dataclasses.dataclass(frozen=True)
class Mixture:
    """ln(F/(1 − F)) of the distribution function F, then an affine map; `raw` is shift, log-scale, then K log-weights, means and
    log-scales."""
    components: int
    bound: float

    @property
    def parameters(self):
        return 3 * self.components + 2

    def sizes(self):
        return {"components": self.components, "mixture_scale_bound": self.bound}

    def split(self, raw):
        """Log-weights, means and log-scales, `[…, K]` each."""
        k = torch.arange(self.components, dtype=raw.dtype)
        logits, means, scales = raw[..., 2:].split(self.components, -1)
        means = means + (2 * k + 1 - self.components) / self.components
        return (torch.softmax(logits, -1) + LEAST).log(), means, log_scale(scales, self.bound)

    def logit(self, x, raw):
        weights, means, scales = self.split(raw)
        u = (x[..., None] - means) * (-scales).exp()
        below = (weights + logsigmoid(u)).logsumexp(-1)
        above = (weights + logsigmoid(-u)).logsumexp(-1)
        density = (weights + logsigmoid(u) + logsigmoid(-u) - scales).logsumexp(-1)
        return below - above, density - below - above

    def forward(self, x, raw):
        logit, log_slope = self.logit(x, raw)
        scale = log_scale(raw[..., 1], self.bound)
        return logit * scale.exp() + raw[..., 0], log_slope + scale

    def inverse(self, z, raw):
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

    def check(self, generator):
        """torch's own mixtures, where their distribution functions are neither 0 nor 1 in double precision."""
        raw = torch.randn(200, self.parameters, generator=generator, dtype=torch.float64)
        raw[:, :2] = 0
        x = torch.randn(200, generator=generator, dtype=torch.float64) * 2
        weights, means, scales = self.split(raw)
        uniform = Uniform(torch.zeros_like(means), torch.ones_like(means))
        logistic = TransformedDistribution(uniform, [SigmoidTransform().inv, AffineTransform(means, scales.exp())])
        mixture = MixtureSameFamily(Categorical(logits=weights), logistic)
        cdf = mixture.cdf(x)
        logit, log_slope = self.forward(x, raw)
        torch.testing.assert_close(logit, torch.logit(cdf), rtol=1e-8, atol=1e-8)
        torch.testing.assert_close(
            log_slope, mixture.log_prob(x) - cdf.log() - (1 - cdf).log(), rtol=1e-8, atol=1e-8)
