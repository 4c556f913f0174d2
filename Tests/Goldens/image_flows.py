"""Tusk's flows of images again, in PyTorch: images are `[batch, channels, height, width]` here, and convolutions torch's own.

An event is the image as `[height, width, channels]` and behind it, pixel by pixel too, what left at a scale, the last to leave
first.
"""

import math

import torch
from torch.nn.functional import conv2d, pixel_shuffle, pixel_unshuffle

from .flows import ACTIVATIONS, Flow, diagonal, diagonal_inverse


def convolution(x, parameters, name, side, seen=None):
    """Weights `[outputs, taps · inputs]`, taps row by row; of the square's `side²` the first `seen` or all."""
    weights = parameters[f"{name}.weights"]
    seen = seen or side**2
    square = torch.zeros(len(weights), side**2, x.shape[1], dtype=x.dtype)
    square = torch.cat([weights.reshape(len(weights), seen, -1), square[:, seen:]], 1)
    kernel = square.reshape(len(weights), side, side, -1).permute(0, 3, 1, 2)
    return conv2d(x, kernel, parameters[f"{name}.biases"], padding=side // 2)


PREDICTION_BOUND = 5  # of what a network adds to the log-scales of a prediction, nats


def mixing_matrix(parameters, name):
    """W = P L (U + diag(sign · exp(log_scale))): output c is row `permutation[c]` of the rest."""
    def get(key):
        return parameters[f"{name}.{key}"]

    lower = torch.tril(get("lower"), -1) + torch.eye(len(get("shift")), dtype=get("lower").dtype)
    upper = torch.triu(get("upper"), 1) + torch.diag(get("sign").detach() * get("log_scale").exp())
    return (lower @ upper)[get("permutation").long()]


def checkerboard(channels):
    """The exchange after which each half of a squeezed image's channels is one colour of a checkerboard; its own inverse."""
    order = list(range(channels))
    leave = [c for c in order[:channels // 2] if c % 4 in (1, 2)]
    enter = [c for c in order[channels // 2:] if c % 4 in (0, 3)]
    for first, second in zip(leave, enter):
        order[first], order[second] = second, first
    return order


class ImageFlow(Flow):
    """Standardize, then `steps`, each a kind and what it needs; a residual convolutional network gives the parameters of maps."""

    def __init__(self, shape, layers, hidden, transform, activation="relu", kernel=3, gated=False, scales=2, predictor=0):
        super().__init__(math.prod(shape), layers, hidden, transform, activation)
        self.shape, self.kernel, self.gated, self.scales, self.predictor = shape, kernel, gated, scales, predictor

    def sizes_of_images(self):
        sizes = {"kernel": self.kernel, "gated": self.gated, "scales": self.scales}
        return sizes | ({"predictor": self.predictor} if self.predictor else {})

    def steps(self):
        raise NotImplementedError

    def plan(self):
        """Of each step its name, kind, argument and the height, width and channels before it; at the end the last image's."""
        h, w, c = self.shape
        steps, left = [], []
        for i, (kind, argument) in enumerate(self.steps()):
            steps.append((f"layers.{i}", kind, argument, (h, w, c)))
            if kind == "squeeze":
                h, w, c = h // 2, w // 2, 4 * c
            elif kind == "factor out":
                left.insert(0, (h, w, c // 2))
                c -= c // 2
        return steps, [(h, w, c), *left]

    def network_shapes(self, name, kind, shape):
        h, w, c = shape
        key, moved = (c // 2, c - c // 2) if kind == "channels" else (c, c)
        width, places = self.hidden[0], self.kernel**2
        first, later = (places // 2, places // 2 + 1) if kind == "causal" else (places, places)
        maps = {"input": (width, first * key)}
        for b in range(len(self.hidden)):
            maps[f"blocks.{b}.first"] = (width, later * width)
            maps[f"blocks.{b}.value"] = (width, width)
            if self.gated:
                maps[f"blocks.{b}.gate"] = (width, width)
        more = self.prediction_outputs(c) if self.predicts(name) else 0
        maps["output"] = (moved * self.transform.parameters + more, width)
        if self.predicts(name):
            yield f"{name}.prediction.weights", (self.predictor**2 // 2 * c * c + c * (c - 1) // 2,)
            yield f"{name}.prediction.shift", (c,)
            yield f"{name}.prediction.log_scale", (c,)
        for part, (outputs, depth) in maps.items():
            yield f"{name}.{part}.weights", (outputs, depth)
            yield f"{name}.{part}.biases", (outputs,)
            if part == "input":
                yield f"{name}.positions", (h * w, width)

    def shapes(self):
        shapes = {"standardize.shift": (self.dims,), "standardize.log_scale": (self.dims,)}
        for name, kind, _, (h, w, c) in self.plan()[0]:
            if kind == "mixing":
                square, line = (c, c), (c,)
                shapes |= {f"{name}.shift": line, f"{name}.lower": square, f"{name}.upper": square,
                           f"{name}.log_scale": line, f"{name}.permutation": line, f"{name}.sign": line}
            elif kind in ("channels", "causal"):
                shapes |= dict(self.network_shapes(name, kind, (h, w, c)))
        return shapes

    def predicts(self, name):
        """Whether that map predicts its pixels."""
        return self.predictor > 0 and name == "layers.0"

    @staticmethod
    def prediction_outputs(channels):
        return 2 * channels + channels * (channels - 1) // 2

    def predicted(self, name, parameters, image, key, more, inverse):
        """What a linear prediction leaves over of the image, or the image of that, and log|det| of the way forward per value.

        Of pixels before, `key` has the image's; of the pixel's own channels the image itself has them, or on the way back finds them.
        `more` are the network's log-scales, shifts and coefficients, `[batch, outputs, height, width]`.
        """
        weights, shift, log_scale = (
            parameters[f"{name}.prediction.{part}"].detach() for part in ("weights", "shift", "log_scale"))
        channels, side, count = image.shape[1], self.predictor, self.predictor**2 // 2 * image.shape[1]
        found, logs, first, coefficient = [], [], 0, 2 * channels
        for c in range(channels):
            taps = weights[first:first + count].reshape(1, -1, channels)
            square = torch.cat([taps, torch.zeros(1, side**2 - taps.shape[1], channels, dtype=taps.dtype)], 1)
            mean = conv2d(key, square.reshape(1, side, side, channels).permute(0, 3, 1, 2), padding=side // 2)[:, 0] + shift[c]
            for k in range(c):
                earlier = found[k] if inverse else image[:, k]
                mean = mean + (weights[first + count + k] + more[:, coefficient + k]) * earlier
            raw = more[:, c]
            log = log_scale[c] + PREDICTION_BOUND * raw / (PREDICTION_BOUND + raw.abs())
            move = more[:, channels + c]
            found.append((image[:, c] - move) * torch.exp(-log) + mean if inverse else (image[:, c] - mean) * log.exp() + move)
            logs.append(log)
            first, coefficient = first + count + c, coefficient + c
        return torch.stack(found, 1), torch.stack(logs, 1)

    def causal(self, name, parameters, image, key, inverse):
        """The image through a map, given the pixels before each in `key`, or back, and log|det| of the way forward per value."""
        raw, more = self.conditioner(name, "causal", parameters, key)
        if inverse:
            image = self.transform.inverse(image, raw)
            return self.predicted(name, parameters, image, key, more, True)[0] if self.predicts(name) else image
        if not self.predicts(name):
            return self.transform.forward(image, raw)
        image, first = self.predicted(name, parameters, image, key, more, False)
        image, second = self.transform.forward(image, raw)
        return image, first + second

    def network(self, name, kind, parameters, key):
        """`[batch, transformed channels, height, width, parameters]`."""
        return self.conditioner(name, kind, parameters, key)[0]

    def conditioner(self, name, kind, parameters, key):
        """Parameters of the transforms, as `network` gives them, and behind them those of a prediction."""
        act, side = ACTIVATIONS[self.activation], self.kernel
        first, later = (side**2 // 2, side**2 // 2 + 1) if kind == "causal" else (None, None)
        rows, _, h, w = key.shape
        x = convolution(key, parameters, f"{name}.input", side, first)
        x = x + parameters[f"{name}.positions"].T.reshape(1, -1, h, w)
        for b in range(len(self.hidden)):
            inner = act(convolution(act(x), parameters, f"{name}.blocks.{b}.first", side, later))
            value = convolution(inner, parameters, f"{name}.blocks.{b}.value", 1)
            if self.gated:
                value = value * torch.sigmoid(convolution(inner, parameters, f"{name}.blocks.{b}.gate", 1))
            x = x + value
        raw = convolution(act(x), parameters, f"{name}.output", 1)
        more = self.prediction_outputs(key.shape[1]) if self.predicts(name) else 0
        raw, more = raw.tensor_split([raw.shape[1] - more], 1)
        return raw.reshape(rows, -1, self.transform.parameters, h, w).permute(0, 1, 3, 4, 2), more

    def moved(self, name, kind, argument, parameters, image, inverse):
        """The image through a map or back, and log|det| per row of the way forward, None on the way back."""
        def through(x, raw):
            return (self.transform.inverse(x, raw), None) if inverse else self.transform.forward(x, raw)

        if kind == "channels":  # argument: whether the first half is the key
            halves = image.tensor_split([image.shape[1] // 2], 1)
            key, rest = halves if argument else halves[::-1]
            rest, log = through(rest, self.network(name, kind, parameters, key))
            image = torch.cat([key, rest] if argument else [rest, key], 1)
        else:  # argument: whether the last pixel comes first
            image = image.flip(2, 3) if argument else image
            if inverse:
                known = torch.zeros_like(image)
                for pixel in range(image.shape[2] * image.shape[3]):  # a pass of the network makes one more pixel right
                    y, x = divmod(pixel, image.shape[3])
                    known[:, :, y, x] = self.causal(name, parameters, image, known, True)[:, :, y, x]
                image, log = known, None
            else:
                image, log = self.causal(name, parameters, image, image, False)
            image = image.flip(2, 3) if argument else image
        return image, None if inverse else log.sum((1, 2, 3))

    def forward(self, parameters, x):
        z, log_det = diagonal(x, parameters, "standardize")
        h, w, c = self.shape
        image, left = z.reshape(-1, h, w, c).permute(0, 3, 1, 2), []
        for name, kind, argument, (h, w, _) in self.plan()[0]:
            if kind == "squeeze":
                image = pixel_unshuffle(image, 2)
            elif kind == "checkerboard":
                image = image[:, checkerboard(image.shape[1])]
            elif kind == "factor out":
                image, out = image.tensor_split([image.shape[1] - image.shape[1] // 2], 1)
                left.insert(0, out)
            elif kind == "mixing":
                shifted = image + parameters[f"{name}.shift"][:, None, None]
                image = torch.einsum("oi,nihw->nohw", mixing_matrix(parameters, name), shifted)
                log_det = log_det + h * w * parameters[f"{name}.log_scale"].sum()
            else:
                image, part = self.moved(name, kind, argument, parameters, image, inverse=False)
                log_det = log_det + part
        return torch.cat([part.permute(0, 2, 3, 1).flatten(1) for part in (image, *left)], 1), log_det

    def inverse(self, parameters, z):
        steps, shapes = self.plan()
        parts = z.split([math.prod(shape) for shape in shapes], 1)
        image, *left = [part.reshape(-1, *shape).permute(0, 3, 1, 2) for part, shape in zip(parts, shapes)]
        for name, kind, argument, _ in reversed(steps):
            if kind == "squeeze":
                image = pixel_shuffle(image, 2)
            elif kind == "checkerboard":
                image = image[:, checkerboard(image.shape[1])]
            elif kind == "factor out":
                image = torch.cat([image, left.pop(0)], 1)
            elif kind == "mixing":
                back = torch.linalg.inv(mixing_matrix(parameters, name))
                image = torch.einsum("oi,nihw->nohw", back, image) - parameters[f"{name}.shift"][:, None, None]
            else:
                image, _ = self.moved(name, kind, argument, parameters, image, inverse=True)
        return diagonal_inverse(image.permute(0, 2, 3, 1).flatten(1), parameters, "standardize")


class RealNVPFlow(ImageFlow):
    """Dinh, Sohl-Dickstein, Bengio (2017), arXiv:1605.08803, §3.4 to §3.6, without batch normalisation, and with the
    checkerboard squeezed too."""

    def steps(self):
        halves = [("channels", i % 2 == 0) for i in range(self.layers)]
        last = [("squeeze", None), ("checkerboard", None), *halves]
        return [*last, ("checkerboard", None), *halves, ("factor out", None)] * (self.scales - 1) + last


class GlowFlow(ImageFlow):
    """Kingma and Dhariwal (2018), arXiv:1807.03039, §3, or with splines RQ-NSF (C) on images."""

    def steps(self):
        scale = [("squeeze", None)] + [("mixing", None), ("channels", True)] * self.layers
        return (scale + [("factor out", None)]) * (self.scales - 1) + scale


class ConvolutionalFlow(ImageFlow):
    """Transforms of every pixel given those before it, by a masked convolutional network as in van den Oord et al. (2016),
    arXiv:1606.05328."""

    def steps(self):
        return [("causal", i % 2 == 1) for i in range(self.layers)]
