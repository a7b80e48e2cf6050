from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from torch.testing import assert_close

from headfield.surface import Mesh, unit

from .strategies import similarities

CUBE = Mesh.of(
    np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=float),
    np.array(
        [
            *([0, 1, 3], [0, 3, 2]),  # x = -1
            *([4, 6, 7], [4, 7, 5]),  # x = +1
            *([0, 4, 5], [0, 5, 1]),  # y = -1
            *([2, 3, 7], [2, 7, 6]),  # y = +1
            *([0, 2, 6], [0, 6, 4]),  # z = -1
            *([1, 5, 7], [1, 7, 3]),  # z = +1
        ]
    ),
)


def test_a_cube_has_the_areas_and_normals_of_a_cube():
    np.testing.assert_allclose(CUBE.face_areas, 2.0)
    outwards = CUBE.corners.mean(axis=1)
    assert (np.einsum("fk,fk->f", CUBE.face_normals, outwards) > 0.3).all()
    np.testing.assert_allclose(np.abs(CUBE.face_normals).max(axis=1), 1.0)


def test_vertex_normals_weigh_faces_by_angle_so_a_cubes_corners_point_diagonally():
    np.testing.assert_allclose(CUBE.vertex_normals, CUBE.vertices / np.sqrt(3), atol=1e-12)


def test_faces_without_area_have_no_normal_and_spoil_none():
    mesh = Mesh.of(np.array([[0, 0, 0], [1, 0, 0], [2, 0, 0], [0, 1, 0.0]]), np.array([[0, 1, 2], [0, 1, 3]]))
    np.testing.assert_array_equal(mesh.face_normals, [[0, 0, 0], [0, 0, 1]])
    assert np.isfinite(mesh.vertex_normals).all()


def test_samples_are_even_over_the_area(rng):
    big_and_small = Mesh.of(
        np.array([[0, 0, 0], [3, 0, 0], [0, 3, 0], [0, 0, 1], [1, 0, 1], [0, 1, 1.0]]), np.array([[0, 1, 2], [3, 4, 5]])
    )
    samples = big_and_small.sample(40_000, rng)
    # A binomial share of 0.9: three standard deviations are 0.0045.
    assert abs((samples.faces == 0).mean() - 0.9) < 0.0045
    inside = samples.points[samples.faces == 0]
    np.testing.assert_allclose(inside.mean(axis=0), [1, 1, 0], atol=0.02)
    np.testing.assert_allclose(samples.weights.sum(axis=1), 1)
    assert (samples.weights >= 0).all()


def test_samples_interpolate_what_is_linear_exactly(rng):
    samples = CUBE.sample(500, rng)
    linear = CUBE.vertices @ np.array([[1.0, 2.0], [0.5, -1.0], [3.0, 0.0]]) + 0.25
    expected = samples.points @ np.array([[1.0, 2.0], [0.5, -1.0], [3.0, 0.0]]) + 0.25
    np.testing.assert_allclose(samples.of_vertices(linear), expected, atol=1e-12)


@given(similarities())
def test_moving_a_mesh_moves_its_points_and_turns_its_normals(similarity):
    moved = CUBE.transformed(similarity)
    assert_close(torch.from_numpy(moved.vertices), similarity.apply(torch.from_numpy(CUBE.vertices)))
    turned = similarity.apply_to_directions(torch.from_numpy(CUBE.face_normals))
    np.testing.assert_allclose(moved.face_normals, turned.numpy(), atol=1e-6)
    np.testing.assert_allclose(moved.face_areas, CUBE.face_areas * similarity.scale.item() ** 2, rtol=1e-6)


def test_units_of_nothing_are_nothing():
    np.testing.assert_array_equal(unit(np.array([[0.0, 0, 0], [0, 3, 4]])), [[0, 0, 0], [0, 0.6, 0.8]])


def test_bounds_are_the_extremes():
    np.testing.assert_array_equal(CUBE.bounds, [[-1, -1, -1], [1, 1, 1]])


def test_a_mesh_is_frozen():
    with pytest.raises(AttributeError):
        CUBE.vertices = np.zeros((0, 3))
