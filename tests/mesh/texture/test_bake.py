"""Balls painted by a known function of the place, photographed, and baked: each texel must have the place's colour."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from headfield.mesh.pictures import linear_intensities, srgb_values
from headfield.mesh.texture.atlas import Atlas
from headfield.mesh.texture.bake import baked
from headfield.mesh.texture.unwrap import unwrapped
from headfield.surface import Mesh

from ...shapes import plane, sphere
from ..merging import joined
from .photographs import camera_at, photographed

pytest.importorskip("xatlas")
SIZE = 128


@lru_cache
def ball() -> Mesh:
    return unwrapped(sphere(0.5, rings=20))


def waves(places: np.ndarray) -> np.ndarray:
    """Smooth colours without much blue, of which the background has all."""
    x, y, z = places.T
    return np.stack([0.5 + 0.2 * np.sin(5 * x), 0.5 + 0.2 * np.sin(4 * y + z), 0.2 + 0 * x], axis=1)


def even(*colour: float):
    return lambda places, normals=None: np.tile(colour, (len(places), 1))


def at_texels(mesh: Mesh, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The places of the texels and what the picture says there."""
    atlas = Atlas.of(mesh, len(picture))
    return atlas.places().points, picture.reshape(SIZE * SIZE, -1)[atlas.texels]


def test_what_is_seen_has_its_colour_and_none_is_of_the_background():
    views = [photographed(ball(), camera_at(azimuth), waves) for azimuth in (-50.0, 0.0, 50.0)]
    result = baked(ball(), views, even(0.5, 0.5, 0.2), size=SIZE)
    places, colours = at_texels(result.mesh, result.mesh.texture)
    seen = at_texels(result.mesh, result.seen)[1][:, 0]
    np.testing.assert_allclose(result.gains, 1, atol=0.01)
    np.testing.assert_allclose(colours[seen > 0.99] / 255, waves(places)[seen > 0.99], atol=0.025)
    front = (places @ [0, 0, 2] > 0.75) & (np.abs(places[:, 1]) < 0.3)
    assert (seen[front] > 0.99).all()
    assert (seen[places[:, 2] < -0.35] == 0).all()
    assert colours[:, 2].max() < 0.3 * 255, "the background is full of blue"
    assert "seen" in result.mesh.attributes
    close = result.mesh.vertices[:, 2] > 0.45
    np.testing.assert_allclose(result.mesh.attributes["seen"][close], 1, atol=0.01)


def test_what_is_hidden_is_not_taken_from_the_view():
    """Before the red ball hangs a blue square: no blue on the ball, and what it hides is said to be guessed."""
    both = unwrapped(joined(sphere(0.5, rings=20), plane(0.3, height=0.7, cells=2)))

    def paint(places: np.ndarray) -> np.ndarray:
        return np.where(places[:, 2:] > 0.65, (0.2, 0.2, 0.9), (0.7, 0.4, 0.2))

    result = baked(both, [photographed(both, camera_at(0.0), paint)], even(0.7, 0.4, 0.2), size=SIZE)
    places, colours = at_texels(both, result.mesh.texture)
    seen = at_texels(both, result.seen)[1][:, 0]
    on_ball = places[:, 2] < 0.6
    np.testing.assert_allclose(colours[on_ball] / 255, even(0.7, 0.4, 0.2)(colours[on_ball]), atol=0.02)
    behind = on_ball & (places[:, 2] > 0) & (np.abs(places[:, :2]).max(axis=1) < 0.15)
    assert (seen[behind] == 0).all()
    assert (seen[~on_ball & (np.abs(places[:, :2]).max(axis=1) < 0.08)] > 0.99).all()


def test_the_guess_takes_over_the_tint_of_what_is_seen():
    views = [photographed(ball(), camera_at(0.0), even(0.6, 0.4, 0.3))]
    result = baked(ball(), views, even(0.5, 0.5, 0.5), size=SIZE)
    np.testing.assert_allclose(
        result.mesh.texture.reshape(-1, 3) / 255, even(0.6, 0.4, 0.3)(range(SIZE**2)), atol=0.012
    )


