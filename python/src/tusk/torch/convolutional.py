"""Residual convolutional networks of flows of images, on ``[batch, channels, height, width]``."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor
from torch.nn.functional import conv2d

from tusk.torch.vectors import ACTIVATIONS, Parameters


def convolution(x: Tensor, parameters: Parameters, name: str, side: int, seen: int | None = None) -> Tensor:
    """Weights ``[outputs, taps · inputs]``, taps row by row; of the square's ``side²`` the first ``seen`` or all."""
    weights, biases = parameters[f"{name}.weights"], parameters[f"{name}.biases"]
    outputs, inputs = weights.shape[0], x.shape[1]
    taps = side**2 if seen is None else seen
    square = weights.reshape(outputs, taps, inputs)
    if taps < side**2:
        square = torch.cat([square, square.new_zeros(outputs, side**2 - taps, inputs)], 1)
    return conv2d(x, square.reshape(outputs, side, side, inputs).permute(0, 3, 1, 2), biases, padding=side // 2)


@dataclasses.dataclass(frozen=True)
class ConvolutionalNetwork:
    """Sizes of a network that is called ``name``; a causal one sees the pixels before each one alone."""

    name: str
    shape: tuple[int, int]
    inputs: int
    outputs: int
    hidden: tuple[int, ...]
    side: int
    is_causal: bool
    is_gated: bool
    activation: str
    classes: int = 0

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name to shape, in the order of the model file."""
        height, width = self.shape
        channels, places = self.hidden[0], self.side**2
        first, later = (places // 2, places // 2 + 1) if self.is_causal else (places, places)
        shapes: dict[str, tuple[int, ...]] = {}

        def add(part: str, outputs: int, depth: int, has_context: bool = False) -> None:
            shapes[f"{self.name}.{part}.weights"] = (outputs, depth)
            shapes[f"{self.name}.{part}.biases"] = (outputs,)
            if has_context and self.classes:
                shapes[f"{self.name}.{part}.context"] = (outputs, self.classes)

        add("input", channels, first * self.inputs)
        shapes[f"{self.name}.positions"] = ((1 + self.classes) * height * width, channels)
        for block in range(len(self.hidden)):
            add(f"blocks.{block}.first", channels, later * channels, True)
            add(f"blocks.{block}.value", channels, channels)
            if self.is_gated:
                add(f"blocks.{block}.gate", channels, channels)
        add("output", self.outputs, channels)
        return shapes

    def __call__(self, parameters: Parameters, x: Tensor, context: Tensor | None) -> Tensor:
        """Outputs, ``[batch, outputs, height, width]``; ``context`` is ``[batch, classes]``, or one a pixel, ``[batch, classes, height,
        width]``."""
        act = ACTIVATIONS[self.activation]
        places = self.side**2
        first, later = (places // 2, places // 2 + 1) if self.is_causal else (None, None)
        h = convolution(x, parameters, f"{self.name}.input", self.side, first) + self.biases(parameters, context)
        for block in range(len(self.hidden)):
            name = f"{self.name}.blocks.{block}"
            inner = convolution(act(h), parameters, f"{name}.first", self.side, later)
            if context is not None and self.classes:
                inner = inner + self.added(parameters[f"{name}.first.context"], context)
            inner = act(inner)
            value = convolution(inner, parameters, f"{name}.value", 1)
            if self.is_gated:
                value = value * torch.sigmoid(convolution(inner, parameters, f"{name}.gate", 1))
            h = h + value
        return convolution(act(h), parameters, f"{self.name}.output", 1)

    @staticmethod
    def added(weights: Tensor, context: Tensor) -> Tensor:
        """What ``[channels, classes]`` make of a context, ``[batch, channels, height or 1, width or 1]``."""
        pixels = context if context.dim() == 4 else context[:, :, None, None]
        return torch.einsum("ck,nkhw->nchw", weights, pixels)

    def biases(self, parameters: Parameters, context: Tensor | None) -> Tensor:
        """Biases of the pixels, ``[batch or 1, channels, height, width]``."""
        height, width = self.shape
        all_places = parameters[f"{self.name}.positions"].reshape(1 + self.classes, height, width, -1).permute(0, 3, 1, 2)
        if context is None or not self.classes:
            return all_places[:1]
        pixels = context if context.dim() == 4 else context[:, :, None, None].expand(-1, -1, height, width)
        return all_places[:1] + torch.einsum("kchw,nkhw->nchw", all_places[1:], pixels)
