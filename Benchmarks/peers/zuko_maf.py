"""zuko's masked autoregressive flow, as its users build it."""

import torch
import zuko

from .model import Model


class ZukoMAF(Model):
    """`MAF` alternates the order by itself. The distribution is built once for inference: it holds no results."""

    package = "zuko"

    def __init__(self, dims, layers, hidden):
        super().__init__(zuko.flows.MAF(dims, transforms=layers, hidden_features=hidden, activation=torch.nn.ReLU))
        self.distribution = self.module()

    def log_prob(self, x):
        return self.distribution.log_prob(x)

    def sample(self, count):
        return self.distribution.sample((count,))
