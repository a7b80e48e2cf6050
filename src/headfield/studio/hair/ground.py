"""Ground: the skin of the average head as hair meets it. Hair grows out of it, lies on it, and never enters it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Float32
from scipy.ndimage import gaussian_filter, map_coordinates, zoom
from scipy.spatial import cKDTree

from headfield.studio.model import HeadModel
from headfield.studio.refine import refined
from headfield.surface import Mesh, unit

_EXTENT = 1.1
_SPACING = 0.025


@dataclass(frozen=True, eq=False)
class Ground:
    """The mean head's outer skin, and on a grid how far from it each place is."""

    skin: Mesh
    distances: Float32[np.ndarray, "x y z"]

    def distance(self, points: Float[np.ndarray, "*n 3"]) -> Float32[np.ndarray, "*n"]:
        """How far outside the skin points are; negative inside."""
        cells = (np.moveaxis(np.asarray(points, np.float32), -1, 0) + _EXTENT) / _SPACING
        return map_coordinates(self.distances, cells, order=1, mode="nearest", output=np.float32)

    def normal(self, points: Float[np.ndarray, "*n 3"]) -> Float32[np.ndarray, "*n 3"]:
        """The direction that leads away from the skin."""
        steps = np.eye(3, dtype=np.float32) * (0.6 * _SPACING)
        points = np.asarray(points, np.float32)
        return unit(np.stack([self.distance(points + s) - self.distance(points - s) for s in steps], axis=-1))

    def lifted(
        self, points: Float32[np.ndarray, "*n 3"], clearance: Float32[np.ndarray, "*n"], slide: float = 1.0
    ) -> Float32[np.ndarray, "*n 3"]:
        """Points moved out, if need be, until they clear the skin by that much; less to the side on the shoulders."""
        missing = clearance - self.distance(points)
        low = missing > 0
        moved = points.copy()
        out = self.normal(points[low])
        way = np.where(points[low][:, 1:2] < -0.3, unit(out * np.array([slide, 1, 1], np.float32)), out)
        moved[low] += way * (missing[low] / np.maximum(np.sum(way * out, axis=1), 0.4))[:, None]
        return moved


@lru_cache(maxsize=2)
def ground_of(model: HeadModel) -> Ground:
    """What hair stands on, for a head model."""
    faces = np.concatenate([model.faces[model.parts[part].faces] for part in ("face", "head")])
    used, faces = np.unique(faces, return_inverse=True)
    skin = Mesh.of(model.mean[used], faces.reshape(-1, 3))
    return Ground(skin, _distances(skin))


def _distances(skin: Mesh) -> Float32[np.ndarray, "x y z"]:
    """Coarse everywhere, then fine near the skin."""
    fine = Mesh.of(*refined(skin.vertices, skin.faces, 0.02))
    tree = cKDTree(fine.vertices)

    def signed(points: np.ndarray) -> np.ndarray:
        gap, nearest = tree.query(points)
        height = np.sum((points - fine.vertices[nearest]) * fine.vertex_normals[nearest], axis=1)
        # Beside the nearest vertex the height over its plane is the distance; farther off the way to the vertex is.
        return np.where(gap < 0.03, height, np.copysign(np.maximum(np.abs(height), gap - 0.004), height))

    side = round(2 * _EXTENT / _SPACING) + 1
    ticks = np.linspace(-_EXTENT, _EXTENT, side)
    coarse = np.stack(np.meshgrid(ticks[::2], ticks[::2], ticks[::2], indexing="ij"), axis=-1)
    distances = zoom(signed(coarse.reshape(-1, 3)).reshape(coarse.shape[:3]), side / len(coarse), order=1)
    near = np.argwhere(np.abs(distances) < 0.12)
    distances[tuple(near.T)] = signed(ticks[near])
    return gaussian_filter(distances, 0.5).astype(np.float32)
