"""Where hair grows: soft masks over the average head, in canonical head space.

Each region is a closed curve drawn on the head by a few points, seen from a centre inside it: a point belongs to the
region when its direction from that centre passes through the curve. So the masks hold on the skin, a little above it
(hulls) and a little below, and on any head that stands in head space.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np
from jaxtyping import Float, Float64
from scipy.interpolate import CubicSpline
from scipy.spatial import cKDTree

from headfield.surface import unit

REACH = 1.7
"""How far from its centre a region ends, in terms of its outline's mean distance from there."""


@dataclass(frozen=True, eq=False)
class Region:
    """A patch of skin around ``axis`` as seen from ``centre``; ``outline`` runs around it on the head."""

    outline: Float64[np.ndarray, "k 3"]
    centre: Float64[np.ndarray, "3"]
    axis: Float64[np.ndarray, "3"]

    @staticmethod
    def symmetric(
        half: Float64[np.ndarray, "k 3"], centre: tuple[float, float, float], axis: tuple[float, float, float]
    ) -> Region:
        """A region across the symmetry plane, from the half of its outline that starts and ends on that plane."""
        outline = np.concatenate([half, (half * [-1, 1, 1])[-2:0:-1]])
        return Region(outline, np.array(centre), unit(np.array(axis)))

    def distance(self, points: Float[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n"]:
        """How far inside the region points are, along the head (head units); negative outside."""
        directions = unit(np.asarray(points, float) - self.centre)
        gap, _ = self._curve_tree.query(directions)
        inside = _inside_polygon(self._flattened(directions), self._polygon)
        # Shoulders and chest lie behind the nape and the throat, in the same directions, but farther off.
        beyond = np.linalg.norm(np.asarray(points, float) - self.centre, axis=1) - REACH * self._radius
        return np.minimum(np.where(inside, gap, -gap) * self._radius, -beyond)

    def weight(self, points: Float[np.ndarray, "n 3"], blur: float = 0.03) -> Float64[np.ndarray, "n"]:
        """0 outside to 1 inside, one half on the outline, blended over ``blur`` to both sides."""
        t = np.clip(self.distance(points) / (2 * blur) + 0.5, 0, 1)
        return t * t * (3 - 2 * t)

    @cached_property
    def _radius(self) -> float:
        return float(np.linalg.norm(self.outline - self.centre, axis=1).mean())

    @cached_property
    def _curve(self) -> Float64[np.ndarray, "m 3"]:
        """The outline as a smooth closed curve of directions."""
        closed = unit(np.concatenate([self.outline, self.outline[:1]]) - self.centre)
        steps = np.concatenate([[0], np.cumsum(np.sqrt(np.linalg.norm(np.diff(closed, axis=0), axis=1)))])
        spline = CubicSpline(steps, closed, bc_type="periodic")
        fine = np.linspace(0, steps[-1], 12 * len(self.outline), endpoint=False)
        return unit(np.asarray(spline(fine)))

    @cached_property
    def _curve_tree(self) -> cKDTree:
        ahead = np.roll(self._curve, -1, axis=0)
        between = [unit(self._curve * (1 - t) + ahead * t) for t in (0, 0.25, 0.5, 0.75)]
        return cKDTree(np.concatenate(between))

    @cached_property
    def _polygon(self) -> Float64[np.ndarray, "m 2"]:
        return self._flattened(self._curve)

    def _flattened(self, directions: Float64[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n 2"]:
        """Directions on a map that keeps their angle from the axis (azimuthal equidistant)."""
        across = unit(np.cross(np.array([1.0, 0, 0]), self.axis))
        beside = np.cross(self.axis, across)
        x, y, z = directions @ beside, directions @ across, directions @ self.axis
        flat = np.hypot(x, y)
        angle = np.arctan2(flat, z)
        scale = np.divide(angle, flat, out=np.ones_like(flat), where=flat > 1e-12)
        return np.stack([x * scale, y * scale], axis=1)


def _inside_polygon(points: Float64[np.ndarray, "n 2"], polygon: Float64[np.ndarray, "m 2"]) -> np.ndarray:
    """Even-odd rule, over the edges in turn."""
    x, y = points.T
    inside = np.zeros(len(points), bool)
    low, high = polygon.min(axis=0), polygon.max(axis=0)
    near = np.flatnonzero(np.all((points >= low) & (points <= high), axis=1))
    x, y = x[near], y[near]
    odd = np.zeros(len(near), bool)
    for (ax, ay), (bx, by) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if ay != by:
            odd ^= ((ay > y) != (by > y)) & (x < (bx - ax) * (y - ay) / (by - ay) + ax)
    inside[near] = odd
    return inside


_SCALP_CENTRE = (0.0, 0.15, 0.0)
_SCALP_AXIS = (0.0, 0.94, -0.34)
_HAIRLINE = [
    (0.000, 0.492, 0.390),  # middle of the forehead
    (0.120, 0.500, 0.350),
    (0.215, 0.498, 0.272),
    (0.272, 0.462, 0.250),  # the recess above the temple
    (0.318, 0.372, 0.246),
    (0.340, 0.300, 0.216),
    (0.346, 0.210, 0.205),  # the temple's point
    (0.356, 0.140, 0.180),
    (0.362, 0.060, 0.130),
    (0.362, 0.000, 0.104),  # sideburn
    (0.364, -0.025, 0.080),
    (0.374, -0.005, 0.052),
    (0.386, 0.080, 0.040),
    (0.400, 0.150, -0.010),  # over the ear
    (0.400, 0.140, -0.090),
    (0.380, 0.070, -0.165),
    (0.350, -0.030, -0.185),  # behind the ear
    (0.300, -0.130, -0.170),
    (0.240, -0.215, -0.190),
    (0.170, -0.255, -0.275),
    (0.080, -0.250, -0.320),
    (0.000, -0.258, -0.337),  # nape
]

_FACE_CENTRE = (0.0, -0.15, 0.1)
_FACE_AXIS = (0.0, -0.45, 0.9)
_BEARD = [
    (0.000, -0.278, 0.512),  # under the lower lip
    (0.050, -0.272, 0.505),
    (0.100, -0.262, 0.474),
    (0.136, -0.236, 0.452),  # corner of the mouth
    (0.158, -0.196, 0.454),
    (0.205, -0.180, 0.425),
    (0.262, -0.150, 0.375),
    (0.318, -0.095, 0.285),
    (0.350, -0.035, 0.175),
    (0.362, 0.010, 0.110),
    (0.364, 0.010, 0.080),
    (0.370, -0.060, 0.045),
    (0.340, -0.170, 0.020),
    (0.305, -0.260, 0.030),
    (0.250, -0.350, 0.110),
    (0.170, -0.430, 0.200),
    (0.080, -0.470, 0.270),
    (0.000, -0.480, 0.290),  # throat
]
_MOUSTACHE = [
    (0.000, -0.122, 0.530),
    (0.055, -0.120, 0.512),
    (0.105, -0.145, 0.486),
    (0.145, -0.190, 0.464),
    (0.166, -0.250, 0.440),
    (0.152, -0.268, 0.448),
    (0.136, -0.228, 0.460),
    (0.085, -0.180, 0.512),
    (0.036, -0.162, 0.536),
    (0.000, -0.164, 0.540),
]
_BROW = [
    (0.052, 0.222, 0.486),
    (0.058, 0.268, 0.484),
    (0.125, 0.284, 0.474),
    (0.200, 0.284, 0.440),
    (0.258, 0.258, 0.395),
    (0.298, 0.210, 0.340),
    (0.245, 0.236, 0.402),
    (0.190, 0.246, 0.442),
    (0.120, 0.236, 0.474),
]

SCALP = Region.symmetric(np.array(_HAIRLINE), _SCALP_CENTRE, _SCALP_AXIS)
"""Where a full head of hair grows: forehead to nape, sideburns in front of the ears, free of the ears."""


def hairline(higher: float = 0.0, temples: float = 0.0, peak: float = 0.0) -> Region:
    """The scalp with another hairline before the ears: moved up by ``higher``, drawn back at the temples, with a peak.

    All in head units; a hairline that recedes has high temples.
    """
    half = np.array(_HAIRLINE)
    front = np.clip((half[:, 2] - 0.1) / 0.2, 0, 1)
    corner = np.exp(-np.square((half[:, 0] - 0.24) / 0.09)) * (half[:, 1] > 0.35)
    middle = np.exp(-np.square(half[:, 0] / 0.05)) * (half[:, 1] > 0.35)
    move = front * higher + corner * temples - middle * peak
    # Up the forehead and back over the top.
    crown = unit(np.array([0.0, 0.66, -0.1]) - half)
    return Region.symmetric(half + crown * move[:, None], _SCALP_CENTRE, _SCALP_AXIS)


BEARD = Region.symmetric(np.array(_BEARD), _FACE_CENTRE, _FACE_AXIS)
"""Cheeks, jaw, chin and throat, without lips and moustache."""

MOUSTACHE = Region.symmetric(np.array(_MOUSTACHE), _FACE_CENTRE, (0.0, 0.0, 1.0))
"""The upper lip above the red, and a little down beside the mouth."""

LEFT_BROW = Region(np.array(_BROW), np.array([0.0, 0.15, 0.1]), unit(np.array([0.4, 0.2, 0.9])))


def scalp(points: Float[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n"]:
    """How much of a full head of hair grows at points of the average head, 0 to 1."""
    return SCALP.weight(points, blur=0.035)


def beard(points: Float[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n"]:
    """How much beard grows on cheeks, jaw, chin and throat, 0 to 1; thinner towards the cheekbones and the throat."""
    return BEARD.weight(points, blur=0.03) * _not_on_ears(points)


def moustache(points: Float[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n"]:
    """How much moustache grows, 0 to 1."""
    return MOUSTACHE.weight(points, blur=0.012)


def brows(points: Float[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n"]:
    """How much brow grows, 0 to 1."""
    mirrored = np.where([True, False, False], np.abs(points), points)
    return LEFT_BROW.weight(mirrored, blur=0.012)


def _not_on_ears(points: Float[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n"]:
    """0 on the ears, which stand out beyond the jaw in the directions where sideburns end."""
    x, y, z = np.asarray(points, float).T
    out = np.clip((np.abs(x) - 0.385) / 0.015, 0, 1)
    return cast(np.ndarray, 1 - out * (y > -0.2) * (z < 0.12))
