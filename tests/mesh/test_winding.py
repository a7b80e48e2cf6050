from __future__ import annotations

import sys

import numpy as np
import pytest

from headfield.mesh.distance import SurfaceSearch
from headfield.mesh.winding import signed_distances, winding_numbers
from headfield.surface import Mesh

from ..shapes import bumpy, cube, sphere

BOTH = pytest.mark.parametrize("fast", [True, False], ids=["igl", "plain"])


@BOTH
def test_a_closed_surface_goes_once_around_its_inside(fast, rng):
    points = rng.uniform(-1, 1, (400, 3))
    points = points[np.abs(np.abs(points).max(axis=1) - 0.5) > 0.05]
    inside = np.abs(points).max(axis=1) < 0.5
    np.testing.assert_allclose(winding_numbers(cube(1.0), points, fast=fast), inside, atol=1e-2)


@BOTH
def test_turned_inside_out_it_goes_around_the_other_way(fast):
    mesh = cube()
    outside_in = Mesh.of(mesh.vertices, mesh.faces[:, ::-1])
    np.testing.assert_allclose(winding_numbers(outside_in, np.zeros((1, 3)), fast=fast), [-1], atol=1e-2)


@BOTH
def test_half_a_cube_goes_half_around_its_centre(fast):
    # Three sides that meet in one corner fill half of what the centre sees.
    mesh = cube()
    half = Mesh.of(mesh.vertices, mesh.faces[mesh.face_normals.sum(axis=1) > 0])
    np.testing.assert_allclose(winding_numbers(half, np.zeros((1, 3)), fast=fast), [0.5], atol=1e-2)


def test_the_fast_way_agrees_with_the_plain_one(rng):
    whole = bumpy()
    for mesh in (whole, Mesh.of(whole.vertices, whole.faces[300:])):
        points = rng.normal(size=(200, 3))
        fast, plain = (winding_numbers(mesh, points, fast=fast) for fast in (True, False))
        np.testing.assert_allclose(fast, plain, atol=5e-3)


def test_signed_distances_of_a_ball_are_what_the_formula_says(rng):
    points = rng.normal(size=(1000, 3))
    found = signed_distances(SurfaceSearch(sphere(rings=60)), points)
    np.testing.assert_allclose(found, np.linalg.norm(points, axis=1) - 1, atol=2e-3)


def test_a_hole_does_not_turn_the_sides_over(rng):
    whole = sphere(rings=24)
    holed = Mesh.of(whole.vertices, whole.faces[whole.corners[:, :, 1].mean(axis=1) > -0.9])
    points = rng.uniform(-0.5, 0.5, (300, 3))
    assert (signed_distances(SurfaceSearch(holed), points) < 0).all()
    assert (signed_distances(SurfaceSearch(holed), points + np.array([2.0, 0, 0])) > 0).all()


def test_without_libigl_the_plain_way_is_taken(monkeypatch):
    monkeypatch.setitem(sys.modules, "igl", None)
    np.testing.assert_allclose(winding_numbers(cube(), np.array([[0.1, 0.2, 0.3]])), [1], atol=1e-12)
    assert len(winding_numbers(cube(), np.zeros((0, 3)))) == 0
