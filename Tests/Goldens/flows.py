"""Tusk's flows again, in PyTorch and in the order of the formulas: the independent side of the golden tests.

Parameters are a dictionary from the names of the model file to tensors; `forward` is data → latent.
"""

import math

import torch


ACTIVATIONS = {"relu": torch.relu, "tanh": torch.tanh, "elu": torch.nn.functional.elu, "gelu": torch.nn.functional.gelu}


def dense(x, parameters, prefix, masks=None, activation="relu", residual=False):
    """Network `weights.0`, `biases.0`, `weights.1` … with an activation between the maps. With `residual` maps 1 and 2, 3
    and 4 … are blocks h + W₂·act(W₁·act(h)), and nothing stands before the last map."""
    depth = sum(name.startswith(f"{prefix}.weights.") for name in parameters)
    act = ACTIVATIONS[activation]

    def linear(l, x):
        weight = parameters[f"{prefix}.weights.{l}"]
        return x @ (weight if masks is None else weight * masks[l]).T + parameters[f"{prefix}.biases.{l}"]

    x = linear(0, x)
    if residual:
        for l in range(1, depth - 1, 2):
            x = x + linear(l + 1, act(linear(l, act(x))))
        return linear(depth - 1, x)
    for l in range(1, depth):
        x = linear(l, act(x))
    return x


def diagonal(x, parameters, name):
    """(x + shift) · exp(log_scale), and log|det| per row."""
    log_scale = parameters[f"{name}.log_scale"]
    return (x + parameters[f"{name}.shift"]) * log_scale.exp(), log_scale.sum().expand(len(x))


def diagonal_inverse(z, parameters, name):
    return z * (-parameters[f"{name}.log_scale"]).exp() - parameters[f"{name}.shift"]


class Flow:
    """Standardize, then `layers` maps; `map(i, …)` and `unmap(i, …)` are the families'."""

    def __init__(self, dims, layers, hidden, transform, activation="relu", residual=False):
        self.dims, self.layers, self.hidden, self.transform = dims, layers, hidden, transform
        self.activation, self.residual = activation, residual

    def shapes(self):
        """Name → shape, in the order of the model file."""
        shapes = {"standardize.shift": (self.dims,), "standardize.log_scale": (self.dims,)}
        for i in range(self.layers):
            sizes = self.sizes(i)
            for l, (before, after) in enumerate(zip(sizes, sizes[1:])):
                shapes[f"layers.{i}.weights.{l}"] = (after, before)
                shapes[f"layers.{i}.biases.{l}"] = (after,)
        return shapes

    def forward(self, parameters, x):
        """Data → latent and log|det ∂z/∂x| per row."""
        z, log_det = diagonal(x, parameters, "standardize")
        for i in range(self.layers):
            z, part = self.map(i, parameters, z)
            log_det = log_det + part
        return z, log_det

    def inverse(self, parameters, z):
        """Latent → data."""
        for i in reversed(range(self.layers)):
            z = self.unmap(i, parameters, z)
        return diagonal_inverse(z, parameters, "standardize")

    def log_prob(self, parameters, x):
        """log p(x), nats."""
        z, log_det = self.forward(parameters, x)
        return (-z.square() / 2 - math.log(2 * math.pi) / 2).sum(-1) + log_det


