from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image
from skimage import data

from headfield.errors import InputError
from headfield.photo.faces import face_finder
from headfield.photo.finding import Finder
from headfield.photo.matte import HEAD, LOWEST, guided, matte

from .discs import RED, Discs, face, picture

FINDER = Finder(Discs())

LAYERS = arrays.arrays(np.float32, (9, 9), elements=st.floats(0, 1, width=16))
GUIDES = arrays.arrays(np.float32, (9, 9, 3), elements=st.floats(0, 1, width=16))


@settings(max_examples=20)
@given(GUIDES, st.floats(0, 1))
def test_what_is_even_stays_even_whatever_guides_it(guide, level):
    layer = np.full((9, 9), level, np.float32)
    np.testing.assert_allclose(guided(layer, guide, guide, radius=2, even=1e-2), level, atol=1e-4)


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_a_mix_of_the_guides_colours_stays_what_it_is(seed):
    rng = np.random.default_rng(seed)
    guide = rng.uniform(0, 1, (16, 16, 3)).astype(np.float32)
    layer = guide @ rng.uniform(-1, 1, 3).astype(np.float32) + np.float32(0.5)
    np.testing.assert_allclose(guided(layer, guide, guide, radius=3, even=1e-7), layer, atol=1e-3)


@settings(max_examples=10)
@given(LAYERS)
def test_a_guide_without_edges_smooths(layer):
    grey = np.full((9, 9, 3), 0.5, np.float32)
    assert np.ptp(guided(layer, grey, grey, radius=2, even=1e-2)) <= np.ptp(layer) + 1e-4


def test_edges_move_to_where_the_guide_has_them():
    guide = np.zeros((64, 64, 3), np.float32)
    guide[:, 32:] = (0.2, 0.9, 0.4)
    for off in (-2, 2):
        layer = np.zeros((64, 64), np.float32)
        layer[:, 32 + off :] = 1
        moved = guided(layer, guide, guide, radius=6, even=1e-4)
        assert moved[:, :32].max() < 0.5 < moved[:, 32:].min()


def shape(height: int, width: int, *, x: float, y: float, size: float) -> np.ndarray:
    """A picture of a head on shoulders that reach to the lower border."""
    image = picture(height, width, (x, y, 1.3 * size))
    image[round(y + 0.8 * size) :, max(0, round(x - 0.9 * size)) : round(x + 0.9 * size)] = RED
    image[round(y) : round(y + 0.9 * size), round(x - 0.3 * size) : round(x + 0.3 * size)] = RED
    return image


def test_the_person_is_cut_out_down_to_below_the_shoulders():
    image = shape(700, 600, x=320, y=220, size=130)
    seen = face(320, 220, 130)
    covered = matte(image, seen, FINDER)
    lowest = 220 + 65 + LOWEST * HEAD * 130
    truth = 255 * ((image[..., 0] > 150) & (np.arange(700)[:, None] + 0.5 <= lowest))
    apart = np.abs(covered.astype(int) - truth)
    assert apart.mean() < 1.5
    assert (apart > 127).mean() < 0.002
    assert not covered[int(np.ceil(lowest)) :].any()


def test_somebody_else_is_not_cut_out():
    image = shape(400, 700, x=200, y=150, size=120)
    alone = matte(image, face(200, 150, 120), FINDER)
    image[100:200, 420:520] = RED
    with_another = matte(image, face(200, 150, 120), FINDER)
    assert not with_another[:, 400:].any()
    np.testing.assert_array_equal(with_another[:, :380], alone[:, :380])


def test_the_border_of_a_picture_is_no_edge_of_the_person():
    image = shape(300, 220, x=110, y=130, size=125)
    covered = matte(image, face(110, 130, 125), FINDER)
    body = image[..., 0] > 150
    assert body[250:, [0, -1]].all()
    assert covered[250:, [0, -1]].min() > 250
    assert covered[-1].min() > 250


@pytest.mark.parametrize("scale", [1, 3])
def test_a_matte_is_as_large_as_its_picture(scale):
    image = shape(200, 180, x=90, y=80, size=70)
    large = np.array(Image.fromarray(image).resize((180 * scale, 200 * scale), Image.Resampling.NEAREST))
    covered = matte(large, face(90 * scale, 80 * scale, 70 * scale), FINDER)
    assert covered.shape == large.shape[:2]
    assert covered[80 * scale, 90 * scale] == 255
    assert covered[0, 0] == 0


def test_a_face_that_belongs_to_nobody_is_one_sentence():
    with pytest.raises(InputError) as error:
        matte(picture(200, 200, (30, 30, 20)), face(120, 120, 60), FINDER)
    assert str(error.value) == (
        "the person cannot be told from what is behind; take a photo in front of something plain."
    )


class SeesLargePeople(Discs):
    """Sees nobody who fills less than a quarter of the picture, as where most of it is empty around a close-up."""

    def person(self, image: np.ndarray) -> np.ndarray:
        return super().person(image) * (super().person(image).mean() > 0.25)


def test_a_close_up_is_looked_at_without_what_is_empty_around_it():
    image = shape(300, 280, x=140, y=150, size=200)
    seen = face(140, 150, 200)
    covered = matte(image, seen, Finder(SeesLargePeople()))
    person = image[..., 0] > 150
    assert person.mean() > 0.25
    assert (np.abs(covered.astype(int) - 255 * person) > 127).mean() < 0.02


class LostInEmptiness(Discs):
    """Sees people everywhere where most of a picture is empty."""

    def person(self, image: np.ndarray) -> np.ndarray:
        empty = (image == 0).all(axis=-1).mean() > 0.6
        return np.ones(image.shape[:2], np.float32) if empty else super().person(image)


def test_squares_that_a_small_picture_leaves_empty_are_not_looked_at():
    image = shape(300, 280, x=140, y=130, size=150)
    seen = face(140, 130, 150)
    np.testing.assert_array_equal(matte(image, seen, Finder(LostInEmptiness())), matte(image, seen, FINDER))


class Deceived(Discs):
    """Takes the right of a picture for a person, too, where it is shown much of what is around."""

    def person(self, image: np.ndarray) -> np.ndarray:
        seen = super().person(image)
        if seen.mean() < 0.3:
            seen[:, 5 * seen.shape[1] // 8 :] = 1
            seen[:, : seen.shape[1] // 4] = 0
        return seen


def test_what_deceives_one_look_does_not_deceive_closer_ones():
    image = shape(700, 700, x=350, y=260, size=130)
    seen = face(350, 260, 130)
    wide = Deceived().person(image)
    assert wide[:, 500:].all()
    head = slice(0, 260)
    np.testing.assert_array_less(
        np.abs(matte(image, seen, Finder(Deceived()))[head].astype(int) - matte(image, seen, FINDER)[head]), 128
    )


def test_a_real_person_is_cut_out():
    pytest.importorskip("mediapipe")
    finder, image = face_finder(), data.astronaut()
    (seen,) = finder.faces(image)
    covered = matte(image, seen, finder)
    assert covered[90:160, 200:245].min() > 250  # the face
    assert covered[40, 225] > 250  # the hair
    assert covered[250, 150:310].min() > 250  # the shoulders
    assert not covered[:150, :130].any()  # the flag
    assert not covered[:300, 420:].any()  # the shuttle
    assert not covered[int(seen.landmarks[152, 1] + 1.2 * HEAD * seen.height) :].any()
