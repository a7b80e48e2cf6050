from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from headfield.errors import InputError
from headfield.optim.engine import optimise
from headfield.optim.guard import Guard
from headfield.optim.stages import Moving, Stage
from tests.optim.quadratic import TWO_STAGES, Bowls, noisy, values

STEPS = sum(stage.steps for stage in TWO_STAGES)
LONG = (Stage("long", 40, (Moving("near", 0.05),), {"near": 1.0}),)


def poisoned(module, bad_steps, how):
    """The usual objectives, one of which goes wrong at some steps."""
    usual = noisy(module)

    def objectives(info):
        terms = dict(usual(info))
        if info.overall in bad_steps:
            if how == "batch":
                module.mean.fill_(float("nan"))  # as running statistics would be
                terms["far"] = terms["far"] * float("inf")
            else:
                # Finite itself, but not its derivative.
                terms["near"] = terms["near"] + (module.near - module.near.detach()).sum().sqrt()
        return terms

    return objectives


CULPRITS = {"batch": "the objective 'far'", "gradient": "the gradient of 'near'"}


@pytest.mark.parametrize("how", CULPRITS)
@settings(max_examples=15)
@given(bad=st.sets(st.integers(0, STEPS - 1), min_size=1, max_size=4))
def test_bad_steps_are_named_and_survived(how, bad):
    module = Bowls()
    report = optimise(module, TWO_STAGES, poisoned(module, bad, how), seed=3)
    assert [drop.step for drop in report.dropped] == sorted(bad)
    assert {drop.culprit for drop in report.dropped} == {CULPRITS[how]}
    assert not any(drop.returned for drop in report.dropped)
    assert report.done == STEPS
    assert np.isfinite(values(module)["near"] + values(module)["far"] + values(module)["mean"]).all()


@pytest.mark.parametrize("how", CULPRITS)
def test_a_dropped_step_moves_nothing(how):
    """Without what the good steps would have drawn, a run with a bad first step is one that begins a step later."""
    whole, late = Bowls(), Bowls()
    optimise(whole, LONG, lambda info: {"near": whole.losses()["near"]}, seed=0)

    def objectives(info):
        near = late.losses()["near"]
        if info.step == 0:
            near = near * float("nan") if how == "batch" else near + (late.near - late.near.detach()).sum().sqrt()
        return {"near": near}

    longer = Stage("long", 41, LONG[0].moving, LONG[0].weights)
    optimise(late, [longer], objectives, seed=0)
    assert torch.equal(whole.near, late.near)


def test_problems_are_told():
    module, told = Bowls(), []
    optimise(module, TWO_STAGES, poisoned(module, {8}, "batch"), seed=0, progress=lambda u: told.append(u.problem))
    assert [problem for problem in told if problem] == [
        "dropped step 8 in stage 'two': the objective 'far' was not finite"
    ]


def exploding(module, at):
    """Spoils the parameters in one step: they are finite, but the loss is not until they are mended."""

    def objectives(info):
        if info.overall == at:
            with torch.no_grad():
                module.near.fill_(1e30)
        return {"near": module.losses()["near"]}

    return objectives


def test_after_several_bad_steps_the_run_goes_back_and_on_more_carefully():
    module, rates, fresh = Bowls(), [], []
    spoiling = exploding(module, 25)

    def objectives(info):
        fresh.append(info.fresh)
        return spoiling(info)

    guard = Guard(drops=3, every=10)
    report = optimise(
        module, LONG, objectives, seed=0, guard=guard, callbacks=[lambda u: rates.append(u.rates["near"])]
    )
    assert [(drop.step, drop.returned) for drop in report.dropped] == [(25, False), (26, False), (27, True)]
    assert rates == [0.05] * 28 + [0.025] * 12
    # It is where it was after 20 steps, when it last remembered a state, and derived things are made anew.
    assert report.history["near"][28] == report.history["near"][20]
    assert [step for step, is_fresh in enumerate(fresh) if is_fresh] == [0, 28]
    assert (np.diff(report.history["near"][28:]) < 0).all()


def test_if_the_last_state_was_bad_already_the_one_before_is_used():
    """Spoiled so that the loss shows it a step too late: after a state was remembered."""
    module = Bowls()

    def objectives(info):
        if info.overall == 19:
            terms = {"near": module.losses()["near"]}
            with torch.no_grad():
                module.near.fill_(1e30)
            return terms
        return {"near": module.losses()["near"]}

    report = optimise(module, LONG, objectives, seed=0, guard=Guard(drops=2, every=10))
    assert [(drop.step, drop.returned) for drop in report.dropped] == [(20, False), (21, True), (22, False), (23, True)]
    assert report.history["near"][24] == report.history["near"][10]


def test_where_going_back_does_not_help_it_says_so():
    module = Bowls()
    guard = Guard(drops=2, returns=3)
    with pytest.raises(InputError, match=r"stage 'two' cannot go on: the objective 'far' stays non-finite .* 3 times"):
        optimise(module, TWO_STAGES, poisoned(module, set(range(7, 16)), "batch"), seed=0, guard=guard)
    assert np.isfinite(values(module)["far"]).all()


def test_trust_comes_back_with_good_steps():
    """Far more bad stretches than a run may go back for in a row."""
    module = Bowls()
    bad = {step for step in range(40) if step % 8 in (0, 1)}

    def objectives(info):
        return {"near": module.losses()["near"] * (float("nan") if info.step in bad else 1.0)}

    report = optimise(module, LONG, objectives, seed=0, guard=Guard(drops=2, returns=1, every=5))
    assert sum(drop.returned for drop in report.dropped) == 5
    assert report.done == 40
