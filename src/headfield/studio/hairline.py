"""Where hair begins: beside a hull some of it grows in the skin, and at its edge the skin shows between the strands.

A hull ends like clay. Only pictures soften it: its shape stays.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32, Float64, Int64, UInt8
from scipy.spatial import cKDTree

from headfield.studio.tone import to_light
from headfield.surface import Mesh
from headfield.units import MILLIMETRES_PER_UNIT

GROWS = 8.0 / MILLIMETRES_PER_UNIT
"""How far beside a hull hair grows in the skin."""

THIN, LOW = 7.0 / MILLIMETRES_PER_UNIT, 3.0 / MILLIMETRES_PER_UNIT
"""Skin can be seen through hair this far from its edge on, and where it rises no more than this above the skin."""

BARE = 1.5 / MILLIMETRES_PER_UNIT
"""Skin this far beside a hull has surely none over it."""

REACH = 13.0 / MILLIMETRES_PER_UNIT
"""Skin farther than this from a hull has nothing to do with its edge."""

HAIRY = 0.15
"""Skin that may be hairy by less is as good as bare."""

STEEP = 0.5
"""Skin is covered by hair that is seen from it at least at this sine above the horizon."""

NEIGHBOURS = 4
"""Of so many places of bare skin the mean colour is taken."""


@dataclass(frozen=True, eq=False)
class Hairline:
    """Where a hull rises from skin."""

    hull: Mesh
    skin: Mesh
    hairy: Float32[np.ndarray, "v"]
    """Where on the skin hair may grow (0 to 1): what hangs beside bare skin has no hairline there."""
    above: Float64[np.ndarray, "h"]
    """How high each vertex of the hull is above the skin; infinite far from it."""
    beside: Float64[np.ndarray, "v"]
    """How far beside the hull each vertex of the skin is: 0 under it, infinite far from it."""
    nearest: Int64[np.ndarray, "v"]
    """Which vertex of the hull is the nearest one above the skin."""

    @staticmethod
    def of(hull: Mesh, skin: Mesh, hairy: Float32[np.ndarray, "v"]) -> Hairline:
        """The line along which a hull rises from skin, which may be ``hairy`` around there."""
        normals = skin.vertex_normals
        away, near = cKDTree(skin.vertices).query(hull.vertices, distance_upper_bound=REACH)
        above = np.full(len(away), np.inf)
        close = np.flatnonzero(np.isfinite(away))
        above[close] = _along(hull.vertices[close] - skin.vertices[near[close]], normals[near[close]])
        outer = np.flatnonzero(above >= 0)
        away, near = cKDTree(hull.vertices[outer]).query(skin.vertices, distance_upper_bound=REACH)
        close = np.flatnonzero(np.isfinite(away))
        nearest = np.zeros(len(away), np.int64)
        nearest[close] = outer[near[close]]
        rise = _along(hull.vertices[nearest[close]] - skin.vertices[close], normals[close])
        beside = np.full(len(away), np.inf)
        beside[close] = np.where(rise < STEEP * away[close], away[close], 0)
        return Hairline(hull, skin, hairy, above, beside, nearest)

    @property
    def density(self) -> Float32[np.ndarray, "v"]:
        """How densely hair grows in the skin: 1 under the hull, fading beside it."""
        return self.hairy * np.clip(1 - self.beside / GROWS, 0, 1).astype(np.float32)

    @property
    def way(self) -> Float32[np.ndarray, "v 3"]:
        """Where that hair is heading."""
        flow = self.hull.attributes.get("flow")
        return np.zeros((len(self.beside), 3), np.float32) if flow is None else flow[self.nearest].astype(np.float32)

    def softened(self, hull: Mesh, texture: UInt8[np.ndarray, "h w 3"]) -> Mesh:
        """The coloured hull, which knows the skin at its edge as ``skin``: its colour, and how much hair hides it."""
        bare = np.flatnonzero((self.beside > BARE) & (self.beside < REACH) & (self.hairy > HAIRY))
        if self.skin.uv is None or len(bare) < NEIGHBOURS:
            return hull
        low = np.flatnonzero(self.above < LOW)
        tree = cKDTree(self.skin.vertices[bare])
        away, near = tree.query(hull.vertices[low], k=NEIGHBOURS, distance_upper_bound=REACH)
        found = np.flatnonzero(near[:, -1] < len(bare))
        low, away, near = low[found], away[found], bare[near[found]]
        # The way to the hull's edge is what is left of the way to bare skin beyond it.
        inside = (away - self.beside[near]).min(axis=1)
        values = np.ones((len(hull.vertices), 4), np.float32)
        values[low, :3] = _colours(texture, self.skin.uv[near]).mean(axis=1)
        values[low, 3] = np.clip(np.maximum(inside / THIN, self.above[low] / LOW), 0, 1)
        return replace(hull, attributes={**hull.attributes, "skin": values})


def _along(vectors: Float64[np.ndarray, "n 3"], normals: Float64[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n"]:
    return np.einsum("nk,nk->n", vectors, normals)


def _colours(texture: UInt8[np.ndarray, "h w 3"], uv: Float64[np.ndarray, "*n 2"]) -> Float32[np.ndarray, "*n 3"]:
    size = np.array(texture.shape[1::-1])
    column, row = np.moveaxis(np.clip((uv * [1, -1] + [0, 1]) * size, 0, size - 1).astype(np.int64), -1, 0)
    return to_light(texture[row, column])
