"""What Tusk's flows do to each dimension, again: `raw` is `[…, parameters]`, as a network gives it.

A transform has its number of `parameters`, its `sizes` by their names in model files, `forward` with the log-derivative, `inverse`, and
a `check` against somebody else's code.
"""

import dataclasses
import math

import torch
from nflows.transforms.splines.rational_quadratic import unconstrained_rational_quadratic_spline

from Training.torch.spline import LEAST, spline, spline_inverse


def log_scale(raw, bound):
    """s = a/(1 + |a|/c), in (−c, c)."""
    return raw / (1 + raw.abs() / bound)


@dataclasses.dataclass(frozen=True)
class Affine:
    bound: float
    parameters = 2

    def sizes(self):
        return {}  # every golden has the bound of log-scales

    def forward(self, x, raw):
        scale = log_scale(raw[..., 1], self.bound)
        return x * scale.exp() + raw[..., 0], scale

    def inverse(self, z, raw):
        return (z - raw[..., 0]) * (-log_scale(raw[..., 1], self.bound)).exp()

    def check(self, generator):
        pass  # two operations


@dataclasses.dataclass(frozen=True)
class Shift:
    parameters = 1

    def sizes(self):
        return {}

    def forward(self, x, raw):
        return x + raw[..., 0], torch.zeros_like(x)

    def inverse(self, z, raw):
        return z - raw[..., 0]

    def check(self, generator):
        pass


@dataclasses.dataclass(frozen=True)
class Spline:
    bins: int
    bound: float

    @property
    def parameters(self):
        return 3 * self.bins - 1

    def sizes(self):
        return {"bins": self.bins, "tail_bound": self.bound}

    def forward(self, x, raw):
        return spline(x, raw, self.bins, self.bound)

    def inverse(self, z, raw):
        return spline_inverse(z, raw, self.bins, self.bound)

    def check(self, generator):
        """nflows' own splines of the same raw parameters, but for the derivatives' offset, inside and outside the tails."""
        raw = torch.randn(200, self.parameters, generator=generator, dtype=torch.float64) * 2
        x = torch.randn(200, generator=generator, dtype=torch.float64) * self.bound
        widths, heights, derivatives = raw.split([self.bins, self.bins, self.bins - 1], -1)
        offset = math.log(math.exp(1 - LEAST) - 1)
        sizes = {"tails": "linear", "tail_bound": self.bound, "min_bin_width": LEAST, "min_bin_height": LEAST,
                 "min_derivative": LEAST}
        for inverse, values in ((False, self.forward(x, raw)[0]), (True, self.inverse(x, raw))):
            theirs, log_derivative = unconstrained_rational_quadratic_spline(
                x, widths, heights, derivatives + offset, inverse=inverse, **sizes)
            torch.testing.assert_close(values, theirs, rtol=1e-9, atol=1e-9)
            if not inverse:
                torch.testing.assert_close(self.forward(x, raw)[1], log_derivative, rtol=1e-9, atol=1e-9)
