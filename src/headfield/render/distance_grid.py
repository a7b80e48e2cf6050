"""A signed distance function as its values on a coarse grid: for looking around without asking a network."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import grid_sample

from headfield.mesh.grid import SignedDistance
from headfield.render.queries import ask

VOXELS = 24
"""Cells a side: 17 mm each."""


@dataclass(frozen=True, eq=False)
class DistanceGrid:
    """Distances at the corners of a grid over [-1, 1]³, linear in between: about right, and asked for nothing."""

    values: Float[Tensor, "z y x"]

    @staticmethod
    def of(sdf: SignedDistance, like: Tensor | None = None, *, voxels: int = VOXELS) -> DistanceGrid:
        """What a signed distance function is now, asked in the precision and on the device of ``like``."""
        axis = torch.linspace(-1, 1, voxels + 1).to(torch.zeros(()) if like is None else like)
        z, y, x = torch.meshgrid(axis, axis, axis, indexing="ij")
        return DistanceGrid(ask(sdf, torch.stack([x, y, z], dim=-1)))

    def __call__(self, points: Float[Tensor, "*n 3"]) -> Float[Tensor, "*n"]:
        """The distances at points; outside the cube those of its nearest points."""
        places = points.to(self.values).view(1, -1, 1, 1, 3)
        found = grid_sample(self.values[None, None], places, padding_mode="border", align_corners=True)
        return found.reshape(points.shape[:-1]).to(points)
