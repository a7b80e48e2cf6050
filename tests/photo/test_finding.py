from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headfield.photo.finding import Finder, cut_square
from headfield.photo.normals import Region

from .discs import Discs, picture

FINDER = Finder(Discs())


@settings(max_examples=8)
@given(st.integers(256, 500), st.integers(256, 500), st.floats(0.09, 0.9), st.floats(0, 1), st.floats(0, 1))
def test_faces_of_any_size_are_found_anywhere(height, width, part, right, down):
    size = part * min(height, width)
    x, y = size / 2 + right * (width - size), size / 2 + down * (height - size)
    faces = FINDER.faces(picture(height, width, (x, y, size)))
    assert len(faces) == 1
    assert faces[0].size == pytest.approx(size, rel=0.05, abs=3)
    np.testing.assert_allclose(faces[0].landmarks[[234, 454], :2].mean(axis=0), (x, y), atol=max(2, 0.02 * size))


def test_faces_come_from_left_to_right_and_each_once():
    discs = [(450, 250, 140), (120, 200, 100), (290, 420, 120)]
    faces = FINDER.faces(picture(500, 600, *discs))
    assert [round(face.size, -1) for face in faces] == [100, 120, 140]


def test_where_nobody_is_nobody_is_found():
    assert FINDER.faces(picture(150, 200)) == ()


class OneSided(Discs):
    """Sees what looks like a face from the left only, as one may see one in a cloud."""

    def mesh(self, image: np.ndarray) -> np.ndarray | None:
        found = super().mesh(image)
        return None if found is None else found + np.array([0.1 * np.ptp(found[:, 0]), 0, 0])


def test_a_face_is_one_in_a_mirror_too():
    assert Finder(OneSided()).faces(picture(150, 150, (75, 75, 50))) == ()


def test_squares_are_cut_out_in_place_and_black_beyond_the_picture():
    image = np.arange(4 * 4 * 3, dtype=np.uint8).reshape(4, 4, 3)
    np.testing.assert_array_equal(cut_square(image, Region(1, 2, 2), 2), image[2:4, 1:3])
    beyond = cut_square(image, Region(-1, -1, 6), 6)
    np.testing.assert_array_equal(beyond[1:-1, 1:-1], image)
    assert beyond[0].max() == beyond[:, -1].max() == 0
