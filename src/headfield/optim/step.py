"""One step: what the objectives may know about it, their gradients, and whether everything in it is finite."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b
from typing import Literal

import torch
from torch import Tensor

from headfield.optim.adam import Movement
from headfield.optim.distributed import Processes
from headfield.optim.record import TOTAL
from headfield.optim.stages import Stage

Precision = Literal["float32", "bfloat16"]


@dataclass(frozen=True)
class StepInfo:
    """What the objectives may know about the step they are computed for."""

    stage: Stage
    step: int
    """Which step of the stage."""
    overall: int
    """Which step of the whole run."""
    weights: Mapping[str, float]
    """What each objective counts in this step; what counts nothing need not be computed."""
    seed: int
    """This step's and this process's own seed, the same whenever this step is computed."""
    device: torch.device
    processes: Processes
    fresh: bool
    """Whether what was derived from the parameters is to be made anew, since they may have jumped: at a stage's first
    step, when the run went back, and after a checkpoint, so that a run that resumes there does the same."""

    @property
    def progress(self) -> float:
        """How much of the stage is over, from 0 towards 1."""
        return self.step / self.stage.steps

    @cached_property
    def generator(self) -> torch.Generator:
        """Random numbers for this step, on the module's device."""
        return torch.Generator(self.device).manual_seed(self.seed)


Objectives = Callable[[StepInfo], Mapping[str, Tensor]]
"""Computes the objectives of a stage by name, each a scalar and without its weight.

What it returns depends on nothing but the module and the :class:`StepInfo`: then a run that was killed and resumed ends
where an uninterrupted one does, to the bit. The global generators are seeded for each step too.
"""


@dataclass(frozen=True)
class Outcome:
    """What came of a step's computation, the same in every process."""

    losses: dict[str, float]
    culprit: str | None
    """What was not finite, if something was not."""
    stop: bool
    """Whether any process was asked to stop."""


def step_seed(seed: int, step: int, rank: int) -> int:
    """A seed of its own for every step and process."""
    return int.from_bytes(blake2b(f"{seed} {step} {rank}".encode(), digest_size=8).digest(), "big") >> 1


def attempt(
    objectives: Objectives, info: StepInfo, movement: Movement, precision: Precision, *, stop: Callable[[], bool]
) -> Outcome:
    """Compute the objectives and leave their averaged, clipped gradients with the parameters; nothing moves yet.

    ``stop`` is asked at the end, so that what happens during the step counts.
    """
    movement.forget_gradients()
    terms = _terms(objectives, info, precision)
    total = torch.zeros((), device=info.device)
    for name, weight in info.weights.items():
        if weight:
            total = total + weight * terms[name].to(torch.promote_types(terms[name].dtype, torch.float32))
    if total.requires_grad:
        total.backward()
    info.processes.average_gradients(movement.parameters.values())
    # Everything that decides is fetched from the device at once.
    told = _told_by_all(info, terms, total, stop())
    norms = [norm.reshape(1).to(told) for norm in movement.clip()]
    values = torch.cat([told, *norms]).tolist()
    names = [*info.weights, TOTAL]
    sums, counts, (stops, *sizes) = values[: len(names)], values[len(names) : 2 * len(names)], values[2 * len(names) :]
    losses = {name: sum_ / count if count else math.nan for name, sum_, count in zip(names, sums, counts, strict=True)}
    culprit = _not_finite(info, losses)
    if culprit is None and not all(map(math.isfinite, sizes)):
        culprit = _whose_gradient(objectives, info, movement, precision)
    return Outcome(losses, culprit, stop=stops > 0)


def _terms(objectives: Objectives, info: StepInfo, precision: Precision) -> Mapping[str, Tensor]:
    """The objectives of a step, which must be those of its stage."""
    torch.default_generator.manual_seed(info.seed)
    if info.device.type == "cuda":
        with torch.cuda.device(info.device):
            torch.cuda.manual_seed(info.seed)
    with torch.autocast(info.device.type, torch.bfloat16, enabled=precision == "bfloat16"):
        terms = objectives(info)
    needed = {name for name, weight in info.weights.items() if weight}
    if not needed <= set(terms) <= set(info.weights):
        raise ValueError(
            f"stage {info.stage.name!r} needs the objectives {sorted(needed)} of {sorted(info.weights)}, "
            f"but {sorted(terms)} were computed"
        )
    return terms


def _told_by_all(info: StepInfo, terms: Mapping[str, Tensor], total: Tensor, stop: bool) -> Tensor:
    """Summed over the processes: the objectives and their total, how many computed each, and how many want to stop."""
    nothing = torch.zeros((), device=info.device)
    sums = [terms.get(name, nothing).detach().float() for name in info.weights] + [total.detach().float()]
    counts = [float(name in terms) for name in info.weights] + [1.0, float(stop)]
    return info.processes.sum(torch.cat([torch.stack(sums), torch.tensor(counts, device=info.device)]))


def _not_finite(info: StepInfo, losses: Mapping[str, float]) -> str | None:
    """The first objective that counts and is not finite."""
    for name, weight in info.weights.items():
        if weight and not math.isfinite(losses[name]):
            return f"the objective {name!r}"
    return None if math.isfinite(losses[TOTAL]) else "the sum of the objectives"


def _whose_gradient(objectives: Objectives, info: StepInfo, movement: Movement, precision: Precision) -> str:
    """Compute the step once more to find the objective whose gradient is not finite."""
    terms = _terms(objectives, replace(info), precision)
    parameters = list(movement.parameters.values())
    broken = torch.zeros(len(info.weights), device=info.device)
    for i, (name, weight) in enumerate(info.weights.items()):
        if weight and terms[name].requires_grad:
            gradients = torch.autograd.grad(terms[name], parameters, retain_graph=True, allow_unused=True)
            broken[i] = any(g is not None and not g.isfinite().all() for g in gradients)
    found = zip(info.weights, info.processes.sum(broken).tolist(), strict=True)
    culprits = [repr(name) for name, processes in found if processes]
    return f"the gradient of {' and '.join(culprits)}" if culprits else "the gradient of all objectives together"
