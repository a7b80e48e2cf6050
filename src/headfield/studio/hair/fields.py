"""Where hair wants to go: combed, parted, tied, hanging."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Float32

from headfield.studio.hair.growth import Field
from headfield.surface import unit

Drift = Callable[[np.ndarray], np.ndarray]
"""What leads hair away from straight down, by where it is."""

DOWN = np.array([0, -1, 0], np.float32)


def along_skin(vectors: Float[np.ndarray, "n 3"], normals: Float[np.ndarray, "n 3"]) -> Float32[np.ndarray, "n 3"]:
    """Vectors with what leads into or out of the skin taken away, at unit length."""
    return unit(vectors - np.sum(vectors * normals, axis=-1, keepdims=True) * normals).astype(np.float32)


def whorl(centre: tuple[float, float, float], swirl: float, stand: float, sink: float = 0.3) -> Field:
    """The way hair grows by itself: away from the whorl at the crown, turning about it, sinking as it gets longer."""

    def field(at: np.ndarray, normal: np.ndarray, arc: np.ndarray) -> np.ndarray:
        away = at - np.array(centre, np.float32)
        near = np.exp(-np.linalg.norm(away, axis=1, keepdims=True) / 0.12)
        out = along_skin(away, normal)
        out = unit(out + swirl * near * np.cross(normal, out))
        heavy = 1 - np.exp(-arc / 0.15)[:, None]
        return unit(out + stand * (1 - heavy) * normal + sink * heavy * DOWN)

    return field


def swept_back(sideways: float, stand: float = 0.0) -> Field:
    """Back over the top of the head and down at its back."""

    def field(at: np.ndarray, normal: np.ndarray, arc: np.ndarray) -> np.ndarray:
        before = np.clip((at[:, 2:] + 0.25) / 0.4, 0, 1)
        way = along_skin(before * [sideways, -0.25, -1] + (1 - before) * [sideways, -1, -0.1], normal)
        return unit(way + stand * np.exp(-arc / 0.1)[:, None] * normal)

    return field


def parted(x: float, back: float, stand: float = 0.0, end: float = -0.12) -> Field:
    """To both sides of a parting at ``x`` that ends at the crown, behind which hair falls all around.

    Hair before the ears is led backwards as ``back`` says.
    """

    def field(at: np.ndarray, normal: np.ndarray, arc: np.ndarray) -> np.ndarray:
        front = np.clip((at[:, 2] - end) / 0.15, 0, 1)[:, None]
        line = np.stack([np.full(len(at), x), np.full(len(at), 0.6), np.maximum(at[:, 2], end)], axis=1)
        away = unit((at - line) * [1, 0.3, 1])
        sideways = np.sign(at[:, :1] - x) * [1, -0.2, 0]
        backwards = np.clip((at[:, 2:] - 0.0) / 0.3, 0, 1) * [0, 0, -back]
        way = along_skin(away + front * sideways + backwards, normal)
        return unit(way + stand * np.exp(-arc / 0.1)[:, None] * normal)

    return field


def towards(target: tuple[float, float, float]) -> Field:
    """Along the skin to where hair is tied."""

    def field(at: np.ndarray, normal: np.ndarray, arc: np.ndarray) -> np.ndarray:
        left = np.array(target, np.float32) - at
        # Off the face first: the shortest way to the nape may lead over the chin.
        before = np.clip((at[:, 2:] + 0.2) / 0.3, 0, 1)
        way = before * (at * [-0.3, 0, 0] + [0, 0.1, -1]) + (1 - before) * unit(left)
        # And over the ears, not across them.
        ear = np.clip((np.abs(at[:, :1]) - 0.3) / 0.05, 0, 1) * np.clip((at[:, 2:] + 0.2) / 0.05, 0, 1)
        way = way + [0, 1.5, 0] * ear * np.clip((0.19 - at[:, 1:2]) / 0.06, 0, 1)
        near = np.exp(-np.square(np.linalg.norm(left, axis=1, keepdims=True) / 0.12))
        return unit((1 - near) * along_skin(way, normal) + near * unit(left))

    return field


def hanging(comb: Field, reach: float, aside: Drift | None = None) -> Field:
    """Combed at first, then falling: ``reach`` is how far the comb holds. ``aside`` leads away from straight down."""

    def field(at: np.ndarray, normal: np.ndarray, arc: np.ndarray) -> np.ndarray:
        held = np.exp(-np.square(arc / reach))[:, None]
        fall = np.broadcast_to(DOWN, at.shape) + (0 if aside is None else aside(at))
        return unit(held * comb(at, normal, arc) + (1 - held) * fall).astype(np.float32)

    return field


def curling(amount: Float[np.ndarray, "n 3"], field: Field, wavelength: float = 0.3) -> Field:
    """A field with a slow bend of each guide's own."""

    def bent(at: np.ndarray, normal: np.ndarray, arc: np.ndarray) -> np.ndarray:
        return unit(field(at, normal, arc) + amount * np.sin(2 * np.pi * arc / wavelength)[:, None]).astype(np.float32)

    return bent
