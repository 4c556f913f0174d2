"""Monotone rational-quadratic splines: Durkan et al., *Neural Spline Flows* (2019), arXiv:1906.04032, section 3.1."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import softplus

LEAST = 1e-3  # of a bin's width and height in those of the square, and of a derivative


def spline_knots(raw: Tensor, bins: int, bound: float) -> tuple[Tensor, Tensor, Tensor]:
    """Knots x and y, ``[…, bins + 1]``, and derivatives there, of K widths, K heights and K - 1 derivatives, all raw."""

    def knots(raw: Tensor) -> Tensor:
        shares = LEAST + (1 - LEAST * bins) * torch.softmax(raw, -1)
        inner = bound * (2 * torch.cumsum(shares, -1)[..., :-1] - 1)
        end = torch.full_like(raw[..., :1], bound)
        return torch.cat([-end, inner, end], -1)

    offset = math.log(math.exp(1 - LEAST) - 1)  # zeros give a derivative of 1
    inner = LEAST + softplus(raw[..., 2 * bins :] + offset)
    one = torch.ones_like(raw[..., :1])
    return knots(raw[..., :bins]), knots(raw[..., bins : 2 * bins]), torch.cat([one, inner, one], -1)


def spline_bin(v: Tensor, knots: Tensor, tables: tuple[Tensor, ...]) -> list[tuple[Tensor, Tensor]]:
    """Of each table the two entries at the ends of the bin between ``knots`` that holds v."""
    k = (v[..., None] >= knots[..., 1:-1]).sum(-1, keepdim=True)
    return [(table.gather(-1, k)[..., 0], table.gather(-1, k + 1)[..., 0]) for table in tables]


def spline(x: Tensor, raw: Tensor, bins: int, bound: float) -> tuple[Tensor, Tensor]:
    """y and log dy/dx, equations 4 and 5; the identity outside [-bound, bound]."""
    inside = x.abs() <= bound
    v = torch.where(inside, x, torch.zeros_like(x))
    tables = spline_knots(raw, bins, bound)
    (x0, x1), (y0, y1), (d0, d1) = spline_bin(v, tables[0], tables)
    s, t = (y1 - y0) / (x1 - x0), (v - x0) / (x1 - x0)
    divisor = s + (d1 + d0 - 2 * s) * t * (1 - t)
    y = y0 + (y1 - y0) * (s * t**2 + d0 * t * (1 - t)) / divisor
    slope = s**2 * (d1 * t**2 + 2 * s * t * (1 - t) + d0 * (1 - t) ** 2) / divisor**2
    return torch.where(inside, y, x), torch.where(inside, slope.log(), torch.zeros_like(x))


def spline_inverse(y: Tensor, raw: Tensor, bins: int, bound: float) -> Tensor:
    """x of y, equations 6 to 8."""
    inside = y.abs() <= bound
    v = torch.where(inside, y, torch.zeros_like(y))
    tables = spline_knots(raw, bins, bound)
    (x0, x1), (y0, y1), (d0, d1) = spline_bin(v, tables[1], tables)
    s = (y1 - y0) / (x1 - x0)
    curvature = (v - y0) * (d1 + d0 - 2 * s)
    a, b, c = (y1 - y0) * (s - d0) + curvature, (y1 - y0) * d0 - curvature, -s * (v - y0)
    t = 2 * c / (-b - (b**2 - 4 * a * c).clamp(min=0).sqrt())
    return torch.where(inside, x0 + t * (x1 - x0), y)
