"""Training a prior of shapes, from the scans of many subjects to a prior, the same for every method that learns one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from headfield.data.store import Dataset
from headfield.errors import InputError
from headfield.fields.geometry import GeometrySettings
from headfield.fitting.prior import ShapePrior
from headfield.fitting.scans import Scans
from headfield.fitting.shape_learning import Batch, ShapeFamily, ShapeObjectives
from headfield.fitting.statistics import LANDMARKS, CodeStatistics
from headfield.fitting.training_facts import training_facts
from headfield.optim.checkpoints import Checkpoints, checksum
from headfield.optim.engine import optimise
from headfield.optim.record import Callback
from headfield.optim.schedules import Milestones
from headfield.optim.stages import Moving, Stage
from headfield.optim.step import Precision

NORMALS, FREE = 0.1, 1.0
"""What the gradient's direction and the free space count against the distance at the surface."""


@dataclass(frozen=True)
class ShapeTraining:
    """How a prior of shapes is learned. As it stands, with the stages of InstantAvatar (sections 3.1 and 3.3)."""

    geometry: GeometrySettings = field(default_factory=GeometrySettings)
    steps: tuple[int, ...] = (6000, 3000, 3000)
    """How many steps each stage takes: the first with the coarsest grid, each later one with one level more. A geometry
    without grid, and one stage for all levels at once, have one number."""
    batch: Batch = field(default_factory=Batch)
    rate: float = 1e-3
    """Of the network at first."""
    code_rate: float = 2e-3
    grid_rate: float = 1e-3
    halvings: int = 6
    """How often each stage halves its rates."""
    eikonal: float = 0.1
    """λ₁: what the gradient's length counts."""
    embedding: float = 1e-4
    """λ₀: what the length of codes and grid features counts."""
    sigma: float = 1.0
    """σ: how long codes are expected to be."""
    spread: float = 0.01
    """How far apart the codes are at first."""
    masked_until: float = 0.5
    """The share of the first stage over which the encoding's frequencies are let in; 0 lets all in from the start."""
    precision: Precision = "bfloat16"

    def stages(self) -> tuple[Stage, ...]:
        """The stages: everything with the first level, then one level after the other by itself."""
        levels = len(self.geometry.grid.levels) if self.geometry.grid else 0
        if len(self.steps) not in {1, max(levels, 1)}:
            raise InputError(f"{len(self.steps)} stages do not suit {levels} grid levels; give 1 or {max(levels, 1)}.")
        weights = {
            "surface": 1.0,
            "normals": NORMALS,
            "eikonal": self.eikonal,
            "free": FREE,
            "embedding": self.embedding,
        }
        stages = []
        for number, steps in enumerate(self.steps):
            grid = "geometry.grid.levels.*" if len(self.steps) == 1 else f"geometry.grid.levels.{number}.*"
            moving = [Moving(grid, self._falling(self.grid_rate))] if levels else []
            if number == 0:
                moving += [
                    Moving("geometry.decoder.*", self._falling(self.rate), clip=1.0),
                    Moving("codes.*", self._falling(self.code_rate)),
                ]
            stages.append(Stage(f"level {number + 1}", steps, tuple(moving), weights))
        return tuple(stages)

    def levels(self) -> dict[str, int]:
        """How many grid levels are in use in each stage."""
        levels = len(self.geometry.grid.levels) if self.geometry.grid else 0
        return {f"level {k + 1}": levels if len(self.steps) == 1 else k + 1 for k in range(len(self.steps))}

    def _falling(self, rate: float) -> Milestones:
        return Milestones.evenly(rate, 0.5, parts=self.halvings + 1)


@dataclass(frozen=True, eq=False)
class Lessons:
    """What a prior is learned from: scans, and the landmarks of the same subjects where they are known."""

    scans: Scans
    landmarks: Float[Tensor, "s l 3"]
    known: Bool[Tensor, "s l"]

    def __len__(self) -> int:
        return len(self.scans)

    @staticmethod
    def read(dataset: Dataset, *, subjects: int | None = None, kept: int = 50_000) -> Lessons:
        """All of it from a data set, or from its first few subjects."""
        landmarks, known, read = [], [], []
        for subject in dataset.map(lambda name: dataset.read(name, views=False, truth=False), subjects=subjects):
            place, there = torch.zeros(LANDMARKS, 3), torch.zeros(LANDMARKS, dtype=torch.bool)
            marks = subject.landmarks
            if marks is not None and marks.scheme == "multipie68" and marks.points.shape == (LANDMARKS, 3):
                place, there = torch.from_numpy(marks.points).float(), torch.from_numpy(marks.visible)
            landmarks.append(place)
            known.append(there)
            read.append(subject)
        scans = Scans.of(read, kept=kept)
        return Lessons(scans, torch.stack(landmarks), torch.stack(known))


def train_shapes(
    method: str,
    lessons: Lessons,
    training: ShapeTraining,
    *,
    seed: int = 0,
    device: torch.device | str = "cpu",
    checkpoints: Path | None = None,
    callbacks: Sequence[Callback] = (),
    progress: Callback | None = None,
    made_from: object = None,
) -> ShapePrior:
    """Learn a prior; where ``checkpoints`` names a folder, a killed training goes on there."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        family = ShapeFamily(training.geometry, len(lessons.scans), training.spread).to(device)
    objectives = ShapeObjectives(
        family,
        lessons.scans.to(device),
        training.batch,
        sigma=training.sigma,
        masked_until=training.masked_until,
        levels=training.levels(),
    )
    report = optimise(
        family,
        training.stages(),
        objectives,
        seed=seed,
        checkpoints=None if checkpoints is None else Checkpoints(checkpoints, every=500),
        callbacks=callbacks,
        progress=progress,
        precision=training.precision,
        about=checksum({"points": lessons.scans.points}, " ".join(lessons.scans.names)),
    )
    facts = training_facts(training, report, subjects=len(lessons), seed=seed, device=device, made_from=made_from)
    geometry = family.geometry.cpu()
    statistics = CodeStatistics.of(family.codes.table, lessons.landmarks, lessons.known)
    return ShapePrior(method, geometry, statistics, facts)
