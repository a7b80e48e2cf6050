from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from skimage import data

from headfield.photo.faces import face_finder
from headfield.photo.multipie import multipie68

pytest.importorskip("mediapipe")


@pytest.fixture(scope="module")
def finder():
    return face_finder()


@pytest.fixture(scope="module")
def astronaut() -> np.ndarray:
    return data.astronaut()


@pytest.fixture(scope="module")
def seen(finder, astronaut):
    (only,) = finder.faces(astronaut)
    return only


MIRRORED = np.array(
    [
        *(*range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1)),
        *(45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40),
        *(54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65),
    ]
)
"""Which of the 68 points each becomes in a mirror."""


def test_a_face_is_found_with_its_features_where_faces_have_them(seen):
    points = multipie68(seen).points
    x, y = points.T
    assert (np.diff(x[:17:4]) > 0).all()  # the jaw from the person's right, which is on the left, to the left
    assert (np.diff(y[[24, 44, 30, 33, 51, 62, 66, 57, 8]]) > 0).all()  # from the brow down to the chin
    assert x[36] < x[39] < x[27] < x[42] < x[45]
    assert abs(seen.yaw) < 10
    assert 80 < seen.size < 105
    assert 38 < seen.eye_distance < 48


def test_in_a_mirror_left_is_right(finder, astronaut, seen):
    (other,) = finder.faces(np.ascontiguousarray(astronaut[:, ::-1]))
    back = multipie68(other).points[MIRRORED] * (-1, 1) + (512, 0)
    apart = np.linalg.norm(back - multipie68(seen).points, axis=1) / seen.size
    assert np.median(apart) < 0.02
    assert apart.max() < 0.06
    assert other.yaw == pytest.approx(-seen.yaw, abs=4)


@pytest.mark.parametrize("scale", [0.25, 0.5, 2.0])
def test_places_scale_with_the_picture(finder, astronaut, seen, scale):
    side = round(512 * scale)
    (other,) = finder.faces(np.array(Image.fromarray(astronaut).resize((side, side), Image.Resampling.LANCZOS)))
    apart = np.linalg.norm(other.landmarks[:, :2] / scale - seen.landmarks[:, :2], axis=1)
    assert apart.mean() < 0.03 * seen.size


def test_small_faces_in_large_pictures_and_tight_portraits_are_found(finder, astronaut, seen):
    large = np.full((1000, 1200, 3), 128, np.uint8)
    large[50:250, 900:1100] = np.array(Image.fromarray(astronaut).resize((200, 200), Image.Resampling.LANCZOS))
    (small,) = finder.faces(large)
    np.testing.assert_allclose(small.centre, seen.centre * 200 / 512 + (900, 50), atol=2)
    low, high = seen.landmarks[:, :2].min(axis=0).astype(int), seen.landmarks[:, :2].max(axis=0).astype(int)
    (tight,) = finder.faces(np.ascontiguousarray(astronaut[low[1] : high[1], low[0] : high[0]]))
    np.testing.assert_allclose(tight.centre + low, seen.centre, atol=3)


def test_there_is_nobody_where_nobody_is(finder):
    assert finder.faces(data.coffee()[:160, :240]) == ()
    assert finder.faces(np.full((100, 150, 3), 128, np.uint8)) == ()


def test_a_person_is_told_from_what_is_behind(finder, astronaut):
    sure = finder.person(astronaut)
    assert sure.shape == (512, 512)
    assert sure[100:200, 200:250].min() > 0.9
    assert sure[:100, :100].max() < 0.2


def test_it_does_its_work_without_a_word():
    program = (
        "from skimage import data; from headfield.photo.faces import face_finder; finder = face_finder();"
        "print(len(finder.faces(data.astronaut()))); finder.person(data.astronaut())"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (result.stdout, result.stderr) == ("1\n", "")
