from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headfield.mesh.clean import oriented
from headfield.mesh.topology import boundary, components, euler_number, flipped_faces, is_watertight
from headfield.surface import Mesh

from ..shapes import bumpy, cube, plane, sphere
from .merging import joined


def ring(columns: int = 12, rows: int = 8) -> Mesh:
    """A torus."""
    u, v = np.meshgrid(np.arange(columns), np.arange(rows), indexing="ij")
    a, b = 2 * np.pi * u / columns, 2 * np.pi * v / rows
    vertices = np.stack([(2 + np.cos(b)) * np.cos(a), (2 + np.cos(b)) * np.sin(a), np.sin(b)], axis=-1)
    index = u * rows + v
    right, up = np.roll(index, -1, axis=0), np.roll(index, -1, axis=1)
    both = np.roll(right, -1, axis=1)
    faces = np.concatenate(
        [np.stack([index, right, both], -1).reshape(-1, 3), np.stack([index, both, up], -1).reshape(-1, 3)]
    )
    return Mesh.of(vertices.reshape(-1, 3), faces)


def moebius_strip() -> Mesh:
    n = 10
    angle = np.arange(n) * 2 * np.pi / n
    side = np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
    width = 0.3 * np.stack(
        [np.cos(angle / 2) * np.cos(angle), np.cos(angle / 2) * np.sin(angle), np.sin(angle / 2)], axis=1
    )
    a, b = np.arange(n), np.arange(n) + n
    after_a, after_b = np.append(a[1:], b[0]), np.append(b[1:], a[0])
    faces = np.concatenate([np.stack([a, after_a, after_b], 1), np.stack([a, after_b, b], 1)])
    return Mesh.of(np.concatenate([side + width, side - width]), faces)


def turned(mesh: Mesh, chosen: np.ndarray) -> Mesh:
    return replace(mesh, faces=np.where(chosen[:, None], mesh.faces[:, ::-1], mesh.faces))


@pytest.mark.parametrize(("mesh", "euler"), [(sphere(), 2), (cube(), 2), (ring(), 0), (joined(cube(), sphere(0.1)), 4)])
def test_closed_surfaces(mesh, euler):
    assert is_watertight(mesh)
    assert euler_number(mesh) == euler
    assert len(boundary(mesh)) == 0


def test_the_border_of_a_plane_runs_anticlockwise_around_it():
    mesh = plane(1.0, cells=5)
    border = boundary(mesh)
    assert len(border) == 20
    assert not is_watertight(mesh)
    assert euler_number(mesh) == 1
    start, end = mesh.vertices[border[:, 0]], mesh.vertices[border[:, 1]]
    assert np.cross(start, end)[:, 2].sum() / 2 == pytest.approx(1.0), "the area inside"


def test_vertices_in_the_same_place_count_as_one():
    mesh = sphere()
    doubled = Mesh(mesh.vertices[mesh.faces].reshape(-1, 3), np.arange(mesh.faces.size).reshape(-1, 3))
    assert is_watertight(doubled)
    assert euler_number(doubled) == 2
    assert components(doubled).max() == 0


def test_a_missing_or_turned_face_is_noticed():
    mesh = sphere()
    assert not is_watertight(replace(mesh, faces=mesh.faces[1:]))
    assert not is_watertight(turned(mesh, np.arange(len(mesh.faces)) == 5))
    assert not is_watertight(replace(mesh, faces=mesh.faces[:0]))


def test_components_are_the_parts_that_were_put_together():
    mesh = joined(cube(), sphere(0.2), plane())
    label = components(mesh)
    sizes = [len(cube().faces), len(sphere().faces), len(plane().faces)]
    np.testing.assert_array_equal(np.bincount(label), sizes)
    assert (np.diff(label) >= 0).all()


@given(seed=st.integers(0, 1000), share=st.floats(0, 1))
def test_faces_turned_at_random_are_turned_back(seed, share):
    mesh = joined(bumpy(rings=8), ring())
    chosen = np.random.default_rng(seed).random(len(mesh.faces)) < share
    np.testing.assert_array_equal(flipped_faces(turned(mesh, chosen)), chosen)


def test_flat_parts_follow_the_majority():
    mesh = plane()
    few = np.arange(len(mesh.faces)) % 5 == 0
    np.testing.assert_array_equal(flipped_faces(turned(mesh, few)), few)


def test_an_open_part_faces_away_from_its_middle():
    ball = sphere()
    front = replace(ball, faces=ball.faces[ball.corners[:, :, 2].min(axis=1) > 0.1])
    inside_out = turned(front, np.ones(len(front.faces), bool))
    np.testing.assert_array_equal(oriented(inside_out).face_normals, front.face_normals)


def test_what_has_but_one_side_stays_as_it_is():
    assert not flipped_faces(moebius_strip()).any()
