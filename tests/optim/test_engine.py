from __future__ import annotations

import os
import signal

import numpy as np
import pytest
import torch
from torch import nn

from headfield.optim.engine import optimise
from headfield.optim.schedules import Cosine, Plateau, Ramp
from headfield.optim.stages import Moving, Stage
from tests.optim.quadratic import BOTH, TWO_STAGES, Bowls, noisy, values


def test_it_is_the_adam_of_torch():
    """With a rate, a decay, a clip and a schedule for each group, over two stages whose common moments go on."""
    ours, theirs = Bowls(), Bowls()
    stages = (
        Stage("one", 20, (Moving("near", Cosine(0.2), decay=0.02, clip=0.5),), BOTH),
        Stage("two", 20, (Moving("near", 0.1), Moving("far", 0.3, decay=0.1)), {"near": Ramp(0.5, 1.0), "far": 0.5}),
    )
    optimise(ours, stages, lambda info: ours.losses(), seed=0)

    adam = torch.optim.AdamW([{"params": [p], "weight_decay": 0.0} for p in (theirs.near, theirs.far)])
    near, far = adam.param_groups
    for step in range(40):
        losses = theirs.losses()
        adam.zero_grad()
        if step < 20:
            near["lr"], near["weight_decay"] = Cosine(0.2)(step / 20), 0.02
            losses["near"].backward()
            nn.utils.clip_grad_norm_([theirs.near], 0.5)
        else:
            near["lr"], near["weight_decay"], far["lr"], far["weight_decay"] = 0.1, 0.0, 0.3, 0.1
            (Ramp(0.5, 1.0)((step - 20) / 20) * losses["near"] + 0.5 * losses["far"]).backward()
        adam.step()
    torch.testing.assert_close(ours.near, theirs.near, rtol=1e-6, atol=0)
    torch.testing.assert_close(ours.far, theirs.far, rtol=1e-6, atol=0)


def test_the_first_step_is_as_long_as_the_rate():
    """Adam's own closed form: whatever the gradient, its first step is the rate, against the gradient."""
    module = Bowls()
    before = module.near.detach().clone()
    optimise(module, [Stage("s", 1, (Moving("near", 0.01),), BOTH)], lambda info: module.losses(), seed=0)
    torch.testing.assert_close(module.near - before, 0.01 * torch.sign(1 - before))


def test_what_does_not_move_stays_to_the_bit():
    module = Bowls()
    far = module.far.detach().clone()
    module.near.requires_grad_(False)
    optimise(module, [Stage("s", 10, (Moving("near", 0.1, decay=0.1),), BOTH)], noisy(module), seed=0)
    assert torch.equal(module.far, far)
    assert not torch.equal(module.near, Bowls().near)
    assert [p.requires_grad for p in module.parameters()] == [False, True]
    assert module.near.grad is None
    assert module.far.grad is None


def test_scenes_that_are_not_in_the_batch_wait_with_their_moments():
    """Lazy Adam: each scene ends where it would have ended on its own."""
    together = nn.ParameterList([nn.Parameter(torch.ones(2) * k) for k in range(3)])

    def one_scene(info):
        return {"a": (together[info.overall % 3] + 1).square().sum()}

    optimise(together, [Stage("s", 12, (Moving("*", 0.1),), {"a": 1.0})], one_scene, seed=0)
    for k in range(3):
        alone = nn.ParameterList([nn.Parameter(torch.ones(2) * k)])
        stage = Stage("s", 4, (Moving("*", 0.1),), {"a": 1.0})
        optimise(alone, [stage], lambda info, own=alone[0]: {"a": (own + 1).square().sum()}, seed=0)
        assert torch.equal(together[k], alone[0])


def test_the_same_seed_gives_the_same_result_and_another_another():
    results = []
    for seed in (1, 1, 2):
        module = Bowls()
        report = optimise(module, TWO_STAGES, noisy(module), seed=seed)
        results.append((values(module), report.history["total"].tolist()))
    assert results[0] == results[1]
    assert results[0] != results[2]


def test_the_global_generator_is_left_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    module = Bowls()
    optimise(module, TWO_STAGES, noisy(module), seed=0)
    assert torch.equal(torch.rand(3), expected)


def test_the_history_holds_every_objective_at_every_step():
    module = Bowls()
    stages = (
        Stage("one", 3, (Moving("near", 0.1),), {"near": 2.0}),
        Stage("two", 2, (Moving("far", 0.1),), {"far": 0.5, "near": 0.0}),
    )
    report = optimise(
        module, stages, lambda info: {n: v for n, v in module.losses().items() if info.weights.get(n)}, seed=0
    )
    near, far, total = (report.history[name] for name in ("near", "far", "total"))
    assert report.done == len(near) == len(far) == len(total) == 5
    np.testing.assert_allclose(total, np.nansum([2 * near, 0.5 * far], axis=0))
    assert np.isnan(near).tolist() == [False, False, False, True, True]
    assert np.isnan(far).tolist() == [True, True, True, False, False]
    assert near[0] == Bowls().losses()["near"].item()


