"""Our `nsf-convolutional` in PyTorch, channels last: the network that trains the default model."""

import math

from Training.torch.network import Flow
from Training.torch.spline import spline

from .model import Model


class TorchConvolutional(Model):
    """Takes rows, `[n, height·width]`, and knows no classes."""

    package = "torch"

    def __init__(self, sizes, bins=8, bound=5.0):
        height, width, _ = sizes.shape
        super().__init__(Flow((height, width), sizes.hidden, sizes.kernel, bins, bound, classes=0))
        self.shape = (1, height, width)

    def log_prob(self, x):
        flow = self.module
        x = (x + flow.shift) * flow.log_scale.exp()
        raw = flow.network(x.reshape(-1, *self.shape), x.new_zeros(len(x), 0))
        z, slope = spline(x, raw.permute(0, 2, 3, 1).flatten(1, 2), flow.bins, flow.bound)
        return (slope - z**2 / 2 - math.log(2 * math.pi) / 2).sum(1) + flow.log_scale.sum()
