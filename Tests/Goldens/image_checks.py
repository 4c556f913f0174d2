"""The steps of flows of images against nflows' own layers, with our weights put in."""

import math

import torch
from nflows.transforms import OneByOneConvolution, Permutation, SqueezeTransform
from nflows.transforms.coupling import AffineCouplingTransform, PiecewiseRationalQuadraticCouplingTransform

from Training.torch.spline import LEAST
from .image_flows import mixing_matrix
from .transforms import Affine, Spline, log_scale


def close(actual, expected):
    torch.testing.assert_close(actual, expected, rtol=1e-9, atol=1e-9)


class AffineCoupling(AffineCouplingTransform):
    """nflows' coupling with our scale: its own, sigmoid(a + 2) + 0.001, stretches nothing to more than 1.001."""

    def __init__(self, bound, *arguments):
        super().__init__(*arguments)
        self.bound = bound

    def _scale_and_shift(self, transform_params):
        shift, raw = transform_params.chunk(2, 1)
        return log_scale(raw, self.bound).exp(), shift


class Network(torch.nn.Module):
    """What our network gives, `[batch, channels, height, width, parameters]`, as the coupling asks for it."""

    hidden_features = 1  # by its root theirs divides what makes a spline's bins

    def __init__(self, give):
        super().__init__()
        self.give = give

    def forward(self, key, context=None):
        return self.give(key)


def check_squeeze(image):
    """Our order of the four channels of a square is theirs."""
    close(SqueezeTransform()(image)[0], torch.nn.functional.pixel_unshuffle(image, 2))


def check_mixing(name, parameters, image):
    """W (x + shift) = P S (S L S) (S U + diag(exp(log_scale))) (x + shift) with S the signs, as their diagonal is positive. They
    permute what enters, we what leaves: their own permutation is the identity, another stands behind, as do the signs."""
    def get(key):
        return parameters[f"{name}.{key}"].detach()

    channels = image.shape[1]
    signs = torch.diag(get("sign"))
    lower = signs @ (torch.tril(get("lower"), -1) + torch.eye(channels, dtype=image.dtype)) @ signs
    upper = signs @ torch.triu(get("upper"), 1)
    theirs = OneByOneConvolution(channels).double()
    theirs.permutation = Permutation(torch.arange(channels), dim=1)
    theirs.lower_entries.data = lower[theirs.lower_indices]
    theirs.upper_entries.data = upper[theirs.upper_indices]
    theirs.unconstrained_upper_diag.data = (get("log_scale").exp() - theirs.eps).expm1().log()
    order = Permutation(get("permutation").long(), dim=1)

    moved = image + get("shift")[:, None, None]
    z, log_det = theirs(moved)
    close(order(z * get("sign")[:, None, None])[0], torch.einsum("oi,nihw->nohw", mixing_matrix(parameters, name), moved))
    close(log_det, (image[0, 0].numel() * get("log_scale").sum()).expand(len(image)))


def check_coupling(flow, name, key_is_first, parameters, image):
    """Both ways, affine or with splines; nflows has no other transform of ours."""
    transform = flow.transform
    channels = image.shape[1]
    half = channels // 2
    mask = (torch.arange(channels) >= half) == key_is_first

    def raw(key):
        return flow.network(name, "channels", parameters, key)

    if isinstance(transform, Spline):
        offset = math.log(math.exp(1 - LEAST) - 1)

        def give(key):
            given = raw(key)
            derivatives = given[..., 2 * transform.bins:] + offset
            given = torch.cat([given[..., :2 * transform.bins], derivatives], -1)
            return given.permute(0, 1, 4, 2, 3).flatten(1, 2)

        theirs = PiecewiseRationalQuadraticCouplingTransform(
            mask, lambda inputs, outputs: Network(give), transform.bins, "linear", transform.bound,
            min_bin_width=LEAST, min_bin_height=LEAST, min_derivative=LEAST)
    elif isinstance(transform, Affine):
        theirs = AffineCoupling(transform.bound, mask, lambda inputs, outputs: Network(
            lambda key: torch.cat(raw(key).unbind(-1), 1)))
    else:
        return
    z, log_det = flow.moved(name, "channels", key_is_first, parameters, image, inverse=False)
    close(theirs(image), (z, log_det))
    close(theirs.inverse(z)[0], image)


def check_causal(flow, name, is_reversed, parameters, image):
    """nflows has no such map: a pixel does not move those before it, and its channels do not move each other, or where it is predicted
    not those before them."""
    def pixels(image):
        return image[0].flatten(1).T.flip(0) if is_reversed else image[0].flatten(1).T

    jacobian = torch.autograd.functional.jacobian(
        lambda x: pixels(flow.moved(name, "causal", is_reversed, parameters, x, inverse=False)[0]), image[:1])
    count, channels = jacobian.shape[:2]
    jacobian = torch.stack([pixels(row) for row in jacobian.flatten(0, 1)]).reshape(count, channels, count, channels)
    place = torch.arange(count)
    later = place[:, None] < place
    assert jacobian.permute(0, 2, 1, 3)[later].abs().max() == 0
    own = jacobian[place, :, place]
    still = own.triu(1) if flow.predicts(name) else own - torch.diag_embed(own.diagonal(dim1=1, dim2=2))
    assert still.abs().max() == 0
    assert jacobian.permute(0, 2, 1, 3)[place[:, None] > place].abs().max() > 0


def check(flow, parameters, x, generator):
    """Each step by itself, on images of its own."""
    for name, kind, argument, (h, w, c) in flow.plan()[0]:
        image = torch.randn(len(x), c, h, w, generator=generator, dtype=x.dtype)
        if kind == "squeeze":
            check_squeeze(image)
        elif kind == "mixing":
            check_mixing(name, parameters, image)
        elif kind == "channels":
            check_coupling(flow, name, argument, parameters, image)
        elif kind == "causal":
            check_causal(flow, name, argument, parameters, image)
