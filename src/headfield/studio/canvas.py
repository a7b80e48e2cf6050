"""Canvas: a texture as what it is painted on, the places of its texels in space.

Painting happens as a function of position on the mean head, so that one painter serves every head model and no seam of
the atlas shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float32, Float64, Int64, UInt8
from scipy.ndimage import distance_transform_edt

from headfield.surface import Mesh

PORTIONS = 16
"""Triangles are laid out in so many portions, which keeps memory low."""


@dataclass(frozen=True, eq=False)
class Canvas:
    """The texels of a square texture that lie on a surface."""

    size: int
    texels: Int64[np.ndarray, "n"]
    """Which texels these are, row by row from the top left."""
    positions: Float32[np.ndarray, "n 3"]
    normals: Float32[np.ndarray, "n 3"]
    faces: Int64[np.ndarray, "n"]
    weights: Float32[np.ndarray, "n 3"]
    _nearest: Int64[np.ndarray, "m"]
    """For every texel of the texture, which of these is nearest."""

    def texture(self, colours: UInt8[np.ndarray, "n 3"]) -> UInt8[np.ndarray, "s s 3"]:
        """The texture with these colours; what lies off the surface takes the nearest one, so that nothing bleeds."""
        return colours[self._nearest].reshape(self.size, self.size, 3)

    def of_vertices(
        self, values: Float32[np.ndarray, "v c"], surface: Mesh, which: Int64[np.ndarray, "m"] | slice = slice(None)
    ) -> Float32[np.ndarray, "m c"]:
        """Values known at the vertices of the surface this canvas was stretched over, interpolated at some texels."""
        corners = values[surface.faces[self.faces[which]]]
        return np.einsum("nk,nkc->nc", self.weights[which], corners)


@lru_cache(maxsize=4)
def stretch(surface: Mesh, size: int) -> Canvas:
    """The canvas of a surface with uv; kept for as long as the same surface is painted."""
    assert surface.uv is not None
    corners = surface.uv[surface.faces] * [size, -size] + [0, size]
    found = [_rasterise(corners, faces, size) for faces in np.array_split(np.arange(len(corners)), PORTIONS)]
    texels, faces, weights = (np.concatenate(columns) for columns in zip(*found, strict=True))
    texels, first = np.unique(texels, return_index=True)
    faces, weights = faces[first], weights[first]
    around = surface.faces[faces]
    places, normals = (
        np.einsum("nk,nkc->nc", weights, values.astype(np.float32)[around])
        for values in (surface.vertices, surface.vertex_normals)
    )
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    return Canvas(size, texels, places, normals, faces, weights, _nearest(texels, size))


def _rasterise(
    all_corners: Float64[np.ndarray, "f 3 2"], chosen: Int64[np.ndarray, "m"], size: int
) -> tuple[Int64[np.ndarray, "n"], Int64[np.ndarray, "n"], Float32[np.ndarray, "n 3"]]:
    """The texels whose centres lie in the chosen triangles: which, in which triangle, and where in it."""
    corners = all_corners[chosen]
    low = np.clip(np.ceil(corners.min(axis=1) - 0.5).astype(np.int64), 0, size)
    high = np.clip(np.floor(corners.max(axis=1) - 0.5).astype(np.int64) + 1, 0, size)
    spans = np.maximum(high - low, 0)
    counts = spans.prod(axis=1)
    faces = np.repeat(np.arange(len(corners)), counts)
    offsets = np.arange(len(faces)) - np.repeat(np.cumsum(counts) - counts, counts)
    row, column = np.divmod(offsets, spans[faces, 0])
    column, row = column + low[faces, 0], row + low[faces, 1]
    weights = _barycentric(corners, faces, np.stack([column, row], axis=1) + 0.5)
    inside = weights.min(axis=1) >= -1e-9
    return (row * size + column)[inside], chosen[faces[inside]], weights[inside].astype(np.float32)


def _barycentric(
    corners: Float64[np.ndarray, "f 3 2"], faces: Int64[np.ndarray, "n"], points: Float64[np.ndarray, "n 2"]
) -> Float64[np.ndarray, "n 3"]:
    edges = corners[:, 1:] - corners[:, :1]
    area = edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0]
    inverse = np.divide(1.0, area, out=np.full_like(area, -np.inf), where=area != 0)[faces]
    offset = points - corners[faces, 0]
    (ax, ay), (bx, by) = np.moveaxis(edges[faces], 0, 2)
    with np.errstate(invalid="ignore"):
        second = (offset[:, 0] * by - offset[:, 1] * bx) * inverse
        third = (ax * offset[:, 1] - ay * offset[:, 0]) * inverse
    return np.nan_to_num(np.stack([1 - second - third, second, third], axis=1), nan=-1.0, neginf=-1.0, posinf=-1.0)


def _nearest(texels: Int64[np.ndarray, "n"], size: int) -> Int64[np.ndarray, "m"]:
    empty = np.ones(size * size, dtype=bool)
    empty[texels] = False
    rows, columns = distance_transform_edt(empty.reshape(size, size), return_distances=False, return_indices=True)
    order = np.zeros(size * size, dtype=np.int64)
    order[texels] = np.arange(len(texels))
    return order[(rows * size + columns).ravel()]
