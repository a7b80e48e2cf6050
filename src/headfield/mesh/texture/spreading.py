"""What is known in some places of a surface, smoothed and carried on to all others."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64
from scipy.sparse import coo_array, csc_array, diags_array
from scipy.sparse.linalg import splu

from headfield.surface import Mesh

FAR = 100.0
"""Over this many head units what is known is forgotten, which on a head is never; where nothing is known, it is 0."""
FLATTEST, SHARPEST = 0.01, 10.0
"""Cotangents are kept between these, so that no value lies outside those around it and slivers do no harm."""


class Spreading:
    """How a surface hangs together, each of whose vertices has a face and a place of its own."""

    def __init__(self, mesh: Mesh):
        area = np.repeat(mesh.face_areas / 3, 3)
        self._area = np.bincount(mesh.faces.ravel(), weights=area, minlength=len(mesh.vertices))
        self._stiffness = _stiffness(mesh)

    def spread(
        self, values: Float64[np.ndarray, "v c"], known: Float64[np.ndarray, "v"], *, smooth: float
    ) -> Float64[np.ndarray, "v c"]:
        """Values, known so well from 0 to 1, smoothed over this length; elsewhere as even as the surface allows."""
        data = self._area * known / smooth**2
        system = self._stiffness + diags_array(data + self._area.clip(1e-12) / FAR**2)
        return splu(csc_array(system)).solve(data[:, None] * values)


def _stiffness(mesh: Mesh) -> csc_array:
    """The matrix of the surface's Laplacian, by the cotangents of the angles across each edge."""
    corners, rows, columns, weights = mesh.corners, [], [], []
    for k in range(3):
        one, other = corners[:, (k + 1) % 3] - corners[:, k], corners[:, (k + 2) % 3] - corners[:, k]
        area = np.linalg.norm(np.cross(one, other), axis=1)
        cotangent = np.einsum("fk,fk->f", one, other) / np.maximum(area, np.finfo(float).tiny)
        half = np.clip(cotangent, FLATTEST, SHARPEST) / 2
        i, j = mesh.faces[:, (k + 1) % 3], mesh.faces[:, (k + 2) % 3]
        rows += [i, j, i, j]
        columns += [j, i, i, j]
        weights += [-half, -half, half, half]
    places = (np.concatenate(rows), np.concatenate(columns))
    return csc_array(coo_array((np.concatenate(weights), places), shape=(len(mesh.vertices),) * 2))
