from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headfield.report.chart import duration
from headfield.report.words import flat, shown, told

from ..strategies import numbers


@given(numbers(1e-6, 1e9))
def test_a_number_keeps_three_digits(value):
    assert float(shown(value).replace(",", "")) == pytest.approx(value, rel=5e-3)
    assert "e" not in shown(value)
    assert float(shown(-value).replace(",", "")) == -float(shown(value).replace(",", ""))


def test_numbers_as_people_write_them():
    assert [shown(value) for value in (0.0, 3, 149_300, 0.9123, 27.34, 1234.5)] == [
        "0",
        "3",
        "149,300",
        "0.912",
        "27.3",
        "1,234",
    ]
    assert [shown(value) for value in (math.inf, -math.inf, math.nan)] == ["∞", "−∞", "unknown"]


NESTED = st.recursive(
    st.integers(), lambda inner: st.dictionaries(st.sampled_from("abcd"), inner, min_size=1, max_size=3), max_leaves=8
)


@given(st.dictionaries(st.sampled_from("abcd"), NESTED, max_size=3))
def test_flat_settings_lead_to_every_value(settings):
    for path, value in flat(settings):
        found = settings
        for name in path.split("."):
            found = found[name]
        assert found == value
        assert not isinstance(value, dict)


def test_values_in_words():
    given_ = (True, False, None, 0.001, [1, 2.5], [], "relu", "", {})
    assert [told(value) for value in given_] == ["yes", "no", "–", "0.001", "1, 2.5", "–", "relu", "–", "{}"]


def test_durations():
    assert [duration(seconds) for seconds in (0.25, 59.96, 100, 3599.9, 7260)] == [
        "0.2 s",
        "60.0 s",
        "1 min 40 s",
        "1 h 0 min",
        "2 h 1 min",
    ]
