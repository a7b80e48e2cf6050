"""What a face does: one movement alone, or several that go together, by the names that ARKit gave them.

An expression is nothing but weights. The eyes turn with the ``eyeLook`` weights, so that gaze and lids always agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from jaxtyping import Float64

from headfield.studio.model import HeadModel

TURN_SIDEWAYS = np.radians(30)
TURN_UP = np.radians(20)
"""How far an ``eyeLook`` of weight one turns the eye."""
GAZES = tuple(f"eyeLook{way}_{side}" for way in ("In", "Out", "Up", "Down") for side in "LR")

Ranges = Mapping[str, tuple[float, float]]

NATURAL: Mapping[str, Ranges] = MappingProxyType(
    {
        # Names without a side move both, nearly alike.
        "smile": {
            "mouthSmile": (0.4, 0.9),
            "cheekSquint": (0.2, 0.6),
            "eyeSquint": (0.1, 0.4),
            "mouthDimple": (0, 0.3),
        },
        "open smile": {
            "mouthSmile": (0.6, 1),
            "mouthUpperUp": (0.2, 0.5),
            "mouthLowerDown": (0.1, 0.4),
            "jawOpen": (0.02, 0.15),
            "cheekSquint": (0.3, 0.8),
            "eyeSquint": (0.2, 0.5),
        },
        "laugh": {
            "mouthSmile": (0.7, 1),
            "jawOpen": (0.2, 0.5),
            "mouthUpperUp": (0.3, 0.6),
            "cheekSquint": (0.5, 1),
            "eyeSquint": (0.3, 0.7),
            "browInnerUp": (0, 0.2),
        },
        "surprise": {
            "browInnerUp": (0.5, 1),
            "browOuterUp": (0.5, 1),
            "eyeWide": (0.4, 0.9),
            "jawOpen": (0.15, 0.55),
            "mouthFunnel": (0, 0.25),
        },
        "anger": {
            "browDown": (0.6, 1),
            "eyeSquint": (0.1, 0.5),
            "eyeWide": (0, 0.3),
            "noseSneer": (0.1, 0.5),
            "mouthPress": (0.2, 0.6),
            "mouthFrown": (0.1, 0.4),
            "jawForward": (0, 0.2),
        },
        "rage": {
            "browDown": (0.7, 1),
            "noseSneer": (0.5, 0.9),
            "mouthUpperUp": (0.3, 0.7),
            "mouthLowerDown": (0.4, 0.8),
            "mouthStretch": (0.2, 0.5),
            "jawOpen": (0.1, 0.35),
            "eyeSquint": (0.2, 0.5),
        },
        "disgust": {
            "noseSneer": (0.6, 1),
            "mouthUpperUp": (0.2, 0.6),
            "browDown": (0.3, 0.7),
            "eyeSquint": (0.3, 0.6),
            "mouthFrown": (0.1, 0.5),
            "cheekSquint": (0.1, 0.4),
        },
        "sadness": {
            "browInnerUp": (0.5, 1),
            "mouthFrown": (0.4, 0.9),
            "mouthShrugLower": (0.1, 0.5),
            "eyeSquint": (0, 0.3),
            "eyeLookDown": (0, 0.4),
        },
        "fear": {
            "browInnerUp": (0.6, 1),
            "browDown": (0.1, 0.4),
            "eyeWide": (0.5, 1),
            "mouthStretch": (0.3, 0.8),
            "jawOpen": (0.05, 0.25),
        },
        "contempt": {"mouthSmile_L": (0.3, 0.7), "mouthDimple_L": (0.2, 0.6), "browDown": (0, 0.3)},
        "doubt": {"browOuterUp_L": (0.4, 0.9), "browDown_R": (0.2, 0.6), "mouthLeft": (0.1, 0.4)},
        "kiss": {"mouthPucker": (0.6, 1), "eyeSquint": (0, 0.3)},
        "puffed cheeks": {"cheekPuff": (0.5, 1), "mouthPress": (0.1, 0.4)},
        "yawn": {"jawOpen": (0.6, 0.9), "eyeSquint": (0.3, 0.7), "browDown": (0, 0.3), "eyeBlink": (0.3, 0.8)},
        "ah": {"jawOpen": (0.25, 0.5), "mouthLowerDown": (0, 0.3)},
        "ee": {
            "mouthSmile": (0.1, 0.4),
            "mouthStretch": (0.2, 0.5),
            "mouthLowerDown": (0.2, 0.5),
            "jawOpen": (0.02, 0.1),
        },
        "oh": {"mouthFunnel": (0.4, 0.8), "jawOpen": (0.15, 0.35)},
        "oo": {"mouthPucker": (0.4, 0.8), "mouthFunnel": (0.1, 0.4), "jawOpen": (0.02, 0.1)},
        "mm": {"mouthPress": (0.3, 0.7), "mouthRollLower": (0.1, 0.4), "mouthRollUpper": (0.1, 0.4)},
        "ff": {"mouthRollLower": (0.2, 0.5), "mouthUpperUp": (0.1, 0.3), "jawOpen": (0, 0.06)},
        "blink": {"eyeBlink": (0.9, 1)},
        "wink": {"eyeBlink_R": (0.95, 1), "cheekSquint_R": (0.2, 0.6), "mouthSmile_R": (0.1, 0.5)},
        "squint": {"eyeSquint": (0.5, 1), "browDown": (0.2, 0.6), "cheekSquint": (0.1, 0.5)},
        "look left": {"eyeLookOut_L": (0.4, 0.9), "eyeLookIn_R": (0.4, 0.9)},
        "look right": {"eyeLookIn_L": (0.4, 0.9), "eyeLookOut_R": (0.4, 0.9)},
        "look up": {"eyeLookUp": (0.4, 0.9), "browInnerUp": (0, 0.3)},
        "look down": {"eyeLookDown": (0.4, 1)},
        "jaw to the left": {"jawLeft": (0.3, 0.8)},
        "jaw to the right": {"jawRight": (0.3, 0.8)},
    }
)
"""Movements that people make together, and how strongly."""

_AT_REST = ("browDown", "browInnerUp", "browOuterUp", "eyeSquint", "eyeBlink", "mouthSmile", "mouthFrown", "mouthPress")
"""What people who sit still do a little all the same."""


@dataclass(frozen=True)
class Expression:
    """Weights of movements, and what they are called together."""

    name: str
    weights: Mapping[str, float]

    def shapes(self, model: HeadModel) -> dict[str, float]:
        """The weights without gaze that a model has no lids for; its eyes turn all the same."""
        known = model.expression_names
        return {name: weight for name, weight in self.weights.items() if name in known or name not in GAZES}

    @property
    def gaze(self) -> Float64[np.ndarray, "2 2"]:
        """How far the left and the right eye are turned, in radians: to the subject's left, and up."""

        def weight(name: str) -> float:
            return self.weights.get(f"eyeLook{name}", 0.0)

        left = (weight("Out_L") - weight("In_L"), weight("Up_L") - weight("Down_L"))
        right = (weight("In_R") - weight("Out_R"), weight("Up_R") - weight("Down_R"))
        return np.array([left, right]) * (TURN_SIDEWAYS, TURN_UP)

    @property
    def facts(self) -> dict[str, object]:
        """What a subject's description says about this expression."""
        return {"expression": self.name, "weights": {name: round(w, 4) for name, w in self.weights.items()}}


