"""Fewer faces for the same surface."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Shaped

from headfield.errors import InputError, MissingExtraError
from headfield.mesh.clean import tidied
from headfield.mesh.distance import closest_points
from headfield.mesh.pictures import sample_texture
from headfield.surface import Mesh, SurfaceSamples


def simplified(mesh: Mesh, *, faces: int) -> Mesh:
    """The mesh with at most about this many faces, moved as little as that takes (quadric edge collapse).

    Colours and attributes are those of the closest points of the original. Texture coordinates cannot survive, since
    their seams would tear; the texture becomes vertex colours.
    """
    if faces < 4:
        raise InputError(f"a surface cannot be simplified to {faces} faces; ask for 4 or more.")
    if faces >= len(mesh.faces):
        return mesh
    try:
        from fast_simplification import simplify
    except ImportError:
        raise MissingExtraError("fast-simplification", "fast") from None
    if mesh.texture is not None and mesh.uv is not None:
        mesh = replace(mesh, colours=sample_texture(mesh.texture, mesh.uv))
    mesh = replace(mesh, uv=None, texture=None)
    bare = tidied(Mesh(mesh.vertices, mesh.faces))
    points, triangles = simplify(bare.vertices, bare.faces.astype(np.int32), target_count=faces)
    result = Mesh.of(points, triangles)
    if mesh.colours is None and not mesh.attributes:
        return result
    where = _closest(mesh, result)
    return replace(
        result,
        colours=None if mesh.colours is None else _carried(where, mesh.colours.astype(float)).round().astype(np.uint8),
        attributes={name: _carried(where, values) for name, values in mesh.attributes.items()},
    )


def _closest(mesh: Mesh, result: Mesh) -> SurfaceSamples:
    """The points of ``mesh`` closest to the vertices of ``result``."""
    closest = closest_points(mesh, result.vertices)
    a, b, c = np.moveaxis(mesh.corners[closest.faces], 1, 0)
    u, v, p = b - a, c - a, closest.points - a
    uu, uv, vv = (np.einsum("nk,nk->n", x, y) for x, y in ((u, u), (u, v), (v, v)))
    pu, pv = np.einsum("nk,nk->n", p, u), np.einsum("nk,nk->n", p, v)
    area = np.maximum(uu * vv - uv * uv, np.finfo(float).tiny)
    s, t = (vv * pu - uv * pv) / area, (uu * pv - uv * pu) / area
    weights = np.clip(np.stack([1 - s - t, s, t], axis=1), 0, 1)
    return SurfaceSamples(mesh, closest.faces, weights / weights.sum(axis=1, keepdims=True))


def _carried(where: SurfaceSamples, values: Shaped[np.ndarray, "v *c"]) -> Shaped[np.ndarray, "n *c"]:
    """Values of vertices at places on the surface: blended, or where they are whole numbers the nearest corner's."""
    corners = where.mesh.faces[where.faces]
    if values.dtype.kind != "f":
        return values[np.take_along_axis(corners, where.weights.argmax(axis=1)[:, None], axis=1)[:, 0]]
    return np.einsum("nk,nk...->n...", where.weights, values[corners]).astype(values.dtype)
