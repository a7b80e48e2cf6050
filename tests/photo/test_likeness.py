from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from headfield.mesh.pictures import linear_intensities, srgb_values
from headfield.photo.faces import Face
from headfield.photo.likeness import (
    CHEEKS,
    DIFFERENT,
    DOUBTFUL,
    MOST,
    PARTS,
    WEIGHT,
    complexion,
    unlike_others,
    unlikeness,
)

SIZE = 400
ROWS = {"forehead": 90, "temples": 130, "upper lip": 220, "lips": 250, "chin": 280, "jaw": 310}
"""How far down a drawn face has its parts; its cheeks are in the middle."""


def face(yaw: float = 0.0) -> Face:
    landmarks = np.full((478, 3), 200.0)
    landmarks[234], landmarks[454] = (110, 200, 200), (290, 200, 200 + 180 * np.tan(np.radians(yaw)))
    for name, sides in {**PARTS, "cheeks": CHEEKS}.items():
        for marks, x in zip(sides, (200, 150, 250), strict=True):
            landmarks[list(marks), :2] = x, ROWS.get(name, 180)
    return Face(landmarks)


def drawn(**colours: tuple[int, int, int]) -> np.ndarray:
    """A face in one colour, some of whose parts have others."""
    picture = Image.new("RGB", (SIZE, SIZE), (190, 140, 120))
    for name, colour in colours.items():
        y = ROWS[name.replace("_", " ")]
        ImageDraw.Draw(picture).rectangle((0, y - 14, SIZE, y + 14), fill=colour)
    return np.asarray(picture)


def test_a_face_of_one_colour_has_no_parts():
    np.testing.assert_allclose(complexion(drawn(), face()), 0, atol=1e-9)


def test_light_and_shade_are_those_of_the_parts():
    found = complexion(drawn(chin=(60, 45, 40), lips=(190, 70, 70)), face())
    chin, lips = (list(PARTS).index(name) for name in ("chin", "lips"))
    assert found[chin, 0] < -1.5
    assert abs(found[chin, 1]) < 0.3
    assert found[lips, 1] > 0.8
    others = [i for i in range(len(PARTS)) if i not in (chin, lips)]
    np.testing.assert_allclose(found[others], 0, atol=0.05)


@pytest.mark.parametrize("exposure", [0.5, 1.4])
def test_how_bright_a_photo_is_hardly_matters(exposure):
    picture = drawn(chin=(90, 60, 50), lips=(180, 90, 90))
    other = np.round(255 * srgb_values(exposure * linear_intensities(picture / 255)).clip(0, 1)).astype(np.uint8)
    assert unlikeness(complexion(picture, face()), complexion(other, face())) < 0.03 * DOUBTFUL


def test_the_far_side_of_a_turned_face_is_not_looked_at():
    picture = drawn().copy()
    picture[:, 225:] = 10  # all of its left is dark
    np.testing.assert_allclose(complexion(picture, face(30))[:, 0], 0, atol=0.2)
    assert np.abs(complexion(picture, face(0))[:, 0]).max() > 0.5


def test_no_part_decides_alone():
    plain, bearded = (complexion(drawn(**parts), face()) for parts in ({}, {"jaw": (2, 2, 2)}))
    assert 0 < unlikeness(plain, bearded) <= MOST * WEIGHT[list(PARTS).index("jaw")].sum() + 1 < DOUBTFUL


def test_the_one_that_is_unlike_the_others_is_found():
    dark = (40, 30, 25)
    plain = complexion(drawn(), face())
    other = complexion(drawn(chin=dark, upper_lip=dark, lips=(90, 20, 30), temples=dark, forehead=dark), face())
    unlike = unlike_others([plain, None, other, plain, plain])
    assert unlike[0] == unlike[1] == 0
    assert unlike[2] > DOUBTFUL
    assert unlike_others([None, plain]) == [0, 0]
    assert DOUBTFUL < DIFFERENT
