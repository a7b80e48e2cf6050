from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from headfield import rigs
from headfield.errors import InputError

from .strategies import numbers


@given(st.integers(1, 60), numbers(-80, 80))
def test_orbits_go_round_at_their_elevation(n, elevation):
    directions = rigs.orbit(n, elevation=elevation)
    assert_close(directions.norm(dim=-1), torch.ones(n, dtype=torch.float64))
    assert_close(directions[:, 1], torch.full((n,), math.sin(math.radians(elevation)), dtype=torch.float64))
    if n > 1:
        assert_close(directions[:, [0, 2]].mean(dim=0), torch.zeros(2, dtype=torch.float64), rtol=0, atol=1e-9)


def test_azimuth_grows_towards_the_subjects_left():
    front, left, back, right = rigs.orbit(4)
    for direction, (x, z) in zip((front, left, back, right), ((0, 1), (1, 0), (0, -1), (-1, 0)), strict=True):
        assert_close(direction, torch.tensor([x, 0, z], dtype=torch.float64), rtol=0, atol=1e-12)


def test_an_arc_ends_where_it_says():
    directions = rigs.arc(7, half_angle=45)
    assert_close(directions[0], torch.tensor([-math.sqrt(0.5), 0, math.sqrt(0.5)], dtype=torch.float64))
    assert_close(directions[3], torch.tensor([0.0, 0, 1], dtype=torch.float64))
    assert_close(directions[6], torch.tensor([math.sqrt(0.5), 0, math.sqrt(0.5)], dtype=torch.float64))


def test_a_grid_runs_from_the_top_left_of_the_picture():
    directions = rigs.grid(3, 5, half_azimuth=20, half_elevation=10)
    assert directions.shape == (15, 3)
    assert_close(directions[7], torch.tensor([0.0, 0, 1], dtype=torch.float64))
    assert directions[0, 1] > 0 > directions[-1, 1]
    assert directions[0, 0] < 0 < directions[-1, 0]


@given(st.integers(2, 200), numbers(5, 60))
def test_a_spiral_winds_out_to_its_radius(n, radius):
    directions = rigs.spiral(n, radius=radius)
    assert_close(directions[0], torch.tensor([0.0, 0, 1], dtype=torch.float64))
    off_axis = torch.rad2deg(torch.acos(directions[:, 2].clamp(-1, 1)))
    assert off_axis.max() <= radius + 1e-6


@given(st.integers(2, 200), numbers(5, 60), st.integers(1, 4))
def test_a_spiral_that_comes_back_goes_on_from_its_end(n, radius, turns):
    directions = rigs.spiral(n, radius=radius, turns=turns, back=True)
    assert_close(directions[0], torch.tensor([0.0, 0, 1], dtype=torch.float64))
    off_axis = torch.rad2deg(torch.acos(directions[:, 2].clamp(-1, 1)))
    assert off_axis.max() <= radius + 1e-6
    # Neither between neighbours nor from the last to the first does it go farther than it winds in that time.
    steps = (directions - directions.roll(1, dims=0)).norm(dim=-1)
    assert steps.max() <= math.radians(radius) * math.hypot(math.pi, 2 * math.pi * turns) / n


@given(st.integers(8, 400))
def test_the_fibonacci_lattice_is_even(n):
    """Each of the n directions is about as far from its nearest neighbour as n equal caps would have it."""
    directions = rigs.fibonacci(n)
    assert_close(directions.norm(dim=-1), torch.ones(n, dtype=torch.float64))
    assert directions.mean(dim=0).norm() < 2 / n
    nearest = torch.cdist(directions, directions).fill_diagonal_(9).min(dim=1).values
    even = math.sqrt(4 * math.pi / n)
    assert nearest.min() > 0.6 * even
    assert nearest.max() < 1.3 * even


def test_what_the_cameras_are_asked_to_show_fills_the_picture():
    cameras = rigs.around(rigs.orbit(6), distance=5.0, size=2.0, pixels=200)
    rim = cameras.unproject(torch.tensor([[0.0, 100.0]]).double().expand(6, 1, 2), torch.full((6, 1), 5.0).double())
    assert_close(rim.norm(dim=-1), torch.ones(6, 1, dtype=torch.float64))


@given(st.lists(numbers(2, 50), min_size=1, max_size=8), numbers(-0.3, 0.3))
def test_a_dolly_zoom_keeps_the_target_plane_and_bends_the_rest(distances, height):
    start = rigs.around(rigs.arc(1, half_angle=0), distance=4.0)[0]
    target = torch.zeros(3, dtype=torch.float64)
    moved = rigs.dolly_zoom(start, torch.tensor(distances, dtype=torch.float64), target=target)
    plane = torch.tensor([[0.3, height, 0.0], [-0.2, 0.1, 0.0]], dtype=torch.float64)
    assert_close(
        moved.project(plane.expand(len(distances), 2, 3))[0],
        start.project(plane)[0].expand(len(distances), 2, 2),
        rtol=1e-9,
        atol=1e-7,
    )
    nearer = torch.tensor([[0.3, 0.0, 0.5]], dtype=torch.float64)
    spread = moved.project(nearer.expand(len(distances), 1, 3))[0][:, 0, 0] - start.principal[0]
    expected = start.focal[0] / 4 * torch.tensor(distances) * 0.3 / (torch.tensor(distances) - 0.5)
    assert_close(spread, expected.double(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("size", "distance", "pixels"), [(0.0, 1.0, 4), (1.0, -1.0, 4), (1.0, 1.0, 0)])
def test_rigs_without_extent_are_refused(size, distance, pixels):
    with pytest.raises(InputError, match="must be positive"):
        rigs.focal_for(size, distance=distance, pixels=pixels)


def test_a_dolly_zoom_stays_in_front():
    camera = rigs.around(rigs.orbit(1), distance=3.0)[0]
    with pytest.raises(InputError, match="positive distances"):
        rigs.dolly_zoom(camera, torch.tensor([1.0, -1.0]).double(), target=torch.zeros(3).double())
