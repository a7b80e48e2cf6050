"""What a surface's own shape does to light: how much of a sky, and of a lamp, its vertices see.

Few rays leave each vertex, turned at random; the means over its neighbourhood take the noise out. What nothing hides
is not sampled at all but known exactly, so that a convex shape has no noise. Nor is what sees nothing but its own
inside, the inner walls of hair for one, of which there are many.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64
from scipy import sparse

from headfield.mesh.raycast import RayCaster
from headfield.studio.light import COSINE_LOBE, Lamp, harmonics
from headfield.surface import Mesh
from headfield.units import MILLIMETRES_PER_UNIT

SKY_RAYS = 16
"""How many rays a vertex sends out to learn what hides the sky from it."""

LAMP_RAYS = 8
"""How many rays a vertex sends towards a lamp."""

GRAZING = -0.2
"""Vertices that turn further away than this cosine see no lamp; what is between here and 0 helps its neighbours."""

LIFT = 0.3 / MILLIMETRES_PER_UNIT
"""How far above the surface rays begin."""

BLOCK = 1 << 15
"""How many vertices send their rays at once."""


def neighbourhood_means(surface: Mesh) -> sparse.csr_array:
    """Takes values at the vertices to the means over each vertex and its neighbours."""
    n = len(surface.vertices)
    a, b, c = surface.faces.T
    rows, columns = np.concatenate([a, b, c, b, c, a]), np.concatenate([b, c, a, a, b, c])
    ones = np.ones(len(rows), np.float32)
    joined = sparse.csr_array((ones, (rows, columns)), shape=(n, n))
    joined.data[:] = 1
    with_self = (joined + sparse.eye_array(n, dtype=np.float32, format="csr")).tocsr()
    counts = np.diff(with_self.indptr)
    with_self.data = np.repeat((1 / counts).astype(np.float32), counts)
    return with_self


def sky_transfer(
    surface: Mesh, caster: RayCaster, means: sparse.csr_array, sees_out: Bool[np.ndarray, "v"]
) -> Float32[np.ndarray, "v 9"]:
    """What falls on each vertex from each harmonic of an environment, past whatever is in the way."""
    normals = surface.vertex_normals
    unhidden = (harmonics(normals) * COSINE_LOBE).astype(np.float32)
    open_ = np.flatnonzero(sees_out)
    disc = _disc(SKY_RAYS)
    dome = np.concatenate([disc, np.sqrt(1 - (disc**2).sum(axis=1, keepdims=True))], axis=1)
    hidden = unhidden.copy()
    for some, directions in _turned(dome, normals[open_]):
        blocked = caster.occluded(_starts(surface, normals, open_[some], SKY_RAYS), directions.reshape(-1, 3))
        at = np.flatnonzero(blocked)
        lost = harmonics(directions.reshape(-1, 3)[at])
        for k in range(9):
            share = np.bincount(at // SKY_RAYS, weights=lost[:, k], minlength=some.stop - some.start)
            hidden[open_[some], k] = np.pi / SKY_RAYS * share
    return unhidden - means @ (means @ hidden)


def lamp_visibility(
    surface: Mesh, caster: RayCaster, means: sparse.csr_array, sees_out: Bool[np.ndarray, "v"], lamp: Lamp
) -> Float32[np.ndarray, "v"]:
    """How much of a lamp's disc each vertex sees, from 0 to 1."""
    normals = surface.vertex_normals
    facing = np.flatnonzero((normals @ lamp.direction > GRAZING) & sees_out)
    disc = _disc(LAMP_RAYS) * np.tan(np.radians(lamp.angular_radius))
    cone = np.concatenate([disc, np.ones((LAMP_RAYS, 1))], axis=1)
    towards = np.broadcast_to(lamp.direction.astype(np.float64), (len(facing), 3))
    seen = np.zeros(len(normals), np.float32)
    for some, directions in _turned(cone, towards):
        starts = _starts(surface, normals, facing[some], LAMP_RAYS)
        blocked = caster.occluded(starts, directions.reshape(-1, 3))
        seen[facing[some]] = 1 - blocked.reshape(-1, LAMP_RAYS).mean(axis=1)
    return means @ seen


def _starts(
    surface: Mesh, normals: Float64[np.ndarray, "v 3"], some: Int64[np.ndarray, "m"], rays: int
) -> Float64[np.ndarray, "n 3"]:
    return np.repeat(surface.vertices.take(some, axis=0) + LIFT * normals.take(some, axis=0), rays, axis=0)


def _disc(n: int) -> Float64[np.ndarray, "n 2"]:
    """Places spread evenly over the unit disc (Vogel's spiral)."""
    k = np.arange(n)
    radius, angle = np.sqrt((k + 0.5) / n), k * np.pi * (3 - np.sqrt(5))
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def _turned(
    pattern: Float64[np.ndarray, "r 3"], axes: Float64[np.ndarray, "n 3"]
) -> Iterator[tuple[slice, Float64[np.ndarray, "m r 3"]]]:
    """The pattern of directions about +z turned to each axis, at a random angle about it, block by block."""
    angles = np.random.default_rng(0).uniform(0, 2 * np.pi, len(axes))
    for start in range(0, len(axes), BLOCK):
        some = slice(start, min(start + BLOCK, len(axes)))
        z = axes[some]
        # Duff et al., "Building an orthonormal basis, revisited", 2017.
        sign = np.copysign(1.0, z[:, 2])
        a = -1 / (sign + z[:, 2])
        b = z[:, 0] * z[:, 1] * a
        x = np.stack([1 + sign * z[:, 0] ** 2 * a, sign * b, -sign * z[:, 0]], axis=1)
        y = np.stack([b, sign + z[:, 1] ** 2 * a, -z[:, 1]], axis=1)
        cos, sin = np.cos(angles[some])[:, None], np.sin(angles[some])[:, None]
        frame = np.stack([cos * x + sin * y, cos * y - sin * x, z], axis=1)
        yield some, pattern @ frame
