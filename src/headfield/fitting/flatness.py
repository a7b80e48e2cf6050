"""Where a surface is flat: what is seen or estimated about the rim of a nostril is of two things at once."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import normalize

from headfield.mesh.grid import SignedDistance

FLAT = 0.4
"""A place around which the surface is further off its tangent plane than so much of the way there is not flat."""


def tangents(normals: Float[Tensor, "n 3"]) -> tuple[Float[Tensor, "n 3"], Float[Tensor, "n 3"]]:
    """Two directions along the surface, square to each other: across, as far as it is not level, and up it."""
    up = torch.where(
        normals[:, 1:2].abs() < 0.9, normals.new_tensor([0.0, 1.0, 0.0]), normals.new_tensor([0.0, 0.0, 1.0])
    )
    across = normalize(torch.linalg.cross(up, normals), dim=-1)
    return across, torch.linalg.cross(normals, across)


@torch.no_grad()
def is_flat(shape: SignedDistance, places: Float[Tensor, "n 3"], around: Float[Tensor, "n k 3"]) -> Bool[Tensor, "n"]:
    """Which places of a surface have all of the places around them, which lie in the tangent plane, close to it."""
    reach = (around - places[:, None]).norm(dim=-1)
    return (shape(around.flatten(0, 1)).view_as(reach).abs() < FLAT * reach).all(dim=1)
