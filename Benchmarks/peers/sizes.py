"""Sizes of a flow of images, ours and the peers'."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Sizes:
    shape: tuple  # height, width, channels
    layers: int  # steps of each scale
    hidden: list  # channels of each residual block
    scales: int | None = None  # None for flows of one scale
    kernel: int = 3
    gated: bool = False
