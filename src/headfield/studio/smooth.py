"""Finer and rounder: a surface's triangles cut into four each, bent the way its normals say.

Phong tessellation (Boubekeur and Alexa, 2008), with the middles of edges where a ball would have them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float64, Int64

from headfield.mesh.vertices import gather, merge_equal
from headfield.surface import Mesh

ROUND = 0.5
"""How far the middle of an edge goes out to where the planes at its ends have it: half way is where a ball has it."""


def rounded(mesh: Mesh, longest: float) -> Mesh:
    """The mesh with edges no longer than ``longest`` on average; its own vertices stay where they are.

    Texture coordinates and attributes are interpolated. Vertices in the same place move together: seams stay closed.
    """
    while np.linalg.norm(mesh.corners - np.roll(mesh.corners, 1, axis=1), axis=2).mean() > longest:
        mesh = _halved(mesh)
    return mesh


def _halved(mesh: Mesh) -> Mesh:
    sides = np.sort(mesh.faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    edges, which = np.unique(sides, axis=0, return_inverse=True)
    ends = mesh.vertices[edges]
    count = len(mesh.vertices)
    grown = gather(mesh, np.concatenate([np.arange(count), edges[:, 0]]), mesh.faces)
    other = gather(mesh, np.concatenate([np.arange(count), edges[:, 1]]), mesh.faces)
    middles = ends.mean(axis=1) + ROUND * _outwards(ends, _normals(mesh)[edges])
    uv = None if grown.uv is None or other.uv is None else (grown.uv + other.uv) / 2
    return replace(
        grown,
        vertices=np.concatenate([mesh.vertices, middles]),
        faces=_quarters(mesh.faces, count + which.reshape(-1, 3)),
        uv=uv,
        attributes={name: (grown.attributes[name] + other.attributes[name]) / 2 for name in grown.attributes},
    )


def _outwards(ends: Float64[np.ndarray, "e 2 3"], normals: Float64[np.ndarray, "e 2 3"]) -> Float64[np.ndarray, "e 3"]:
    """From the middle of each edge to the mean of where it is above the planes at both ends."""
    heights = np.einsum("ekc,ekc->ek", ends - ends.mean(axis=1, keepdims=True), normals)
    return (heights[..., None] * normals).mean(axis=1)


def _normals(mesh: Mesh) -> Float64[np.ndarray, "v 3"]:
    first, place = merge_equal(mesh.vertices)
    return Mesh(mesh.vertices[first], place[mesh.faces]).vertex_normals[place]


def _quarters(faces: Int64[np.ndarray, "f 3"], middles: Int64[np.ndarray, "f 3"]) -> Int64[np.ndarray, "g 3"]:
    (a, b, c), (ab, bc, ca) = faces.T, middles.T
    return np.concatenate([np.stack(part, axis=1) for part in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))])
