from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from headfield.optim.schedules import (
    Cosine,
    Exponential,
    Milestones,
    Plateau,
    PlateauSeen,
    Ramp,
    WarmUp,
    value_at,
)

progresses = st.floats(0, 1)


def seen_after(plateau, losses):
    seen = PlateauSeen()
    for loss in losses:
        seen = plateau.after(seen, loss)
    return seen


@given(progresses)
def test_schedules_follow_their_formulas(p):
    assert value_at(0.3, p) == 0.3
    assert Exponential(1e-2, 1e-4)(p) == pytest.approx(1e-2 * 10 ** (-2 * p))
    assert Cosine(4.0, 1.0)(p) == pytest.approx(1 + 3 * math.cos(math.pi * p / 2) ** 2)
    assert Ramp(1.0, 3.0)(p) == pytest.approx(1 + 2 * p)


@given(progresses)
def test_a_ramp_is_level_outside(p):
    ramp = Ramp(5.0, 1.0, since=0.25, until=0.5)
    assert 1 <= ramp(p) <= 5
    assert p > 0.25 or ramp(p) == 5
    assert p < 0.5 or ramp(p) == 1


def test_milestones_are_those_of_torch():
    """A paper's "0.5 every 50 epochs" for 200 epochs of 3 steps."""
    steps = 600
    schedule = Milestones.evenly(1e-4, 0.5, parts=4)
    adam = torch.optim.Adam([torch.zeros(1, requires_grad=True)], lr=1e-4)
    scheduler = torch.optim.lr_scheduler.StepLR(adam, step_size=150, gamma=0.5)
    for step in range(steps):
        assert schedule(step / steps) == pytest.approx(adam.param_groups[0]["lr"], rel=1e-12)
        adam.step()
        scheduler.step()


@given(progresses)
def test_a_warm_up_rises_and_then_is_what_follows_squeezed(p):
    follows = Cosine(2.0)
    warm = WarmUp(0.2, then=follows)
    if p < 0.2:
        assert warm(p) == pytest.approx(2 * p / 0.2)
    else:
        assert warm(p) == follows((p - 0.2) / 0.8)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: Exponential(1.0, 0.0), "above zero"),
        (lambda: Milestones(1.0, 0.5, (0.5, 0.2)), "in order"),
        (lambda: Ramp(0.0, 1.0, since=0.5, until=0.5), "ends after"),
        (lambda: WarmUp(1.0, then=1.0), "within its stage"),
    ],
)
def test_schedules_that_make_no_sense_are_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        wrong()


def test_a_plateau_is_where_a_window_is_no_better_than_the_best():
    plateau = Plateau(factor=0.1, window=2)
    assert seen_after(plateau, [4, 4, 3, 3, 2, 2]).scale == 1
    assert seen_after(plateau, [4, 4, 3, 3, 3, 3.5]).scale == 0.1
    assert seen_after(plateau, [4, 4, 5, 5, 6, 6]).scale == pytest.approx(0.01)
    assert seen_after(plateau, [4, 4, 5, 5, 4.5, 4.5]).best == 4


def test_a_plateau_can_ask_for_a_least_decrease():
    losses = [100, 99.5, 99.2]
    assert seen_after(Plateau(0.5, window=1), losses).scale == 1
    assert seen_after(Plateau(0.5, window=1, least=0.01), losses).scale == 0.25


@given(st.lists(st.floats(-10, 10), max_size=30), st.integers(1, 5))
def test_a_plateau_looks_once_a_window(losses, window):
    seen = seen_after(Plateau(0.5, window), losses)
    assert seen.count == len(losses) % window
    looks = len(losses) // window
    assert seen.scale in [0.5**n for n in range(max(looks, 1))]
