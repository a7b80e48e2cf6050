from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headfield.errors import InputError
from headfield.studio.chance import PEOPLE_PER_SPLIT, seeds_of, stream

splits = st.sampled_from(["train", "validation", "test"])
people = st.tuples(st.integers(0, PEOPLE_PER_SPLIT - 1000), st.integers(1, 1000))


def test_a_stream_can_be_repeated_and_none_is_another():
    draws = {
        stream(seed, *decision).random()
        for seed in range(20)
        for decision in (("hair",), ("look",), ("session", 0), ("session", 1), ("session", 0, "light"))
    }
    assert len(draws) == 100
    assert stream(3, "hair").random() == stream(3, "hair").random()


@given(splits, people, splits, people)
def test_no_person_is_in_two_splits(one, these, other, those):
    first, second = seeds_of(one, *these), seeds_of(other, *those)
    assert len(first) == these[1]
    if one != other:
        assert not set(first) & set(second)


@given(splits, st.integers(0, 1000), st.integers(1, 1000), st.integers(1, 1000))
def test_sets_that_follow_each_other_are_disjoint(split, start, n, m):
    assert not set(seeds_of(split, start, n)) & set(seeds_of(split, start + n, m))


@pytest.mark.parametrize(("first", "count"), [(-1, 5), (PEOPLE_PER_SPLIT - 2, 3), (0, 0)])
def test_people_that_no_split_has_are_refused(first, count):
    with pytest.raises(InputError, match=r"choose another seed|at least 1"):
        seeds_of("train", first, count)
