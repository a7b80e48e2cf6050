from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from headfield.capture import View
from headfield.errors import InputError
from headfield.report.content import Photo
from headfield.report.drawing import outline
from headfield.report.photos import EDGE, landmark_error, numbers_of, with_head, with_marks

from ..heads import front
from ..strategies import numbers

SIZE = 32


def photo(**given: object) -> Photo:
    picture = np.random.default_rng(0).integers(0, 255, (SIZE, SIZE, 3), dtype=np.uint8)
    return Photo("anna.jpg", picture, **given)


def mask(right: int = SIZE // 2) -> np.ndarray:
    covered = np.zeros((SIZE, SIZE), np.uint8)
    covered[8:24, 4:right] = 255
    return covered


def drawn(colour: int = 100, **given: object) -> View:
    return View("anna.jpg", front(SIZE), np.full((SIZE, SIZE, 3), colour, np.uint8), **given)


def by_name(photo: Photo) -> dict[str, float]:
    return {number.name: number.value for number in numbers_of(photo)}


def test_a_photo_about_which_nothing_is_known_has_nothing_to_show():
    assert with_marks(photo()) is None
    assert numbers_of(photo()) == ()


def test_marks_lie_on_the_photo():
    marked = with_marks(photo(mask=mask()))
    edge = outline(mask())
    assert (marked[edge] == EDGE).all()
    np.testing.assert_array_equal(marked[~edge], photo().picture[~edge])
    points = np.array([[28.0, 4.0]])
    for given_ in ({"landmarks": points}, {"reprojected": points}):
        changed = (with_marks(photo(**given_)) != photo().picture).any(axis=-1)
        assert changed.any()
        assert not changed[8:].any()


def test_the_head_lies_over_the_photo_where_its_mask_says():
    shown = with_head(photo(head=drawn(mask=mask())))
    inside = mask() > 0
    assert (shown[inside] == 100).all()
    np.testing.assert_array_equal(shown[~inside], photo().picture[~inside])


def test_a_head_that_is_the_photo_agrees_with_it():
    same = photo(mask=mask())
    same = replace(same, head=replace(drawn(mask=mask()), image=same.picture))
    numbers_ = by_name(same)
    assert numbers_["Outlines agree above the shoulders (IoU)"] == 100
    assert numbers_["Colours agree (PSNR)"] == np.inf


def test_colours_are_compared_where_both_are():
    here = photo(mask=mask(20), head=drawn(mask=mask(12)))
    assert by_name(here)["Outlines agree above the shoulders (IoU)"] == pytest.approx(50)
    elsewhere = here.picture.copy()
    elsewhere[:, 12:] = 0
    assert by_name(replace(here, picture=elsewhere)) == by_name(here)


def test_outlines_are_compared_where_a_head_could_be():
    here = photo(mask=mask(20), head=drawn(mask=mask(12)))
    columns = np.broadcast_to(np.arange(SIZE) < 12, (SIZE, SIZE))
    assert by_name(replace(here, within=columns))["Outlines agree above the shoulders (IoU)"] == 100


def test_heads_that_nowhere_meet_the_photo_have_no_colours_to_compare():
    away = np.zeros((SIZE, SIZE), np.uint8)
    assert list(by_name(photo(mask=mask(), head=drawn(mask=away)))) == ["Outlines agree above the shoulders (IoU)"]


@given(numbers(0, 20), numbers(1, 50))
def test_landmarks_moved_by_a_part_of_the_eyes_distance_are_that_part_off(moved, eyes):
    found = np.array([[1.0, 2], [5, 9], [np.nan, 0]])
    off = found + np.array([0.6, 0.8]) * moved
    assert landmark_error(found, off, eyes) == pytest.approx(100 * moved / eyes)
    whole = photo(landmarks=found, reprojected=off, eye_distance=eyes)
    assert list(by_name(whole).values()) == pytest.approx([100 * moved / eyes])


def test_no_landmarks_in_common_have_no_distance():
    assert np.isnan(landmark_error(np.array([[np.nan, 1]]), np.array([[1.0, 1]]), 3.0))


def test_a_head_in_another_size_is_refused():
    with pytest.raises(InputError, match=r"photo anna\.jpg: the head is drawn in another size"):
        photo(head=View("", front(16), np.zeros((16, 16, 3), np.uint8)))
