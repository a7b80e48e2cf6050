from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from headfield.capture import Capture, Scan, Subject
from headfield.errors import InputError
from headfield.fitting.coloured import SQUARE, ColouredPoints, coloured_points, seen_in

from ..balls import camera, capture, scan, view

RADIUS = 0.5


def person(azimuths: tuple[float, ...] = (0.0, 120.0)) -> Subject:
    return Subject("ball", capture=capture(RADIUS, azimuths), scan=scan(RADIUS, points=4000))


def test_places_have_the_colours_that_views_show_there():
    found = coloured_points(person(), 300)
    assert found.points.shape == found.directions.shape == found.colours.shape == (1, 300, 3)
    # Balls are coloured by their normals.
    expected = 255 * (found.points / RADIUS + 1) / 2
    assert (found.colours - expected).abs().mean() < 3
    assert (found.colours - expected).abs().max() < 25
    torch.testing.assert_close(found.directions.norm(dim=-1), torch.ones(1, 300))


def test_a_view_shows_what_faces_it():
    front = view(RADIUS, camera(0.0))
    them = scan(RADIUS, points=4000)
    index, directions, _ = seen_in(front, them)
    facing = -(directions * them.normals[index]).sum(axis=1)
    assert len(index) > 500
    assert facing.min() > SQUARE
    assert them.points[index, 2].min() > 0
    towards = front.camera.centre.numpy() - them.points[index]
    np.testing.assert_allclose(-directions, towards / np.linalg.norm(towards, axis=1, keepdims=True), atol=1e-5)


def test_what_something_hides_is_not_seen():
    """A small ball in front of a large one hides the middle of it."""
    large, small = scan(RADIUS, points=8000), scan(0.2, points=4000)
    points = np.concatenate([large.points, small.points + np.float32([0, 0, 0.9])])
    both = Scan(points, np.concatenate([large.normals, small.normals]))
    index, _, _ = seen_in(replace(view(RADIUS, camera(0.0)), mask=None), both)
    aside = np.linalg.norm(large.points[:, :2], axis=1)
    seen = np.isin(np.arange(8000), index)
    facing = large.points[:, 2] > 0
    assert not seen[facing & (aside < 0.15)].any()
    ring = facing & (aside > 0.3) & (aside < 0.4)
    assert seen[ring].mean() > 0.9


def test_the_background_is_not_taken_for_the_subject():
    blind = replace(view(RADIUS, camera(0.0)), mask=np.zeros((48, 48), np.uint8))
    index, _, _ = seen_in(blind, scan(RADIUS))
    assert not len(index)


def test_without_views_the_scan_s_colours_are_taken_as_the_scanner_saw_them():
    colours = np.random.default_rng(0).integers(0, 255, (1000, 3)).astype(np.uint8)
    them = replace(scan(RADIUS), colours=colours)
    found = coloured_points(Subject("ball", scan=them), 1000)
    order = np.lexsort(found.points[0].numpy().T)
    expected = np.lexsort(them.points.T)
    assert np.array_equal(found.colours[0].numpy()[order], colours[expected])
    assert ((found.directions * found.points).sum(dim=-1) < 0).float().mean() > 0.95


def test_the_same_subject_gives_the_same_places_and_few_are_given_twice():
    one, again = coloured_points(person(), 300), coloured_points(person(), 300)
    assert torch.equal(one.points, again.points)
    assert coloured_points(person(), 100_000).points.shape == (1, 100_000, 3)


def test_some_of_many():
    joined = ColouredPoints.joined([coloured_points(person((angle,)), 50) for angle in (0.0, 180.0)])
    drawn = joined.draw(torch.tensor([1, 0, 1]), 200, torch.Generator().manual_seed(0))
    assert drawn.points.shape == (3, 200, 3)
    assert (drawn.points[1, :, 2] > 0).all()
    assert (drawn.points[[0, 2], :, 2] < 0).all()


@pytest.mark.parametrize(
    ("subject", "said"),
    [
        (Subject("nobody"), "nobody has no scan to learn from"),
        (Subject("grey", scan=scan(0.5)), "grey has no colours to learn from, since it has neither views nor"),
        (
            Subject(
                "away",
                scan=scan(0.5),
                capture=Capture((replace(view(0.5, camera()), mask=np.zeros((48, 48), np.uint8)),)),
            ),
            "away has no colours to learn from, since its views show nothing of its scan",
        ),
    ],
)
def test_a_subject_without_colours_is_one_sentence(subject, said):
    with pytest.raises(InputError, match=said) as error:
        coloured_points(subject, 10)
    assert str(error.value).count(". ") == 0
