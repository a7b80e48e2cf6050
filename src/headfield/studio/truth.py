"""The truth about a figure's shape: its outer surface, which is all that light from outside can reach."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Int64

from headfield.studio.outlook import LONGEST, longest_edges, sees_out
from headfield.studio.sitter import Sitter
from headfield.surface import Mesh, unit
from headfield.units import MILLIMETRES_PER_UNIT

FINEST = 3.0 / MILLIMETRES_PER_UNIT
"""Faces with longer edges than this that are seen in part only are divided."""


def outer_surface(sitter: Sitter) -> Mesh:
    """The solid parts of a figure as far as they can be seen from outside, as one mesh without texture.

    Those are the faces from which some straight way leads out. Faces that others hide in part are divided until the
    border of what is seen is known to :data:`FINEST`.
    """
    vertices, faces, seen = sitter.surface.vertices, sitter.solids.mesh.faces, sitter.sees_out
    told = sitter.told_by_corners
    kept: list[Int64[np.ndarray, "_ 3"]] = []
    while len(faces):
        large, corners = longest_edges(vertices[faces]) > FINEST, seen[faces]
        some, whole = corners.any(axis=1), corners.all(axis=1)
        kept.append(faces[told & some & (whole | ~large)])
        faces = faces[~told | (some & ~whole & large)]
        # What the corners do not tell, the middles of the edges may.
        edges, sides = _edges(faces)
        middles = vertices[edges].mean(axis=1)
        normals = _normals_at(sides, vertices[faces])
        seen = np.concatenate([seen, sees_out(sitter.solids, middles, normals)])
        sides = sides + len(vertices)
        vertices = np.concatenate([vertices, middles])
        six = seen[np.concatenate([faces, sides], axis=1)]
        some, whole = six.any(axis=1), six.all(axis=1)
        large = longest_edges(vertices[faces]) > FINEST
        kept.append(faces[some & (whole | ~large)])
        divided = some & ~whole & large
        faces = _quarters(faces[divided], sides[divided])
        told = longest_edges(vertices[faces]) <= LONGEST
    faces = np.concatenate(kept)
    used, renumbered = np.unique(faces, return_inverse=True)
    return Mesh(vertices[used], renumbered.reshape(-1, 3))


def _edges(faces: Int64[np.ndarray, "f 3"]) -> tuple[Int64[np.ndarray, "e 2"], Int64[np.ndarray, "f 3"]]:
    """All edges of some faces, and which of them each face has: from its first corner to the second, and so on."""
    edges = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    edges, which = np.unique(edges, axis=0, return_inverse=True)
    return edges, which.reshape(-1, 3)


def _normals_at(sides: Int64[np.ndarray, "f 3"], corners: Float64[np.ndarray, "f 3 3"]) -> Float64[np.ndarray, "e 3"]:
    """The mean normal of the faces on either side of each edge."""
    normals = unit(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]))
    sums = np.zeros((sides.max(initial=-1) + 1, 3))
    np.add.at(sums, sides, normals[:, None])
    return unit(sums)


def _quarters(faces: Int64[np.ndarray, "f 3"], middles: Int64[np.ndarray, "f 3"]) -> Int64[np.ndarray, "g 3"]:
    """Every face cut into four at the middles of its edges."""
    (a, b, c), (ab, bc, ca) = faces.T, middles.T
    return np.concatenate([np.stack(part, axis=1) for part in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))])
