from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headfield.errors import InputError
from headfield.photo.faces import choose_face, face_finder

from .discs import face

NOISE = np.random.default_rng(0).integers(60, 255, (400, 400, 3), dtype=np.uint8)
"""As sharp and as bright as can be."""


@given(st.floats(-80, 80), st.floats(10, 300))
def test_a_face_is_as_large_as_it_is_however_it_is_turned(turned, size):
    seen = face(300, 200, size, turned)
    assert seen.yaw == pytest.approx(turned, abs=1e-6)
    assert seen.size == pytest.approx(size)
    assert seen.height == pytest.approx(size)
    assert seen.eye_distance == pytest.approx(0.4 * size)
    np.testing.assert_allclose(seen.down, (0, 1), atol=1e-9)


def test_one_good_face_leaves_nothing_to_say():
    only = face()
    assert choose_face((only,), NOISE) == (only, ())
    assert choose_face((only,), NOISE, number=1) == (only, ())


def test_of_several_faces_the_largest_is_taken_or_the_one_with_the_number():
    middle, right, left = face(200, size=120), face(330, size=180), face(70, size=110)
    chosen, remarks = choose_face((middle, right, left), NOISE)
    assert chosen is right
    assert remarks == ("3 faces were found; the largest was taken, number 3 from the left.",)
    for number, wanted in ((1, left), (2, middle), (3, right)):
        assert choose_face((middle, right, left), NOISE, number) == (wanted, ())


@pytest.mark.parametrize(
    ("faces", "image", "number", "sentence"),
    [
        ((), NOISE, None, "no face that looks towards the camera was found; take a photo that shows one upright"),
        ((face(),), NOISE, 2, "one face was found, so there is no face 2; count from the left, beginning with 1."),
        ((face(), face(70)), NOISE, 0, "2 faces were found, so there is no face 0; count from the left, beginning"),
        ((face(size=60),), NOISE, None, "the face is only 60 pixels wide; take a photo where it has 110 at least."),
        ((face(turned=70),), NOISE, None, "the face is seen from the side; take a photo that shows both eyes."),
        ((face(turned=-70),), NOISE, None, "the face is seen from the side; take a photo that shows both eyes."),
        ((face(),), NOISE // 10, None, "the photo is too dark to see the face; take one in better light."),
    ],
)
def test_a_face_that_will_not_do_is_one_sentence(faces, image, number, sentence):
    with pytest.raises(InputError) as error:
        choose_face(faces, image, number)
    assert str(error.value).startswith(sentence)
    assert "\n" not in str(error.value)
    assert str(error.value).endswith(".")


@pytest.mark.parametrize(
    ("seen", "image", "remark"),
    [
        (face(size=80), NOISE, "the face is only 80 pixels wide, so the head will have few details."),
        (face(turned=40), NOISE, "the face is turned to the side by some 40°, so its other side is a guess."),
        (face(turned=-40), NOISE, "the face is turned to the side by some 40°, so its other side is a guess."),
        (face(), NOISE // 3, "the photo is dim, which makes shapes harder to see."),
        (face(), np.linspace(0, 255, 400).astype(np.uint8)[:, None, None] + NOISE * 0, "the face is blurred, which"),
    ],
)
def test_a_face_that_is_hard_to_see_is_taken_with_a_remark(seen, image, remark):
    chosen, remarks = choose_face((seen,), image)
    assert chosen is seen
    assert len(remarks) == 1
    assert remarks[0].startswith(remark)


def test_without_a_package_a_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    with pytest.raises(InputError) as error:
        face_finder()
    assert str(error.value) == (
        'nothing that finds faces in photos is installed; `pip install "headfield[photo]"` and '
        "`pip install --no-deps mediapipe==0.10.21` bring it."
    )
