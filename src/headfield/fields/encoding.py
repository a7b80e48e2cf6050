"""Sines and cosines of a point beside the point itself, with the high frequencies opened one after the other."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn


def window(progress: Float[Tensor, ""], frequencies: int) -> Float[Tensor, "k"]:
    """How far each frequency is open at a progress in [0, frequencies]: (1 - cos π clamp(progress - k, 0, 1)) / 2."""
    steps = torch.arange(frequencies, dtype=progress.dtype, device=progress.device)
    return (1 - torch.cos(math.pi * (progress - steps).clamp(0, 1))) / 2


class Encoding(nn.Module):
    """x ↦ [x, w₀ sin(2⁰πx), w₀ cos(2⁰πx), w₁ sin(2¹πx), …], each sine and cosine taken of all the coordinates.

    ``progress`` runs from 0 (x alone) to ``frequencies`` (everything, as at the start) and is saved with the field.
    """

    progress: Tensor

    def __init__(self, frequencies: int, numbers: int = 3):
        super().__init__()
        self.frequencies = frequencies
        self.size = numbers * (1 + 2 * frequencies)
        self.register_buffer("progress", torch.tensor(float(frequencies)))

    def open(self, share: float) -> None:
        """Let through ``share`` of the frequencies, from none (0) to all (1), the lowest first."""
        if not 0 <= share <= 1:
            raise ValueError(f"a share lies between 0 and 1, {share} does not")
        self.progress.fill_(share * self.frequencies)

    def forward(self, points: Float[Tensor, "*b d"]) -> Float[Tensor, "*b e"]:
        """The encoded points: first themselves, then two numbers a coordinate and frequency."""
        scales = math.pi * 2.0 ** torch.arange(self.frequencies, dtype=points.dtype, device=points.device)
        angles = points[..., None, :] * scales[:, None]
        waves = torch.cat([angles.sin(), angles.cos()], dim=-1) * window(self.progress, self.frequencies)[:, None]
        return torch.cat([points, waves.flatten(-2)], dim=-1)
