"""Training a prior, from what many subjects show to the prior, the same for every method that learns one."""

from __future__ import annotations

import platform
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar, cast, runtime_checkable

import torch
from torch import nn

from headfield import __version__
from headfield.data.store import Dataset
from headfield.fitting.prior import Prior
from headfield.optim.checkpoints import Checkpoints
from headfield.optim.engine import optimise
from headfield.optim.record import Callback
from headfield.optim.stages import Stage
from headfield.optim.step import Objectives, Precision


@runtime_checkable
class Learnable(Protocol):
    """What a prior is learned from, as scans or pictures of subjects."""

    def __len__(self) -> int:
        """How many subjects there are."""

    @property
    def checksum(self) -> str:
        """Tells it from others."""

    def to(self: AnyLessons, device: torch.device | str) -> AnyLessons:
        """The same on another device."""


AnyLessons = TypeVar("AnyLessons", bound=Learnable)
AnyPrior = TypeVar("AnyPrior", bound=Prior)


class PriorTraining(ABC, Generic[AnyLessons, AnyPrior]):
    """How a prior is learned, as a dataclass of settings: by what module, in which stages, under which objectives."""

    precision: Precision

    @abstractmethod
    def stages(self) -> tuple[Stage, ...]:
        """The stages."""

    @abstractmethod
    def lessons(self, dataset: Dataset, *, subjects: int | None = None) -> AnyLessons:
        """What is learned from a data set, or from its first few subjects."""

    def chosen(self, lessons: AnyLessons) -> AnyLessons:
        """What of the lessons is looked at: all."""
        return lessons

    @abstractmethod
    def family(self, subjects: int) -> nn.Module:
        """What learns, for so many subjects."""

    @abstractmethod
    def objectives(self, family: Any, lessons: AnyLessons) -> Objectives:
        """What it learns by."""

    @abstractmethod
    def prior(self, method: str, family: Any, lessons: AnyLessons, facts: Mapping[str, object]) -> AnyPrior:
        """What has been learned."""


def train_prior(
    method: str,
    lessons: AnyLessons,
    training: PriorTraining[AnyLessons, AnyPrior],
    *,
    seed: int = 0,
    device: torch.device | str = "cpu",
    checkpoints: Path | None = None,
    callbacks: Sequence[Callback] = (),
    progress: Callback | None = None,
    made_from: object = None,
) -> AnyPrior:
    """Learn a prior; where ``checkpoints`` names a folder, a killed training goes on there."""
    lessons, stages = training.chosen(lessons), training.stages()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        family = training.family(len(lessons)).to(device)
    report = optimise(
        family,
        stages,
        training.objectives(family, lessons.to(device)),
        seed=seed,
        checkpoints=None if checkpoints is None else Checkpoints(checkpoints, every=500),
        callbacks=callbacks,
        progress=progress,
        precision=training.precision,
        about=f"{lessons.checksum} {training}",
    )
    facts = {
        "data": made_from,
        "subjects": len(lessons),
        "settings": asdict(cast(Any, training)),  # all trainings are dataclasses
        "seed": seed,
        "device": str(device),
        "hours": round(report.seconds / 3600, 3),
        "resumed": report.resumed_at > 0,
        "finished": not report.interrupted,
        "losses": report.lately(200),
        "versions": {"headfield": __version__, "torch": torch.__version__, "python": platform.python_version()},
    }
    return training.prior(method, family.cpu(), lessons, facts)
