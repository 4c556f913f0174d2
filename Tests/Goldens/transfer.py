"""Our masked networks' weights in zuko's and nflows' own masked networks.

The libraries do not sort their hidden units, so their mask buffers are replaced by our masks. Parameters go by the names
of the model file, and `flow` is the `MaskedAutoregressiveFlow` of Tests/Goldens/flows.py, which knows masks and order.
"""

import functools
import math

import torch
import zuko
from nflows.distributions.normal import StandardNormal
from nflows.flows.base import Flow
from nflows.transforms.autoregressive import MaskedAffineAutoregressiveTransform
from nflows.transforms.base import CompositeTransform
from nflows.transforms.made import MaskedLinear
from nflows.transforms.permutations import ReversePermutation
from nflows.utils import torchutils


def fill(linears, flow, parameters, i, columns, rows):
    """Masks, weights and biases of network `i`; `columns` of the first layer and `rows` of the last in their order."""
    masks = flow.masks()
    with torch.no_grad():
        for l, linear in enumerate(linears):
            take_rows = rows if l + 1 == len(linears) else slice(None)
            take_columns = columns if l == 0 else slice(None)
            linear.mask.copy_(masks[l][take_rows][:, take_columns])
            linear.weight.copy_(parameters[f"layers.{i}.weights.{l}"][take_rows][:, take_columns])
            linear.bias.copy_(parameters[f"layers.{i}.biases.{l}"][take_rows])


def zuko_flow(flow, parameters):
    """zuko's `MaskedAutoregressiveTransform`s over a standard normal.

    Its log-scale is a/(1 + |a/ln slope|), so our bound is c = −ln slope.
    """
    affine = functools.partial(zuko.transforms.MonotonicAffineTransform, slope=math.exp(-flow.transform.bound))
    dtype = parameters["standardize.shift"].dtype
    transforms = []
    for i in range(flow.layers):
        # zuko's columns and rows (shift, scale) go by dimension, ours by position
        position = torch.argsort(flow.order(i))
        layer = zuko.flows.MaskedAutoregressiveTransform(
            flow.dims, order=position, hidden_features=flow.hidden, univariate=affine)
        layer.to(dtype)
        linears = [module for module in layer.hyper if isinstance(module, zuko.nn.MaskedLinear)]
        fill(linears, flow, parameters, i, position, torch.stack([2 * position, 2 * position + 1], -1).flatten())
        transforms.append(layer)
    base = zuko.lazy.UnconditionalDistribution(
        zuko.distributions.DiagNormal, torch.zeros(flow.dims, dtype=dtype), torch.ones(flow.dims, dtype=dtype),
        buffer=True)
    return zuko.lazy.Flow(transforms, base)


class SoftClippedTransform(MaskedAffineAutoregressiveTransform):
    """nflows' masked network and inverse, with our log-scale a/(1 + |a|/c) where nflows has softplus."""

    def __init__(self, bound, **sizes):
        super().__init__(**sizes)
        self.bound = bound

    def _log_scale_and_shift(self, autoregressive_params):
        raw, shift = self._unconstrained_scale_and_shift(autoregressive_params)
        return raw / (1 + raw.abs() / self.bound), shift

    def _elementwise_forward(self, inputs, autoregressive_params):
        log_scale, shift = self._log_scale_and_shift(autoregressive_params)
        return inputs * log_scale.exp() + shift, torchutils.sum_except_batch(log_scale, num_batch_dims=1)

    def _elementwise_inverse(self, inputs, autoregressive_params):
        log_scale, shift = self._log_scale_and_shift(autoregressive_params)
        return (inputs - shift) / log_scale.exp(), -torchutils.sum_except_batch(log_scale, num_batch_dims=1)


def nflows_flow(flow, parameters):
    """nflows' masked transforms over a standard normal, a reversal before and after those of falling order."""
    assert len(set(flow.hidden)) == 1, "nflows has one width for all hidden layers"
    position = torch.arange(flow.dims)
    dtype = parameters["standardize.shift"].dtype
    transforms = []
    for i in range(flow.layers):
        layer = SoftClippedTransform(
            flow.transform.bound, features=flow.dims, hidden_features=flow.hidden[0], num_blocks=len(flow.hidden) - 1,
            use_residual_blocks=False)
        layer.to(dtype)
        linears = [module for module in layer.modules() if isinstance(module, MaskedLinear)]
        # its rows are (scale, shift) of each dimension, ours (shift, scale)
        fill(linears, flow, parameters, i, slice(None), torch.stack([2 * position + 1, 2 * position], -1).flatten())
        reversals = [ReversePermutation(flow.dims)] if i % 2 else []
        transforms += [*reversals, layer, *reversals]
    return Flow(CompositeTransform(transforms), StandardNormal([flow.dims])).to(dtype)


class Peer:
    """A library's flow behind the standardization that ours starts with, in the parameters' precision."""

    def __init__(self, library, flow, parameters):
        build = {"zuko": zuko_flow, "nflows": nflows_flow}[library]
        self.module = build(flow, parameters).eval()
        self.library = library
        self.shift, self.log_scale = parameters["standardize.shift"], parameters["standardize.log_scale"]

    @torch.no_grad()
    def log_prob(self, w):
        """log p(w), nats, in the library's own words."""
        y = (w + self.shift) * self.log_scale.exp()
        flow = self.module() if self.library == "zuko" else self.module
        return flow.log_prob(y) + self.log_scale.sum()

    @torch.no_grad()
    def inverse(self, z):
        """Latent → data, by the library's D passes a network."""
        if self.library == "zuko":
            y = self.module().transform.inv(z)
        else:
            y, _ = self.module._transform.inverse(z)
        return y * (-self.log_scale).exp() - self.shift
