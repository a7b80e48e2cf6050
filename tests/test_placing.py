from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from headfield.canonical import CANONICAL_INDICES, CANONICAL_POINTS
from headfield.capture import Capture, LazyViews, Subject, View
from headfield.data.placement import FEWEST_LANDMARKS
from headfield.errors import InputError
from headfield.fitting.poses import LandmarkModel
from headfield.fitting.prior import ShapePrior
from headfield.placing import MOST_VIEWS, in_head_space
from headfield.rigs import arc, around
from headfield.transforms import Similarity, so3_exp

from .test_portraits import Drawn, InTurn

WORLD = Similarity(
    torch.tensor(3.7).double(), so3_exp(torch.tensor([0.4, -1.2, 2.0]).double()), torch.tensor([1.0, -2, 0.5]).double()
)
"""A world of its own, from head space."""
BEFORE = Similarity(torch.tensor(0.5).double(), so3_exp(torch.tensor([0.1, 0.0, 0.0]).double()), torch.ones(3).double())
"""What was done to it before."""


class Nobody:
    def faces(self, image):
        return ()

    def person(self, image):
        raise AssertionError


@pytest.fixture(scope="module")
def places():
    """An average head's 68 landmarks, those that define head space where it has them."""
    found = LandmarkModel.of(ShapePrior.shipped("instant-avatar").codes).mean.copy()
    found[list(CANONICAL_INDICES)] = CANONICAL_POINTS
    return found


def captured(n=5, world=WORLD, **facts):
    """Cameras before a face, in a world of their own."""
    views = []
    for i, camera in enumerate(around(arc(n, half_angle=25.0) if n > 1 else arc(1), distance=5.0, pixels=320)):
        depth = np.full((320, 320), 2.0, np.float32)
        views.append(View(f"view-{i}", camera.transformed(world), np.zeros((320, 320, 3), np.uint8), depth=depth))
    return Subject("anna", Capture(tuple(views)), facts={"placement": "cameras", **facts}, to_head=BEFORE)


def finder_for(subject, places, world=WORLD):
    there = world.apply(torch.from_numpy(places)).numpy()
    return InTurn(*(Drawn(view.camera, there) for view in subject.capture.views))


def test_any_world_is_brought_into_head_space(places):
    subject = captured()
    placed = in_head_space(subject, finder=finder_for(subject, places))
    assert placed.facts["placement"] == "landmarks"
    torch.testing.assert_close(placed.to_head.matrix(), (WORLD.inverse() @ BEFORE).matrix(), atol=2e-3, rtol=0)
    for before, after in zip(subject.capture.views, placed.capture.views, strict=True):
        home = before.camera.transformed(WORLD.inverse())
        torch.testing.assert_close(after.camera.centre, home.centre, atol=0.02, rtol=0)
        torch.testing.assert_close(after.camera.rotation, home.rotation, atol=3e-3, rtol=0)
        np.testing.assert_allclose(after.depth, 2.0 / 3.7, rtol=2e-3)
        pixels, _ = after.camera.project(torch.from_numpy(CANONICAL_POINTS))
        np.testing.assert_allclose(after.landmarks.points[list(CANONICAL_INDICES)], pixels, atol=0.5)
    np.testing.assert_allclose(placed.landmarks.points[list(CANONICAL_INDICES)], CANONICAL_POINTS, atol=2e-3)


def test_a_head_of_known_size_keeps_it(places):
    one = Similarity.identity()
    subject = captured(world=one, true_size=True)
    placed = in_head_space(subject, finder=finder_for(subject, 1.1 * places, one))
    assert float(placed.to_head.scale) == pytest.approx(float(BEFORE.scale))
    free = captured(world=one)
    placed = in_head_space(free, finder=finder_for(free, 1.1 * places, one))
    assert float(placed.to_head.scale) == pytest.approx(float(BEFORE.scale) / 1.1, rel=1e-3)


def test_what_is_in_head_space_stays_as_it_is():
    for how in ("given", "landmarks"):
        subject = captured(placement=how)
        assert in_head_space(subject, finder=Nobody()) is subject
    own = Subject("ball", captured().capture)
    assert in_head_space(own, finder=Nobody()) is own


def test_a_view_that_shows_something_else_is_left_out(places):
    subject = captured()
    finder = finder_for(subject, places)
    finder.left[3].marks[:, 0] += 60
    placed = in_head_space(subject, finder=finder)
    torch.testing.assert_close(placed.to_head.matrix(), (WORLD.inverse() @ BEFORE).matrix(), atol=2e-3, rtol=0)
    assert placed.capture.views[3].landmarks is None


def test_of_many_views_a_few_are_looked_at():
    looked = []
    views = captured().capture.views
    many = LazyViews([f"{i}" for i in range(100)], lambda i: views[i % 5])
    subject = replace(captured(), capture=Capture(many))
    with pytest.raises(InputError, match="fewer than two of its views show the same face"):
        in_head_space(subject, finder=Nobody(), counted=lambda done, total: looked.append((done, total)))
    assert looked == [(i, MOST_VIEWS) for i in range(1, MOST_VIEWS + 1)]


def test_what_cannot_be_placed_is_one_sentence(places):
    with pytest.raises(InputError, match=r"^anna is not in head space, and fewer than two of its views show the same"):
        in_head_space(captured(), finder=Nobody())
    single = captured(1)
    with pytest.raises(InputError, match="fewer than two of its views"):
        in_head_space(single, finder=finder_for(single, places))
    # Cameras that all stand in one place tell no depths.
    still = captured(1).capture.views * 3
    still = replace(captured(), capture=Capture(tuple(replace(view, name=f"{i}") for i, view in enumerate(still))))
    with pytest.raises(InputError, match=rf"only 0 of {FEWEST_LANDMARKS} landmarks|fewer than two of its views"):
        in_head_space(still, finder=finder_for(still, places))
    wide = captured()
    with pytest.raises(InputError, match=r"are \d+ mm off an average one, so its cameras are wrong"):
        in_head_space(wide, finder=finder_for(wide, places * (1, 1, -1)))
