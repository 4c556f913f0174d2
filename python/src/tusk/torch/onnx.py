"""Densities as ONNX graphs of standard operators, for onnxruntime and what serves by it."""

from __future__ import annotations

import os

import torch
from torch import Tensor

from tusk.torch.density import Density

OPSET = 18


class Graph(torch.nn.Module):
    """Levels and noise to densities: what is exported."""

    def __init__(self, density: Density) -> None:
        super().__init__()
        self.density = density

    def forward(self, image: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """``image``: levels, uint8 ``[n, height, width, channels]``; ``noise``: in (0, 1), float32, the same shape. Densities in nats and
        bits/dim, ``[n]``."""
        rows = image.shape[0]
        x, u = image.reshape(rows, self.density.dims).double(), noise.reshape(rows, self.density.dims).double()
        log_prob = self.density.log_prob_of_noisy(x, u)
        return log_prob, self.density.bits_per_dim(log_prob)


def export_onnx(density: Density, path: str | os.PathLike[str]) -> None:
    """Writes the density as an ONNX file: inputs ``image``, uint8 ``[n, height, width, channels]``, and ``noise``, float32 of that
    shape, in (0, 1); outputs ``log_prob``, nats, and ``bits_per_dim``, double ``[n]``.

    With the noise of ``tusk.torch.noise`` the densities are those of the service; with 0.5 for all, those of the middles of the levels.
    Of a conditional model it is the density of all classes together. Raises ValueError where data to latent goes number by number, and
    for a learned dequantization, whose noise the model itself draws.
    """
    if not density.flow.is_parallel:
        name = density.record["architecture"]
        raise ValueError(f"{name}: its density goes number by number, {density.dims} passes of a network; tusk serves it in one")
    if density.dequantizer is not None:
        raise ValueError("dequantization is variational: the model draws its noise itself; tusk serves it")
    device, dtype = density.device, density.dtype
    graph = Graph(density).eval()
    image = torch.zeros(2, *density.shape, dtype=torch.uint8, device=device)
    noise = torch.full(image.shape, 0.5, device=device)
    if dtype != torch.float32:
        raise ValueError(f"the weights are {dtype}; a density in single precision can be exported")
    with torch.no_grad():
        graph(image, noise)
        torch.onnx.export(
            graph,
            (image, noise),
            os.fspath(path),
            input_names=["image", "noise"],
            output_names=["log_prob", "bits_per_dim"],
            opset_version=OPSET,
            dynamic_shapes={"image": {0: torch.export.Dim("n", min=1)}, "noise": {0: torch.export.Dim("n", min=1)}},
            dynamo=True,
            external_data=False,
        )
