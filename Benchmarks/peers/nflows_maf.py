"""nflows' masked autoregressive flow, as its users build it."""

from nflows.flows import MaskedAutoregressiveFlow

from .model import Model


class NflowsMAF(Model):
    """Its class for this reverses the order before each network. `H` then one block of `H` are two hidden layers."""

    package = "nflows"

    def __init__(self, dims, layers, hidden):
        assert len(set(hidden)) == 1, "nflows has one width for all hidden layers"
        super().__init__(MaskedAutoregressiveFlow(
            dims, hidden[0], num_layers=layers, num_blocks_per_layer=len(hidden) - 1, use_residual_blocks=False))

    def log_prob(self, x):
        return self.module.log_prob(x)

    def sample(self, count):
        return self.module.sample(count)
