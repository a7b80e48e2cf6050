"""The skin of the built-in head: cross-sections from the crown to below the shoulders, with bumps and hollows.

All lengths are millimetres.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

_SECTIONS = np.array(
    # height, half width, front, back
    [
        (135, 0, -5, -5),
        (130, 30, 28, -38),
        (110, 57, 68, -76),
        (78, 72, 90, -96),
        (48, 76, 97, -101),
        (20, 75, 93, -98),
        (-12, 72, 91, -90),
        (-40, 65, 90, -78),
        (-65, 59, 89, -69),
        (-86, 52, 87, -65),
        (-96, 52, 70, -64),
        (-106, 53, 44, -64),
        (-132, 56, 37, -66),
        (-158, 72, 40, -78),
        (-178, 108, 50, -92),
        (-200, 150, 62, -104),
        (-235, 185, 80, -112),
    ],
    float,
)
_NOSE = np.array([(40, 0, 6), (27, 5, 6), (8, 16, 7), (-6, 27, 9), (-14, 21, 12), (-22, 9, 12), (-31, 0, 12)], float)
"""Height, how far it stands out, and how wide it is."""

COLUMNS = 64
_ROWS = ((135, 8), (60, 36), (-62, 12), (-108, 9), (-235, 1))
"""From which height on how many rows."""
EYE = np.array([31.5, 23.5, 68.5])
EYE_RADIUS = 13.0
LIPS = -45.0


class Skin(NamedTuple):
    """The grid of the skin: a point a row and column, then one for the crown."""

    points: Float64[np.ndarray, "v 3"]
    angle: Float64[np.ndarray, "v"]
    height: Float64[np.ndarray, "v"]
    """The height of each point before any feature moved it."""


def make_skin() -> Skin:
    """The whole skin, features and all."""
    from scipy.interpolate import PchipInterpolator

    heights = np.concatenate(
        [
            np.linspace(high, low, count, endpoint=False) if count > 1 else [high]
            for (high, count), (low, _) in zip(_ROWS, (*_ROWS[1:], (0, 0)), strict=True)
        ]
    )[1:]
    heights[:7] = 135 - 75 * (np.arange(1, 8) / 8) ** 1.6  # rows crowd towards the crown, where the skull is flat
    along = np.linspace(-np.pi, np.pi, COLUMNS, endpoint=False)
    angle = along - 0.55 * np.sin(along)  # and columns towards the face
    sections = PchipInterpolator(-_SECTIONS[:, 0], _SECTIONS[:, 1:])(-heights)
    # The skull closes like a ball: interpolate what is flat at the crown, the square of the width.
    top = heights > 78
    squared = PchipInterpolator(-_SECTIONS[:, 0], np.square(_SECTIONS[:, 1]))(-heights)
    sections[top, 0] = np.sqrt(squared[top])
    half_width, front, back = (sections[:, None, k] for k in range(3))
    centre = (front + back) / 2
    x = half_width * np.sin(angle)
    z = centre + (front - centre) * np.cos(angle)
    y = np.broadcast_to(heights[:, None], x.shape)
    grid = np.stack([x, y, z], axis=-1).reshape(-1, 3)
    points = np.concatenate([grid, [[0, 135, -5]]])
    angle = np.append(np.broadcast_to(angle, x.shape).ravel(), 0)
    skin = Skin(points, angle, points[:, 1].copy())
    _add_features(skin)
    return skin


def _add_features(skin: Skin) -> None:
    """Bumps and hollows, in place: the face's along z, the ears' outwards."""
    from scipy.interpolate import PchipInterpolator

    points, (x, y, _) = skin.points, skin.points.copy().T
    face = np.clip(1.6 * np.cos(skin.angle), 0, 1)
    out, width = PchipInterpolator(-_NOSE[:, 0], _NOSE[:, 1:], extrapolate=False)(-y).T
    nose = np.nan_to_num(out * np.exp(-0.5 * (np.abs(x) / np.nan_to_num(width, nan=1.0)) ** 2.5))
    lips = 3.5 * bump(x, y, 0, -39, 13, 3.2) + 4.5 * bump(x, y, 0, -51, 12, 4) - 4 * bump(x, y, 0, LIPS, 16, 2)
    muzzle = 11 * bump(x, y, 0, -45, 27, 24)
    chin = 5 * bump(x, y, 0, -82, 16, 10)
    cheeks = sum(4 * bump(x, y, side * 44, -4, 16, 20) for side in (-1, 1))
    brows = sum(4 * bump(x, y, side * 30, 42, 20, 7) for side in (-1, 1))
    sockets = sum(-7 * bump(x, y, side * 28, 25, 15, 10) for side in (-1, 1))
    points[:, 2] += face * (nose + lips + muzzle + chin + cheeks + brows + sockets)
    for side in (-1, 1):
        lid = lid_over_eye(points, side)
        near = face > 0
        points[:, 2] = np.where(near, np.maximum(points[:, 2], lid), points[:, 2])
        opening = eye_opening(points, side) * near
        points[:, 2] += opening * (lid - 7 - points[:, 2])
        ear = np.exp(-0.5 * ((skin.angle - side * 1.72) / 0.11) ** 2 - 0.5 * ((y - 4) / 19) ** 4)
        points += ear[:, None] * (side * 17, 3, -11)


def bump(
    x: Float64[np.ndarray, "v"], y: Float64[np.ndarray, "v"], at_x: float, at_y: float, wide: float, high: float
) -> Float64[np.ndarray, "v"]:
    """A bell of height one about a place on the front of the face."""
    return np.exp(-0.5 * ((x - at_x) / wide) ** 2 - 0.5 * ((y - at_y) / high) ** 2)


def lid_over_eye(points: Float64[np.ndarray, "v 3"], side: int) -> Float64[np.ndarray, "v"]:
    """How far forward skin just covers the eyeball; far back where there is no eyeball behind."""
    across = np.square(points[:, :2] - (side * EYE[0], EYE[1])).sum(axis=1)
    depth = np.square(EYE_RADIUS + 1.5) - across
    return np.where(depth > 0, EYE[2] + np.sqrt(np.maximum(depth, 0)), -1000)


def eye_opening(points: Float64[np.ndarray, "v 3"], side: int) -> Float64[np.ndarray, "v"]:
    """One between the lids, zero outside: an almond about the eye."""
    x = (points[:, 0] - side * EYE[0]) / 13
    y = (points[:, 1] - EYE[1]) / 6
    inside = 1 - x * x - np.abs(y)
    return np.clip(inside / 0.35, 0, 1) * (np.abs(x) < 1)
