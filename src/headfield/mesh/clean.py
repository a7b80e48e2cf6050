"""Repairing what scanners, extraction and other programs leave behind. Everything known about the vertices stays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Bool
from scipy.spatial import cKDTree

from headfield.errors import InputError
from headfield.mesh.holes import filled
from headfield.mesh.topology import components, flipped_faces, welded_faces
from headfield.mesh.vertices import gather, merge_equal
from headfield.surface import Mesh


def with_faces(mesh: Mesh, chosen: Bool[np.ndarray, "f"]) -> Mesh:
    """The mesh with the chosen faces only, and the vertices that these need."""
    faces = mesh.faces[chosen]
    used, corner = np.unique(faces, return_inverse=True)
    return gather(mesh, used, corner.reshape(-1, 3))


def largest_component(mesh: Mesh) -> Mesh:
    """The connected part with the largest area, alone."""
    label = components(mesh)
    return with_faces(mesh, label == np.bincount(label, weights=mesh.face_areas).argmax())


def without_lumps(mesh: Mesh, core: Mesh, *, below: float) -> Mesh:
    """The mesh without what hangs on it by a thread lower than ``below``, the holes filled.

    ``core`` is the same surface taken in a little: what is a part of its own there hangs by less than twice that.
    """
    label = components(core)
    top = np.full(label.max(initial=0) + 1, -np.inf)
    np.maximum.at(top, np.repeat(label, 3), core.vertices[core.faces.ravel(), 1])
    largest = np.bincount(label, weights=core.face_areas).argmax()
    hanging = (top < below) & (np.arange(len(top)) != largest)
    if not hanging[label].any():
        return mesh
    lumps, rest = (np.unique(core.faces[which[label]]) for which in (hanging, ~hanging))
    nearer = np.less(*(cKDTree(core.vertices[part]).query(mesh.vertices)[0] for part in (lumps, rest)))
    return filled(largest_component(with_faces(mesh, ~nearer[mesh.faces].any(axis=1))))


def without_specks(mesh: Mesh, *, diameter: float) -> Mesh:
    """The mesh without its connected parts that fit into a box whose diagonal is shorter than ``diameter``."""
    label = components(mesh)
    corner_label = np.repeat(label, 3)
    extent = np.zeros((label.max(initial=-1) + 1, 3))
    for axis in range(3):
        values = mesh.vertices[mesh.faces.ravel(), axis]
        low, high = np.full(len(extent), np.inf), np.full(len(extent), -np.inf)
        np.minimum.at(low, corner_label, values)
        np.maximum.at(high, corner_label, values)
        extent[:, axis] = high - low
    large = np.linalg.norm(extent, axis=1) >= diameter
    if not large.any():
        raise InputError("every part of the mesh is smaller than what was to be dropped; choose a smaller diameter.")
    return with_faces(mesh, large[label])


def tidied(mesh: Mesh) -> Mesh:
    """The mesh without vertices that are the same in everything, faces with a corner twice, faces twice, and vertices
    without a face. Slivers stay: without them the surface would come apart.
    """
    data = [mesh.vertices, mesh.colours, mesh.uv, *mesh.attributes.values()]
    labels = [merge_equal(values)[1] for values in data if values is not None]
    first, which = merge_equal(np.stack(labels, axis=1))
    mesh = gather(mesh, first, which[mesh.faces])
    a, b, c = welded_faces(mesh).T
    mesh = with_faces(mesh, (a != b) & (b != c) & (c != a))
    places = welded_faces(mesh)
    # From the lowest corner on, so that equal faces have equal rows; a face turned over stays another one.
    start = places.argmin(axis=1)[:, None]
    once = merge_equal(np.take_along_axis(places, (start + np.arange(3)) % 3, axis=1))[0]
    chosen = np.zeros(len(places), bool)
    chosen[once] = True
    return with_faces(mesh, chosen)


def oriented(mesh: Mesh) -> Mesh:
    """The mesh with neighbouring faces the same way up, and each connected part facing away from its middle."""
    flip = flipped_faces(mesh)
    return replace(mesh, faces=np.where(flip[:, None], mesh.faces[:, ::-1], mesh.faces))
