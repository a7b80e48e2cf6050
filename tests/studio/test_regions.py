import numpy as np
import pytest

from headfield.canonical import CANONICAL_INDICES, CANONICAL_POINTS
from headfield.studio import regions
from headfield.studio.regions import BEARD, LEFT_BROW, MOUSTACHE, SCALP

MASKS = (regions.scalp, regions.beard, regions.moustache, regions.brows)


@pytest.mark.parametrize("mask", MASKS)
def test_masks_are_weights_and_symmetric(mask, rng):
    points = rng.uniform([-0.45, -0.6, -0.5], [0.45, 0.7, 0.6], (2000, 3))
    weights = mask(points)
    assert weights.min() >= 0
    assert weights.max() <= 1
    np.testing.assert_allclose(mask(points * [-1, 1, 1]), weights, atol=2e-3)


def test_hair_grows_on_the_crown_and_nowhere_on_the_landmarks():
    crown, occiput, above_the_ear = [0, 0.67, 0], [0, 0.2, -0.48], [0.39, 0.3, -0.05]
    np.testing.assert_allclose(regions.scalp(np.array([crown, occiput, above_the_ear], float)), 1)
    assert regions.scalp(CANONICAL_POINTS).max() == 0
    ears = np.array([[0.44, 0.0, -0.1], [-0.45, 0.1, -0.12], [0.42, -0.12, -0.02]])
    assert regions.scalp(ears).max() < 0.2


def test_beards_leave_lips_eyes_and_nose_free():
    free = [i for i, index in enumerate(CANONICAL_INDICES) if index not in (8, 33, 48, 54)]
    for mask in (regions.beard, regions.moustache, regions.brows):
        assert mask(CANONICAL_POINTS[free]).max() < 0.05
    lips = np.array([[0, -0.269, 0.527], [0, -0.2, 0.53], [0.05, -0.265, 0.519]])
    assert regions.beard(lips).max() < 0.5
    chin, cheek = [0, -0.41, 0.475], [0.31, -0.2, 0.2]
    np.testing.assert_allclose(regions.beard(np.array([chin, cheek], float)), 1)
    assert regions.moustache(np.array([[0.06, -0.145, 0.51]]))[0] > 0.9


@pytest.mark.parametrize("region", [SCALP, BEARD, MOUSTACHE, LEFT_BROW])
def test_outlines_are_the_zero_of_the_distance(region):
    assert np.abs(region.distance(region.outline)).max() < 0.01
    np.testing.assert_allclose(region.weight(region.outline), 0.5, atol=0.2)


def test_distance_grows_with_the_way_from_the_hairline():
    heights = np.linspace(0.40, 0.60, 21)
    z = np.interp(heights, [0.3, 0.45, 0.5, 0.55, 0.6], [0.476, 0.419, 0.382, 0.332, 0.26])
    distance = SCALP.distance(np.stack([np.zeros(21), heights, z], axis=1))
    assert np.all(np.diff(distance) > 0)
    assert distance[0] < 0 < distance[-1]
