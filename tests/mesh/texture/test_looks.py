from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from headfield.mesh.raycast import RayCaster
from headfield.mesh.texture.exposure import gains
from headfield.mesh.texture.looks import FADE, LEAST_MARGIN, MARGIN, Look, Shown, mixed
from headfield.mesh.texture.spreading import Spreading

from ...shapes import plane, sphere
from .photographs import camera_at, photographed

BALL = sphere(0.5, rings=20)
NORMALS = BALL.vertices / 0.5


def look(azimuth: float, colour: tuple[float, float, float], **camera: float) -> Look:
    view = photographed(BALL, camera_at(azimuth, **camera), lambda places: np.tile(colour, (len(places), 1)))
    return Look.of(view, RayCaster(BALL), texel=0.005)


def test_the_squarer_look_wins():
    red, green = look(0.0, (1, 0, 0)), look(70.0, (0, 1, 0))
    colours, trust = mixed([red, green], BALL.vertices, NORMALS)
    cosines = [NORMALS @ (one.camera.centre.numpy() / 5) for one in (red, green)]
    for colour, mine, other in ((0, *cosines), (1, *cosines[::-1])):
        clearly = (mine > 0.8) & (other < 0.5)
        assert clearly.any()
        assert (colours[clearly, colour] > 0.9).all()
        assert (trust[clearly] > 0.99).all()
    assert not trust[np.maximum(*cosines) < 0.1].any()


def test_outlines_are_not_trusted_and_what_is_well_inside_is():
    view = photographed(BALL, camera_at(0.0), lambda places: np.full((len(places), 3), 0.5))
    trust = Look.of(view, RayCaster(BALL), texel=0.001).trust
    pixel = 1.3 / 160
    y, x = (np.mgrid[:160, :160] + 0.5 - 80) * pixel
    depth_inside = 0.5 - np.hypot(x, y)  # the outline of a ball seen from 5 away is a hair wider
    margin = max(MARGIN, LEAST_MARGIN * pixel)
    assert not trust[depth_inside < margin].any()
    assert (trust[depth_inside > margin + FADE + 2 * pixel] == 1).all()
    half = replace(view, mask=np.where(x < 0, view.mask, np.uint8(0)))
    trust = Look.of(half, RayCaster(BALL), texel=0.001).trust
    assert not trust[x > -margin].any(), "beside the mask"
    assert trust[80, 60] == 1


def test_a_fine_view_is_made_as_coarse_as_the_texels():
    """Black and white rows finer than a texel are grey."""
    square = plane(1.0)
    view = photographed(square, camera_at(0.0, size=1.3, pixels=256), lambda p: np.zeros((len(p), 3)))
    view = replace(
        view,
        image=np.where(np.arange(256)[:, None, None] % 2, 255, 0).astype(np.uint8) + np.zeros((1, 256, 3), np.uint8),
    )
    coarse = Look.of(view, RayCaster(square), texel=1.3 / 64)
    assert coarse.image.shape == (64, 64, 3)
    np.testing.assert_allclose(coarse.image, 0.5, atol=0.01)
    spot = np.array([[0.11, -0.07, 0.0]])
    fine, _ = view.camera.project(torch.from_numpy(spot))
    np.testing.assert_allclose(coarse.camera.project(torch.from_numpy(spot))[0] * 4, fine)


def shown(which: np.ndarray, light: np.ndarray) -> Shown:
    from headfield.mesh.pictures import srgb_values

    one = np.ones(len(which), np.float32)
    return Shown(which, srgb_values(light).astype(np.float32), one, one)


def test_gains_are_those_with_which_views_agree(rng):
    """Three views in a chain, a fifth of what each shows being something else, and one that shares nothing."""
    light = rng.uniform(0.1, 0.4, (900, 3))
    factors = np.array([[1.4, 1.3, 1.2], [0.8, 0.9, 1.0], [1.1, 1.0, 0.9]])
    ranges = [np.arange(400), np.arange(300, 700), np.arange(600, 800)]
    views = []
    for which, factor in zip(ranges, factors, strict=True):
        seen = light[which] * factor
        seen[::5] = rng.uniform(0.1, 0.4, seen[::5].shape)
        views.append(shown(which, seen))
    views.append(shown(np.arange(800, 900), light[800:]))
    found = gains(views, 900)
    wanted = np.exp(np.log(factors).mean(axis=0)) / factors
    np.testing.assert_allclose(found[:3], wanted, rtol=0.03)
    np.testing.assert_allclose(found[3], 1)


def test_between_two_known_ends_a_strip_changes_evenly():
    strip = plane(1.0, cells=20)
    x = strip.vertices[:, 0]
    known = (np.abs(x) > 0.49).astype(float)
    values = np.where(x[:, None] > 0, 1.0, 0.0) * known[:, None]
    spread = Spreading(strip).spread(values, known, smooth=1e-3)
    np.testing.assert_allclose(spread[:, 0], x + 0.5, atol=0.01)


def test_what_is_the_same_everywhere_stays_the_same(rng):
    values = np.tile([0.2, -0.3, 0.1], (len(BALL.vertices), 1))
    spread = Spreading(BALL).spread(values, rng.uniform(0, 1, len(values)) ** 4, smooth=0.1)
    np.testing.assert_allclose(spread, values, atol=1e-4)


def test_smoothing_stays_between_what_it_smooths(rng):
    values = rng.uniform(0, 1, (len(BALL.vertices), 1))
    spread = Spreading(BALL).spread(values, np.ones(len(values)), smooth=0.1)
    assert 0 < spread.min() < spread.max() < 1
    assert spread.std() < 0.5 * values.std()


@pytest.mark.parametrize("mask", [None, 0])
def test_without_a_mask_all_of_the_picture_counts(mask):
    view = photographed(BALL, camera_at(0.0), lambda places: np.full((len(places), 3), 0.5))
    view = replace(view, mask=None if mask is None else np.zeros_like(view.mask))
    assert Look.of(view, RayCaster(BALL), texel=0.001).trust.any() == (mask is None)
