"""nflows' couplings of images, at the sizes of our RealNVP and Glow: what the model zoo and the comparison of speed use.

`sizes` has what `sizes.Sizes` has, and for splines `bins` and `tail_bound`.
"""

import functools

import torch
from nflows.distributions.normal import StandardNormal
from nflows.flows.base import Flow
from nflows.nn.nets import ConvResidualNet
from nflows.transforms.base import CompositeTransform, MultiscaleCompositeTransform
from nflows.transforms.conv import OneByOneConvolution
from nflows.transforms.coupling import AffineCouplingTransform, PiecewiseRationalQuadraticCouplingTransform
from nflows.transforms.normalization import ActNorm
from nflows.transforms.reshape import SqueezeTransform

from .vector_flows import Density, own_log_prob


class Block(torch.nn.Module):
    """h + v, or h + v·sigmoid(g): v and g are 1×1 convolutions of act(conv(act(h)))."""

    def __init__(self, channels, kernel, gated):
        super().__init__()
        self.first = torch.nn.Conv2d(channels, channels, kernel, padding=kernel // 2)
        self.second = torch.nn.Conv2d(channels, channels * (2 if gated else 1), 1)
        self.gated = gated

    def forward(self, h):
        v = self.second(torch.relu(self.first(torch.relu(h))))
        return h + (torch.nn.functional.glu(v, 1) if self.gated else v)


class ImageNetwork(torch.nn.Module):
    """Our couplings' residual convolutional network, parameter for parameter: a bias of its own for every pixel, and a last
    convolution that starts at zero."""

    def __init__(self, inputs, outputs, sizes, height, width):
        super().__init__()
        channels = sizes.hidden[0]
        assert len(set(sizes.hidden)) == 1, "residual blocks of one width"
        self.hidden_channels = channels  # nflows' splines divide the raw widths and heights by the root of it
        self.first = torch.nn.Conv2d(inputs, channels, sizes.kernel, padding=sizes.kernel // 2)
        self.positions = torch.nn.Parameter(torch.zeros(channels, height, width))
        self.blocks = torch.nn.ModuleList([Block(channels, sizes.kernel, sizes.gated) for _ in sizes.hidden])
        self.last = torch.nn.Conv2d(channels, outputs, 1)
        torch.nn.init.zeros_(self.last.weight)
        torch.nn.init.zeros_(self.last.bias)

    def forward(self, key, context=None):
        h = self.first(key) + self.positions
        for block in self.blocks:
            h = block(h)
        return self.last(torch.relu(h))


def halves(channels, second):
    """Mask of nflows: 1 is transformed, the rest is the key."""
    return [1 if (c < channels // 2) == second else -1 for c in range(channels)]


def checkerboard(channels, parity):
    """The same for every other pixel, in the channels that `SqueezeTransform` made of 2×2 of them: channel·4 + 2·dy + dx."""
    return [1 if (c % 4 in (0, 3)) == (parity == 1) else -1 for c in range(channels)]


def affine(mask, network, sizes):
    return AffineCouplingTransform(mask, network)


def spline(mask, network, sizes):
    return PiecewiseRationalQuadraticCouplingTransform(
        mask, network, num_bins=sizes.bins, tails="linear", tail_bound=sizes.tail_bound)


def multiscale(sizes, steps):
    """Squeeze, then `steps(channels, height, width, is_last)`, at each scale; between scales half of the channels are done."""
    height, width, channels = sizes.shape
    transform = MultiscaleCompositeTransform(num_transforms=sizes.scales)
    shape = (channels, height, width)
    for scale in range(sizes.scales):
        shape = SqueezeTransform().get_output_shape(*shape)
        made = steps(*shape, scale == sizes.scales - 1)
        shape = transform.add_transform(CompositeTransform([SqueezeTransform(), *made]), shape)
    dims = height * width * channels
    flow = Flow(transform, StandardNormal([dims]))
    # rows are [channels, height, width], which with one channel is as ours are
    return Density(dims, flow, own_log_prob, shape=(channels, height, width))


def our_network(sizes, height, width):
    """Of our couplings, in PyTorch."""
    return lambda inputs, outputs: ImageNetwork(inputs, outputs, sizes, height, width)


def own_network(sizes, height, width):
    """nflows' `ConvResidualNet`, with as many blocks as ours: two 3×3 convolutions a block, 18·C² weights, where ours have a k×k
    and a 1×1 one. C is the multiple of 16 that comes nearest to the same number. Its last convolution starts at zero too."""
    assert not sizes.gated, "ConvResidualNet has no gates"
    channels = 16 * round(sizes.hidden[0] * ((sizes.kernel ** 2 + 1) / 18) ** 0.5 / 16)

    def build(inputs, outputs):
        network = ConvResidualNet(inputs, outputs, channels, num_blocks=len(sizes.hidden))
        torch.nn.init.zeros_(network.final_layer.weight)
        torch.nn.init.zeros_(network.final_layer.bias)
        return network

    return build


def nflows_realnvp(sizes, network=own_network):
    """`layers` couplings of a checkerboard at each scale, and at each but the last as many of halves of the channels. nflows
    splits images by channels alone, so that the checkerboard is one of the squeezed image: the same pixels, seen at half
    the side."""

    def steps(channels, height, width, is_last):
        masks = [checkerboard(channels, i % 2) for i in range(sizes.layers)]
        masks += [] if is_last else [halves(channels, i % 2 == 1) for i in range(sizes.layers)]
        return [affine(mask, network(sizes, height, width), sizes) for mask in masks]

    return multiscale(sizes, steps)


def glow(sizes, network=own_network, *, coupling):
    """`layers` steps of activation normalisation, 1×1 convolution and coupling at each scale."""

    def steps(channels, height, width, is_last):
        made = []
        for _ in range(sizes.layers):
            made += [ActNorm(channels), OneByOneConvolution(channels),
                     coupling(halves(channels, False), network(sizes, height, width), sizes)]
        return made

    return multiscale(sizes, steps)


nflows_glow = functools.partial(glow, coupling=affine)
nflows_nsf_glow = functools.partial(glow, coupling=spline)
