"""The truth about a figure's shape: its outer surface, which is all that light from outside can reach."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float64, Int64

from headfield.mesh.raycast import RayCaster
from headfield.mesh.vertices import merge_equal
from headfield.studio.figure import Figure
from headfield.surface import Mesh, unit
from headfield.units import MILLIMETRES_PER_UNIT

DIRECTIONS = 64
INTO_MOUTHS = 24
"""How many more of the straight ways out there are towards the front, where an open mouth lets one look in deep."""
LIFT = 0.04 / MILLIMETRES_PER_UNIT
"""How far off its face a ray starts."""
FINEST = 3.0 / MILLIMETRES_PER_UNIT
"""Faces with longer edges than this that are seen in part only are divided."""
MIDDLE = np.full((1, 3), 1 / 3)
ALL_OVER = np.concatenate([MIDDLE, [[0.7, 0.15, 0.15], [0.15, 0.7, 0.15], [0.15, 0.15, 0.7]]])
"""Where on a face one looks out from: the middle of a small one, all over where it is large or hidden in part."""


def outer_surface(figure: Figure) -> Mesh:
    """The solid parts of a figure as far as they can be seen from outside, as one mesh without texture."""
    return seen_from_outside([part.mesh for part in figure.parts if part.solid])


def seen_from_outside(meshes: Sequence[Mesh]) -> Mesh:
    """The faces from which some straight way leads out, of several meshes together.

    Faces that others hide in part are divided until the border of what is seen is known to :data:`FINEST`.
    """
    offsets = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes)])
    vertices = np.concatenate([mesh.vertices for mesh in meshes])
    faces = np.concatenate([mesh.faces + offset for mesh, offset in zip(meshes, offsets, strict=False)])
    first, which = merge_equal(vertices)
    vertices, faces = vertices[first], which[faces]
    caster = RayCaster(Mesh(vertices, faces))
    large = _longest_edge(vertices[faces]) > FINEST
    small, open_question = faces[~large], faces[large]
    seen = _look_out(caster, vertices[small], MIDDLE)[:, 0]
    border = np.flatnonzero(~seen & np.isin(small, small[seen]).any(axis=1))
    seen[border] = _look_out(caster, vertices[small[border]], ALL_OVER).any(axis=1)
    kept = [small[seen]]
    while len(open_question):
        seen = _look_out(caster, vertices[open_question], ALL_OVER)
        large = _longest_edge(vertices[open_question]) > FINEST
        kept.append(open_question[seen.all(axis=1) | (seen.any(axis=1) & ~large)])
        vertices, open_question = _divided(vertices, open_question[seen.any(axis=1) & ~seen.all(axis=1) & large])
    faces = np.concatenate(kept)
    used, renumbered = np.unique(faces, return_inverse=True)
    return Mesh(vertices[used], renumbered.reshape(-1, 3))


def _look_out(
    caster: RayCaster, corners: Float64[np.ndarray, "f 3 3"], places: Float64[np.ndarray, "p 3"]
) -> Bool[np.ndarray, "f p"]:
    """Whether one can look out from some places on each face, given by their weights of its corners."""
    normals = unit(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]))
    points = (np.einsum("pk,fkc->fpc", places, corners) + LIFT * normals[:, None]).reshape(-1, 3)
    normals = np.repeat(normals, len(places), axis=0)
    hidden = np.arange(len(points))
    for direction in _directions():
        ask = normals[hidden] @ direction > 0.02
        asked = hidden[ask]
        still = caster.occluded(points[asked], np.broadcast_to(direction, (len(asked), 3)))
        hidden = np.concatenate([hidden[~ask], asked[still]])
    out = np.ones(len(points), bool)
    out[hidden] = False
    return out.reshape(-1, len(places))


def _directions() -> Float64[np.ndarray, "n 3"]:
    """Spirals over the sphere and over its front, in an order in which early directions are far apart."""
    around = _spiral(DIRECTIONS, lowest=-1)[(np.arange(DIRECTIONS) * 37) % DIRECTIONS]
    return np.concatenate([around, _spiral(INTO_MOUTHS, lowest=np.cos(np.radians(40)))])


def _spiral(n: int, lowest: float) -> Float64[np.ndarray, "n 3"]:
    """n directions spread evenly over the sphere's front as far as z is at least ``lowest``."""
    k = np.arange(n)
    z = 1 - (1 - lowest) * (k + 0.5) / n
    turn = k * np.pi * (3 - np.sqrt(5))
    radius = np.sqrt(1 - z * z)
    return np.stack([radius * np.cos(turn), radius * np.sin(turn), z], axis=1)


def _longest_edge(corners: Float64[np.ndarray, "f 3 3"]) -> Float64[np.ndarray, "f"]:
    return np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1, initial=0)


def _divided(
    vertices: Float64[np.ndarray, "v 3"], faces: Int64[np.ndarray, "f 3"]
) -> tuple[Float64[np.ndarray, "w 3"], Int64[np.ndarray, "g 3"]]:
    """Every face cut into four at the middles of its edges; the vertices with these middles added."""
    edges = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    edges, which = np.unique(edges, axis=0, return_inverse=True)
    (a, b, c), (ab, bc, ca) = faces.T, len(vertices) + which.reshape(-1, 3).T
    quarters = [np.stack(quarter, axis=1) for quarter in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))]
    return np.concatenate([vertices, vertices[edges].mean(axis=1)]), np.concatenate(quarters)
