"""Tusk's flows again, in PyTorch and in the order of the formulas: the independent side of the golden tests.

Parameters are a dictionary from the names of the model file to tensors; `forward` is data → latent.
"""

import math

import torch


def log_scale(raw, bound):
    """s = a/(1 + |a|/c), in (−c, c)."""
    return raw / (1 + raw.abs() / bound)


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


class Flow:
    """Standardize, then `layers` maps; `map(i, …)` and `unmap(i, …)` are the families'."""

    def __init__(self, dims, layers, hidden, bound, activation="relu", residual=False):
        self.dims, self.layers, self.hidden, self.bound = dims, layers, hidden, bound
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
        z = (x + parameters["standardize.shift"]) * parameters["standardize.log_scale"].exp()
        log_det = parameters["standardize.log_scale"].sum().expand(len(x))
        for i in range(self.layers):
            z, part = self.map(i, parameters, z)
            log_det = log_det + part
        return z, log_det

    def inverse(self, parameters, z):
        """Latent → data."""
        for i in reversed(range(self.layers)):
            z = self.unmap(i, parameters, z)
        return z * (-parameters["standardize.log_scale"]).exp() - parameters["standardize.shift"]

    def log_prob(self, parameters, x):
        """log p(x), nats."""
        z, log_det = self.forward(parameters, x)
        return (-z.square() / 2 - math.log(2 * math.pi) / 2).sum(-1) + log_det


class MaskedAutoregressiveFlow(Flow):
    """Papamakarios, Pavlakou, Murray (2017), arXiv:1705.07057; masks of Germain et al. (2015), arXiv:1502.03509."""

    def sizes(self, i):
        return [self.dims, *self.hidden, 2 * self.dims]

    def order(self, i):
        """Dimension of each position: rising in networks 0, 2, …, falling in 1, 3, …"""
        order = torch.arange(self.dims)
        return order.flip(0) if i % 2 else order

    def masks(self):
        """Of `weights.0`, …, whose columns are positions: position p has degree p + 1, unit j of H has 1 + ⌊j(D−1)/H⌋,
        and outputs 2p and 2p + 1 read degrees up to p."""
        degree = torch.arange(1, self.dims + 1)
        masks = []
        for units in self.hidden:
            after = 1 + torch.arange(units) * (self.dims - 1) // units
            if self.dims == 1:
                after = torch.zeros(units, dtype=torch.long)  # units of a single dimension see nothing
            masks.append(after[:, None] >= degree[None, :])
            degree = after
        masks.append(torch.arange(self.dims).repeat_interleave(2)[:, None] >= degree[None, :])
        return masks

    def network(self, i, parameters, x):
        order = self.order(i)
        out = dense(x[:, order], parameters, f"layers.{i}", [m.to(x.dtype) for m in self.masks()],
                    self.activation, self.residual)
        shift, scale = torch.empty_like(x), torch.empty_like(x)
        shift[:, order] = out[:, 0::2]
        scale[:, order] = log_scale(out[:, 1::2], self.bound)
        return shift, scale

    def map(self, i, parameters, x):
        shift, scale = self.network(i, parameters, x)
        return x * scale.exp() + shift, scale.sum(-1)

    def unmap(self, i, parameters, z):
        x = torch.zeros_like(z)
        for dim in self.order(i):  # D passes: each makes one more dimension right
            shift, scale = self.network(i, parameters, x)
            x[:, dim] = (z[:, dim] - shift[:, dim]) * (-scale[:, dim]).exp()
        return x


class AffineCouplingFlow(Flow):
    """Dinh, Sohl-Dickstein, Bengio (2016), arXiv:1605.08803, §3.2, on vectors with interleaved halves."""

    def key(self, i):
        return torch.arange(i % 2, self.dims, 2)

    def rest(self, i):
        return torch.arange(1 - i % 2, self.dims, 2)

    def sizes(self, i):
        return [len(self.key(i)), *self.hidden, 2 * len(self.rest(i))]

    def network(self, i, parameters, key):
        out = dense(key, parameters, f"layers.{i}", None, self.activation, self.residual)
        return out[:, 0::2], log_scale(out[:, 1::2], self.bound)

    def map(self, i, parameters, x):
        shift, scale = self.network(i, parameters, x[:, self.key(i)])
        z = x.clone()
        z[:, self.rest(i)] = x[:, self.rest(i)] * scale.exp() + shift
        return z, scale.sum(-1)

    def unmap(self, i, parameters, z):
        shift, scale = self.network(i, parameters, z[:, self.key(i)])
        x = z.clone()
        x[:, self.rest(i)] = (z[:, self.rest(i)] - shift) * (-scale).exp()
        return x
