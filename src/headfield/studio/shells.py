"""Shells: watertight layers on the skin. Short hair and beards, clothes and scarves are such layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from jaxtyping import Float, Float64, Int64, Shaped

from headfield.studio.refine import Longest, refined
from headfield.surface import Mesh


def patch(skin: Mesh, distance: Callable[[np.ndarray], np.ndarray], edge: Longest, margin: float = 0.0) -> Mesh:
    """The skin where ``distance`` (inside positive) is above ``-margin``, with no edge longer than ``edge``."""
    reach = 0.1 + margin
    near = (distance(skin.vertices) > -reach)[skin.faces].any(axis=1)
    used, faces = np.unique(skin.faces[near], return_inverse=True)
    fine = Mesh.of(*refined(skin.vertices[used], faces.reshape(-1, 3), edge))
    inside = (distance(fine.vertices) > -margin)[fine.faces].all(axis=1)
    used, faces = np.unique(_unpinched(fine.faces[inside]), return_inverse=True)
    return Mesh.of(fine.vertices[used], faces.reshape(-1, 3))


def _unpinched(faces: Int64[np.ndarray, "f 3"]) -> Int64[np.ndarray, "g 3"]:
    """Without the faces at vertices where the border touches itself, so that a wall can stand on it."""
    while True:
        starts, counts = np.unique(_border(faces)[:, 0], return_counts=True)
        if not (counts > 1).any():
            return faces
        faces = faces[~np.isin(faces, starts[counts > 1]).any(axis=1)]


def _border(faces: Int64[np.ndarray, "f 3"]) -> Int64[np.ndarray, "e 2"]:
    """The edges that have a face on one side only, in that face's direction."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    many = faces.max() + 1
    return edges[~np.isin(edges[:, 0] * many + edges[:, 1], edges[:, 1] * many + edges[:, 0])]


def between_sides(
    sheet: Mesh,
    outer: Float[np.ndarray, "v 3"],
    inner: Float[np.ndarray, "v 3"],
    attributes: Mapping[str, Shaped[np.ndarray, "v *c"]] | None = None,
) -> Mesh:
    """The closed layer between two places of each vertex of a sheet, with a wall along its borders."""
    v, faces = len(sheet.vertices), sheet.faces
    a, b = _border(faces).T
    wall = np.concatenate([np.stack([b, a, a + v], axis=1), np.stack([b, a + v, b + v], axis=1)])
    doubled = {name: np.concatenate([values, values]) for name, values in (attributes or {}).items()}
    solid = np.concatenate([faces, faces[:, ::-1] + v, wall])
    return Mesh(np.concatenate([outer, inner]).astype(np.float64), solid.astype(np.int64), attributes=doubled)


def joined(*meshes: Mesh) -> Mesh:
    """Several closed surfaces as one mesh with the attributes they all have; where they overlap, both are kept."""
    firsts = np.cumsum([0] + [len(mesh.vertices) for mesh in meshes])
    faces = np.concatenate([mesh.faces + first for mesh, first in zip(meshes, firsts, strict=False)])
    shared = set.intersection(*(set(mesh.attributes) for mesh in meshes))
    attributes = {name: np.concatenate([mesh.attributes[name] for mesh in meshes]) for name in sorted(shared)}
    return Mesh(np.concatenate([mesh.vertices for mesh in meshes]), faces, attributes=attributes)


def eased(t: Float[np.ndarray, "n"]) -> Float64[np.ndarray, "n"]:
    """0 below 0, 1 above 1, smooth in between."""
    t = np.clip(t, 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float64)
