"""Flows of vectors. Parameters are a mapping from the names of the model file to tensors; ``forward`` is data to latent.

``context`` is ``[batch, classes]``, a class as one-hot, or None.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from tusk.torch.transforms import Transform

Parameters = Mapping[str, Tensor]
ACTIVATIONS = {"relu": torch.relu, "tanh": torch.tanh, "elu": torch.nn.functional.elu, "gelu": torch.nn.functional.gelu}


def diagonal(x: Tensor, parameters: Parameters, name: str) -> tuple[Tensor, Tensor]:
    """(x + shift) · exp(log_scale), and log|det| of a row."""
    log = parameters[f"{name}.log_scale"]
    return (x + parameters[f"{name}.shift"]) * log.exp(), log.sum()


def diagonal_inverse(z: Tensor, parameters: Parameters, name: str) -> Tensor:
    return z * (-parameters[f"{name}.log_scale"]).exp() - parameters[f"{name}.shift"]


class VectorFlow:
    """Standardisation, then ``layers`` maps; ``map`` and ``unmap`` are the families'."""

    #: Whether data to latent takes one pass.
    is_parallel = True

    def __init__(self, dims: int, sizes: Mapping[str, Any], transform: Transform, prefix: str = "") -> None:
        self.dims, self.transform, self.prefix = dims, transform, prefix
        self.layers: int = sizes["layers"]
        self.hidden: list[int] = sizes["hidden"]
        self.activation: str = sizes["activation"]
        self.residual: bool = sizes["residual"]
        self.classes: int = sizes["classes"]
        first, second = {
            "rising-falling": (False, True),
            "falling-rising": (True, False),
            "rising": (False, False),
            "falling": (True, True),
        }[sizes["order"]]
        self.falling = [second if i % 2 else first for i in range(self.layers)]

    def widths(self, i: int) -> list[int]:
        """Number of inputs of map ``i``'s network, of its hidden units, and of its outputs."""
        raise NotImplementedError

    def map(self, i: int, parameters: Parameters, x: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
        raise NotImplementedError

    def unmap(self, i: int, parameters: Parameters, z: Tensor, context: Tensor | None) -> Tensor:
        raise NotImplementedError

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name to shape, masked zeros among it, in the order of the model file."""
        shapes: dict[str, tuple[int, ...]] = {
            f"{self.prefix}standardize.shift": (self.dims,),
            f"{self.prefix}standardize.log_scale": (self.dims,),
        }
        for i in range(self.layers):
            widths = self.widths(i)
            for layer, (before, after) in enumerate(itertools.pairwise(widths)):
                shapes[f"{self.prefix}layers.{i}.weights.{layer}"] = (after, before)
                shapes[f"{self.prefix}layers.{i}.biases.{layer}"] = (after,)
        return shapes

    def masks(self) -> dict[str, Tensor]:
        """What of a masked tensor is there, by its name; the others are whole."""
        return {}

    def dense(self, i: int, parameters: Parameters, x: Tensor, context: Tensor | None, masks: Sequence[Tensor] | None = None) -> Tensor:
        """The network of map ``i``. Residual: maps 1 and 2, 3 and 4 … are blocks h + W₂·act(W₁·act(h)), and nothing stands before the
        last map."""
        act = ACTIVATIONS[self.activation]
        depth = len(self.hidden) + 1

        def linear(layer: int, x: Tensor) -> Tensor:
            weights = parameters[f"{self.prefix}layers.{i}.weights.{layer}"]
            if masks is not None:
                weights = weights * masks[layer].to(weights)
            return x @ weights.T + parameters[f"{self.prefix}layers.{i}.biases.{layer}"]

        x = linear(0, x if context is None else torch.cat([context, x], 1))
        if self.residual:
            for layer in range(1, depth - 1, 2):
                x = x + linear(layer + 1, act(linear(layer, act(x))))
            return linear(depth - 1, x)
        for layer in range(1, depth):
            x = linear(layer, act(x))
        return x

    def forward(self, parameters: Parameters, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Latent, ``[batch, dims]``, and log|det ∂z/∂x|, ``[batch]``, nats."""
        z, log_det = diagonal(x, parameters, f"{self.prefix}standardize")
        log_det = log_det + torch.zeros_like(z[:, 0])
        for i in range(self.layers):
            z, part = self.map(i, parameters, z, context)
            log_det = log_det + part
        return z, log_det

    def inverse(self, parameters: Parameters, z: Tensor, context: Tensor | None = None) -> Tensor:
        """Data, ``[batch, dims]``."""
        for i in reversed(range(self.layers)):
            z = self.unmap(i, parameters, z, context)
        return diagonal_inverse(z, parameters, f"{self.prefix}standardize")


class MaskedAutoregressiveFlow(VectorFlow):
    """Papamakarios et al. (2017), arXiv:1705.07057, or with splines RQ-NSF (AR) of Durkan et al.; masks of Germain et al. (2015),
    arXiv:1502.03509."""

    def widths(self, i: int) -> list[int]:
        return [self.classes + self.dims, *self.hidden, self.transform.parameters * self.dims]

    def order(self, i: int) -> Tensor:
        """Dimension of each position."""
        order = torch.arange(self.dims)
        return order.flip(0) if self.falling[i] else order

    @functools.cached_property
    def network_masks(self) -> list[Tensor]:
        """Of ``weights.0``, …, whose columns are classes, of degree 0, then positions: docs/reference/model-file.md, "Masked matrices"."""
        below = torch.cat([torch.zeros(self.classes, dtype=torch.long), torch.arange(1, self.dims + 1)])
        reads = self.dims + self.classes > 1
        masks = []
        for units in self.hidden:
            unit = torch.arange(units)
            own = unit * self.dims // units if self.classes else 1 + unit * (self.dims - 1) // units
            masks.append((below[None, :] <= own[:, None]) & reads)
            below = own
        outputs = torch.arange(self.dims).repeat_interleave(self.transform.parameters)
        masks.append((below[None, :] <= outputs[:, None]) & reads)
        return masks

    def masks(self) -> dict[str, Tensor]:
        found = self.network_masks
        return {f"{self.prefix}layers.{i}.weights.{layer}": mask for i in range(self.layers) for layer, mask in enumerate(found)}

    def network(self, i: int, parameters: Parameters, x: Tensor, context: Tensor | None) -> Tensor:
        order = self.order(i).to(x.device)
        out = self.dense(i, parameters, x[:, order], context, self.network_masks)
        # a reversal is its own inverse
        return out.reshape(x.shape[0], self.dims, self.transform.parameters)[:, order]

    def map(self, i: int, parameters: Parameters, x: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
        z, log_derivatives = self.transform.forward(x, self.network(i, parameters, x, context))
        return z, log_derivatives.sum(-1)

    def unmap(self, i: int, parameters: Parameters, z: Tensor, context: Tensor | None) -> Tensor:
        x = torch.zeros_like(z)
        for dim in self.order(
            i
        ).tolist():  # D passes, out of place, so that autograd goes through them: each makes one more dimension right
            solved = self.transform.inverse(z, self.network(i, parameters, x, context))[:, dim]
            x = x.index_copy(1, torch.tensor([dim], device=z.device), solved[:, None])
        return x


class InverseAutoregressiveFlow(MaskedAutoregressiveFlow):
    """Kingma et al. (2016), arXiv:1606.04934: the masked maps with their directions exchanged."""

    is_parallel = False

    def map(self, i: int, parameters: Parameters, x: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
        z = super().unmap(i, parameters, x, context)
        return z, -super().map(i, parameters, z, context)[1]

    def unmap(self, i: int, parameters: Parameters, z: Tensor, context: Tensor | None) -> Tensor:
        return super().map(i, parameters, z, context)[0]


class CouplingFlow(VectorFlow):
    """Dinh et al. (2016), arXiv:1605.08803, section 3.2, or with splines RQ-NSF (C); on vectors with interleaved halves."""

    def key(self, i: int) -> Tensor:
        return torch.arange(int(self.falling[i]), self.dims, 2)

    def rest(self, i: int) -> Tensor:
        return torch.arange(1 - int(self.falling[i]), self.dims, 2)

    def widths(self, i: int) -> list[int]:
        return [self.classes + len(self.key(i)), *self.hidden, self.transform.parameters * len(self.rest(i))]

    def halves(self, i: int, parameters: Parameters, x: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The key, the rest, its parameters, and the order that puts both together."""
        key, rest = self.key(i).to(x.device), self.rest(i).to(x.device)
        raw = self.dense(i, parameters, x[:, key], context).reshape(x.shape[0], len(rest), self.transform.parameters)
        return x[:, key], x[:, rest], raw, torch.cat([key, rest]).argsort()

    def map(self, i: int, parameters: Parameters, x: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
        key, rest, raw, order = self.halves(i, parameters, x, context)
        moved, log_derivatives = self.transform.forward(rest, raw)
        return torch.cat([key, moved], 1)[:, order], log_derivatives.sum(-1)

    def unmap(self, i: int, parameters: Parameters, z: Tensor, context: Tensor | None) -> Tensor:
        key, rest, raw, order = self.halves(i, parameters, z, context)
        return torch.cat([key, self.transform.inverse(rest, raw)], 1)[:, order]


class NICEFlow(CouplingFlow):
    """Dinh et al. (2014), arXiv:1410.8516: additive couplings (section 3.2), then a diagonal scaling (section 3.3)."""

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {**super().shapes(), f"{self.prefix}scaling.shift": (self.dims,), f"{self.prefix}scaling.log_scale": (self.dims,)}

    def forward(self, parameters: Parameters, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        z, log_det = super().forward(parameters, x, context)
        z, part = diagonal(z, parameters, f"{self.prefix}scaling")
        return z, log_det + part

    def inverse(self, parameters: Parameters, z: Tensor, context: Tensor | None = None) -> Tensor:
        return super().inverse(parameters, diagonal_inverse(z, parameters, f"{self.prefix}scaling"), context)
