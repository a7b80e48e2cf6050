from dataclasses import replace

import numpy as np
import pytest

from headfield.studio.builtin import load_builtin
from headfield.studio.eyes import IRIS_RADIUS, iris_angle, paint_eye
from headfield.studio.look import sample_look
from headfield.studio.model import IRIS_UV_PER_RADIAN
from headfield.units import MILLIMETRES_PER_UNIT

ANGLE = 0.45
SIZE = 256


@pytest.fixture
def eyes():
    return replace(sample_look(np.random.default_rng(0)).eyes, outer=(0.3, 0.45, 0.6), inner=(0.3, 0.45, 0.6))


def rings(texture):
    """The mean colour of the texture at each distance from its middle, in iris radii."""
    rows, columns = np.mgrid[:SIZE, :SIZE] + 0.5
    radius = np.hypot(rows / SIZE - 0.5, columns / SIZE - 0.5) / (ANGLE * IRIS_UV_PER_RADIAN)

    def ring(low, high):
        return texture[(radius >= low) & (radius < high)].mean(axis=0)

    return ring


def test_pupil_iris_and_white_are_where_they_belong(eyes, rng):
    ring = rings(paint_eye(eyes, ANGLE, rng, SIZE))
    assert ring(0, 0.6 * eyes.pupil).max() < 30
    iris = ring(eyes.pupil + 0.1, 0.75)
    assert iris[2] > iris[1] > iris[0]
    white = ring(1.15, 1.5)
    assert white.min() > 170
    assert white.mean() > iris.mean() + 40


def test_the_ring_around_the_iris_is_dark(eyes, rng):
    ring = rings(paint_eye(replace(eyes, limbus=0.9), ANGLE, rng, SIZE))
    assert ring(0.88, 0.94).mean() < 0.75 * ring(0.6, 0.7).mean()


def test_irises_are_as_large_as_people_have_them():
    model = load_builtin()
    angle = iris_angle(model, "eyeball_L", int(model.pupils[0]))
    assert 0.3 < angle < 0.7
    assert pytest.approx(12, abs=1) == 2 * IRIS_RADIUS * MILLIMETRES_PER_UNIT


def test_the_same_seed_paints_the_same_eye(eyes):
    one, same, other = (paint_eye(eyes, ANGLE, np.random.default_rng(seed), SIZE) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_the_white_has_no_edge_as_far_as_turned_eyes_show_it(eyes, rng):
    ring = rings(paint_eye(eyes, ANGLE, rng, SIZE))
    furthest = 1.5 / ANGLE
    brightness = [ring(r, r + 0.06).mean() for r in np.arange(1.15, furthest - 0.06, 0.06)]
    assert np.abs(np.diff(brightness)).max() < 6
