from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from headfield.chunks import in_chunks


class Small:
    """A function that has memory for so many rows only, and says so as PyTorch does."""

    def __init__(self, rows: int, words: str = "CUDA out of memory. Tried to allocate"):
        self.rows, self.words, self.seen = rows, words, []

    def __call__(self, points):
        self.seen.append(len(points))
        if len(points) > self.rows:
            raise RuntimeError(self.words)
        return points.square(), points.sum(-1)


@given(st.integers(0, 40), st.integers(1, 50), st.integers(1, 50))
def test_the_result_does_not_depend_on_chunks_or_memory(count, chunk, rows):
    points = torch.arange(count * 2.0).reshape(count, 2)
    squares, sums = in_chunks(Small(rows), points, chunk)
    assert torch.equal(squares, points.square())
    assert torch.equal(sums, points.sum(-1))


def test_chunks_are_halved_and_stay_small():
    small = Small(3)
    in_chunks(small, torch.zeros(10, 2), chunk=8)
    assert small.seen == [8, 4, 2, 2, 2, 2, 2]


def test_gradients_pass_through():
    points = torch.randn(10, 2, requires_grad=True)
    in_chunks(lambda p: p.square().sum(-1), points, 3).sum().backward()
    assert torch.equal(points.grad, 2 * points)


def test_the_real_complaint_is_understood():
    """More bytes than any machine has."""

    def greedy(points):
        torch.empty((len(points) - 1, 2**53), dtype=torch.float64)
        return points

    points = torch.zeros(2, 1)
    assert torch.equal(in_chunks(greedy, points, 2), points)


def test_what_is_too_much_even_alone_is_passed_on():
    with pytest.raises(RuntimeError, match="out of memory"):
        in_chunks(Small(0), torch.zeros(4, 2), 4)


def test_other_mistakes_keep_their_trace():
    with pytest.raises(RuntimeError, match="shapes"):
        in_chunks(Small(1, "shapes do not fit"), torch.zeros(4, 2), 4)
