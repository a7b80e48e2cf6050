"""The one optimisation engine: takes a module through stages, the same for a prior's training and a head's fit.

It owns what is the same everywhere (Adam, schedules, guards, checkpoints, progress); a method owns its module, its
stages and a function that computes its objectives. Adversaries need no second optimiser: a discriminator's loss on
detached pictures, and a generator's loss through detached weights, are two more objectives.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict

import torch
from torch import nn

from headfield.errors import InputError
from headfield.optim.adam import Movement, Tensors, put_tensors, tensors_of
from headfield.optim.checkpoints import Checkpoints, Saved
from headfield.optim.distributed import Processes
from headfield.optim.guard import Guard, Memory, Trouble, after_drop, after_taking
from headfield.optim.interrupt import Interrupt
from headfield.optim.record import TOTAL, Callback, Drop, History, Report, Update, seldom
from headfield.optim.schedules import PlateauSeen
from headfield.optim.stages import Stage, locate
from headfield.optim.step import Objectives, Precision, StepInfo, attempt, step_seed

_FORMAT = 1
"""Which layout of a checkpoint this is."""


def optimise(
    module: nn.Module,
    stages: Sequence[Stage],
    objectives: Objectives,
    *,
    seed: int,
    checkpoints: Checkpoints | None = None,
    callbacks: Sequence[Callback] = (),
    progress: Callback | None = None,
    precision: Precision = "float32",
    guard: Guard = Guard(),  # noqa: B008 - frozen
    about: str = "",
) -> Report:
    """Take ``module`` through ``stages``, in place, and say how it went.

    An interrupt ends the run cleanly after the step at hand, with a last checkpoint. InputError if the checkpoints
    belong to another run, DivergedError if the run stays non-finite whatever is tried.

    Args:
        module: Holds everything that moves or has to survive a kill, as parameters and buffers on one device.
        stages: What moves when, how fast and under which objectives.
        objectives: Computes them for a step.
        seed: Decides every random number.
        checkpoints: Where to save the run, and to go on from if something is there already.
        callbacks: Told about every step, in the first process only.
        progress: Told a few times a second, in the first process only.
        precision: With ``bfloat16`` the objectives' matrix products are computed in it; parameters and moments stay
            float32.
        guard: How to deal with steps that are not finite.
        about: Tells what the objectives look at from other data, so that no run goes on with those of another one.
    """
    run = _Run(module, tuple(stages), objectives, seed, checkpoints, precision, guard, about)
    told = [*callbacks, *([] if progress is None else [seldom(progress)])]
    with _leaving_no_trace(module, run.device), Interrupt() as interrupt:
        return run.go(told, interrupt)


class _Run:
    """A run, and where it is."""

    def __init__(
        self,
        module: nn.Module,
        stages: tuple[Stage, ...],
        objectives: Objectives,
        seed: int,
        checkpoints: Checkpoints | None,
        precision: Precision,
        guard: Guard,
        about: str,
    ):
        self.module, self.stages, self.objectives, self.seed = module, stages, objectives, seed
        self.about = about
        self.checkpoints, self.precision, self.guard = checkpoints, precision, guard
        self.processes = Processes.current()
        self.device = next(module.parameters()).device
        self.steps = sum(stage.steps for stage in stages)
        self.done = self.saved_at = self.remembered_at = 0
        self.fresh, self.stopping = True, False
        self.trouble, self.plateau = Trouble(), PlateauSeen()
        self.drops: list[Drop] = []
        self.history = History(dict.fromkeys(name for stage in stages for name in stage.weights))

    def go(self, callbacks: Sequence[Callback], interrupt: Interrupt) -> Report:
        """Go on from the newest checkpoint, or from the start, to the end."""
        began = time.perf_counter()
        saved = self.checkpoints.newest() if self.checkpoints else None
        moments = {} if saved is None else self._resume(saved)
        self._start_together()
        resumed_at = self.done
        while not self.over:
            stage, first = locate(self.stages, self.done)
            self._enter(stage, moments, resuming=first > 0)
            moments = {}  # those of what stands still now need not take memory
            for step in range(first, stage.steps):
                update = self._step(stage, step, interrupt)
                self._keep()
                for callback in callbacks if self.processes.first else ():
                    callback(update)
                if self.stopping:
                    break
            moments = self.movement.moments()
        return Report(
            history=self.history.arrays(),
            dropped=tuple(self.drops),
            interrupted=self.stopping,
            resumed_at=resumed_at,
            seconds=time.perf_counter() - began,
        )

    @property
    def over(self) -> bool:
        """Whether the run is at its end, or was asked to stop."""
        return self.stopping or self.done == self.steps

    def _start_together(self) -> None:
        """Give every process the first one's parameters, and see that all are at the same step."""
        everyone = self.processes.sum(torch.tensor(self.done, device=self.device))
        if everyone.item() != self.done * self.processes.count:
            raise InputError("the processes found different checkpoints; put them in a folder that all of them see.")
        self.processes.share(tensors_of(self.module).values())

    def _enter(self, stage: Stage, moments: Tensors, *, resuming: bool) -> None:
        """Begin a stage, or go on in it after a checkpoint."""
        self.movement = Movement(self.module, stage, moments)
        self.memory = Memory(self.module, self.movement)
        if not resuming:
            self.trouble, self.plateau = Trouble(), PlateauSeen()
        self._remember(only=True)
        self.fresh = True
        self.entered, self.entered_at = time.perf_counter(), self.done

    def _step(self, stage: Stage, step: int, interrupt: Interrupt) -> Update:
        """Take one step, or drop it."""
        progress = step / stage.steps
        rates = self.movement.set_rates(progress, self.trouble.caution * self.plateau.scale)
        info = StepInfo(
            stage=stage,
            step=step,
            overall=self.done,
            weights=stage.weights_at(progress),
            seed=step_seed(self.seed, self.done, self.processes.rank),
            device=self.device,
            processes=self.processes,
            fresh=self.fresh,
        )
        outcome = attempt(self.objectives, info, self.movement, self.precision, stop=lambda: interrupt.asked)
        self.history.append(outcome.losses)
        self.stopping, self.fresh = outcome.stop, False
        if outcome.culprit is None:
            self.movement.step()
            self.trouble = after_taking(self.trouble, self.guard)
            if stage.plateau:
                self.plateau = stage.plateau.after(self.plateau, outcome.losses[TOTAL])
        else:
            self._drop(stage, outcome.culprit)
        self.done += 1
        pace = (time.perf_counter() - self.entered) / (self.done - self.entered_at)
        return Update(
            stage=stage.name,
            done=self.done,
            steps=self.steps,
            losses=outcome.losses,
            rates=rates,
            seconds_left=pace * (self.steps - self.done),
            problem=None if outcome.culprit is None else str(self.drops[-1]),
        )

    def _drop(self, stage: Stage, culprit: str) -> None:
        """Leave a step out, and perhaps go back."""
        self.trouble = after_drop(self.trouble, self.guard, self.memory, stage=stage.name, culprit=culprit)
        went_back = self.trouble.dropped == 0
        if went_back:
            self.fresh, self.remembered_at = True, self.done + 1
        self.drops.append(Drop(stage.name, self.done, culprit, went_back))

    def _keep(self) -> None:
        """Save a checkpoint or remember a state where it is time to; but not in the middle of trouble."""
        good = self.trouble.dropped == 0
        if self.checkpoints and (self.over or (good and self.done - self.saved_at >= self.checkpoints.every)):
            if self.processes.first:
                self.checkpoints.save(self.done, self._tensors(), self._facts())
            self.processes.wait()
            # As if resumed from it, so that a run that is ends the same.
            self._remember(only=True)
            self.fresh, self.saved_at = True, self.done
        elif good and self.done - self.remembered_at >= self.guard.every:
            self._remember(only=False)

    def _remember(self, *, only: bool) -> None:
        self.memory.remember(only=only)
        self.remembered_at = self.done

    def _tensors(self) -> Tensors:
        """Everything a checkpoint holds as tensors."""
        kinds = {
            "module": tensors_of(self.module),
            "moments": self.movement.moments(),
            "history": self.history.tensors(),
        }
        return {f"{kind}/{name}": tensor for kind, tensors in kinds.items() for name, tensor in tensors.items()}

    def _facts(self) -> dict:
        """Everything else it holds: what run this is, and where it is."""
        return {
            "format": _FORMAT,
            "seed": self.seed,
            "data": self.about,
            "stages": [repr(stage) for stage in self.stages],
            "done": self.done,
            "trouble": asdict(self.trouble),
            "plateau": asdict(self.plateau),
            "drops": [asdict(drop) for drop in self.drops],
        }

    def _resume(self, saved: Saved) -> Tensors:
        """Put the run where a checkpoint left it, and return Adam's moments there."""
        kinds: dict[str, Tensors] = {"module": {}, "moments": {}, "history": {}}
        for key, tensor in saved.tensors.items():
            kind, name = key.split("/", 1)
            kinds[kind][name] = tensor
        mine = self._facts()
        kept = {"data": mine["data"], **saved.facts}  # checkpoints that say nothing of their data are believed
        differing = next((what for what in ("format", "stages", "seed", "data") if kept[what] != mine[what]), None)
        if _shapes(kinds["module"]) != _shapes(tensors_of(self.module)):
            differing = "parameters"
        if differing is not None:
            raise InputError(
                f"{saved.path} belongs to another run (other {differing}); "
                "choose another folder for checkpoints, or delete this one to start again."
            )
        put_tensors(self.module, kinds["module"])
        self.history.put(kinds["history"])
        self.done = self.saved_at = saved.facts["done"]
        self.trouble = Trouble(**saved.facts["trouble"])
        self.plateau = PlateauSeen(**saved.facts["plateau"])
        self.drops = [Drop(**drop) for drop in saved.facts["drops"]]
        return kinds["moments"]


def _shapes(tensors: Tensors) -> dict[str, tuple[torch.Size, torch.dtype]]:
    return {name: (tensor.shape, tensor.dtype) for name, tensor in tensors.items()}


@contextmanager
def _leaving_no_trace(module: nn.Module, device: torch.device) -> Iterator[None]:
    """Leave the global generators, and which parameters require gradients, as they were."""
    required = [(parameter, parameter.requires_grad) for parameter in module.parameters()]
    try:
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            yield
    finally:
        for parameter, requires in required:
            parameter.requires_grad_(requires)
            parameter.grad = None
