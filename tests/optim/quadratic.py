"""Small things to optimise, whose answers are known."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from headfield.optim.stages import Moving, Stage


class Bowls(nn.Module):
    """Two vectors, each drawn to a place of its own, and running statistics of the first."""

    def __init__(self, size: int = 3):
        super().__init__()
        self.near = nn.Parameter(torch.linspace(-1, 1, size))
        self.far = nn.Parameter(torch.linspace(2, 3, size))
        self.register_buffer("mean", torch.zeros(size))

    def losses(self, noise: Tensor | float = 0.0) -> dict[str, Tensor]:
        """Distances from 1 and from -2, disturbed by noise."""
        return {"near": (self.near - 1 + noise).square().sum(), "far": (self.far + 2 + noise).square().sum()}


def noisy(module: Bowls):
    """Objectives that draw from the step's own generator and the global one, and leave a trace in a buffer."""

    def objectives(info):
        noise = torch.randn(len(module.near), generator=info.generator) + torch.rand(1)
        with torch.no_grad():
            module.mean.mul_(0.9).add_(module.near, alpha=0.1)
        return module.losses(0.1 * noise)

    return objectives


BOTH = {"near": 1.0, "far": 0.5}
TWO_STAGES = (
    Stage("one", 7, (Moving("near", 0.1),), BOTH),
    Stage("two", 9, (Moving("*", 0.05),), BOTH),
)


def values(module: nn.Module) -> dict[str, list[float]]:
    """Every number in a module, to be compared to the bit."""
    return {name: tensor.detach().flatten().tolist() for name, tensor in module.state_dict().items()}
