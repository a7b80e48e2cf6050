import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headfield.studio.colour import hair_tone, lab_of, skin_tone, srgb_of, typology_angle

unit = st.floats(0.0, 1.0)


@pytest.mark.parametrize(
    ("srgb", "lab"),
    [
        ((1.0, 1.0, 1.0), (100.0, 0.0, 0.0)),
        ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
        ((1.0, 0.0, 0.0), (53.24, 80.09, 67.20)),
        ((0.0, 1.0, 0.0), (87.73, -86.18, 83.18)),
        ((0.0, 0.0, 1.0), (32.30, 79.19, -107.86)),
    ],
)
def test_lab_of_the_primaries(srgb, lab):
    np.testing.assert_allclose(lab_of(np.array(srgb)), lab, atol=0.05)


@given(unit, unit, unit)
def test_lab_and_back(r, g, b):
    colour = np.array([r, g, b])
    np.testing.assert_allclose(srgb_of(lab_of(colour)), colour, atol=1e-6)


@given(st.floats(-60.0, 60.0), st.floats(-2.0, 2.0), st.floats(-2.0, 2.0))
def test_skin_has_the_angle_it_was_asked_for(angle, warmth, redness):
    assert typology_angle(np.array(skin_tone(angle, warmth, redness))) == pytest.approx(angle, abs=0.1)


def test_skin_darkens_with_the_angle():
    light = lab_of(np.array([skin_tone(float(angle)) for angle in range(60, -61, -10)]))[:, 0]
    assert (np.diff(light) < 0).all()
    assert light[0] > 68
    assert light[-1] < 32


def test_hair_darkens_with_melanin_and_reddens_with_ginger():
    tones = lab_of(np.array([[hair_tone(m / 10, g) for m in range(11)] for g in (0.0, 1.0)]))
    assert (np.diff(tones[..., 0], axis=1) < 0).all()
    assert (tones[1, :, 1] >= tones[0, :, 1]).all()
