"""Chance that can be repeated: every decision about a person has a stream of its own, so that none disturbs another."""

from __future__ import annotations

import zlib
from typing import Literal, get_args

import numpy as np

from headfield.errors import InputError

Split = Literal["train", "validation", "test"]
"""What a data set is for. No person is ever in two splits."""

PEOPLE_PER_SPLIT = 10_000_000
"""How many seeds each split has; the splits lie behind one another in the order of :data:`Split`."""


def stream(seed: int, *decision: str | int) -> np.random.Generator:
    """The generator for one decision about the person ``seed``."""
    return np.random.default_rng([seed, *(zlib.crc32(str(word).encode()) for word in decision)])


def seeds_of(split: Split, first: int, count: int) -> range:
    """``count`` people of a split, from its person number ``first`` on; InputError where it has no such people."""
    if count < 1:
        raise InputError(f"a data set of {count} people is none; ask for at least 1.")
    if first < 0 or first + count > PEOPLE_PER_SPLIT:
        raise InputError(
            f"people {first} to {first + count - 1} reach out of the {split} split, which has 0 to "
            f"{PEOPLE_PER_SPLIT - 1}; choose another seed."
        )
    start = get_args(Split).index(split) * PEOPLE_PER_SPLIT + first
    return range(start, start + count)
