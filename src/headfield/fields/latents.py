"""Codes: the numbers that tell one subject from another, learned beside the network that reads them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn


@dataclass(frozen=True)
class CodesSettings:
    """``size`` numbers for each of ``subjects``, at first drawn with standard deviation ``spread``."""

    subjects: int
    size: int = 256
    spread: float = 0.01


class Codes(nn.Module):
    """One code a subject."""

    settings: CodesSettings

    def __init__(self, settings: CodesSettings):
        super().__init__()
        self.settings = settings
        self.table = nn.Parameter(settings.spread * torch.randn(settings.subjects, settings.size))

    def forward(self, subjects: Int64[Tensor, "*b"]) -> Float[Tensor, "*b c"]:
        """The codes of the subjects."""
        return nn.functional.embedding(subjects, self.table)

    def mean(self) -> Float[Tensor, "c"]:
        """The average subject's code: where a new subject starts. It carries no gradient."""
        return self.table.detach().mean(dim=0)

    def std(self) -> Float[Tensor, "c"]:
        """How far the subjects lie from the average one in each number. It carries no gradient."""
        return self.table.detach().std(dim=0, correction=0)

    def new(self) -> nn.Parameter:
        """A code of its own for a new subject, at the mean."""
        return nn.Parameter(self.mean())


def length_penalty(codes: Float[Tensor, "*b c"], sigma: float) -> Float[Tensor, ""]:
    """‖code‖₂ / σ², averaged over the codes: what holds them to a Gaussian about zero (InstantAvatar, equation 3)."""
    return codes.norm(dim=-1).mean() / sigma**2
