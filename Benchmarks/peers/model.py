"""What the comparison of speed asks of a peer's flow."""

import importlib.metadata
import time

import torch

LAYOUTS = [torch.contiguous_format, torch.channels_last]


class Model:
    """A flow over `[n, dims]` float32 rows; subclasses build `module` and say how it is asked."""

    package: str

    def __init__(self, module):
        self.module = module.eval()
        self.optimiser = None

    @classmethod
    def version(cls):
        return importlib.metadata.version(cls.package)

    def log_prob(self, x):
        """`[n]` nats."""
        raise NotImplementedError

    def sample(self, count):
        """`[count, dims]`."""
        raise NotImplementedError

    def settle(self, call):
        """Takes whichever layout of the weights of convolutions makes `call` fastest: PyTorch's best depends on batch and direction.
        Two calls of each count, after one that warms up."""
        if not any(parameter.dim() == 4 for parameter in self.module.parameters()):
            return

        def seconds(layout):
            self.module.to(memory_format=layout)
            call()
            began = time.perf_counter()
            for _ in range(2):
                call()
            return time.perf_counter() - began

        self.module.to(memory_format=min(LAYOUTS, key=seconds))

    def training_step(self, x):
        """One step of maximum likelihood with Adam, in PyTorch's fastest form of it."""
        if self.optimiser is None:
            self.module.train()
            self.optimiser = torch.optim.Adam(self.module.parameters(), lr=1e-4, fused=True)
        self.optimiser.zero_grad(set_to_none=True)
        (-self.log_prob(x).mean()).backward()
        self.optimiser.step()
