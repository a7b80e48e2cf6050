"""Inside and outside of a mesh, also of one with holes: by winding numbers, libigl's where it is installed."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float64

from headfield.mesh.distance import SurfaceSearch
from headfield.surface import Mesh

PAIRS_AT_ONCE = 2**18
"""How many (point, face) pairs the plain way looks at together."""


def winding_numbers(mesh: Mesh, points: Float[np.ndarray, "n 3"], *, fast: bool = True) -> Float64[np.ndarray, "n"]:
    """How often the surface goes around each point: 1 inside and 0 outside, and between the two near holes.

    Jacobson et al., "Robust inside-outside segmentation using generalized winding numbers", 2013. The fast way is off
    by up to a few thousandths (Barill et al., 2018); the plain one, exact, takes as long as points times faces.
    """
    points = np.ascontiguousarray(points, dtype=np.float64)
    if fast and len(points):
        try:
            from igl import fast_winding_number
        except ImportError:
            pass
        else:
            return fast_winding_number(mesh.vertices, mesh.faces, points)
    corners, step = mesh.corners, max(1, PAIRS_AT_ONCE // len(mesh.faces))
    parts = [_solid_angles(corners, points[i : i + step]) for i in range(0, len(points), step)]
    return np.concatenate(parts) / (4 * np.pi) if parts else np.zeros(0)


def signed_distances(search: SurfaceSearch, points: Float[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n"]:
    """The distance of each point to the surface, negative inside.

    The distance is exact; the side is the winding number's, which holes do not confuse.
    """
    inside = winding_numbers(search.mesh, points) > 0.5
    distances = search.closest(points).distances
    return np.where(inside, -distances, distances)


def _solid_angles(
    corners: Float64[np.ndarray, "f 3 3"], points: Float64[np.ndarray, "n 3"]
) -> Float64[np.ndarray, "n"]:
    """The solid angle that all faces together fill, seen from each point (Van Oosterom and Strackee, 1983)."""
    a, b, c = (corners[None, :, k] - points[:, None] for k in range(3))
    la, lb, lc = (np.linalg.norm(x, axis=-1) for x in (a, b, c))
    ab, bc, ca = (np.einsum("nfk,nfk->nf", x, y) for x, y in ((a, b), (b, c), (c, a)))
    volume = np.einsum("nfk,nfk->nf", a, np.cross(b, c))
    return 2 * np.arctan2(volume, la * lb * lc + ab * lc + bc * la + ca * lb).sum(axis=1)