def alone(name: str, weight: float = 1.0) -> Expression:
    """One movement and nothing else. Closing the lips (``mouthClose``) means little unless the jaw is open."""
    return Expression(name, {"jawOpen": weight, name: weight} if name == "mouthClose" else {name: weight})


def neutral(model: HeadModel, rng: np.random.Generator) -> Expression:
    """The face of somebody who sits still: all but nothing, looking somewhere near the camera."""
    weights = {}
    for name in _AT_REST:
        both = abs(rng.normal(0, 0.04))
        for side in "LR":
            weights[f"{name}_{side}"] = max(0.0, both + rng.normal(0, 0.015))
    weights["jawOpen"] = abs(rng.normal(0, 0.01))
    return Expression("neutral", _known(model, {**weights, **_glance(rng, 0.06)}))


def natural(model: HeadModel, rng: np.random.Generator, name: str | None = None) -> Expression:
    """One of :data:`NATURAL` (any if no name is given), as strongly as it happens to be."""
    if name is None:
        name = str(rng.choice(list(NATURAL)))
    strength = rng.uniform(0.55, 1)
    weights = _glance(rng, 0.12)
    for movement, (low, high) in NATURAL[name].items():
        amount = low + (high - low) * np.clip(strength + rng.normal(0, 0.15), 0, 1)
        for full in _sides(movement):
            weights[full] = float(np.clip(amount * (1 + rng.normal(0, 0.07)), 0, 1))
    return Expression(name, _known(model, weights))


def _glance(rng: np.random.Generator, deviation: float) -> dict[str, float]:
    """Both eyes on one place: sideways and up by chance, and inwards as much as it is near."""
    sideways, up = rng.normal(0, deviation, size=2)
    nearness = rng.uniform(0.04, 0.12)
    inward = {"L": nearness - sideways, "R": nearness + sideways}
    weights = {f"eyeLook{'In' if amount > 0 else 'Out'}_{side}": abs(amount) for side, amount in inward.items()}
    weights.update({f"eyeLook{'Up' if up > 0 else 'Down'}_{side}": abs(up) for side in "LR"})
    return {name: float(weight) for name, weight in weights.items()}


def _sides(movement: str) -> tuple[str, ...]:
    whole = movement.endswith(("_L", "_R")) or movement.startswith(("jaw", "mouthFunnel", "mouthPucker", "mouthRoll"))
    whole |= movement in ("mouthShrugLower", "mouthShrugUpper", "mouthLeft", "mouthRight")
    return (movement,) if whole else (f"{movement}_L", f"{movement}_R")


def _known(model: HeadModel, weights: Mapping[str, float]) -> dict[str, float]:
    return {name: float(weight) for name, weight in weights.items() if name in model.expression_names or name in GAZES}
