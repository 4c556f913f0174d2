"""normflows' masked autoregressive layers, as a MAF."""

import normflows
import torch

from .model import Model


class NormflowsMAF(Model):
    """Its `forward` is latent → data, so that its layers alone are an IAF; `Reverse` makes the density the parallel
    direction. Its network has no ReLU after the first hidden layer, which we leave as it is."""

    package = "normflows"

    def __init__(self, dims, layers, hidden):
        assert len(set(hidden)) == 1, "normflows has one width for all hidden layers"
        maps = []
        for _ in range(layers):
            network = normflows.flows.MaskedAffineAutoregressive(
                dims, hidden[0], num_blocks=len(hidden) - 1, use_residual_blocks=False)
            permutation = normflows.flows.Permute(dims)
            permutation.perm.copy_(torch.arange(dims).flip(0))
            permutation.inv_perm.copy_(permutation.perm)
            maps += [normflows.flows.Reverse(network), permutation]
        super().__init__(normflows.NormalizingFlow(normflows.distributions.DiagGaussian(dims, trainable=False), maps))

    def log_prob(self, x):
        return self.module.log_prob(x)

    def sample(self, count):
        return self.module.sample(count)[0]
