"""Dense grids of features in the cube [-1, 1]³, from coarse to fine, read by trilinear interpolation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn


@dataclass(frozen=True)
class GridSettings:
    """Grids of 2^level voxels a side for each of ``levels``, with ``features`` numbers at every corner.

    There is one such set of grids for each of ``subjects``; with one, everybody shares it.
    """

    levels: tuple[int, ...] = (4, 5, 6)
    features: int = 8
    subjects: int = 1


class FeatureGrid(nn.Module):
    """The sum over the levels of the features at a point. All start at zero.

    ``levels[l][s]`` is the table of level l and subject s. Its row (i (n + 1) + j) (n + 1) + k belongs to the corner
    i, j, k of n voxels a side, counted along x, y, z from -1. Each subject has tables of its own, so that a step on a
    few subjects costs the memory and the time of those few.

    Only the first ``active`` levels contribute, and cost anything. The number is saved with the field.
    """

    settings: GridSettings

    def __init__(self, settings: GridSettings):
        super().__init__()
        self.settings = settings
        self.active = len(settings.levels)
        self.levels = nn.ModuleList(
            nn.ParameterList(
                nn.Parameter(torch.zeros((2**level + 1) ** 3, settings.features)) for _ in range(settings.subjects)
            )
            for level in settings.levels
        )

    def activate(self, levels: int) -> None:
        """Let the first ``levels`` levels contribute, and no other."""
        if not 0 <= levels <= len(self.settings.levels):
            raise ValueError(f"the grid has {len(self.settings.levels)} levels, {levels} cannot be active")
        self.active = levels

    def forward(
        self, points: Float[Tensor, "*b n 3"], subjects: Int64[Tensor, "*b"] | None = None
    ) -> Float[Tensor, "*b n f"]:
        """The features at ``points``, of one subject for each row of points where not everybody shares the grid.

        Outside the cube they are those of the nearest point of the cube.
        """
        shape = (*points.shape[:-1], self.settings.features)
        if self.settings.subjects == 1:
            return self._read(points.reshape(-1, 3), 0).reshape(shape)
        if subjects is None:
            raise ValueError("a grid of many subjects is read for named ones")
        rows = zip(points.reshape(-1, *points.shape[-2:]), subjects.reshape(-1).tolist(), strict=True)
        return torch.stack([self._read(row, subject) for row, subject in rows]).reshape(shape)

    @torch.no_grad()
    def mean_subject(self) -> FeatureGrid:
        """A grid for one, with the mean of all subjects in it."""
        mean = FeatureGrid(GridSettings(self.settings.levels, self.settings.features))
        mean.active = self.active
        for level in range(len(self.levels)):
            mean._tables(level)[0] = nn.Parameter(torch.stack([*self._tables(level)]).mean(dim=0))
        return mean

    def get_extra_state(self) -> Tensor:
        """The number of active levels, for ``state_dict``."""
        return torch.tensor(self.active)

    def set_extra_state(self, state: Tensor) -> None:
        """Take the number of active levels from ``state_dict``."""
        self.activate(int(state))

    def _read(self, points: Float[Tensor, "n 3"], subject: int) -> Float[Tensor, "n f"]:
        total = points.new_zeros(len(points), self.settings.features)
        for number, level in enumerate(self.settings.levels[: self.active]):
            total = total + trilinear(self._tables(number)[subject], points, 2**level)
        return total

    def _tables(self, number: int) -> nn.ParameterList:
        return cast(nn.ParameterList, self.levels[number])


def trilinear(table: Float[Tensor, "_corners f"], points: Float[Tensor, "n 3"], voxels: int) -> Float[Tensor, "n f"]:
    """What ``table`` holds at the corners of a grid of ``voxels`` a side, between them.

    Twice as fast as ``grid_sample`` with its gradients, since the features of a corner lie side by side.
    """
    place = ((points + 1) * (voxels / 2)).clamp(0, voxels)
    # What is not a number reads any corner, and stays none through the weights.
    cell = place.detach().floor().clamp(max=voxels - 1).nan_to_num(0)
    stride = torch.tensor([(voxels + 1) ** 2, voxels + 1, 1], device=points.device)
    first = (cell.long() * stride).sum(-1)
    # Not @, which GPUs lack for whole numbers.
    corner = (torch.cartesian_prod(*[torch.arange(2, device=points.device)] * 3) * stride).sum(-1)
    value = table.index_select(0, (corner[:, None] + first).flatten()).unflatten(0, (8, -1))
    for weight in (place - cell).unbind(-1):
        half = len(value) // 2
        value = torch.lerp(value[:half], value[half:], weight[:, None])
    return value[0]
