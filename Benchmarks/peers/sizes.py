"""Sizes of a flow of images, ours and the peers'."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Sizes:
    shape: tuple  # height, width, channels
    layers: int  # steps of each scale
    scales: int
    hidden: list  # channels of each residual block
    kernel: int = 3
    gated: bool = False
