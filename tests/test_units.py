from __future__ import annotations

import numpy as np
import pytest

from headfield.canonical import CANONICAL_INDICES, CANONICAL_POINTS, NOSE_TIP
from headfield.units import MILLIMETRES, head_units_per


@pytest.mark.parametrize("unit", MILLIMETRES)
def test_units_agree_on_the_size_of_a_head(unit):
    assert 240 / MILLIMETRES[unit] * head_units_per(unit) == pytest.approx(1.2)


def test_the_canonical_face_is_symmetric_and_looks_along_z():
    points = dict(zip(CANONICAL_INDICES, CANONICAL_POINTS, strict=True))
    for right, left in ((36, 45), (39, 42), (48, 54)):
        np.testing.assert_allclose(points[right] * [-1, 1, 1], points[left])
        assert points[left][0] > 0, "+x is the subject's left"
    assert max(points, key=lambda i: points[i][2]) == NOSE_TIP
    assert max(points, key=lambda i: -points[i][1]) == 8, "the chin is lowest"
    assert (np.linalg.norm(CANONICAL_POINTS, axis=1) < 1).all()
