"""Shells: watertight layers on the skin. Short hair and beards, clothes and scarves are such layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from jaxtyping import Float, Float64, Shaped

from headfield.studio.refine import refined
from headfield.surface import Mesh


def patch(skin: Mesh, distance: Callable[[np.ndarray], np.ndarray], edge: float, margin: float = 0.0) -> Mesh:
    """The skin where ``distance`` (inside positive) is above ``-margin``, with no edge longer than ``edge``."""
    reach = 0.1 + margin
    near = (distance(skin.vertices) > -reach)[skin.faces].any(axis=1)
    used, faces = np.unique(skin.faces[near], return_inverse=True)
    fine = Mesh.of(*refined(skin.vertices[used], faces.reshape(-1, 3), edge))
    inside = (distance(fine.vertices) > -margin)[fine.faces].all(axis=1)
    used, faces = np.unique(fine.faces[inside], return_inverse=True)
    return Mesh.of(fine.vertices[used], faces.reshape(-1, 3))


def between_sides(
    sheet: Mesh,
    outer: Float[np.ndarray, "v 3"],
    inner: Float[np.ndarray, "v 3"],
    attributes: Mapping[str, Shaped[np.ndarray, "v *c"]] | None = None,
) -> Mesh:
    """The closed layer between two places of each vertex of a sheet, with a wall along its borders."""
    v, faces = len(sheet.vertices), sheet.faces
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    forward, backward = edges[:, 0] * v + edges[:, 1], edges[:, 1] * v + edges[:, 0]
    a, b = edges[~np.isin(forward, backward)].T
    wall = np.concatenate([np.stack([b, a, a + v], axis=1), np.stack([b, a + v, b + v], axis=1)])
    doubled = {name: np.concatenate([values, values]) for name, values in (attributes or {}).items()}
    solid = np.concatenate([faces, faces[:, ::-1] + v, wall])
    return Mesh(np.concatenate([outer, inner]).astype(np.float64), solid.astype(np.int64), attributes=doubled)


def eased(t: Float[np.ndarray, "n"]) -> Float64[np.ndarray, "n"]:
    """0 below 0, 1 above 1, smooth in between."""
    t = np.clip(t, 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float64)
