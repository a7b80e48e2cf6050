from __future__ import annotations

import numpy as np
import pytest

from headfield.capture import Landmarks
from headfield.data.marks import MEDIAPIPE
from headfield.photo.faces import Face
from headfield.photo.multipie import MULTIPIE, multipie68

from .discs import face


def test_every_point_is_another():
    assert len(set(MULTIPIE)) == 68
    assert max(MULTIPIE) < 468


def test_data_sets_and_photos_agree_on_the_points_of_head_space():
    assert {index: MULTIPIE[index] for index in MEDIAPIPE} == MEDIAPIPE


def test_points_keep_their_places():
    numbered = Face(np.arange(478.0)[:, None] + np.zeros(3))
    points = multipie68(numbered).points
    assert points.shape == (68, 2)
    np.testing.assert_array_equal(points[:, 0], MULTIPIE)


@pytest.mark.parametrize(("turned", "hidden"), [(0, ()), (14, ()), (-14, ()), (16, range(9, 17)), (-16, range(8))])
def test_the_far_side_of_the_jaw_is_hidden(turned, hidden):
    seen = multipie68(face(turned=turned))
    assert isinstance(seen, Landmarks)
    assert seen.scheme == "multipie68"
    np.testing.assert_array_equal(np.flatnonzero(~seen.visible), hidden)
