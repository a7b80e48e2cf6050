"""SIRA++ (Caselles et al.): a learned reference head, bent and coloured by codes, fitted to views by surface rendering.

The paper's symbols: f_def the deformation with its displacement δ and features γ, f_ref the reference, r the rendering
network in the reference space, z_sdf and z_r the codes of shape and appearance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from headfield.capture import Capture
from headfield.data.store import Dataset
from headfield.errors import InputError
from headfield.fields.appearance import AppearanceSettings
from headfield.fields.deformation import DeformedSettings
from headfield.fields.geometry import GeometrySettings
from headfield.fields.mlp import MLPSettings
from headfield.fitting.appearance_learning import HeadFamily, HeadObjectives
from headfield.fitting.doubts import Estimated
from headfield.fitting.drive import Fitted, Run, fit_surface
from headfield.fitting.prior import ShapePrior
from headfield.fitting.shape_learning import Batch
from headfield.fitting.shape_training import FREE, NORMALS, Lessons, with_usual_colours
from headfield.fitting.statistics import CodeGaussian, CodeStatistics
from headfield.fitting.surface_fit import FitOptions, Speed
from headfield.fitting.training import PriorTraining
from headfield.optim.schedules import Cosine, Milestones, Schedule
from headfield.optim.stages import Moving, Stage
from headfield.optim.step import Precision
from headfield.render.selective import SelectiveSampling

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

OWN_APPEARANCE = replace(SMALL_APPEARANCE, code=0)
"""Of one head, where the prior knows shapes alone."""

FAST = Speed(selective=SelectiveSampling(every=40))
"""Section V, for a fit of some 300 steps instead of 2,000 epochs."""

BY_COLOURS = FitOptions(estimated=Estimated(normals=1.0, latent=1.0, landmarks=1.0, silhouette=1.0))
"""Normals are not looked at, so nothing weighs otherwise where they are a network's estimates."""

HALVINGS = tuple(0.15 * k for k in range(1, 7))
"""Section V: the rate is halved every 15 of 100 epochs."""


@dataclass(frozen=True)
class Training(PriorTraining[Lessons, ShapePrior]):
    """How the prior of shape and appearance, SA-SM, is learned (sections III.B and V)."""

    geometry: DeformedSettings = SMALL_GEOMETRY
    appearance: AppearanceSettings | None = SMALL_APPEARANCE
    """None learns shapes alone."""
    steps: int = 15_000
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
        if self.appearance is not None and self.appearance.features != self.geometry.features:
            raise InputError(
                f"the deformation hands on {self.geometry.features} features but the appearance is read with "
                f"{self.appearance.features}; give both the same number."
            )
        if self.appearance is not None and not self.appearance.code:
            raise InputError("the appearance has a code of no numbers, so all people would look alike; give it some.")
        return HeadFamily(self.geometry, self.appearance, subjects, self.spread)

    def objectives(self, family: HeadFamily, lessons: Lessons) -> HeadObjectives:
        """Those of equation 11."""
        return HeadObjectives(family, lessons, self.batch, self.colours, self.sigma, self.masked_until)

    def prior(self, method: str, family: HeadFamily, lessons: Lessons, facts: Mapping[str, object]) -> ShapePrior:
        """The networks, and what codes are usual."""
        codes = CodeStatistics.of(family.codes.table, lessons.landmarks, lessons.known)
        looks = None if family.looks is None else CodeGaussian.around(family.looks.table)
        prior = ShapePrior(method, family.geometry, codes, facts, appearance=family.appearance, looks=looks)
        return with_usual_colours(prior, lessons)

    def _falling(self, rate: float) -> Milestones:
        return Milestones(rate, 0.5, HALVINGS)


@dataclass(frozen=True)
class Fitting:
    """How a head is fitted (section III.C): the codes first, then deformation and colours, the reference frozen."""

    appearance: AppearanceSettings = OWN_APPEARANCE
    """The rendering network of a prior that knows shapes alone."""
    latent_steps: int = 100
    """Steps on the codes alone, from near the mean: the head stays within the family."""
    network_steps: int = 200
    """Steps on deformation and rendering network, too."""
    several: float = 1.6
    """How many times as many of those several views get: they have more to say."""
    colour_steps: int = 100
    """Steps on the colours alone, at the end."""
    latent_rate: float = 4e-2
    network_rate: float = 2e-4
    appearance_rate: float = 5e-4
    photometric: float = 1.0
    """L_RGB (equation 13)."""
    silhouette: float = 4.0
    """λ₆ (equation 14)."""
    eikonal: float = 0.1
    """λ₇."""
    agreement: float = 0.5
    """What it costs that views show different things at a place; the paper does not compare views."""
    landmarks: float = 0.02
    """What it costs that landmarks which the views come with are elsewhere."""
    latent: float = 1e-2
    """What it costs to be an unusual head."""
    look: float = 1e-3
    """What it costs to look unusual."""
    held: float = 20.0
    """What it costs to differ from the prior where no view looks; the paper trusts the reference alone."""
    near: float = 5.0
    """What it costs to differ from the prior where a single view looks."""
    speed: Speed = FAST
    options: FitOptions = BY_COLOURS

    def stages(self, views: int = 1, *, knows_looks: bool = True) -> tuple[Stage, ...]:
        """The stages as data, for so many views and a prior that knows how people look, or does not."""
        seen: dict[str, float | Schedule] = {
            "photometric": self.photometric,
            "silhouette": self.silhouette,
            "eikonal": self.eikonal,
            "agreement": self.agreement,
            "landmarks": self.landmarks,
            "latent": self.latent,
        }
        codes, slow_codes = [Moving("u", _to_a_tenth(self.latent_rate))], [Moving("u", 0.1 * self.latent_rate)]
        colours = Moving("field.appearance.*", self.appearance_rate)
        if knows_looks:
            seen["look"] = self.look
            codes.append(Moving("w", _to_a_tenth(self.latent_rate)))
            slow_codes.append(Moving("w", 0.1 * self.latent_rate))
        else:
            codes.append(colours)
        deformation = Moving("field.geometry.deformation.*", _to_a_tenth(self.network_rate), clip=1.0)
        more = self.several if views > 1 else 1.0
        return (
            Stage("codes", self.latent_steps, tuple(codes), seen),
            Stage(
                "networks",
                round(more * self.network_steps),
                (*slow_codes, deformation, colours),
                {**seen, "held": self.held, "near": self.near},
            ),
            Stage(
                "colours",
                self.colour_steps,
                (Moving("field.appearance.*", Cosine(self.appearance_rate)),),
                {"colour": 1.0},
            ),
        )


def fit(capture: Capture, prior: ShapePrior, settings: Fitting, run: Run) -> Fitted:
    """Fit a head to the views of a capture."""
    prior.checked_for(NAME)
    appearance = replace(settings.appearance, features=prior.geometry.settings.features, code=0)
    stages = settings.stages(len(capture.views), knows_looks=prior.looks is not None)
    return fit_surface(NAME, capture, prior, prior.field(appearance), stages, settings.options, run, settings.speed)


def _to_a_tenth(rate: float) -> Cosine:
    return Cosine(rate, 0.1 * rate)
