from __future__ import annotations

import torch

from headfield.render.distance_grid import VOXELS, DistanceGrid
from headfield.render.queries import Counted
from headfield.render.silhouette import least_distance

from .solids import bust, rays_from_around, sphere


def test_a_linear_function_is_kept_exactly():
    normal = torch.tensor([0.3, -0.5, 0.8])
    grid = DistanceGrid.of(lambda x: x @ normal - 0.1, voxels=4)
    points = 2 * torch.rand((200, 3), generator=torch.Generator().manual_seed(0)) - 1
    torch.testing.assert_close(grid(points), points @ normal - 0.1, atol=1e-6, rtol=0)
    torch.testing.assert_close(grid(points.view(4, 50, 3)), grid(points).view(4, 50))


def test_outside_the_cube_it_is_what_the_nearest_point_of_the_cube_has():
    grid = DistanceGrid.of(lambda x: x[:, 0], voxels=2)
    torch.testing.assert_close(grid(torch.tensor([[3.0, 0.0, 0.0], [0.5, 0.0, -9.0]])), torch.tensor([1.0, 0.5]))


def test_least_distances_looked_for_in_it_are_those_looked_for_in_the_function():
    rays = rays_from_around(400)
    plain = least_distance(bust, rays)
    quick = least_distance(bust, rays, about=DistanceGrid.of(bust))
    assert torch.equal(plain < 0, quick < 0)
    off = (quick - plain)[plain > 0]
    assert off.quantile(0.95) < 1e-3
    assert off.max() < 2 / VOXELS / 8  # where two places are about equally close, the grid may prefer the other


def test_the_function_is_then_asked_for_the_closer_samples_only():
    rays = rays_from_around(100)
    counted, grid = Counted(sphere()), DistanceGrid.of(sphere())
    met = rays.origins.shape[0]
    least_distance(counted, rays, uniform=32, refined=5, about=grid)
    assert counted.points <= 6 * met
