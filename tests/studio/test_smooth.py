"""Finer and rounder surfaces."""

from dataclasses import replace

import numpy as np
import pytest

from headfield.mesh.topology import is_watertight
from headfield.studio.smooth import rounded
from headfield.surface import Mesh, unit
from tests.shapes import sphere


def edges(mesh):
    return np.linalg.norm(mesh.corners - np.roll(mesh.corners, 1, axis=1), axis=2)


def test_a_ball_gets_rounder_than_its_facets_and_keeps_its_vertices():
    ball = sphere(rings=12)
    finer = rounded(ball, 0.7 * edges(ball).mean())
    np.testing.assert_array_equal(finer.vertices[: len(ball.vertices)], ball.vertices)
    assert len(finer.faces) == 4 * len(ball.faces)
    assert is_watertight(finer)
    added = np.linalg.norm(finer.vertices[len(ball.vertices) :], axis=1)
    middles = (ball.corners + np.roll(ball.corners, 1, axis=1)) / 2
    flattest = 1 - np.linalg.norm(middles, axis=2).min()
    assert np.abs(added - 1).max() < 0.05 * flattest


def test_a_plane_stays_flat_and_what_is_known_about_it_in_place():
    flat = Mesh.of(np.array([[0, 0, 0], [4.0, 0, 0], [4, 4, 0], [0, 4, 0]]), np.array([[0, 1, 2], [0, 2, 3]]))
    flat = replace(flat, uv=flat.vertices[:, :2] / 4, attributes={"height": flat.vertices[:, 1]})
    finer = rounded(flat, 1.0)
    assert edges(finer).mean() <= 1.0
    np.testing.assert_allclose(finer.vertices[:, 2], 0, atol=1e-12)
    np.testing.assert_allclose(finer.uv, finer.vertices[:, :2] / 4, atol=1e-12)
    np.testing.assert_allclose(finer.attributes["height"], finer.vertices[:, 1], atol=1e-12)
    assert finer.face_areas.sum() == pytest.approx(16)


def test_seams_stay_closed():
    ball = sphere(rings=12)
    half = ball.vertices[ball.faces].mean(axis=1)[:, 0] > 0
    # The right half has vertices of its own, as at the seam of a texture.
    faces = np.where(half[:, None], ball.faces + len(ball.vertices), ball.faces)
    split = Mesh(np.concatenate([ball.vertices, ball.vertices]), faces)
    assert is_watertight(rounded(split, edges(ball).mean() / 2))


def test_normals_point_where_they_did():
    finer = rounded(sphere(rings=12), 0.1)
    assert np.sum(finer.face_normals * unit(finer.corners.mean(axis=1)), axis=1).min() > 0.99
