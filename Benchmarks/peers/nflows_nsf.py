"""nflows' autoregressive neural spline flow, as its users build it."""

from nflows.distributions.normal import StandardNormal
from nflows.flows.base import Flow
from nflows.transforms.autoregressive import MaskedPiecewiseRationalQuadraticAutoregressiveTransform
from nflows.transforms.base import CompositeTransform
from nflows.transforms.permutations import ReversePermutation

from .model import Model


class NflowsNSF(Model):
    """A reversal before each network. `H` then one block of `H` are two hidden layers."""

    package = "nflows"

    def __init__(self, dims, layers, hidden, bins=8, tail_bound=5.0):
        assert len(set(hidden)) == 1, "nflows has one width for all hidden layers"
        transforms = []
        for _ in range(layers):
            transforms += [ReversePermutation(dims), MaskedPiecewiseRationalQuadraticAutoregressiveTransform(
                dims, hidden[0], num_bins=bins, tails="linear", tail_bound=tail_bound,
                num_blocks=len(hidden) - 1, use_residual_blocks=False)]
        super().__init__(Flow(CompositeTransform(transforms), StandardNormal([dims])))

    def log_prob(self, x):
        return self.module.log_prob(x)

    def sample(self, count):
        return self.module.sample(count)