def test_what_counts_nothing_may_be_recorded_and_be_anything():
    module = Bowls()
    stage = Stage("s", 3, (Moving("near", 0.1),), {"near": 1.0, "psnr": 0.0})
    report = optimise(
        module, [stage], lambda info: {"near": module.losses()["near"], "psnr": torch.tensor(float("nan"))}, seed=0
    )
    assert not report.dropped
    assert np.isfinite(report.history["near"]).all()


@pytest.mark.parametrize("names", [("near",), ("near", "far", "more")])
def test_objectives_are_those_of_the_stage(names):
    module = Bowls()
    terms = dict.fromkeys(names, module.near.sum())
    with pytest.raises(ValueError, match=r"stage 'one' needs the objectives \['far', 'near'\]"):
        optimise(module, TWO_STAGES, lambda info: terms, seed=0)


def test_a_batch_that_hits_nothing_moves_nothing():
    module = Bowls()
    optimise(module, [Stage("s", 2, (Moving("*", 0.1),), {"a": 1.0})], lambda info: {"a": torch.zeros(())}, seed=0)
    assert values(module) == values(Bowls())


def test_objectives_know_where_they_are():
    module, seen = Bowls(), []

    def objectives(info):
        seen.append((info.stage.name, info.step, info.overall, info.progress, info.fresh))
        return module.losses()

    optimise(module, TWO_STAGES, objectives, seed=0)
    assert seen[0] == ("one", 0, 0, 0.0, True)
    assert seen[6] == ("one", 6, 6, 6 / 7, False)
    assert seen[7] == ("two", 0, 7, 0.0, True)
    assert seen[-1] == ("two", 8, 15, 8 / 9, False)


def test_rates_fall_on_a_plateau():
    """A loss that cannot fall: the first window is the best there is, each one after it a plateau."""
    module, rates = Bowls(), []
    stage = Stage("s", 12, (Moving("near", 1.0),), {"a": 1.0}, plateau=Plateau(0.5, window=3))
    optimise(
        module,
        [stage],
        lambda info: {"a": 0 * module.near.sum() + 7},
        seed=0,
        callbacks=[lambda update: rates.append(update.rates["near"])],
    )
    assert rates == [1.0] * 6 + [0.5] * 3 + [0.25] * 3


def test_bfloat16_is_for_products_only():
    module = nn.Linear(4, 4)
    kinds = set()

    def objectives(info):
        out = module(torch.rand(8, 4, generator=info.generator))
        kinds.add(out.dtype)
        return {"a": out.square().mean()}

    stage = Stage("s", 30, (Moving("*", 0.05),), {"a": 1.0})
    report = optimise(module, [stage], objectives, seed=0, precision="bfloat16")
    assert kinds == {torch.bfloat16}
    assert module.weight.dtype == torch.float32
    assert report.history["a"][-1] < 0.3 * report.history["a"][0]


def test_progress_tells_where_the_run_is():
    module, updates = Bowls(), []
    optimise(module, TWO_STAGES, noisy(module), seed=0, progress=updates.append)
    assert [update.stage for update in updates] == ["one", "two", "two"]  # too fast for more
    assert [update.done for update in updates] == [1, 8, 16]
    assert updates[0].seconds_left > 0
    assert updates[-1].seconds_left == 0
    assert updates[-1].losses["total"] > 0


def interrupting(module, at, times=1):
    """Objectives during which somebody presses control and C."""

    def objectives(info):
        if info.overall == at:
            for _ in range(times):
                os.kill(os.getpid(), signal.SIGINT)
        return module.losses()

    return objectives


def test_an_interrupt_stops_cleanly_with_what_there_is():
    module, as_far = Bowls(), Bowls()
    report = optimise(module, TWO_STAGES, interrupting(module, 9), seed=0)
    assert report.interrupted
    assert report.done == 10  # the step at hand
    whole = optimise(as_far, TWO_STAGES, lambda info: as_far.losses(), seed=0)
    assert not whole.interrupted
    assert report.history["total"].tolist() == whole.history["total"].tolist()[: report.done]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_interrupt_stops_at_once():
    module = Bowls()
    with pytest.raises(KeyboardInterrupt):
        optimise(module, TWO_STAGES, interrupting(module, 9, times=2), seed=0)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert all(p.requires_grad for p in module.parameters())
