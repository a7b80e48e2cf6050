"""Strands on what is guessed: as strong as seen ones, where hair grows, along the ways that it falls."""

from __future__ import annotations

import numpy as np
import pytest

from headfield.canonical import CANONICAL_POINTS
from headfield.mesh.raycast import RayCaster
from headfield.mesh.texture.bake import baked
from headfield.mesh.texture.grain import CROWN, MOST, Grain, hairy, strands
from headfield.mesh.texture.looks import Look
from headfield.mesh.texture.unwrap import unwrapped
from headfield.surface import unit

from ...shapes import sphere
from .photographs import camera_at, photographed

BALL = sphere(0.5, rings=60)
HAIR = np.array([0.45, 0.35, 0.25])


def smooth(places: np.ndarray) -> np.ndarray:
    return HAIR * np.ones((len(places), 1))


def streaked(places: np.ndarray) -> np.ndarray:
    return HAIR * (1 + 0.25 * np.sin(200 * places[:, :1]))


def directions(count: int) -> np.ndarray:
    return unit(np.random.default_rng(1).normal(size=(count, 3)))


def grain_of(paint) -> Grain:
    look = Look.of(photographed(BALL, camera_at(0.0), paint), RayCaster(BALL), texel=0.004)
    return Grain(BALL, [look], smooth(BALL.vertices))


def test_strands_neither_brighten_nor_darken_and_vary_by_one():
    values = strands(0.5 * directions(200_000))
    assert abs(values.mean()) < 0.02
    assert values.var() == pytest.approx(1, abs=0.1)


def test_strands_lie_along_the_way_from_the_crown_and_come_around():
    places = directions(20_000)
    places = places[np.abs(places @ CROWN) < 0.7]
    down = unit(places * (places @ CROWN)[:, None] - CROWN)
    across = np.cross(places, down)
    here = strands(places)

    def alike(way: np.ndarray, by: float) -> float:
        return float(np.corrcoef(here, strands(unit(places + by * way)))[0, 1])

    assert alike(down, 0.02) > 0.7
    assert alike(across, 0.02) < 0.35
    behind = places[np.argsort(places @ [0.0, 0.0, 1.0])[:200]]
    beside = behind + 1e-6 * np.array([1.0, 0.0, 0.0])
    np.testing.assert_allclose(strands(beside), strands(behind), atol=0.01)


def test_hair_grows_above_and_behind_and_not_on_the_face():
    assert (hairy(CANONICAL_POINTS) == 0).all()
    np.testing.assert_array_equal(hairy(np.array([[0, 0.6, 0], [0, 0.2, -0.5], [0.35, 0.3, -0.1]])), 1)
    np.testing.assert_array_equal(hairy(np.array([[0.3, -0.25, 0.1], [0, -0.6, -0.2], [0, -0.9, 0]])), 0)


def test_hair_that_is_guessed_stands_out_as_hair_that_is_seen():
    crown = np.argmax(BALL.vertices @ CROWN)
    face = np.argmax(BALL.vertices @ [0, -0.5, 1])
    assert grain_of(streaked).strength[crown] == pytest.approx(MOST)
    assert grain_of(streaked).strength[face] == 0
    assert (grain_of(smooth).strength == 0).all(), "who is bald has no strands"
    assert (Grain(BALL, [], smooth(BALL.vertices)).strength == 0).all()


def test_strands_are_in_the_texture_where_nothing_is_seen():
    pytest.importorskip("xatlas")
    mesh = unwrapped(BALL)
    for paint, least, most in ((smooth, 0.0, 0.004), (streaked, 0.015, 0.1)):
        result = baked(mesh, [photographed(mesh, camera_at(0.0), paint)], lambda p, n: smooth(p), size=256)
        behind = (result.mesh.vertices @ CROWN > 0.35) & (result.mesh.vertices[:, 2] < -0.1)
        spread = (result.mesh.colours[behind, 0] / 255).std()
        assert least <= spread <= most
        np.testing.assert_allclose(result.mesh.colours[behind].mean(axis=0) / 255, HAIR, atol=0.03)
