"""Who a synthetic person is: the modes of the head model, a size, and a face whose halves differ a little."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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
CROOKEDNESS = 1.0 / MILLIMETRES_PER_UNIT
"""How far from symmetric the average person is, root mean square."""


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
    def sample(model: HeadModel, rng: np.random.Generator) -> Identity:
        """A random person, as likely as the people the model was learned from."""
        weights = rng.normal(size=model.modes)
        for _ in range(8):
            outside = np.abs(weights) > FURTHEST
            weights[outside] = rng.normal(size=outside.sum())
        weights = np.clip(weights, -FURTHEST, FURTHEST)
        scale = 1 + SCALE_DEVIATION * float(np.clip(rng.normal(), -2, 2))
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
