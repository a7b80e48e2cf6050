"""Where a bust ends: cut at the unit sphere, and closed there by a piece of that sphere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float64, Int64, Shaped

from headfield.mesh.vertices import gather, merge_equal
from headfield.surface import Mesh, unit

SNAP = 0.004
"""Vertices this near to the sphere (0.8 mm) are put on it, so that the cut leaves no splinters."""
RIM = 0.01
"""A band of 2 mm on both sides of the rim has faces of its own, so that its edge does not shade what is around."""
CAP_SHARES = (0, RIM, 0.15, 0.32, 0.5, 0.67, 0.84)
"""Where the cap's rings are, on the way from the rim to the cap's middle."""
CAP_UV = (0.685, 0.64)
"""Where the cap is in the texture; it is hardly ever seen and gets a small disc."""
CAP_UV_RADIUS = 0.012


def cut_at_sphere(mesh: Mesh, radius: float = 1.0) -> Mesh:
    """The part of a surface inside the sphere about the origin, its rim closed by a cap that lies on the sphere.

    The surface must be closed but for borders outside the sphere. Texture coordinates and attributes are interpolated.
    """
    bust = _cut_at_unit_sphere(replace(mesh, vertices=mesh.vertices / radius))
    return replace(bust, vertices=bust.vertices * radius)


def _cut_at_unit_sphere(mesh: Mesh) -> Mesh:
    banded = _split(mesh, 1 - RIM)
    split = _split(banded, 1)
    inside = np.linalg.norm(split.vertices, axis=1) < 1 + SNAP / 2
    kept = split.faces[inside[split.faces].all(axis=1)]
    used, renumbered = np.unique(kept, return_inverse=True)
    return _capped(gather(split, used, renumbered.reshape(-1, 3)))


def _split(mesh: Mesh, radius: float) -> Mesh:
    """The same surface, with no face on both sides of the sphere of that radius."""
    height = np.linalg.norm(mesh.vertices, axis=1) - radius
    side = np.where(np.abs(height) < SNAP, 0, np.sign(height)).astype(int)
    on_it = radius * unit(mesh.vertices)
    vertices = np.where((side == 0)[:, None], on_it, mesh.vertices)
    sides = side[mesh.faces]
    crossing = (sides < 0).any(axis=1) & (sides > 0).any(axis=1)
    cuts: dict[tuple[int, int], int] = {}
    pieces = [
        triangle
        for face in mesh.faces[crossing].tolist()
        for sign in (-1, 1)
        for triangle in _one_side(face, sign * side, cuts, len(vertices), sign)
    ]
    faces = np.concatenate([mesh.faces[~crossing], np.array(pieces, np.int64).reshape(-1, 3)])
    edges = np.array(list(cuts), np.int64).reshape(-1, 2)
    return replace(_with_cuts(replace(mesh, vertices=vertices), edges, radius), faces=faces)


def _one_side(
    face: list[int], side: Int64[np.ndarray, "v"], cuts: dict[tuple[int, int], int], first: int, sign: int
) -> list[tuple[int, int, int]]:
    """The triangles of the part where ``side`` is positive; new vertices, by the edge (inside, outside) they cut."""
    polygon = []
    for start, end in zip(face, [*face[1:], face[0]], strict=True):
        if side[start] >= 0:
            polygon.append(start)
        if side[start] * side[end] < 0:
            edge = (start, end) if sign * side[start] < 0 else (end, start)
            polygon.append(cuts.setdefault(edge, first + len(cuts)))
    return [(polygon[0], polygon[k], polygon[k + 1]) for k in range(1, len(polygon) - 1)]


def _with_cuts(mesh: Mesh, edges: Int64[np.ndarray, "n 2"], radius: float) -> Mesh:
    """The mesh with a vertex added where each edge from inside meets the sphere."""
    a, b = mesh.vertices[edges[:, 0]], mesh.vertices[edges[:, 1]]
    along = b - a
    # |a + t along| = radius is a quadratic in t, with one root from 0 to 1
    square, half = np.square(along).sum(axis=1), np.sum(a * along, axis=1)
    t = (-half + np.sqrt(half**2 + square * (radius**2 - np.square(a).sum(axis=1)))) / square

    def blend(values: Shaped[np.ndarray, "v *c"]) -> Shaped[np.ndarray, "n *c"]:
        weight = t.reshape(-1, *[1] * (values.ndim - 1))
        return np.concatenate([values, (1 - weight) * values[edges[:, 0]] + weight * values[edges[:, 1]]])

    return replace(
        mesh,
        vertices=np.concatenate([mesh.vertices, radius * unit(a + t[:, None] * along)]),
        uv=None if mesh.uv is None else blend(mesh.uv),
        attributes={name: blend(values) for name, values in mesh.attributes.items()},
    )


def _capped(mesh: Mesh) -> Mesh:
    rim = np.flatnonzero(np.abs(np.linalg.norm(mesh.vertices, axis=1) - 1) < 1e-9)
    first, which = merge_equal(mesh.vertices[rim])
    place = np.full(len(mesh.vertices), -1)
    place[rim] = which
    parts = [mesh]
    parts.extend(_cap(mesh.vertices[rim[first[loop]]], mesh) for loop in border_loops(place[mesh.faces]))
    offsets = np.cumsum([0, *(len(part.vertices) for part in parts)])
    return Mesh(
        np.concatenate([part.vertices for part in parts]),
        np.concatenate([part.faces + offset for part, offset in zip(parts, offsets, strict=False)]),
        uv=None if mesh.uv is None else np.concatenate([part.uv for part in parts if part.uv is not None]),
        attributes={name: np.concatenate([part.attributes[name] for part in parts]) for name in mesh.attributes},
    )


def _cap(loop: Float64[np.ndarray, "n 3"], mesh: Mesh) -> Mesh:
    """A piece of the sphere inside a loop on it: rings that shrink to the loop's middle.

    What attributes know about space (three numbers) is the cap's own place; whatever else is zero there.
    """
    pole = unit(loop.mean(axis=0))
    n = len(loop)
    shares = np.array(CAP_SHARES)
    towards = unit(loop - (loop @ pole)[:, None] * pole)
    angle = np.arctan2(np.linalg.norm(np.cross(loop, pole), axis=1), loop @ pole)[None] * (1 - shares)[:, None]
    rings = np.cos(angle)[..., None] * pole + np.sin(angle)[..., None] * towards
    rings[0] = loop  # to the last bit, so that the rim is closed
    vertices = np.concatenate([rings.reshape(-1, 3), pole[None]])
    ids = np.arange(len(CAP_SHARES) * n).reshape(len(CAP_SHARES), n)
    after = np.roll(ids, -1, axis=1)
    faces = np.concatenate(
        [
            np.stack([ids[:-1], after[:-1], ids[1:]], axis=-1).reshape(-1, 3),
            np.stack([after[:-1], after[1:], ids[1:]], axis=-1).reshape(-1, 3),
            np.stack([ids[-1], after[-1], np.full(n, len(vertices) - 1)], axis=-1),
        ]
    )
    turn = 2 * np.pi * np.arange(n) / n
    spread = (1 - shares)[:, None, None] * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    uv = CAP_UV + CAP_UV_RADIUS * np.concatenate([spread.reshape(-1, 2), [[0, 0]]])

    def known(values: np.ndarray) -> np.ndarray:
        return (
            vertices.astype(values.dtype) if values.shape[1:] == (3,) else np.zeros((len(vertices), *values.shape[1:]))
        )

    return Mesh(vertices, faces, uv=uv, attributes={name: known(values) for name, values in mesh.attributes.items()})


def border_loops(faces: Int64[np.ndarray, "f 3"]) -> list[Int64[np.ndarray, "n"]]:
    """The closed borders of a surface, against the direction of the faces along them, lowest vertex first.

    Vertices -1 are known to be on no border.
    """
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = edges[edges.min(axis=1) >= 0]
    undirected, inverse = np.unique(np.sort(edges, axis=1), axis=0, return_inverse=True)
    # How much oftener an edge is walked upwards than downwards: faces that only touch along it cancel, and what
    # remains enters each vertex as often as it leaves it, so that every walk comes home.
    surplus = np.bincount(inverse.ravel(), weights=np.sign(edges[:, 1] - edges[:, 0]), minlength=len(undirected))
    before: dict[int, list[int]] = {}
    for (low, high), times in zip(undirected.tolist(), surplus.astype(int).tolist(), strict=True):
        start, end = (low, high) if times > 0 else (high, low)
        before.setdefault(end, []).extend([start] * abs(times))
    before = {end: starts for end, starts in before.items() if starts}
    loops = []
    while before:
        loop = [min(before)]
        while (start := _taken(before, loop[-1])) != loop[0]:
            loop.append(start)
        loops.append(np.array(loop))
    return loops


def _taken(before: dict[int, list[int]], end: int) -> int:
    start = before[end].pop()
    if not before[end]:
        del before[end]
    return start
