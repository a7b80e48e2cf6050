from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from headfield.capture import Landmarks
from headfield.data.marks import MEDIAPIPE
from headfield.photo.faces import Face
from headfield.photo.multipie import _MIRRORED, MULTIPIE, OFFSETS, multipie68

from .discs import face


def test_every_point_is_another():
    assert len(set(MULTIPIE)) == 68
    assert max(MULTIPIE) < 468


def test_data_sets_and_photos_agree_on_the_points_of_head_space():
    assert {index: MULTIPIE[index] for index in MEDIAPIPE} == MEDIAPIPE


def test_points_are_put_right_by_what_is_usual_for_the_two_sides_alike():
    np.testing.assert_allclose(OFFSETS[list(_MIRRORED)], OFFSETS * (-1, 1))
    seen = face()
    moved = seen.landmarks[list(MULTIPIE), :2] - multipie68(seen).points
    np.testing.assert_allclose(moved, seen.eye_distance * OFFSETS, atol=1e-9)


def test_points_move_with_the_picture():
    seen = face(turned=10.0)
    turn = Rotation.from_euler("z", 40, degrees=True).as_matrix()
    turned = Face(2 * seen.landmarks @ turn.T)
    np.testing.assert_allclose(multipie68(turned).points, 2 * multipie68(seen).points @ turn[:2, :2].T)


@pytest.mark.parametrize(("turned", "hidden"), [(0, ()), (14, ()), (-14, ()), (16, range(9, 17)), (-16, range(8))])
def test_the_far_side_of_the_jaw_is_hidden(turned, hidden):
    seen = multipie68(face(turned=turned))
    assert isinstance(seen, Landmarks)
    assert seen.scheme == "multipie68"
    np.testing.assert_array_equal(np.flatnonzero(~seen.visible), hidden)
