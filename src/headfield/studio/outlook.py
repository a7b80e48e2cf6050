"""From where on a surface one can look out: from where some straight way leads past everything."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float32, Float64

from headfield.mesh.raycast import RayCaster
from headfield.surface import Mesh
from headfield.units import MILLIMETRES_PER_UNIT

DIRECTIONS = 64
"""How many directions all around one looks out in."""

INTO_MOUTHS = 24
"""How many more there are towards the front, where an open mouth lets one look in deep."""

LIFT = 0.04 / MILLIMETRES_PER_UNIT
"""How far off the surface a ray starts."""

GRAZING = 0.02
"""One looks out in no direction whose cosine with the normal is smaller."""

LONGEST = 6.0 / MILLIMETRES_PER_UNIT
"""Of a face with longer edges than this its corners do not tell."""

BENT = 0.3
"""Nor do they if the normal of one has a smaller cosine than this with the face's."""

BLOCK = 1 << 15
"""How many places look out at once."""


def sees_out(
    caster: RayCaster, places: Float64[np.ndarray, "n 3"], normals: Float64[np.ndarray, "n 3"]
) -> Bool[np.ndarray, "n"]:
    """Whether one can look out from each place on a surface, given the normals there."""
    starts = places + LIFT * normals
    seen = np.zeros(len(places), bool)
    for first in range(0, len(places), BLOCK):
        hidden = np.arange(first, min(first + BLOCK, len(places)))
        for directions in _rounds():
            at, way = np.nonzero(normals[hidden] @ directions.T > GRAZING)
            blocked = caster.occluded(starts.take(hidden[at], axis=0), directions.take(way, axis=0))
            seen[hidden[at[~blocked]]] = True
            hidden = hidden[~seen[hidden]]
    return seen


def told_by_corners(mesh: Mesh, normals: Float32[np.ndarray, "v 3"]) -> Bool[np.ndarray, "f"]:
    """Which faces look out where their corners do and nowhere else, given the corners' normals: small and flat ones."""
    told = longest_edges(mesh.corners) <= LONGEST
    flat = mesh.face_normals
    for corner in mesh.faces.T:
        told &= np.einsum("fk,fk->f", normals.take(corner, axis=0), flat) >= BENT
    return told


def longest_edges(corners: Float64[np.ndarray, "f 3 3"]) -> Float64[np.ndarray, "f"]:
    """The length of the longest edge of each face."""
    a, b, c = np.moveaxis(corners, 1, 0)
    return np.sqrt(np.max([np.einsum("fk,fk->f", edge, edge) for edge in (b - a, c - b, a - c)], axis=0))


def _rounds() -> list[Float64[np.ndarray, "k 3"]]:
    """The directions one looks out in: few at first, as they will do for most places, then all others together."""
    # Early directions are far apart.
    around = _spiral(DIRECTIONS, lowest=-1)[(np.arange(DIRECTIONS) * 37) % DIRECTIONS]
    directions = np.concatenate([around, _spiral(INTO_MOUTHS, lowest=np.cos(np.radians(40)))])
    return np.split(directions, [1, 2, 4, 8, 16, 32])


def _spiral(n: int, lowest: float) -> Float64[np.ndarray, "n 3"]:
    """n directions spread evenly over the sphere's front as far as z is at least ``lowest``."""
    k = np.arange(n)
    z = 1 - (1 - lowest) * (k + 0.5) / n
    turn = k * np.pi * (3 - np.sqrt(5))
    radius = np.sqrt(1 - z * z)
    return np.stack([radius * np.cos(turn), radius * np.sin(turn), z], axis=1)
