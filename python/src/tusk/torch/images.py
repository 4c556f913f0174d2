"""Flows of images: inside, images are ``[batch, channels, height, width]``.

An event is the image as ``[height, width, channels]`` and behind it, pixel by pixel too, what left at a scale, the last to leave first.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import conv2d

from tusk.torch.convolutional import ConvolutionalNetwork
from tusk.torch.transforms import Transform
from tusk.torch.vectors import Parameters, diagonal, diagonal_inverse

PREDICTION_BOUND = 5  # of what a network adds to the log-scales of a prediction, nats
Shape = tuple[int, int, int]
Step = tuple[str, str, bool, Shape]


def squeeze(x: Tensor) -> Tensor:
    """Squares of 2 × 2 pixels as channels, channel · 4 + row · 2 + column, by reshapes, which every exporter knows."""
    batch, channels, height, width = x.shape
    x = x.reshape(batch, channels, height // 2, 2, width // 2, 2)
    return x.permute(0, 1, 3, 5, 2, 4).reshape(batch, 4 * channels, height // 2, width // 2)


def unsqueeze(x: Tensor) -> Tensor:
    batch, channels, height, width = x.shape
    x = x.reshape(batch, channels // 4, 2, 2, height, width)
    return x.permute(0, 1, 4, 2, 5, 3).reshape(batch, channels // 4, 2 * height, 2 * width)


def checkerboard(channels: int) -> list[int]:
    """The exchange after which each half of a squeezed image's channels is one colour of a checkerboard; its own inverse."""
    order = list(range(channels))
    leave = [c for c in order[: channels // 2] if c % 4 in (1, 2)]
    enter = [c for c in order[channels // 2 :] if c % 4 in (0, 3)]
    for first, second in zip(leave, enter, strict=False):
        order[first], order[second] = second, first
    return order


def mixing_matrix(parameters: Parameters, name: str) -> Tensor:
    """W = P L (U + diag(sign · exp(log_scale))): output c is row ``permutation[c]`` of the rest."""
    lower, log = parameters[f"{name}.lower"], parameters[f"{name}.log_scale"]
    lower = torch.tril(lower, -1) + torch.eye(len(log), dtype=lower.dtype, device=lower.device)
    upper = torch.triu(parameters[f"{name}.upper"], 1) + torch.diag(parameters[f"{name}.sign"].detach() * log.exp())
    return (lower @ upper)[parameters[f"{name}.permutation"].detach().long()]


class ImageFlow:
    """Standardisation, then ``steps``, each a kind and what it needs; a residual convolutional network gives the parameters of maps."""

    is_parallel = True

    def __init__(self, shape: Shape, sizes: Mapping[str, Any], transform: Transform) -> None:
        self.shape, self.sizes, self.transform = shape, sizes, transform
        self.dims = math.prod(shape)
        self.classes: int = sizes["classes"]
        self.predictor: int = sizes["predictor"]
        self.belief: ConvolutionalNetwork | None = None
        self.steps_made, self.left = self.plan()
        self.networks = {step[0]: self.network_of(step) for step in self.steps_made if step[1] in ("channels", "causal")}
        if sizes["belief"]:
            height, width, channels = shape
            self.belief = ConvolutionalNetwork(
                "layers.0.belief",
                (height, width),
                channels,
                self.classes,
                tuple(sizes["belief"]),
                sizes["kernel"],
                True,
                sizes["gated"],
                sizes["activation"],
            )

    def steps(self) -> list[tuple[str, bool]]:
        """Kinds of the steps, each with whether the first half is the key, or whether the last pixel comes first."""
        raise NotImplementedError

    def plan(self) -> tuple[list[Step], list[Shape]]:
        """Of each step its name, kind, argument and the height, width and channels before it; then the shapes of what the latent is
        made of."""
        height, width, channels = self.shape
        steps: list[Step] = []
        left: list[Shape] = []
        for i, (kind, argument) in enumerate(self.steps()):
            steps.append((f"layers.{i}", kind, argument, (height, width, channels)))
            if kind == "squeeze":
                height, width, channels = height // 2, width // 2, 4 * channels
            elif kind == "factor out":
                left.insert(0, (height, width, channels // 2))
                channels -= channels // 2
        return steps, [(height, width, channels), *left]

    def predicts(self, name: str) -> bool:
        """Whether that map predicts its pixels first."""
        return self.predictor > 0 and name == "layers.0"

    @staticmethod
    def prediction_outputs(channels: int) -> int:
        return 2 * channels + channels * (channels - 1) // 2

    def network_of(self, step: Step) -> ConvolutionalNetwork:
        name, kind, is_first, (height, width, channels) = step
        key, moved = channels, channels
        if kind == "channels":
            half = channels // 2
            key, moved = (half, channels - half) if is_first else (channels - half, half)
        more = self.prediction_outputs(channels) if self.predicts(name) else 0
        return ConvolutionalNetwork(
            name,
            (height, width),
            key,
            moved * self.transform.parameters + more,
            tuple(self.sizes["hidden"]),
            self.sizes["kernel"],
            kind == "causal",
            self.sizes["gated"],
            self.sizes["activation"],
            self.classes,
        )

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name to shape, in no order that is held to."""
        shapes: dict[str, tuple[int, ...]] = {"standardize.shift": (self.dims,), "standardize.log_scale": (self.dims,)}
        for name, kind, _, (_, _, c) in self.steps_made:
            if kind == "mixing":
                shapes.update(
                    {
                        f"{name}.{part}": (c, c) if part in ("lower", "upper") else (c,)
                        for part in ("shift", "lower", "upper", "log_scale", "permutation", "sign")
                    }
                )
            elif kind in ("channels", "causal"):
                if self.predicts(name):
                    shapes[f"{name}.prediction.weights"] = (self.predictor**2 // 2 * c * c + c * (c - 1) // 2,)
                    shapes[f"{name}.prediction.shift"] = shapes[f"{name}.prediction.log_scale"] = (c,)
                shapes.update(self.networks[name].shapes())
        if self.belief:
            shapes.update(self.belief.shapes())
        return shapes

    def masks(self) -> dict[str, Tensor]:
        return {}

    def image(self, x: Tensor, shape: Shape) -> Tensor:
        return x.reshape(x.shape[0], *shape).permute(0, 3, 1, 2)

    def beliefs(self, parameters: Parameters, image: Tensor) -> Tensor:
        """What is believed of the class by the pixels before each one, ``[batch, classes, height, width]``: docs/reference/numerics.md."""
        assert self.belief is not None
        scores = self.belief(parameters, image, None)
        return torch.softmax(scores.flatten(2).cumsum(2), 1).reshape(scores.shape)

    def conditioner(self, name: str, parameters: Parameters, key: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
        """Parameters of the transforms, ``[batch, transformed channels, height, width, parameters]``, and behind them those of a
        prediction."""
        raw = self.networks[name](parameters, key, context)
        more = self.prediction_outputs(key.shape[1]) if self.predicts(name) else 0
        outputs = raw.shape[1] - more
        rows, height, width = raw.shape[0], raw.shape[2], raw.shape[3]
        shaped = raw[:, :outputs].reshape(rows, outputs // self.transform.parameters, self.transform.parameters, height, width)
        return shaped.permute(0, 1, 3, 4, 2), raw[:, outputs:]

    def predicted(
        self, name: str, parameters: Parameters, image: Tensor, key: Tensor, more: Tensor, inverse: bool
    ) -> tuple[Tensor, Tensor]:
        """What a linear prediction leaves over of the image, or the image of that, and log|det| of the way forward per value.

        Of pixels before, ``key`` has the image's; of the pixel's own channels the image itself has them, or on the way back finds them.
        """
        weights, shift, log_scale = (parameters[f"{name}.prediction.{part}"].detach() for part in ("weights", "shift", "log_scale"))
        channels, side = image.shape[1], self.predictor
        count = side**2 // 2 * channels
        found: list[Tensor] = []
        logs: list[Tensor] = []
        first, coefficient = 0, 2 * channels
        for c in range(channels):
            taps = weights[first : first + count].reshape(1, -1, channels)
            square = torch.cat([taps, taps.new_zeros(1, side**2 - taps.shape[1], channels)], 1)
            mean = conv2d(key, square.reshape(1, side, side, channels).permute(0, 3, 1, 2), padding=side // 2)[:, 0] + shift[c]
            for k in range(c):
                earlier = found[k] if inverse else image[:, k]
                mean = mean + (weights[first + count + k] + more[:, coefficient + k]) * earlier
            raw, move = more[:, c], more[:, channels + c]
            log = log_scale[c] + PREDICTION_BOUND * raw / (PREDICTION_BOUND + raw.abs())
            found.append((image[:, c] - move) * torch.exp(-log) + mean if inverse else (image[:, c] - mean) * log.exp() + move)
            logs.append(log)
            first, coefficient = first + count + c, coefficient + c
        return torch.stack(found, 1), torch.stack(logs, 1)

    def causal(self, name: str, parameters: Parameters, image: Tensor, key: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
        """The image through a map, given the pixels before each in ``key``, and log|det| per value."""
        raw, more = self.conditioner(name, parameters, key, context)
        if not self.predicts(name):
            return self.transform.forward(image, raw)
        image, first = self.predicted(name, parameters, image, key, more, False)
        image, second = self.transform.forward(image, raw)
        return image, first + second

    def uncausal(self, name: str, parameters: Parameters, image: Tensor, context: Tensor | None) -> Tensor:
        """The way back, a pass of the network for each pixel: each makes one more right."""
        known = torch.zeros_like(image)
        for pixel in range(image.shape[2] * image.shape[3]):
            raw, more = self.conditioner(name, parameters, known, context)
            found = self.transform.inverse(image, raw)
            if self.predicts(name):
                found = self.predicted(name, parameters, found, known, more, True)[0]
            row, column = divmod(pixel, image.shape[3])
            known[:, :, row, column] = found[:, :, row, column]
        return known

    def moved(
        self, step: Step, parameters: Parameters, image: Tensor, context: Tensor | None, inverse: bool
    ) -> tuple[Tensor, Tensor | None]:
        """The image through a map or back, and log|det| per row of the way forward."""
        name, kind, argument, _ = step
        log: Tensor | None = None
        if kind == "channels":
            half = image.shape[1] // 2
            first, last = image[:, :half], image[:, half:]
            key, rest = (first, last) if argument else (last, first)
            raw = self.conditioner(name, parameters, key, context)[0]
            if inverse:
                rest = self.transform.inverse(rest, raw)
            else:
                rest, log = self.transform.forward(rest, raw)
            image = torch.cat([key, rest] if argument else [rest, key], 1)
        else:
            image = image.flip(2, 3) if argument else image
            if inverse:
                image = self.uncausal(name, parameters, image, context)
            else:
                image, log = self.causal(name, parameters, image, image, context)
            image = image.flip(2, 3) if argument else image
        return image, None if log is None else log.sum((1, 2, 3))

    def forward(self, parameters: Parameters, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Latent, ``[batch, dims]``, and log|det ∂z/∂x|, ``[batch]``, nats; without a context a belief tells the class."""
        z, log_det = diagonal(x, parameters, "standardize")
        log_det = log_det + torch.zeros_like(z[:, 0])
        image = self.image(z, self.shape)
        if self.belief is not None and context is None:
            context = self.beliefs(parameters, image)
        left: list[Tensor] = []
        for step in self.steps_made:
            name, kind, _, (height, width, channels) = step
            if kind == "squeeze":
                image = squeeze(image)
            elif kind == "checkerboard":
                image = image[:, checkerboard(channels)]
            elif kind == "factor out":
                kept = channels - channels // 2
                left.insert(0, image[:, kept:])
                image = image[:, :kept]
            elif kind == "mixing":
                shifted = image + parameters[f"{name}.shift"][:, None, None]
                image = torch.einsum("oi,nihw->nohw", mixing_matrix(parameters, name), shifted)
                log_det = log_det + height * width * parameters[f"{name}.log_scale"].sum()
            else:
                image, part = self.moved(step, parameters, image, context, inverse=False)
                assert part is not None
                log_det = log_det + part
        return torch.cat([part.permute(0, 2, 3, 1).flatten(1) for part in (image, *left)], 1), log_det

    def inverse(self, parameters: Parameters, z: Tensor, context: Tensor | None = None) -> Tensor:
        """Data, ``[batch, dims]``."""
        parts = z.split([math.prod(shape) for shape in self.left], 1)
        image, *left = [self.image(part, shape) for part, shape in zip(parts, self.left, strict=False)]
        for step in reversed(self.steps_made):
            name, kind, _, (_, _, channels) = step
            if kind == "squeeze":
                image = unsqueeze(image)
            elif kind == "checkerboard":
                image = image[:, checkerboard(channels)]
            elif kind == "factor out":
                image = torch.cat([image, left.pop(0)], 1)
            elif kind == "mixing":
                back = torch.linalg.inv(mixing_matrix(parameters, name))
                image = torch.einsum("oi,nihw->nohw", back, image) - parameters[f"{name}.shift"][:, None, None]
            else:
                image = self.moved(step, parameters, image, context, inverse=True)[0]
        return diagonal_inverse(image.permute(0, 2, 3, 1).flatten(1), parameters, "standardize")


class RealNVPFlow(ImageFlow):
    """Dinh et al. (2017), arXiv:1605.08803, sections 3.4 to 3.6, without batch normalisation, and with the checkerboard squeezed too."""

    def steps(self) -> list[tuple[str, bool]]:
        halves = [("channels", i % 2 == 0) for i in range(self.sizes["layers"])]
        last = [("squeeze", False), ("checkerboard", False), *halves]
        return [*last, ("checkerboard", False), *halves, ("factor out", False)] * (self.sizes["scales"] - 1) + last


class GlowFlow(ImageFlow):
    """Kingma and Dhariwal (2018), arXiv:1807.03039, section 3, or with splines RQ-NSF (C) on images."""

    def steps(self) -> list[tuple[str, bool]]:
        scale = [("squeeze", False)] + [("mixing", False), ("channels", True)] * self.sizes["layers"]
        return ([*scale, ("factor out", False)]) * (self.sizes["scales"] - 1) + scale


class ConvolutionalFlow(ImageFlow):
    """Transforms of every pixel given those before it, by a masked convolutional network as in van den Oord et al. (2016),
    arXiv:1606.05328."""

    def steps(self) -> list[tuple[str, bool]]:
        return [("causal", i % 2 == 1) for i in range(self.sizes["layers"])]
