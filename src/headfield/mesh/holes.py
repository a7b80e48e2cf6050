"""Closing holes."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from jaxtyping import Float64, Int64

from headfield.mesh.topology import boundary, half_edges, welded_faces
from headfield.mesh.vertices import gather
from headfield.surface import Mesh, unit


def boundary_loops(mesh: Mesh) -> list[Int64[np.ndarray, "n"]]:
    """The vertices around each hole, the surface on their left. Where faces disagree about what is outside, none."""
    following: dict[int, list[int]] = {}
    for start, end in boundary(mesh).tolist():
        following.setdefault(start, []).append(end)
    loops = []
    while following:
        path = [next(iter(following))]
        step = {path[0]: 0}
        while path:
            ends = following.get(path[-1])
            if not ends:
                following.pop(path[-1], None)
                del step[path.pop()]
                continue
            end = ends.pop()
            if end not in step:
                step[end] = len(path)
                path.append(end)
                continue
            loops.append(np.array(path[step[end] :]))
            for vertex in path[step[end] + 1 :]:
                del step[vertex]
            del path[step[end] + 1 :]
    return loops


def filled(mesh: Mesh, *, perimeter: float = math.inf) -> Mesh:
    """The mesh with its holes of at most this ``perimeter`` closed by triangles between the vertices around them.

    A patch has the colours and attributes of these vertices. There is no picture for it in a texture, so it takes the
    texture's colour at one of them. Only where holes crowd around one another may an edge get more than two faces.
    """
    edges = np.sort(half_edges(welded_faces(mesh)), axis=1)
    uv, sources, patches = mesh.uv, [np.arange(len(mesh.vertices))], [mesh.faces]
    for loop in boundary_loops(mesh):
        ring = loop[::-1]
        corners = mesh.vertices[ring]
        if len(ring) < 3 or np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=1).sum() > perimeter:
            continue
        near = np.isin(edges, ring).all(axis=1)
        triangles = _ears(corners, _chords(ring, edges[near]))
        edges = np.concatenate([edges, np.sort(half_edges(ring[triangles]), axis=1)])
        if uv is None:
            patches.append(ring[triangles])
        else:
            patches.append(len(uv) + triangles)
            sources.append(ring)
            uv = np.concatenate([uv, np.broadcast_to(uv[ring[0]], (len(ring), 2))])
    return replace(gather(mesh, np.concatenate(sources), np.concatenate(patches)), uv=uv)


def _chords(ring: Int64[np.ndarray, "n"], edges: Int64[np.ndarray, "e 2"]) -> set[tuple[int, int]]:
    """The edges as pairs of places on the ring, the lower first."""
    place = {vertex: i for i, vertex in enumerate(ring.tolist())}
    return {(min(pair), max(pair)) for pair in ((place[a], place[b]) for a, b in edges.tolist())}


def _ears(corners: Float64[np.ndarray, "n 3"], taken: set[tuple[int, int]]) -> Int64[np.ndarray, "t 3"]:
    """Triangles that fill a polygon, cut off one after the other where the cut is shortest.

    A cut must not be one of the ``taken`` edges, which have their two faces; and as long as the polygon allows, seen
    from straight above, the triangle is convex and holds no other corner.
    """
    flat = _seen_from_above(corners)
    left = np.arange(len(corners))
    triangles = []
    while len(left) > 3:
        ears = np.stack([np.roll(left, 1), left, np.roll(left, -1)], axis=1)
        best = _best_ear(corners, flat, ears, taken)
        triangles.append(ears[best])
        left = np.delete(left, best)
    return np.stack([*triangles, left])


def _best_ear(
    corners: Float64[np.ndarray, "n 3"],
    flat: Float64[np.ndarray, "n 2"],
    ears: Int64[np.ndarray, "m 3"],
    taken: set[tuple[int, int]],
) -> int:
    a, b, c = flat[ears].transpose(1, 0, 2)
    turn = _cross(b - a, c - b)
    reflex = ears[turn <= 0, 1]
    order = np.lexsort([np.linalg.norm(corners[ears[:, 2]] - corners[ears[:, 0]], axis=1), turn <= 0]).tolist()
    free = (k for k in order if (ears[k, [0, 2]].min(), ears[k, [0, 2]].max()) not in taken)
    fallback = order[0]
    for tried, k in enumerate(free):
        if turn[k] > 0 and not _holds_any(flat, ears[k], reflex):
            return k
        if not tried:
            fallback = k
    return fallback


def _seen_from_above(corners: Float64[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n 2"]:
    """The polygon in the plane where its area is largest, anticlockwise."""
    normal = unit(np.cross(corners, np.roll(corners, -1, axis=0)).sum(axis=0))
    across = unit(np.cross(normal, np.eye(3)[np.abs(normal).argmin()]))
    return corners @ np.stack([across, np.cross(normal, across)], axis=1)


def _holds_any(
    flat: Float64[np.ndarray, "n 2"], triangle: Int64[np.ndarray, "3"], others: Int64[np.ndarray, "m"]
) -> bool:
    """Whether any of the other corners lies in the triangle."""
    points = flat[others[~np.isin(others, triangle)]]
    a, b, c = flat[triangle]
    sides = [_cross(end - start, points - start) >= 0 for start, end in ((a, b), (b, c), (c, a))]
    return bool(np.logical_and.reduce(sides).any())


def _cross(a: Float64[np.ndarray, "*n 2"], b: Float64[np.ndarray, "*m 2"]) -> Float64[np.ndarray, "*m"]:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
