"""Choosing, doubling and merging vertices, with everything that is known about them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from jaxtyping import Float, Int64, Integer, Shaped

from headfield.errors import InputError
from headfield.surface import Mesh


def check_faces(mesh: Mesh, what: str) -> None:
    """InputError that names ``what`` if a face has a corner that does not exist."""
    if len(mesh.faces) and not (mesh.faces.min() >= 0 and mesh.faces.max() < len(mesh.vertices)):
        raise InputError(f"{what} has faces between vertices that do not exist; it is broken, so export it again.")


def gather(mesh: Mesh, index: Integer[np.ndarray, "n"], faces: Integer[np.ndarray, "f 3"]) -> Mesh:
    """The mesh whose vertex i is what vertex ``index[i]`` was, with the given faces between the new vertices."""

    def pick(values: np.ndarray | None) -> np.ndarray | None:
        return None if values is None else np.ascontiguousarray(values[index])

    return replace(
        mesh,
        vertices=mesh.vertices[index],
        faces=faces.astype(np.int64, copy=False),
        colours=pick(mesh.colours),
        uv=pick(mesh.uv),
        attributes={name: values[index] for name, values in mesh.attributes.items()},
    )


def merge_equal(rows: Shaped[np.ndarray, "n *c"]) -> tuple[Int64[np.ndarray, "m"], Int64[np.ndarray, "n"]]:
    """Where each different row first appears, in that order, and which of these each row equals."""
    table = np.ascontiguousarray(rows.reshape(len(rows), math.prod(rows.shape[1:])))
    if table.dtype.kind == "f":
        table = table + 0.0  # -0 becomes 0, so that what is equal has equal bytes
    keys = table.view(np.dtype((np.void, table.itemsize * table.shape[1]))).ravel()
    _, first, which = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return first[order], rank[which]


def split_at_seams(
    mesh: Mesh,
    faces: Integer[np.ndarray, "f 3"],
    uv: Float[np.ndarray, "t 2"],
    uv_faces: Integer[np.ndarray, "f 3"],
) -> Mesh:
    """The mesh with these faces, whose corners have their own texture coordinates.

    The vertices keep their places; where the corners at one vertex disagree, copies of it follow at the end.
    """
    pairs = np.stack([faces.ravel(), uv_faces.ravel()], axis=1).astype(np.int64)
    first, corner = merge_equal(pairs)
    vertex, coordinate = pairs[first].T
    is_first = np.zeros(len(vertex), bool)
    is_first[np.unique(vertex, return_index=True)[1]] = True
    copies = np.flatnonzero(~is_first)
    place = vertex.copy()
    place[copies] = len(mesh.vertices) + np.arange(len(copies))
    source = np.concatenate([np.arange(len(mesh.vertices)), vertex[copies]])
    vertex_uv = np.zeros((len(source), 2))
    vertex_uv[place] = uv[coordinate]
    return replace(gather(mesh, source, place[corner].reshape(-1, 3)), uv=vertex_uv)