def stripes(places: np.ndarray) -> np.ndarray:
    return 0.5 + 0.15 * np.sin(40 * places[:, 1:2]) * [1.0, 1.0, 0.5]


def test_the_other_side_lends_its_detail_where_it_is_the_same_stuff():
    """From the left only the left half is seen, but its stripes go round the ball."""
    views = [photographed(ball(), camera_at(80.0), stripes)]
    result, plain = (baked(ball(), views, even(0.5, 0.5, 0.5), size=SIZE, mirror=m) for m in (True, False))
    places, colours = at_texels(ball(), result.mesh.texture)
    unseen = (places[:, 0] < -0.35) & (np.abs(places[:, 1]) < 0.25)
    assert np.abs(colours[unseen] / 255 - stripes(places[unseen])).mean() < 0.03
    plain_colours = at_texels(ball(), plain.mesh.texture)[1]
    assert np.abs(plain_colours[unseen] / 255 - stripes(places[unseen])).mean() > 0.06

    def dark_on_the_right(places: np.ndarray, normals: np.ndarray) -> np.ndarray:
        return np.where(places[:, :1] < -0.1, 0.05, 0.5) * np.ones(3)

    other = baked(ball(), views, dark_on_the_right, size=SIZE)
    colours = at_texels(ball(), other.mesh.texture)[1]
    assert colours[unseen].max() < 0.15 * 255, "hair is no skin"


def test_exposures_are_matched():
    """The same ball in views that are brighter and darker by known factors."""
    factors = np.array([[1.3, 1.2, 1.25], [0.8, 0.85, 0.8]])
    views = [
        photographed(ball(), camera_at(azimuth), lambda p, f=f: srgb_values(linear_intensities(waves(p)) * f))
        for azimuth, f in zip((-25.0, 25.0), factors, strict=True)
    ]
    gains = baked(ball(), views, even(0.5, 0.5, 0.2), size=SIZE).gains
    np.testing.assert_allclose(gains, np.sqrt(factors.prod(axis=0)) / factors, rtol=0.015)


def test_without_views_all_is_the_guess_and_what_was_known_stays():
    mesh = replace(ball(), attributes={"confidence": np.ones(len(ball().vertices), np.float32)})
    result = baked(mesh, [], even(0.6, 0.4, 0.3), size=SIZE)
    _, colours = at_texels(mesh, result.mesh.texture)
    np.testing.assert_allclose(colours / 255, even(0.6, 0.4, 0.3)(colours), atol=0.003)
    assert not result.seen.any()
    assert result.gains.shape == (0, 3)
    assert set(result.mesh.attributes) == {"confidence", "seen"}
    np.testing.assert_allclose(result.mesh.colours / 255, even(0.6, 0.4, 0.3)(mesh.vertices), atol=0.003)


def test_of_a_guess_only_what_is_broad_is_believed():
    """Ripples of 4 mm are of a field's own making; waves of 200 mm and more are what it learned."""
    fine = unwrapped(sphere(0.5, rings=120))

    def rippled(places: np.ndarray, normals: np.ndarray) -> np.ndarray:
        return waves(places) + 0.08 * np.sin(2 * np.pi / 0.02 * places[:, 1:2])

    places, colours = at_texels(fine, baked(fine, [], rippled, size=SIZE).mesh.texture)
    away = np.abs(places[:, 1]) < 0.45  # at the poles ripples on a ball are broad
    np.testing.assert_allclose(colours[away] / 255, waves(places)[away], atol=0.015)


def test_the_same_views_bake_the_same_bytes(monkeypatch):
    views = [photographed(ball(), camera_at(20.0), waves)]
    one = baked(ball(), views, even(0.5, 0.5, 0.2), size=64)
    np.testing.assert_array_equal(one.mesh.texture, baked(ball(), views, even(0.5, 0.5, 0.2), size=64).mesh.texture)
    monkeypatch.setattr("headfield.mesh.texture.atlas.PART", 1000)
    parts = baked(ball(), views, even(0.5, 0.5, 0.2), size=64).mesh.texture
    np.testing.assert_allclose(parts.astype(int), one.mesh.texture, atol=1)
