from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from headfield.fitting.flatness import FLAT, is_flat, tangents
from headfield.rigs import fibonacci


def ball(points: Tensor) -> Tensor:
    return points.norm(dim=-1) - 0.5


def around(points: Tensor, normals: Tensor, reach: float) -> Tensor:
    across, along = tangents(normals)
    return points[:, None] + reach * torch.stack([across, -across, along, -along], dim=1)


def test_tangents_and_normals_are_square_to_each_other():
    normals = fibonacci(200)
    frames = torch.stack([normals, *tangents(normals)], dim=1)
    torch.testing.assert_close(frames @ frames.mT, torch.eye(3, dtype=torch.float64).expand(200, 3, 3))


@pytest.mark.parametrize(("factor", "flat"), [(0.98, True), (1.02, False)])
def test_a_ball_is_flat_as_far_as_its_tangent_plane_stays_close(factor, flat):
    normals = fibonacci(50)
    # The root of sqrt(R^2 + a^2) - R = FLAT a.
    reach = factor * 0.5 * 2 * FLAT / (1 - FLAT**2)
    assert (is_flat(ball, 0.5 * normals, around(0.5 * normals, normals, reach)) == flat).all()


def test_the_rim_of_a_pit_is_not_flat_and_what_lies_beside_it_is():
    def pitted(points: Tensor) -> Tensor:
        """A floor at y = 0 with a deep round pit of radius 0.1."""
        beyond = 0.1 - points[:, [0, 2]].norm(dim=-1)  # positive above the pit
        wall = torch.where(points[:, 1] < 0, beyond, torch.hypot(beyond.clamp(min=0), points[:, 1]))
        return torch.where((points[:, 1] < 0) & (beyond < 0), torch.maximum(points[:, 1], beyond), wall)

    places = torch.tensor([[0.105, 0.0, 0.0], [0.15, 0.0, 0.0]], dtype=torch.float64)
    normals = normalize(torch.tensor([[0.0, 1.0, 0.0]], dtype=torch.float64)).expand(2, 3)
    assert is_flat(pitted, places, around(places, normals, 0.02)).tolist() == [False, True]
