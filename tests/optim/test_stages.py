from __future__ import annotations

import pytest
from torch import nn

from headfield.optim.schedules import Ramp
from headfield.optim.stages import Moving, Stage, locate


class Field(nn.Module):
    def __init__(self):
        super().__init__()
        self.decoder = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
        self.latents = nn.ParameterList([nn.Parameter(nn.Linear(1, 4).weight.data.clone()) for _ in range(3)])


def test_patterns_choose_parameters_and_the_first_counts():
    stage = Stage("s", 1, (Moving("decoder.0.*", 1.0), Moving("decoder.*", 0.1), Moving("latents.2", 1.0)), {"a": 1.0})
    assert [list(group) for group in stage.groups(Field())] == [
        ["decoder.0.weight", "decoder.0.bias"],
        ["decoder.1.weight", "decoder.1.bias"],
        ["latents.2"],
    ]


def test_a_pattern_that_matches_nothing_is_a_mistake():
    with pytest.raises(ValueError, match=r"stage 's' moves 'decodr\.\*', which no parameter of the module matches"):
        Stage("s", 1, (Moving("*", 1.0), Moving("decodr.*", 1.0)), {"a": 1.0}).groups(Field())


def test_a_stage_has_steps_and_objectives():
    with pytest.raises(ValueError, match="stage 's' has 0 steps"):
        Stage("s", 0, (), {"a": 1.0})
    with pytest.raises(ValueError, match="stage 's' has no objectives"):
        Stage("s", 1, (), {})


def test_weights_may_change_over_a_stage():
    stage = Stage("s", 10, (), {"a": 2.0, "b": Ramp(0.0, 1.0, until=0.5)})
    assert stage.weights_at(0.25) == {"a": 2.0, "b": 0.5}


def test_stages_follow_each_other():
    stages = (Stage("one", 2, (), {"a": 1.0}), Stage("two", 1, (), {"a": 1.0}))
    assert [(stage.name, step) for stage, step in (locate(stages, step) for step in range(3))] == [
        ("one", 0),
        ("one", 1),
        ("two", 0),
    ]
    with pytest.raises(ValueError, match="fewer steps"):
        locate(stages, 3)
