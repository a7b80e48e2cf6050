"""SIRA++ (Caselles et al.): a learned reference head, bent and coloured by codes, fitted to views by surface rendering.

The paper's symbols: f_def the deformation with its displacement δ and features γ, f_ref the reference, r the rendering
network in the reference space, z_sdf and z_r the codes of shape and appearance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from headfield.data.store import Dataset
from headfield.fields.appearance import AppearanceSettings
from headfield.fields.deformation import DeformedSettings
from headfield.fields.geometry import GeometrySettings
from headfield.fields.mlp import MLPSettings
from headfield.fitting.appearance_learning import HeadFamily, HeadObjectives
from headfield.fitting.prior import ShapePrior
from headfield.fitting.shape_learning import Batch
from headfield.fitting.shape_training import FREE, NORMALS, Lessons, PriorTraining
from headfield.fitting.statistics import CodeGaussian, CodeStatistics
from headfield.optim.schedules import Milestones
from headfield.optim.stages import Moving, Stage
from headfield.optim.step import Precision

NAME = "sira"

PAPER_GEOMETRY = DeformedSettings()
"""Section V: networks with one skip connection and softplus, as IDR's; 256 numbers of code and of features."""

PAPER_APPEARANCE = AppearanceSettings(
    place=None,
    look=MLPSettings(width=512, depth=4, activation="relu"),
    frequencies=6,
    direction_frequencies=4,
    features=256,
    code=256,
)
"""Equation 5: r(x_ref, n, v, γ; z_r)."""

PAPER_RATE = 1e-4
"""Section V: of networks and codes, for 100 epochs."""

SMALL_GEOMETRY = DeformedSettings(
    reference=GeometrySettings(MLPSettings(width=192, depth=4, skips=(2,)), frequencies=6, grid=None, code=0),
    deformation=MLPSettings(width=192, depth=4, skips=(2,)),
    frequencies=4,
    code=128,
    features=32,
)
"""What two processor cores learn in two hours."""

SMALL_APPEARANCE = AppearanceSettings(
    place=None,
    look=MLPSettings(width=128, depth=4, activation="relu"),
    frequencies=6,
    direction_frequencies=2,
    features=32,
    code=64,
)

HALVINGS = tuple(0.15 * k for k in range(1, 7))
"""Section V: the rate is halved every 15 of 100 epochs."""


@dataclass(frozen=True)
class Training(PriorTraining):
    """How the prior of shape and appearance, SA-SM, is learned (sections III.B and V)."""

    geometry: DeformedSettings = SMALL_GEOMETRY
    appearance: AppearanceSettings | None = SMALL_APPEARANCE
    """None learns shapes alone."""
    steps: int = 20_000
    batch: Batch = field(default_factory=Batch)
    colours: int = 256
    """At how many places of a subject a step compares colours."""
    coloured: int = 12_000
    """How many such places of a subject are kept."""
    rate: float = 1e-3
    """Of the networks at first."""
    code_rate: float = 5e-3
    eikonal: float = 0.1
    """λ₁ (equation 7)."""
    deformation: float = 1e-3
    """λ₂ (equation 8)."""
    landmarks: float = 1e-3
    """λ₃ (equation 9)."""
    colour: float = 1.0
    """λ₄ (equation 10)."""
    embedding: float = 1e-3
    """λ₅."""
    sigma: float = 1.0
    """σ: how long codes are expected to be."""
    spread: float = 0.01
    """How far apart the codes are at first."""
    masked_until: float = 0.5
    """The share of the training over which the reference's frequencies are let in; 0 lets all in from the start."""
    precision: Precision = "bfloat16"

    def stages(self) -> tuple[Stage, ...]:
        """One stage: everything."""
        weights = {
            "surface": 1.0,
            "normals": NORMALS,
            "eikonal": self.eikonal,
            "free": FREE,
            "deformation": self.deformation,
            "landmarks": self.landmarks,
            "embedding": self.embedding,
        }
        networks, codes = self._falling(self.rate), self._falling(self.code_rate)
        moving = [Moving("geometry.*", networks, clip=1.0), Moving("codes.*", codes)]
        if self.appearance is not None:
            moving += [Moving("appearance.*", networks), Moving("looks.*", codes)]
            weights["colour"] = self.colour
        return (Stage("everything", self.steps, tuple(moving), weights),)

    def lessons(self, dataset: Dataset, *, subjects: int | None = None) -> Lessons:
        """Scans with landmarks, and colours that the views show on them."""
        coloured = 0 if self.appearance is None else self.coloured
        return Lessons.read(dataset, subjects=subjects, coloured=coloured)

    def family(self, subjects: int) -> HeadFamily:
        """Reference, deformation and rendering network, with codes for so many subjects."""
        return HeadFamily(self.geometry, self.appearance, subjects, self.spread)

    def objectives(self, family: HeadFamily, lessons: Lessons) -> HeadObjectives:
        """Those of equation 11."""
        return HeadObjectives(family, lessons, self.batch, self.colours, self.sigma, self.masked_until)

    def prior(self, method: str, family: HeadFamily, lessons: Lessons, facts: Mapping[str, object]) -> ShapePrior:
        """The networks, and what codes are usual."""
        codes = CodeStatistics.of(family.codes.table, lessons.landmarks, lessons.known)
        looks = None if family.looks is None else CodeGaussian.around(family.looks.table)
        return ShapePrior(method, family.geometry, codes, facts, family.appearance, looks)

    def _falling(self, rate: float) -> Milestones:
        return Milestones(rate, 0.5, HALVINGS)