class MaskedAutoregressiveFlow(Flow):
    """Papamakarios, Pavlakou, Murray (2017), arXiv:1705.07057, or with splines RQ-NSF (AR) of Durkan et
    al.; masks of Germain et al. (2015), arXiv:1502.03509."""

    def sizes(self, i):
        return [self.dims, *self.hidden, self.transform.parameters * self.dims]

    def order(self, i):
        """Dimension of each position: rising in networks 0, 2, …, falling in 1, 3, …"""
        order = torch.arange(self.dims)
        return order.flip(0) if i % 2 else order

    def masks(self):
        """Of `weights.0`, …, whose columns are positions: position p has degree p + 1, unit j of H has 1 + ⌊j(D−1)/H⌋,
        and the outputs of position p, side by side, read degrees up to p."""
        degree = torch.arange(1, self.dims + 1)
        masks = []
        for units in self.hidden:
            after = 1 + torch.arange(units) * (self.dims - 1) // units
            if self.dims == 1:
                after = torch.zeros(units, dtype=torch.long)  # units of a single dimension see nothing
            masks.append(after[:, None] >= degree[None, :])
            degree = after
        masks.append(torch.arange(self.dims).repeat_interleave(self.transform.parameters)[:, None] >= degree[None, :])
        return masks

    def network(self, i, parameters, x):
        order = self.order(i)
        out = dense(x[:, order], parameters, f"layers.{i}", [m.to(x.dtype) for m in self.masks()],
                    self.activation, self.residual)
        raw = out.reshape(len(x), self.dims, -1)
        return torch.empty_like(raw).index_copy(1, order, raw)

    def map(self, i, parameters, x):
        z, log_derivatives = self.transform.forward(x, self.network(i, parameters, x))
        return z, log_derivatives.sum(-1)

    def unmap(self, i, parameters, z):
        x = torch.zeros_like(z)
        for dim in self.order(i):  # D passes: each makes one more dimension right
            x[:, dim] = self.transform.inverse(z, self.network(i, parameters, x))[:, dim]
        return x


class InverseAutoregressiveFlow(MaskedAutoregressiveFlow):
    """Kingma et al. (2016), arXiv:1606.04934: the masked maps with their directions exchanged."""

    def map(self, i, parameters, x):
        z = torch.zeros_like(x)
        for dim in self.order(i).tolist():  # out of place, so that autograd goes through all D passes
            solved = self.transform.inverse(x, self.network(i, parameters, z))[:, dim]
            z = z.index_copy(1, torch.tensor([dim]), solved[:, None])
        return z, -super().map(i, parameters, z)[1]

    def unmap(self, i, parameters, z):
        return super().map(i, parameters, z)[0]


class CouplingFlow(Flow):
    """Dinh, Sohl-Dickstein, Bengio (2016), arXiv:1605.08803, §3.2, or with splines RQ-NSF (C); on vectors with interleaved halves."""

    def key(self, i):
        return torch.arange(i % 2, self.dims, 2)

    def rest(self, i):
        return torch.arange(1 - i % 2, self.dims, 2)

    def sizes(self, i):
        return [len(self.key(i)), *self.hidden, self.transform.parameters * len(self.rest(i))]

    def network(self, i, parameters, key):
        out = dense(key, parameters, f"layers.{i}", None, self.activation, self.residual)
        return out.reshape(len(key), len(self.rest(i)), -1)

    def map(self, i, parameters, x):
        moved, log_derivatives = self.transform.forward(
            x[:, self.rest(i)], self.network(i, parameters, x[:, self.key(i)]))
        z = x.clone()
        z[:, self.rest(i)] = moved
        return z, log_derivatives.sum(-1)

    def unmap(self, i, parameters, z):
        x = z.clone()
        x[:, self.rest(i)] = self.transform.inverse(
            z[:, self.rest(i)], self.network(i, parameters, z[:, self.key(i)]))
        return x


class NICEFlow(CouplingFlow):
    """Dinh, Krueger, Bengio (2014), arXiv:1410.8516: additive couplings (§3.2), then a diagonal scaling (§3.3)."""

    def shapes(self):
        return {**super().shapes(), "scaling.shift": (self.dims,), "scaling.log_scale": (self.dims,)}

    def forward(self, parameters, x):
        z, log_det = super().forward(parameters, x)
        z, part = diagonal(z, parameters, "scaling")
        return z, log_det + part

    def inverse(self, parameters, z):
        return super().inverse(parameters, diagonal_inverse(z, parameters, "scaling"))
