"""From where on a surface one can look out."""

from __future__ import annotations

import numpy as np

from headfield.mesh.raycast import RayCaster
from headfield.studio.outlook import LONGEST, sees_out, told_by_corners
from headfield.studio.sitter import Sitter
from headfield.surface import Mesh

from ..shapes import cube, sphere
from .scenes import figure


def cup(*, depth: float) -> Mesh:
    """A tube of radius 0.1 along z, with a bottom, whose walls look inwards and whose opening is in z = 0."""
    n = 48
    angle = 2 * np.pi * np.arange(n) / n
    rings = [np.stack([0.1 * np.cos(angle), 0.1 * np.sin(angle), np.full(n, -z)], axis=1) for z in (0, depth)]
    k, after = np.arange(n), (np.arange(n) + 1) % n
    walls = np.concatenate([np.stack([k, after, n + k], axis=1), np.stack([after, n + after, n + k], axis=1)])
    bottom = np.stack([np.full(n, 2 * n), n + k, n + after], axis=1)
    return Mesh.of(np.concatenate([*rings, [[0, 0, -depth]]]), np.concatenate([walls[:, ::-1], bottom]))


def test_of_nested_balls_only_the_outer_one_looks_out():
    inner, outer = sphere(0.5), sphere(0.8)
    sitter = Sitter.of(figure(inner, outer))
    on_outer = np.linalg.norm(sitter.surface.vertices, axis=1) > 0.7
    np.testing.assert_array_equal(sitter.sees_out, on_outer)


def test_one_looks_out_of_a_cup_that_is_open_towards_the_front_and_of_no_closed_one():
    open_, bottom, up = cup(depth=0.2), np.array([[0.0, 0.0, -0.2]]), np.array([[0.0, 0.0, 1.0]])
    assert sees_out(RayCaster(open_), bottom, up).all()
    n = len(open_.vertices) // 2
    lid = np.stack([np.zeros(n - 2, int), np.arange(1, n - 1), np.arange(2, n)], axis=1)
    closed = Mesh(open_.vertices, np.concatenate([open_.faces, lid]))
    assert not sees_out(RayCaster(closed), bottom, up).any()


def test_corners_tell_of_small_flat_faces_only():
    small, large = sphere(0.2, rings=48), sphere(0.9, rings=16)
    assert told_by_corners(small, small.vertex_normals.astype(np.float32)).all()
    edges = np.linalg.norm(large.corners - np.roll(large.corners, 1, axis=1), axis=2).max(axis=1)
    told = told_by_corners(large, large.vertex_normals.astype(np.float32))
    np.testing.assert_array_equal(told, edges <= LONGEST)
    turned = -small.vertex_normals.astype(np.float32)
    assert not told_by_corners(small, turned).any()


def test_no_sky_reaches_what_does_not_look_out():
    sitter = Sitter.of(figure(sphere(0.5, rings=32), cube(2.0)))
    inside = ~sitter.sees_out
    assert inside.any()
    assert np.abs(sitter.openness[inside]).max() < 1e-5
