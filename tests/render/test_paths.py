from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from headfield.render.paths import ROOM, SWING, cameras_along, cameras_around
from headfield.rigs import fibonacci, orbit
from headfield.surface import Mesh

from ..shapes import bumpy, sphere
from ..strategies import numbers

PATHS = ("orbit", "spiral", "dolly-zoom")
BALL = sphere(0.9, centre=(0.1, -0.2, 0.05))


def azimuths_and_elevations(cameras, mesh):
    away = cameras.centre - torch.from_numpy(mesh.bounds.mean(axis=0))
    away = away / away.norm(dim=-1, keepdim=True)
    return torch.rad2deg(torch.atan2(away[:, 0], away[:, 2])), torch.rad2deg(torch.asin(away[:, 1]))


@given(st.integers(1, 40), numbers(0.5, 300))
def test_cameras_see_all_of_a_ball_from_any_side(n, size):
    mesh = Mesh.of(size * BALL.vertices, BALL.faces)
    cameras = cameras_around(mesh, fibonacci(n), 100)
    pixels, depth = cameras.project(torch.from_numpy(mesh.vertices).expand(n, -1, 3))
    assert (depth > 0).all()
    assert ((pixels > 0) & (pixels < 100)).all()
    # A ball far away fills all of the picture but the room around it.
    wide = (pixels.amax(dim=1) - pixels.amin(dim=1)).max() / 100
    assert 0.95 / ROOM < wide < 1.05 / ROOM


@pytest.mark.parametrize("path", PATHS)
@given(n=st.integers(1, 30))
def test_a_way_has_as_many_cameras_as_asked_for_and_they_look_at_the_middle(path, n):
    cameras = cameras_along(path, BALL, n, 64)
    assert cameras.centre.shape == (n, 3)
    middle = torch.from_numpy(BALL.bounds.mean(axis=0)).expand(n, 1, 3)
    assert_close(cameras.project(middle)[0], torch.full((n, 1, 2), 32.0, dtype=torch.float64))


@pytest.mark.parametrize("path", PATHS)
def test_a_way_ends_where_it_begins(path):
    """From the last camera to the first it is no farther than between other neighbours."""
    centres = cameras_along(path, BALL, 48, 64).centre
    steps = (centres - centres.roll(1, dims=0)).norm(dim=-1)
    assert steps[0] <= steps[1:].max() * 1.001


def test_an_orbit_is_one_turn_at_the_height_of_the_middle():
    azimuth, elevation = azimuths_and_elevations(cameras_along("orbit", BALL, 8, 64), BALL)
    assert_close(azimuth.remainder(360), torch.arange(8).double() * 45, rtol=0, atol=1e-6)
    assert_close(elevation, torch.zeros(8).double(), rtol=0, atol=1e-6)


def test_a_spiral_stays_in_front_and_goes_to_both_sides_up_and_down():
    azimuth, elevation = azimuths_and_elevations(cameras_along("spiral", BALL, 90, 64), BALL)
    for angle in (azimuth, elevation):
        assert angle.abs().max() <= SWING + 1e-6
        assert angle.min() < -SWING / 2
        assert angle.max() > SWING / 2


@given(st.integers(2, 40), numbers(0.2, 50))
def test_a_dolly_zoom_comes_closer_and_the_middle_keeps_its_width(n, size):
    """What is W wide at the distance d of the middle is W f / d pixels wide: f / d stays."""
    mesh = Mesh.of(size * bumpy().vertices, bumpy().faces)
    cameras = cameras_along("dolly-zoom", mesh, n, 128)
    middle = torch.from_numpy(mesh.bounds.mean(axis=0))
    ends = middle + size * torch.tensor([[-0.3, 0, 0], [0.3, 0, 0]]).double()
    pixels, depth = cameras.project(ends.expand(n, 2, 3))
    width = pixels[:, 1, 0] - pixels[:, 0, 0]
    assert_close(width, width[:1].expand(n), rtol=1e-9, atol=1e-9)
    assert_close(width, 0.6 * size * cameras.focal[:, 0] / depth[:, 0])
    assert depth[n // 2, 0] < 0.5 * depth[0, 0]
    nearest = cameras.project(torch.from_numpy(mesh.vertices).expand(n, -1, 3))[1].min()
    assert nearest > 0, "it never enters the mesh"


def test_a_mesh_without_extent_can_be_looked_at():
    point = Mesh.of(np.zeros((3, 3)), np.array([[0, 1, 2]]))
    assert torch.isfinite(cameras_around(point, orbit(2), 8).focal).all()
