"""The libraries' flows of vectors, at the sizes of ours: what the model zoo trains beside them.

Every one starts with `Standardize`, as ours do. A `Density` is `forward(w)`, log p(w) in nats of `[n, D]` logits.
"""

import functools

import normflows
import torch
import zuko


class Standardize(torch.nn.Module):
    """z = (w + shift)·exp(log_scale) in every dimension, learned, started at mean 0 and deviation 1 of some rows."""

    def __init__(self, dims):
        super().__init__()
        self.shift = torch.nn.Parameter(torch.zeros(dims))
        self.log_scale = torch.nn.Parameter(torch.zeros(dims))

    @torch.no_grad()
    def initialize(self, w):
        self.shift.copy_(-w.mean(0))
        deviation = w.std(0)
        self.log_scale.copy_(torch.where(deviation > 0, -deviation.log(), torch.zeros_like(deviation)))

    def forward(self, w):
        return (w + self.shift) * self.log_scale.exp(), self.log_scale.sum()


class Density(torch.nn.Module):
    """A library's flow behind `Standardize`. `log_prob(module, x)` asks it in the library's own words."""

    def __init__(self, dims, module, log_prob, shape=None):
        super().__init__()
        self.standardize = Standardize(dims)
        self.module = module
        self.log_prob = log_prob
        self.shape = shape  # of an image, where the flow wants one

    @torch.no_grad()
    def initialize(self, w):
        """From a batch of training rows; whatever else the library starts from data starts with the first pass."""
        self.standardize.initialize(w)
        self.train()
        self(w)

    def forward(self, w):
        x, log_det = self.standardize(w)
        return self.log_prob(self.module, x if self.shape is None else x.view(-1, *self.shape)) + log_det


def zuko_log_prob(module, x):
    return module().log_prob(x)


def own_log_prob(module, x):
    return module.log_prob(x)


def spline(sizes):
    """zuko's rational-quadratic spline of one dimension, and the shapes of its parameters."""
    univariate = functools.partial(zuko.transforms.MonotonicRQSTransform, bound=sizes.tail_bound)
    return {"univariate": univariate, "shapes": [(sizes.bins,), (sizes.bins,), (sizes.bins - 1,)]}


def zuko_flow(kind, sizes, **options):
    return Density(sizes.dims, kind(
        sizes.dims, transforms=sizes.layers, hidden_features=sizes.hidden, **options), zuko_log_prob)


def zuko_nice(sizes):
    """Additive couplings, alternating halves; zuko's own `NICE` is affine unless it is told otherwise."""
    return zuko_flow(zuko.flows.NICE, sizes, univariate=zuko.transforms.AdditiveTransform, shapes=[()])


def zuko_coupling(sizes):
    return zuko_flow(zuko.flows.RealNVP, sizes)


def zuko_maf(sizes):
    return zuko_flow(zuko.flows.MAF, sizes)


def zuko_nsf_coupling(sizes):
    return zuko_flow(zuko.flows.NICE, sizes, **spline(sizes))


def zuko_nsf_autoregressive(sizes):
    """`NSF` has no argument for the bound of its splines, `MAF`, which it is made of, has."""
    return zuko_flow(zuko.flows.MAF, sizes, **spline(sizes))


def normflows_iaf(sizes):
    """Samples in one pass, so that a density is D passes of each network, and its gradient goes through all of them."""
    assert len(set(sizes.hidden)) == 1, "normflows has one width for all hidden layers"
    maps = []
    for _ in range(sizes.layers):
        permutation = normflows.flows.Permute(sizes.dims)
        permutation.perm.copy_(torch.arange(sizes.dims).flip(0))
        permutation.inv_perm.copy_(permutation.perm)
        maps += [normflows.flows.MaskedAffineAutoregressive(
            sizes.dims, sizes.hidden[0], num_blocks=len(sizes.hidden) - 1, use_residual_blocks=False), permutation]
    base = normflows.distributions.DiagGaussian(sizes.dims, trainable=False)
    return Density(sizes.dims, normflows.NormalizingFlow(base, maps), own_log_prob)
