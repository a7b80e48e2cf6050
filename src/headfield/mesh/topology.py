"""How a surface hangs together. Vertices in exactly the same place count as one, so a texture's seams are no holes."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float64, Int64

from headfield.mesh.vertices import merge_equal
from headfield.surface import Mesh


def welded_faces(mesh: Mesh) -> Int64[np.ndarray, "f 3"]:
    """The faces between places instead of vertices: a place has the number of the first vertex that is there."""
    first, which = merge_equal(mesh.vertices)
    return first[which][mesh.faces]


def half_edges(faces: Int64[np.ndarray, "f 3"]) -> Int64[np.ndarray, "3*f 2"]:
    """Each face's edges in its own direction: the first edge of all faces, then the second, then the third."""
    return np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])


def edge_numbers(half: Int64[np.ndarray, "h 2"]) -> tuple[Int64[np.ndarray, "h"], Int64[np.ndarray, "e"]]:
    """Which edge each half-edge is, whatever its direction, and how many half-edges each edge has."""
    low, high = np.sort(half, axis=1).T
    _, number, count = np.unique(low * (half.max(initial=0) + 1) + high, return_inverse=True, return_counts=True)
    return number, count


def boundary(mesh: Mesh) -> Int64[np.ndarray, "b 2"]:
    """The half-edges, between places, that no other face shares."""
    half = half_edges(welded_faces(mesh))
    number, count = edge_numbers(half)
    return half[count[number] == 1]


def is_watertight(mesh: Mesh) -> bool:
    """Whether every edge joins two faces that agree about what is outside, so that the mesh bounds a volume."""
    half = half_edges(welded_faces(mesh))
    number, count = edge_numbers(half)
    direction = np.bincount(number, weights=np.where(half[:, 0] < half[:, 1], 1, -1))
    return len(half) > 0 and bool((count == 2).all() and (direction == 0).all())


def euler_number(mesh: Mesh) -> int:
    """Vertices - edges + faces: 2 for what is like a ball, 0 for what is like a ring."""
    faces = welded_faces(mesh)
    _, count = edge_numbers(half_edges(faces))
    return len(np.unique(faces)) - len(count) + len(faces)


def components(mesh: Mesh) -> Int64[np.ndarray, "f"]:
    """Which connected part of the surface each face belongs to, counted from 0."""
    faces = welded_faces(mesh)
    label = _connected(half_edges(faces), len(mesh.vertices))[faces[:, 0]]
    return np.unique(label, return_inverse=True)[1]


def flipped_faces(mesh: Mesh) -> Bool[np.ndarray, "f"]:
    """Which faces to turn over so that neighbours agree and each connected part faces away from its middle.

    A closed part then faces outwards. Edges with more than two faces tell nothing about these. What has but one side,
    such as a Möbius strip, stays as it is.
    """
    half = half_edges(welded_faces(mesh))
    number, count = edge_numbers(half)
    order = np.argsort(number, kind="stable")
    order = order[count[number[order]] == 2].reshape(-1, 2)
    one, other = order.T % len(mesh.faces)
    same_way = half[order[:, 0], 0] == half[order[:, 1], 0]
    # Each face twice, as it is and turned over: what must be the same way up is connected.
    n = len(mesh.faces)
    turned = np.where(same_way, n, 0)
    links = np.concatenate([np.stack([one, other + turned], 1), np.stack([one + n, (other + n - turned)], 1)])
    label = _connected(links, 2 * n)
    up, down = label[:n], label[n:]
    volumes = _volumes(mesh, np.minimum(up, down))
    outward = np.bincount(label, weights=np.concatenate([volumes, -volumes]), minlength=2 * n)
    upright = np.bincount(up, minlength=2 * n)
    # What is flat has no outside: there the majority decides.
    is_flat = np.abs(outward) < 1e-9 * mesh.face_areas.sum() ** 1.5
    better = np.where(is_flat[up], upright[down] > upright[up], outward[down] > outward[up])
    tied = is_flat[up] & (upright[down] == upright[up]) & (down < up)
    return (up != down) & (better | tied)


def _volumes(mesh: Mesh, part: Int64[np.ndarray, "f"]) -> Float64[np.ndarray, "f"]:
    """The volume between each face and the middle of its part, positive where it faces away from that."""
    areas = mesh.face_areas
    middles = mesh.corners.mean(axis=1)
    total = np.maximum(np.bincount(part, weights=areas), np.finfo(float).tiny)
    centres = np.stack([np.bincount(part, weights=areas * middle) / total for middle in middles.T], axis=1)
    return areas * np.einsum("fk,fk->f", middles - centres[part], mesh.face_normals) / 3


def _connected(links: Int64[np.ndarray, "k 2"], n: int) -> Int64[np.ndarray, "n"]:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(links), np.int8), (links[:, 0], links[:, 1])), shape=(n, n))
    return connected_components(graph, directed=False)[1].astype(np.int64)
