from __future__ import annotations

import numpy as np
import pytest

from headfield.mesh.texture.behind import BAND, seen_through

BROWN, BLUE = np.array([120, 90, 60]), np.array([40, 60, 180])


def picture(hair: np.ndarray = BROWN, wall: np.ndarray = BLUE, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A disc of hair before a wall, both uneven, and its mask."""
    y, x = np.mgrid[:200, :200] + 0.5
    mask = np.where(np.hypot(x - 100, y - 100) < 70, 255, 0).astype(np.uint8)
    noise = np.random.default_rng(seed).normal(0, 8, (200, 200, 3))
    image = np.where(mask[..., None] > 0, hair, wall) + noise
    return image.clip(0, 255).astype(np.uint8), mask


def test_a_wall_between_locks_is_told_from_them():
    image, mask = picture()
    assert not seen_through(image, mask).any()
    gap = (slice(98, 102), slice(32, 36))
    image[gap] = BLUE
    found = seen_through(image, mask)
    assert found[gap].all()
    assert found.sum() <= 1.5 * 16


def test_a_mask_that_is_too_wide_shows_the_wall_in_its_rim():
    image, _ = picture()
    y, x = np.mgrid[:200, :200] + 0.5
    away = np.hypot(x - 100, y - 100)
    wide = np.where(away < 73, 255, 0).astype(np.uint8)
    found = seen_through(image, wide)
    assert found[(away > 71) & (away < 73)].mean() > 0.9
    assert not found[away < 69].any()


def test_what_is_of_the_walls_colour_deep_within_is_the_subjects():
    image, mask = picture()
    away = int(np.ceil(BAND * np.sqrt((mask > 0).sum())))
    earring = (slice(98, 102), slice(31 + away, 35 + away))
    image[earring] = BLUE
    assert not seen_through(image, mask)[earring].any()


def test_hair_before_a_wall_of_its_colour_is_believed():
    image, mask = picture(wall=BROWN + 12)
    assert not seen_through(image, mask).any()


@pytest.mark.parametrize("value", [0, 255])
def test_without_two_sides_nothing_is_seen_through(value):
    image, _ = picture()
    assert not seen_through(image, np.full((200, 200), value, np.uint8)).any()
