from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headfield.mesh.clean import with_faces
from headfield.mesh.holes import boundary_loops, filled
from headfield.mesh.topology import euler_number, flipped_faces, is_watertight
from headfield.surface import Mesh

from ..shapes import bumpy, cube, plane, sphere
from .merging import decorated


def without_caps(mesh: Mesh, *heights: tuple[float, float]) -> Mesh:
    y = mesh.corners[:, :, 1].mean(axis=1)
    return with_faces(mesh, ~np.logical_or.reduce([(low < y) & (y < high) for low, high in heights]))


def star(points: int) -> Mesh:
    """A frame around a hole in the shape of a star, in a slightly bent plane."""
    angle = np.arange(2 * points) * np.pi / points
    radius = np.where(np.arange(2 * points) % 2, 0.3, 1.0)
    inner = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    outer = 4 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    flat = np.concatenate([inner, outer])
    n = 2 * points
    a, b = np.arange(n), np.roll(np.arange(n), -1)
    faces = np.concatenate([np.stack([a, a + n, b + n], 1), np.stack([a, b + n, b], 1)])
    return Mesh.of(np.column_stack([flat, 0.02 * flat[:, 0] ** 2]), faces)


def test_loops_run_around_the_holes():
    mesh = without_caps(sphere(), (0.5, 2), (-2, -0.7))
    loops = boundary_loops(mesh)
    assert sorted(len(loop) for loop in loops) == [48, 48]
    for loop in loops:
        assert len(set(mesh.vertices[loop, 1].round(9))) == 1
    assert boundary_loops(sphere()) == []


def test_holes_that_touch_in_one_vertex_are_two():
    mesh = plane(cells=6)
    middle = np.abs(mesh.corners.mean(axis=1)[:, :2])
    corners = mesh.corners.mean(axis=1)[:, :2]
    hole = (np.prod(corners, axis=1) > 0) & (middle.max(axis=1) < 1 / 6)
    loops = boundary_loops(with_faces(mesh, ~hole))
    assert sorted(len(loop) for loop in loops) == [4, 4, 24]


def test_a_ball_without_caps_is_closed_flat():
    mesh = without_caps(sphere(), (0.5, 2), (-2, -0.7))
    closed = filled(mesh)
    assert is_watertight(closed)
    assert euler_number(closed) == 2
    assert not flipped_faces(closed).any()
    patch = closed.faces[len(mesh.faces) :]
    normals = Mesh(closed.vertices, patch).face_normals
    np.testing.assert_allclose(np.abs(normals[:, 1]), 1, atol=1e-9)
    np.testing.assert_array_equal(closed.faces[: len(mesh.faces)], mesh.faces)


@pytest.mark.parametrize("points", [3, 5, 9])
def test_a_hole_that_is_not_convex_is_filled_without_folds(points):
    mesh = star(points)
    closed = filled(mesh, perimeter=20)
    patch = Mesh(closed.vertices, closed.faces[len(mesh.faces) :])
    assert (patch.face_normals[:, 2] > 0.5).all()
    flat = replace(patch, vertices=patch.vertices * [1, 1, 0])
    assert flat.face_areas.sum() == pytest.approx(points * 0.3 * np.sin(np.pi / points)), "the star's area"
    assert [len(loop) for loop in boundary_loops(closed)] == [2 * points], "the outer rim is longer and stays"


def test_patches_of_a_round_hole_are_well_shaped():
    mesh = without_caps(sphere(rings=40), (0.3, 2))
    patch = Mesh(mesh.vertices, filled(mesh).faces[len(mesh.faces) :])
    corners = np.bincount(patch.faces.ravel())
    assert corners.max() < 15, "no vertex of 80 has a fan of its own"


@given(seed=st.integers(0, 1000))
def test_any_holes_in_a_closed_surface_can_be_closed(seed):
    """Whole patches around random vertices are missing, apart from each other or not."""
    mesh = bumpy(rings=12)
    rng = np.random.default_rng(seed)
    centres = mesh.vertices[rng.choice(len(mesh.vertices), 3)]
    middles = mesh.corners.mean(axis=1)
    away = np.linalg.norm(middles[:, None] - centres, axis=2) > rng.uniform(0.1, 0.5, 3)
    assert is_watertight(filled(with_faces(mesh, away.all(axis=1))))


def test_a_corner_with_one_face_is_not_covered_by_a_second_one_like_it():
    """Cutting off this ear would put a face on the back of the one that is there."""
    mesh = cube()
    opened = with_faces(mesh, ~np.isin(np.arange(12), [0, 1, 4]))
    closed = filled(opened)
    assert is_watertight(closed)
    assert closed.face_areas.sum() > 5


def test_colours_and_attributes_stay_and_the_patch_takes_one_colour_of_the_texture():
    mesh = decorated(without_caps(sphere(), (0.5, 2)))
    closed = filled(mesh)
    assert is_watertight(closed)
    np.testing.assert_allclose(closed.attributes["place"], closed.vertices, atol=1e-6)
    np.testing.assert_array_equal(closed.uv[: len(mesh.uv)], mesh.uv)
    patch = closed.faces[len(mesh.faces) :]
    assert len(np.unique(closed.uv[patch.ravel()], axis=0)) == 1


def test_only_holes_that_are_small_enough_are_closed():
    mesh = without_caps(sphere(rings=40), (0.9, 2), (-2, -0.1))
    lengths = sorted(2 * np.pi * np.sqrt(1 - h**2) for h in (0.92, 0.08))
    closed = filled(mesh, perimeter=np.mean(lengths))
    assert len(boundary_loops(closed)) == 1
    assert filled(sphere()).faces is not None
    np.testing.assert_array_equal(filled(mesh, perimeter=0.1).faces, mesh.faces)
