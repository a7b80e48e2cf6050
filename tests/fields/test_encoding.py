from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.autograd import gradcheck, gradgradcheck

from headfield.fields.encoding import Encoding, window


def test_sines_and_cosines_stand_beside_the_point():
    points = torch.rand(5, 3, dtype=torch.float64) * 2 - 1
    encoded = Encoding(4).double()(points)
    expected = [points]
    for k in range(4):
        expected += [torch.sin(2**k * math.pi * points), torch.cos(2**k * math.pi * points)]
    torch.testing.assert_close(encoded, torch.cat(expected, dim=-1))
    assert encoded.shape[-1] == Encoding(4).size


def test_without_frequencies_a_point_stays_as_it_is():
    points = torch.rand(2, 5, 3)
    assert torch.equal(Encoding(0)(points), points)


@given(progress=st.floats(0, 6))
def test_the_window_is_the_published_one(progress):
    found = window(torch.tensor(progress, dtype=torch.float64), 6)
    for k, value in enumerate(found.tolist()):
        if progress < k:
            assert value == 0
        elif progress - k > 1:
            assert value == pytest.approx(1)
        else:
            assert value == pytest.approx((1 - math.cos((progress - k) * math.pi)) / 2)


@given(progress=st.floats(0, 5.99))
def test_the_window_only_opens_and_opens_smoothly(progress):
    now, later = (window(torch.tensor(progress + step, dtype=torch.float64), 6) for step in (0, 0.01))
    assert (later >= now).all()
    assert (later - now).max() < 0.01 * math.pi / 2 + 1e-9


def test_closed_frequencies_are_zero_and_the_point_is_not():
    encoding, points = Encoding(3), torch.rand(5, 3)
    everything = encoding(points)
    encoding.open(0)
    assert torch.equal(encoding(points), torch.cat([points, torch.zeros(5, 18)], dim=-1))
    encoding.open(0.5)
    expected = everything.clone()
    expected[:, 9:15] /= 2
    expected[:, 15:] = 0
    torch.testing.assert_close(encoding(points), expected)
    encoding.open(1)
    assert torch.equal(encoding(points), everything)


def test_how_far_it_is_open_is_saved():
    encoding, other = Encoding(3), Encoding(3)
    encoding.open(0.4)
    other.load_state_dict(encoding.state_dict())
    assert torch.equal(encoding.progress, other.progress)


def test_more_than_everything_cannot_be_open():
    with pytest.raises(ValueError, match=r"between 0 and 1, 1\.5"):
        Encoding(3).open(1.5)


def test_gradients():
    encoding = Encoding(2).double()
    encoding.open(0.7)
    points = torch.rand(3, 3, dtype=torch.float64, requires_grad=True)
    assert gradcheck(encoding, points)
    assert gradgradcheck(encoding, points)
