"""Who a synthetic person is: the modes of the head model, a size, and a face whose halves differ a little."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float64

from headfield.studio.model import HeadModel
from headfield.units import MILLIMETRES_PER_UNIT

FURTHEST = 2.2
"""No mode goes further than this many standard deviations: beyond it the model was never asked by a real face."""
SCALE_DEVIATION = 0.02
"""How much heads differ in size beyond what the modes already know."""
WAVES = 6
WAVELENGTHS = (0.6, 1.6)
"""From 120 to 320 mm: a crooked nose or jaw, one ear higher, one cheek fuller."""
CROOKEDNESS = 0.8 / MILLIMETRES_PER_UNIT
"""How far from symmetric the average person is, root mean square."""

MANLY_SCALE = 0.015
"""How much larger than average a man's head is, beyond what the modes know."""

_DIMORPHISM = (
    # From one landmark (or the middle of several) to another, along an axis: how many millimetres more men have.
    ((8,), (27,), 1, 9.0),  # height of the face
    ((1,), (15,), 0, 6.0),  # width of the face
    ((4,), (12,), 0, 7.0),  # width of the jaw
    ((7,), (9,), 0, 3.0),  # width of the chin
    ((33,), (27,), 1, 3.0),  # height of the nose
    ((31,), (35,), 0, 3.0),  # width of the nose
    ((31, 35), (30,), 2, 1.0),  # how far the nose stands out
    ((37, 38, 43, 44), (19, 24), 2, 2.5),  # how far the brows stand out
    ((37, 38, 43, 44), (19, 24), 1, -2.5),  # how far they are above the eyes
    ((62,), (51,), 1, -0.7),  # height of the upper lip
    ((57,), (66,), 1, -0.7),  # height of the lower lip
)
"""Differences between the averages of men and women, rounded, as anthropometry knows them."""


@lru_cache(maxsize=4)
def masculine(model: HeadModel) -> Float64[np.ndarray, "k"]:
    """The weights that lead from the mean to an average man: the likeliest that have half of each difference."""
    rows = []
    for start, end, axis, _ in _DIMORPHISM:
        ends = [model.identity[:, model.landmarks[list(points)], axis].mean(axis=1) for points in (start, end)]
        rows.append(ends[1] - ends[0])
    measures = np.array(rows, np.float64) * MILLIMETRES_PER_UNIT
    wanted = np.array([difference / 2 for *_, difference in _DIMORPHISM])
    spread = measures @ measures.T
    # What a measure may miss, about a millimetre, keeps weak modes out of it.
    return measures.T @ np.linalg.solve(spread + np.eye(len(wanted)), wanted)


@dataclass(frozen=True, eq=False)
class Identity:
    """One person's shape: weights of the model's modes, a scale, and what breaks the symmetry.

    The asymmetry is a sum of plane waves: ``sway · sin(wave · x + phase)``, without its mirror-symmetric part.
    """

    weights: Float64[np.ndarray, "k"]
    scale: float
    waves: Float64[np.ndarray, "n 3"]
    phases: Float64[np.ndarray, "n"]
    sways: Float64[np.ndarray, "n 3"]

    @staticmethod
    def average(model: HeadModel) -> Identity:
        """The model's mean."""
        return Identity(np.zeros(model.modes), 1.0, np.zeros((0, 3)), np.zeros(0), np.zeros((0, 3)))

    @staticmethod
    def sample(model: HeadModel, rng: np.random.Generator, *, femininity: float = 0.5) -> Identity:
        """A random person, as likely as the people the model was learned from.

        From 0 to 1, ``femininity`` moves the shape from what is usual for men to what is usual for women; people of
        either sex differ far more among themselves.
        """
        weights = rng.normal(size=model.modes)
        for _ in range(8):
            outside = np.abs(weights) > FURTHEST
            weights[outside] = rng.normal(size=outside.sum())
        weights = np.clip(weights, -FURTHEST, FURTHEST)
        manly = 1 - 2 * femininity
        # Halfway towards the usual for the sex: what remains along that direction differs from person to person.
        usual = masculine(model)
        weights += (manly - 0.5 * (weights @ usual) / (usual @ usual)) * usual
        scale = 1 + SCALE_DEVIATION * float(np.clip(rng.normal(), -2, 2)) + MANLY_SCALE * manly
        directions = rng.normal(size=(WAVES, 3))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        waves = directions * 2 * np.pi / rng.uniform(*WAVELENGTHS, size=(WAVES, 1))
        phases = rng.uniform(0, 2 * np.pi, size=WAVES)
        amount = CROOKEDNESS * rng.gamma(4, 1 / 4)
        # Six waves along three axes, of which the mirrored half is taken away: this makes the sum's size ``amount``.
        sways = rng.normal(size=(WAVES, 3)) * amount * 2 / np.sqrt(3 * WAVES)
        return Identity(weights, scale, waves, phases, sways)

    def asymmetry(self, points: Float64[np.ndarray, "v 3"]) -> Float64[np.ndarray, "v 3"]:
        """How far each point of the symmetric head is moved."""
        mirror = np.array([-1.0, 1.0, 1.0])
        one = np.sin(points @ self.waves.T + self.phases) @ self.sways
        other = np.sin(points * mirror @ self.waves.T + self.phases) @ self.sways
        return (one - other * mirror) / 2

    def shape(self, model: HeadModel, expression: Mapping[str, float] | None = None) -> Float64[np.ndarray, "v 3"]:
        """Where this person's vertices are."""
        return self.scale * (model.shape(self.weights, expression) + self.asymmetry(model.mean))

    @property
    def facts(self) -> dict[str, object]:
        """What a subject's description says about this identity."""
        return {
            "modes": [round(float(weight), 4) for weight in self.weights],
            "scale": round(self.scale, 4),
            "asymmetry_mm": round(float(np.sqrt(np.square(self.sways).sum()) / 2) * MILLIMETRES_PER_UNIT, 3),
        }
