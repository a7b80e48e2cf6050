"""Stages as data: which parameters move, how fast, under which objectives, for how long.

A fit or a training is a sequence of stages, and reads like the schedule in its paper::

    weights = {"surface": 1.0, "eikonal": 0.1, "latent": Ramp(0.0, 1e-3, until=0.5)}
    stages = (
        Stage("coarse", 10_000, (Moving("decoder.*", 1e-4), Moving("latents.*", 1e-3)), weights),
        Stage("fine", 20_000, (Moving("grids.1.*", Milestones.evenly(1e-4, 0.5, parts=4)),), weights),
    )
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from torch import nn

from headfield.errors import InputError
from headfield.optim.schedules import Plateau, Schedule, value_at


@dataclass(frozen=True)
class Moving:
    """Parameters that move together, named by a pattern such as ``decoder.*`` over a module's ``named_parameters``."""

    names: str
    rate: float | Schedule
    decay: float = 0.0
    """How much a parameter shrinks each step, as a multiple of its rate (decoupled weight decay)."""
    clip: float | None = None
    """The greatest norm that the gradient of these parameters together may have."""


@dataclass(frozen=True)
class Stage:
    """A stretch of optimisation. What none of its ``moving`` names stays frozen, to the bit."""

    name: str
    steps: int
    moving: tuple[Moving, ...]
    """Where several patterns match one parameter, the first counts."""
    weights: Mapping[str, float | Schedule]
    """What each objective counts. One that counts nothing may be left out of the computation, or just be recorded."""
    plateau: Plateau | None = None

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise InputError(f"stage {self.name!r} has {self.steps} steps; give it 1 or more.")
        if not self.weights:
            raise ValueError(f"stage {self.name!r} has no objectives")

    def weights_at(self, progress: float) -> dict[str, float]:
        """What each objective counts at this progress."""
        return {name: value_at(weight, progress) for name, weight in self.weights.items()}

    def groups(self, module: nn.Module) -> list[dict[str, nn.Parameter]]:
        """The parameters that each of ``moving`` moves, by name."""
        groups: list[dict[str, nn.Parameter]] = [{} for _ in self.moving]
        matched = [False] * len(groups)
        for name, parameter in module.named_parameters():
            fitting = [i for i, moving in enumerate(self.moving) if fnmatchcase(name, moving.names)]
            for i in fitting:
                matched[i] = True
            if fitting:
                groups[fitting[0]][name] = parameter
        for moving, found in zip(self.moving, matched, strict=True):
            if not found:
                raise ValueError(
                    f"stage {self.name!r} moves {moving.names!r}, which no parameter of the module matches"
                )
        return groups


def locate(stages: Sequence[Stage], step: int) -> tuple[Stage, int]:
    """The stage in which a step of the whole run lies, and which step of that stage it is."""
    for stage in stages:
        if step < stage.steps:
            return stage, step
        step -= stage.steps
    raise ValueError("the run has fewer steps")
