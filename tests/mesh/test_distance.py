from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headfield.errors import InputError
from headfield.mesh.distance import SurfaceSearch, closest_on_triangles, closest_points
from headfield.surface import Mesh

from ..shapes import cube, plane, soup, sphere

BOTH = pytest.mark.parametrize("fast", [True, False], ids=["igl", "plain"])


def distance_to_cube(points: np.ndarray, side: float) -> np.ndarray:
    q = np.abs(points) - side / 2
    outside = np.linalg.norm(np.maximum(q, 0), axis=1)
    return np.where(q.max(axis=1) > 0, outside, -q.max(axis=1))


@BOTH
def test_distances_to_a_cube_are_what_the_formula_says(fast, rng):
    points = rng.normal(size=(3000, 3))
    closest = SurfaceSearch(cube(1.2), fast=fast).closest(points)
    np.testing.assert_allclose(closest.distances, distance_to_cube(points, 1.2), atol=1e-12)


@BOTH
def test_points_above_a_plane_fall_straight_down(fast, rng):
    points = rng.uniform([-0.4, -0.4, 0.1], [0.4, 0.4, 2], (500, 3))
    closest = SurfaceSearch(plane(), fast=fast).closest(points)
    np.testing.assert_allclose(closest.points, points * [1, 1, 0], atol=1e-12)
    np.testing.assert_allclose(closest.distances, points[:, 2], atol=1e-12)


@BOTH
def test_point_distance_and_face_tell_the_same(fast, rng):
    mesh = soup(100, rng)
    points = rng.normal(size=(500, 3))
    closest = SurfaceSearch(mesh, fast=fast).closest(points)
    np.testing.assert_allclose(np.linalg.norm(points - closest.points, axis=1), closest.distances, atol=1e-12)
    on_face = closest_on_triangles(points, mesh.corners[closest.faces])
    np.testing.assert_allclose(on_face, closest.points, atol=1e-9)


@BOTH
def test_a_point_at_equal_distance_from_everything_is_no_harder(fast):
    closest = SurfaceSearch(sphere(rings=40), fast=fast).closest(np.zeros((200, 3)))
    assert np.ptp(closest.distances) == 0
    assert 0.99 < closest.distances[0] < 1


@BOTH
def test_triangles_from_tiny_to_huge_are_all_found(fast, rng):
    mesh = soup(200, rng)
    points = 2 * rng.normal(size=(300, 3))
    closest = SurfaceSearch(mesh, fast=fast).closest(points)
    every = np.stack(
        [np.linalg.norm(points - closest_on_triangles(points, _tiled(mesh, f, 300)), axis=1) for f in range(200)]
    )
    np.testing.assert_allclose(closest.distances, every.min(axis=0), atol=1e-12)


def _tiled(mesh: Mesh, face: int, n: int) -> np.ndarray:
    return np.broadcast_to(mesh.corners[face], (n, 3, 3))


@pytest.mark.parametrize(
    "faces", [[[0, 1, 1]], [[0, 0, 0]], [[0, 1, 2], [3, 3, 4]]], ids=["a segment", "a point", "beside a segment"]
)
def test_faces_without_area_are_segments_and_points(faces, rng):
    vertices = rng.normal(size=(5, 3))
    points = rng.normal(size=(100, 3))
    one, other = (
        SurfaceSearch(Mesh.of(vertices, np.array(faces)), fast=fast).closest(points) for fast in (True, False)
    )
    np.testing.assert_allclose(one.distances, other.distances, atol=1e-9)


def test_vertices_without_a_face_attract_nothing():
    mesh = Mesh.of(np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 5]]), np.array([[0, 1, 2]]))
    for fast in (True, False):
        assert SurfaceSearch(mesh, fast=fast).closest(np.array([[0.0, 0, 5]])).distances[0] == pytest.approx(5)


@given(st.integers(0, 2**32 - 1))
def test_no_sample_of_a_triangle_is_closer_than_the_closest_point(seed):
    rng = np.random.default_rng(seed)
    corners, point = rng.normal(size=(1, 3, 3)), rng.normal(size=(1, 3))
    there = closest_on_triangles(point, corners)
    samples = rng.dirichlet(np.full(3, 0.5), 300) @ corners[0]
    assert np.linalg.norm(there - point) <= np.linalg.norm(samples - point, axis=1).min() + 1e-12


def test_no_points_are_no_answers():
    assert len(closest_points(cube(), np.zeros((0, 3))).distances) == 0


def test_a_mesh_without_faces_has_no_distance():
    with pytest.raises(InputError, match="has no faces"):
        closest_points(Mesh.of(np.zeros((3, 3)), np.zeros((0, 3), int)), np.zeros((1, 3)))


def test_without_libigl_distances_are_found_all_the_same(monkeypatch):
    monkeypatch.setitem(sys.modules, "igl", None)
    assert closest_points(plane(), np.array([[0.1, 0.2, 0.7]])).distances[0] == pytest.approx(0.7)
