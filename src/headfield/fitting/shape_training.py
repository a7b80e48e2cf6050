"""Training a prior of shapes from the scans of many subjects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from headfield.capture import Subject
from headfield.data.store import Dataset
from headfield.errors import InputError
from headfield.fields.geometry import GeometrySettings
from headfield.fitting.coloured import ColouredPoints, coloured_points
from headfield.fitting.prior import ShapePrior
from headfield.fitting.scans import Scans
from headfield.fitting.shape_learning import Batch, ShapeFamily, ShapeObjectives
from headfield.fitting.statistics import LANDMARKS, CodeStatistics
from headfield.fitting.training import PriorTraining
from headfield.fitting.usual_colours import usual_colours
from headfield.optim.checkpoints import checksum
from headfield.optim.schedules import Milestones
from headfield.optim.stages import Moving, Stage
from headfield.optim.step import Objectives, Precision

NORMALS, FREE = 0.1, 1.0
"""What the gradient's direction and the free space count against the distance at the surface."""


@dataclass(frozen=True, eq=False)
class Lessons:
    """What a prior is learned from: scans, the landmarks of the same subjects where they are known, and colours."""

    scans: Scans
    landmarks: Float[Tensor, "s l 3"]
    known: Bool[Tensor, "s l"]
    coloured: ColouredPoints | None = None
    """None where shapes alone are learned."""

    def __len__(self) -> int:
        return len(self.scans)

    @staticmethod
    def read(dataset: Dataset, *, subjects: int | None = None, kept: int = 50_000, coloured: int = 0) -> Lessons:
        """All of it from a data set, or from its first few subjects, with so many coloured points of each."""

        def one(name: str) -> tuple[Subject, ColouredPoints | None]:
            subject = dataset.read(name, views=coloured > 0, truth=False)
            return replace(subject, capture=None), coloured_points(subject, coloured) if coloured else None

        landmarks, known, read, colours = [], [], [], []
        for subject, seen in dataset.map(one, subjects=subjects):
            place, there = torch.zeros(LANDMARKS, 3), torch.zeros(LANDMARKS, dtype=torch.bool)
            marks = subject.landmarks
            if marks is not None and marks.scheme == "multipie68" and marks.points.shape == (LANDMARKS, 3):
                place, there = torch.from_numpy(marks.points).float(), torch.from_numpy(marks.visible)
            landmarks.append(place)
            known.append(there)
            read.append(subject)
            colours += [] if seen is None else [seen]
        scans = Scans.of(read, kept=kept)
        together = ColouredPoints.joined(colours) if colours else None
        return Lessons(scans, torch.stack(landmarks), torch.stack(known), together)

    def to(self, device: torch.device | str) -> Lessons:
        """The same on another device."""
        coloured = None if self.coloured is None else self.coloured.to(device)
        return Lessons(self.scans.to(device), self.landmarks.to(device), self.known.to(device), coloured)

    @property
    def checksum(self) -> str:
        """Tells them from others."""
        scans, coloured = self.scans, self.coloured
        tensors = {"points": scans.points, "normals": scans.normals, "free": scans.free}
        tensors |= {"landmarks": self.landmarks, "known": self.known}
        if coloured is not None:
            tensors |= {"coloured": coloured.points, "colours": coloured.colours}
        return checksum(tensors, " ".join(self.scans.names))


@dataclass(frozen=True)
class ShapeTraining(PriorTraining[Lessons, ShapePrior]):
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

    def lessons(self, dataset: Dataset, *, subjects: int | None = None) -> Lessons:
        """Scans with landmarks."""
        return Lessons.read(dataset, subjects=subjects)

    def family(self, subjects: int) -> ShapeFamily:
        """A geometry with as many codes."""
        return ShapeFamily(self.geometry, subjects, self.spread)

    def objectives(self, family: ShapeFamily, lessons: Lessons) -> Objectives:
        """Those of shapes."""
        return ShapeObjectives(
            family,
            lessons.scans,
            self.batch,
            sigma=self.sigma,
            masked_until=self.masked_until,
            levels=self.levels(),
        )

    def prior(self, method: str, family: ShapeFamily, lessons: Lessons, facts: Mapping[str, object]) -> ShapePrior:
        """The geometry, and what codes are usual."""
        statistics = CodeStatistics.of(family.codes.table, lessons.landmarks, lessons.known)
        return with_usual_colours(ShapePrior(method, family.geometry, statistics, facts), lessons)

    def _falling(self, rate: float) -> Milestones:
        return Milestones.evenly(rate, 0.5, parts=self.halvings + 1)


def with_usual_colours(prior: ShapePrior, lessons: Lessons) -> ShapePrior:
    """The prior with the colours that heads usually have, where the scans have any."""
    colours = usual_colours(lambda points: prior.geometry.distance(points, prior.codes.mean), lessons.scans)
    return replace(prior, colours=colours)
