from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from headfield.errors import InputError
from headfield.optim.checkpoints import Checkpoints
from headfield.optim.engine import optimise
from headfield.optim.guard import Guard
from headfield.optim.schedules import Plateau
from headfield.optim.stages import Moving, Stage
from tests.optim.quadratic import BOTH, TWO_STAGES, Bowls, noisy, values
from tests.optim.test_engine import interrupting

STEPS = sum(stage.steps for stage in TWO_STAGES)


class KilledError(Exception):
    """Stands for a kill: nothing of the run is left but its files."""


def troubled(module, kill_at=None):
    """The usual objectives with what a run may meet: steps that fail one by one and in a row, and something derived
    from the parameters that is only made anew when it has to be."""
    usual = noisy(module)
    derived = None

    def objectives(info):
        nonlocal derived
        if info.overall == kill_at:
            raise KilledError
        if info.fresh:
            derived = module.near.detach().clone()
        terms = dict(usual(info))
        terms["near"] = terms["near"] + (module.near - derived).square().sum()
        if info.overall in (2, 10, 11):
            terms["far"] = terms["far"] * float("nan")
        return terms

    return objectives


PLATEAUS = tuple(Stage(s.name, s.steps, s.moving, s.weights, plateau=Plateau(0.3, window=2)) for s in TWO_STAGES)
CAREFUL = Guard(drops=2, every=4)


def run(folder, module, kill_at=None, every=3, stages=PLATEAUS, seed=4):
    checkpoints = Checkpoints(Path(folder), every)
    return optimise(module, stages, troubled(module, kill_at), seed=seed, checkpoints=checkpoints, guard=CAREFUL)


def same(one, other):
    """Whether two reports tell the same story, to the bit."""
    assert one.dropped == other.dropped
    for name in one.history:
        np.testing.assert_array_equal(one.history[name], other.history[name])


@settings(max_examples=10)
@given(kills=st.lists(st.integers(0, STEPS - 1), max_size=3), every=st.integers(1, 8))
def test_a_killed_run_ends_where_an_uninterrupted_one_does(kills, every):
    with tempfile.TemporaryDirectory() as undisturbed, tempfile.TemporaryDirectory() as disturbed:
        whole = Bowls()
        report = run(undisturbed, whole, every=every)
        assert any(drop.returned for drop in report.dropped)
        for kill in sorted(kills):
            with suppress(KilledError):
                run(disturbed, Bowls(), kill_at=kill, every=every)
        resumed = Bowls()
        same(run(disturbed, resumed, every=every), report)
        assert values(resumed) == values(whole)


def test_a_finished_run_is_not_run_again(tmp_path):
    first, second = Bowls(), Bowls()
    report = run(tmp_path, first)
    again = run(tmp_path, second, kill_at=0)
    same(again, report)
    assert (report.resumed_at, again.resumed_at) == (0, STEPS)
    assert values(first) == values(second)


def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path):
    checkpoints = Checkpoints(tmp_path, every=1000)
    stopped, resumed, whole = Bowls(), Bowls(), Bowls()
    first = optimise(stopped, TWO_STAGES, interrupting(stopped, 9), seed=0, checkpoints=checkpoints)
    second = optimise(resumed, TWO_STAGES, lambda info: resumed.losses(), seed=0, checkpoints=checkpoints)
    optimise(whole, TWO_STAGES, lambda info: whole.losses(), seed=0)
    assert first.interrupted
    assert second.resumed_at == first.done
    assert not second.interrupted
    assert values(resumed) == values(whole)


def test_the_last_two_are_kept(tmp_path):
    (tmp_path / ".step-000000001-killed.safetensors").touch()
    run(tmp_path, Bowls())
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "step-000000013.safetensors",
        "step-000000016.safetensors",
    ]


@settings(max_examples=20)
@given(data=st.data())
def test_a_damaged_checkpoint_is_noticed_and_the_one_before_it_used(data):
    with tempfile.TemporaryDirectory() as folder:
        whole = Bowls()
        report = run(folder, whole)
        before, last = sorted(Path(folder).iterdir())
        content = last.read_bytes()
        place = data.draw(st.integers(0, len(content) - 1))
        if data.draw(st.booleans()):
            damaged = content[:place]
        else:
            damaged = (
                content[:place] + bytes([content[place] ^ 1 << data.draw(st.integers(0, 7))]) + content[place + 1 :]
            )
        last.write_bytes(damaged)
        resumed = Bowls()
        with pytest.warns(UserWarning, match=rf"{last.name} is damaged; the checkpoint before it is used"):
            again = run(folder, resumed)
        assert again.resumed_at == int(before.stem[5:])
        same(again, report)
        assert values(resumed) == values(whole)


