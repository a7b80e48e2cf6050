from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headfield.report.drawing import (
    GUESSED,
    SEEN,
    blend,
    confidence_colours,
    draw_dots,
    draw_outline,
    draw_rings,
    outline,
)

from ..strategies import numbers

RED = (255, 0, 0)


def noise(height: int = 40, width: int = 50, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 200, (height, width, 3), dtype=np.uint8)


def disc(height: int = 40, width: int = 50, radius: float = 12) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return ((np.hypot(y - 20, x - 25) < radius) * 255).astype(np.uint8)


def distances(x: float, y: float) -> np.ndarray:
    rows, columns = np.mgrid[:40, :50] + 0.5
    return np.hypot(columns - x, rows - y)


@given(numbers(-10, 60), numbers(-10, 50), numbers(1, 8))
def test_a_dot_changes_pixels_within_its_radius_only(x, y, radius):
    picture = noise()
    drawn = draw_dots(picture, np.array([[x, y]]), RED, radius)
    changed = (drawn != picture).any(axis=-1)
    assert not changed[distances(x, y) >= radius].any()
    assert (drawn[distances(x, y) <= radius - 1] == RED).all()


@given(numbers(0, 50), numbers(0, 40), numbers(3, 9))
def test_a_ring_lies_within_its_radius_and_leaves_its_middle_open(x, y, radius):
    picture = noise()
    changed = (draw_rings(picture, np.array([[x, y]]), RED, radius) != picture).any(axis=-1)
    assert not changed[distances(x, y) >= radius].any()
    assert not changed[distances(x, y) <= radius / 2 - 1].any()


def test_dots_that_overlap_are_as_one_and_unknown_ones_are_left_out():
    picture, points = noise(), np.array([[10.0, 10], [12, 10], [np.nan, 5]])
    both = draw_dots(picture, points, RED, 4)
    np.testing.assert_array_equal(both, draw_dots(picture, points[[1, 0, 2]], RED, 4))
    np.testing.assert_array_equal(draw_dots(picture, points[2:], RED, 4), picture)


@given(st.integers(1, 3))
def test_the_outline_is_what_of_the_mask_is_near_what_it_leaves_out(width):
    mask = disc()
    edge = outline(mask, width)
    assert not edge[mask == 0].any()
    away = np.array([np.abs(np.argwhere(mask == 0) - place).sum(axis=1).min() for place in np.argwhere(mask > 0)])
    np.testing.assert_array_equal(edge[mask > 0], away <= width)


def test_where_the_picture_ends_is_no_edge():
    assert not outline(np.full((9, 7), 255, np.uint8)).any()
    assert not outline(np.zeros((9, 7), np.uint8)).any()


def test_an_outline_is_drawn_where_it_is():
    picture, mask = noise(), disc()
    drawn = draw_outline(picture, mask, RED, 2)
    edge = outline(mask, 2)
    assert (drawn[edge] == RED).all()
    np.testing.assert_array_equal(drawn[~edge], picture[~edge])


def test_blending_nothing_or_all_gives_what_was_given():
    one, other = noise(seed=1), noise(seed=2)
    np.testing.assert_array_equal(blend(one, other, 0), one)
    np.testing.assert_array_equal(blend(one, other, 1.0), other)
    half = np.zeros((40, 50))
    half[:, 25:] = 1
    mixed = blend(one, other, half)
    np.testing.assert_array_equal(mixed[:, :25], one[:, :25])
    np.testing.assert_array_equal(mixed[:, 25:], other[:, 25:])


@given(numbers(0, 1))
def test_blending_is_a_weighted_mean(share):
    one, other = noise(seed=1), noise(seed=2)
    np.testing.assert_allclose(blend(one, other, share), one * (1 - share) + share * other.astype(float), atol=0.501)


def test_confidence_goes_from_guessed_to_seen():
    colours = confidence_colours(np.array([-1.0, 0.0, 1.0, 2.0]))
    np.testing.assert_array_equal(colours, [GUESSED, GUESSED, SEEN, SEEN])
    warmth = np.diff(confidence_colours(np.linspace(0, 1, 50))[:, [2, 0]].astype(int))
    assert (np.diff(warmth[:, 0]) <= 1).all(), "the more was seen, the cooler"
