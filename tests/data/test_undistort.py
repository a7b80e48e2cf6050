from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from headfield.cameras import Camera
from headfield.data.undistort import Lens, Straightening
from headfield.errors import InputError
from tests.strategies import numbers

# The three arguments of a lens.
lenses = st.tuples(
    st.tuples(numbers(-0.15, 0.15), numbers(-0.03, 0.03), numbers(-0.01, 0.01)),
    st.tuples(numbers(-0.01, 0.01), numbers(-0.01, 0.01)),
    st.tuples(numbers(-0.05, 0.05)),
)


def camera(width=160, height=120, focal=150.0, principal=(83.0, 57.5)):
    straight = Camera.look_at(
        torch.tensor([0.0, 0.0, 3.0], dtype=torch.float64),
        torch.zeros(3, dtype=torch.float64),
        focal=focal,
        width=width,
        height=height,
    )
    return replace(straight, principal=torch.tensor(principal, dtype=torch.float64))


def grid(n=9, reach=0.55):
    x = np.linspace(-reach, reach, n)
    return np.stack(np.meshgrid(x, x), axis=-1)


def test_bending_follows_the_model_by_hand():
    # x' = x(1 + k1 r2)/(1 + d1 r2) + 2 p1 x y + p2 (r2 + 2 x2) at (0.3, -0.4), where r2 = 0.25
    lens = Lens((0.2,), (0.01, -0.02), (0.1,))
    ratio = 1.05 / 1.025
    np.testing.assert_allclose(
        lens.bend(np.array([[0.3, -0.4]]))[0],
        [
            0.3 * ratio + 2 * 0.01 * 0.3 * -0.4 - 0.02 * (0.25 + 0.18),
            -0.4 * ratio + 0.01 * (0.25 + 0.32) + 2 * -0.02 * 0.3 * -0.4,
        ],
    )


@given(lenses)
def test_straightening_undoes_bending(coefficients):
    plane, lens = grid(), Lens(*coefficients)
    np.testing.assert_allclose(lens.straighten(lens.bend(plane)), plane, atol=1e-10)


@given(lenses)
def test_the_slope_is_the_derivative(coefficients):
    plane, lens, step = grid(5), Lens(*coefficients), 1e-6
    for axis in range(2):
        shift = np.eye(2)[axis] * step
        slope = (lens.bend(plane + shift) - lens.bend(plane - shift)) / (2 * step)
        np.testing.assert_allclose(lens.slope(plane)[..., axis], slope, atol=1e-8)


def test_a_pinhole_is_straight():
    assert Lens().is_straight
    assert Lens((0.0, 0.0)).is_straight
    assert not Lens((0.0, 1e-9)).is_straight
    pixels = np.random.default_rng(0).integers(0, 256, (120, 160, 3)).astype(np.uint8)
    np.testing.assert_array_equal(Straightening.of(camera(), Lens()).picture(pixels), pixels)


def test_where_nothing_is_bent_to_there_is_no_answer():
    # x(1 - x²) never exceeds 0.385.
    assert np.isnan(Lens((-1.0,)).straighten(np.array([[0.5, 0.0]]))).all()


@pytest.mark.parametrize("k", [-0.3, 0.3])
def test_straight_lines_become_straight(k):
    # Three bright lines as the lens draws them must run where a pinhole camera has them.
    lens, bent = Lens((k, 0.05), (0.005, 0.01)), camera()
    rows, columns = np.mgrid[:120, :160] + 0.5
    plane = (np.stack([columns, rows], axis=-1) - [83.0, 57.5]) / 150.0
    straight = lens.straighten(plane)
    picture = np.zeros((120, 160))
    for offset in (-0.2, 0.0, 0.25):
        distance = (straight[..., 1] - 0.3 * straight[..., 0] - offset) / np.hypot(1, 0.3) * 150
        picture = np.maximum(picture, 255 * np.exp(-(distance**2) / 2))
    out = Straightening.of(bent, lens)
    taken = out.picture(picture.astype(np.uint8)).astype(float)
    focal = float(out.straight.focal[0])
    for offset in (-0.2, 0.0, 0.25):
        expected = 57.5 + focal * (0.3 * (columns[0] - 83.0) / focal + offset)
        for column in range(20, 140, 8):
            weights = taken[:, column] * (np.abs(rows[:, 0] - expected[column]) < 5)
            if 6 < expected[column] < 114:
                centre = (weights @ rows[:, 0]) / weights.sum()
                assert abs(centre - expected[column]) < 0.1


@pytest.mark.parametrize("k", [-0.3, 0.3])
def test_the_straight_picture_shows_only_what_was_photographed(k):
    bent, lens = camera(), Lens((k,))
    straight = Straightening.of(bent, lens).straight
    edge = np.array([(x, y) for x in (0, 80, 160) for y in (0, 60, 120)], dtype=float)
    plane = (edge - straight.principal.numpy()) / straight.focal.numpy()
    seen = lens.bend(plane) * bent.focal.numpy() + bent.principal.numpy()
    assert (seen > -1e-3).all()
    assert (seen < np.array([160, 120]) + 1e-3).all()
    if k < 0:  # a barrel shows more than a pinhole would
        assert torch.equal(straight.focal, bent.focal)
    else:
        assert (straight.focal > bent.focal).all()


def test_points_and_pictures_agree():
    bent, lens = camera(), Lens((0.2, -0.05), (0.01, 0.0))
    straightening = Straightening.of(bent, lens)
    point = np.array([[50.5, 80.5]])
    picture = np.zeros((120, 160), dtype=np.uint8)
    picture[79:82, 49:52] = 255
    weights = straightening.picture(picture).astype(float)
    rows, columns = np.mgrid[:120, :160] + 0.5
    found = np.array([(weights * columns).sum(), (weights * rows).sum()]) / weights.sum()
    np.testing.assert_allclose(straightening.points(point)[0], found, atol=0.05)


def test_depths_are_never_mixed():
    depth = np.where(np.mgrid[:120, :160][1] < 77, np.float32(2.0), np.float32(5.0))
    out = Straightening.of(camera(), Lens((-0.2,))).picture(depth, smooth=False)
    assert set(np.unique(out)) == {2.0, 5.0}
    assert out.dtype == np.float32


def test_a_lens_that_folds_the_picture_is_refused():
    with pytest.raises(InputError, match=r"^camera 3 of a.txt has a lens distortion that folds"):
        Straightening.of(camera(), Lens((-50.0,)), "camera 3 of a.txt")