def test_damaged_checkpoints_only_are_one_sentence(tmp_path):
    run(tmp_path, Bowls())
    for path in tmp_path.iterdir():
        path.write_bytes(b"")
    with (
        pytest.warns(UserWarning, match="is damaged"),
        pytest.raises(InputError, match=rf"{tmp_path} holds damaged checkpoints only; delete it to start again\."),
    ):
        run(tmp_path, Bowls())


@pytest.mark.parametrize(
    ("other", "what"),
    [
        (lambda folder: run(folder, Bowls(), stages=TWO_STAGES), "stages"),
        (lambda folder: run(folder, Bowls(), seed=5), "seed"),
        (lambda folder: run(folder, Bowls(size=4)), "parameters"),
        (lambda folder: run(folder, Bowls().double()), "parameters"),
    ],
)
def test_a_checkpoint_of_another_run_is_one_sentence(tmp_path, other, what):
    run(tmp_path, Bowls())
    module = Bowls()
    with pytest.raises(InputError, match=rf"{tmp_path}/step-000000016.* belongs to another run \(other {what}\)"):
        other(tmp_path)
    assert values(module) == values(Bowls())


def test_where_checkpoints_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"file/in/step-000000004\.safetensors cannot be written"):
        run(tmp_path / "file" / "in", Bowls())


def test_every_kind_of_tensor_comes_back(tmp_path):
    class Kinds(nn.Module):
        def __init__(self):
            super().__init__()
            self.scalar = nn.Parameter(torch.tensor(0.5))
            self.twice = nn.Parameter(torch.ones(2, 2, dtype=torch.float64).t())
            self.tied = self.twice
            for dtype in (torch.bool, torch.int64, torch.bfloat16):
                self.register_buffer("of_" + str(dtype).rsplit(".")[-1], torch.ones(3, dtype=dtype))
            self.register_buffer("empty", torch.zeros(0), persistent=False)

    first, second = Kinds(), Kinds()
    stages = [Stage("s", 2, (Moving("*", 0.1),), {"a": 1.0})]
    for module in (first, second):
        optimise(
            module,
            stages,
            lambda info, m=module: {"a": m.scalar.square() + m.tied.square().sum()},
            seed=0,
            checkpoints=Checkpoints(tmp_path),
        )
    assert values(first) == values(second) != values(Kinds())


def test_moments_of_scenes_not_seen_yet_are_no_trouble(tmp_path):
    """Three scenes, one a step, and a kill before the last one had its first turn."""

    def run_scenes(folder, kill_at):
        scenes = nn.ParameterList([nn.Parameter(torch.ones(2) * k) for k in range(3)])

        def objectives(info):
            if info.overall == kill_at:
                raise KilledError
            return {"a": (scenes[info.overall % 3] + 1).square().sum()}

        stage = Stage("s", 9, (Moving("*", 0.1),), {"a": 1.0})
        optimise(scenes, [stage], objectives, seed=0, checkpoints=Checkpoints(folder, every=2))
        return values(scenes)

    with pytest.raises(KilledError):
        run_scenes(tmp_path / "a", 2)
    assert run_scenes(tmp_path / "a", None) == run_scenes(tmp_path / "b", None)


def test_what_a_checkpoint_holds_is_put_before_anyone_looks(tmp_path):
    """The objectives of the first step after a resume see the module as it was saved."""
    trained, resumed, seen = Bowls(), Bowls(), []
    stage = Stage("s", 3, (Moving("near", 0.1),), BOTH)
    with pytest.raises(KilledError):
        optimise(trained, [stage], troubled(trained, kill_at=2), seed=0, checkpoints=Checkpoints(tmp_path, every=2))

    def objectives(info):
        seen.append((info.overall, info.fresh, values(resumed)["near"]))
        return resumed.losses()

    optimise(resumed, [stage], objectives, seed=0, checkpoints=Checkpoints(tmp_path, every=2))
    assert seen == [(2, True, values(trained)["near"])]
