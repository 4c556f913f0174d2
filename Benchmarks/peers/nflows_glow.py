"""nflows' Glow of images, with the network of ours in its couplings."""

from .image_flows import nflows_glow, our_network
from .model import Model


class NflowsGlow(Model):
    """Takes rows, `[n, height·width]`. Its activation normalisation starts from the first batch it is trained on."""

    package = "nflows"

    def __init__(self, sizes):
        super().__init__(nflows_glow(sizes, our_network))

    def log_prob(self, x):
        return self.module(x)
