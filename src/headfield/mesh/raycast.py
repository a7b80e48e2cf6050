"""Casting rays at a mesh: Embree where it is installed, a search through a tree of boxes otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64

from headfield.errors import InputError
from headfield.mesh.boxtree import BoxTree, ray_meets_box
from headfield.surface import Mesh

TILT = 1e-6
"""Embree may let a ray through that aims exactly at a vertex; such a ray is cast again, tilted by this much."""

NEAR = 4.0
"""Rays from further away than so many radii of the mesh fly up to it first, or they would lose digits."""

EDGE_TOLERANCE = 1e-12
"""How far outside its face a hit may lie by its weights, so that no ray slips through between two faces."""


@dataclass(frozen=True, eq=False)
class Hits:
    """Where rays first meet a mesh.

    The meeting point of a ray is ``origin + distance * direction``: distances count in lengths of the direction. Where
    nothing is hit, the distance is infinite, the face -1 and the weights zero.
    """

    distance: Float64[np.ndarray, "n"]
    faces: Int64[np.ndarray, "n"]
    weights: Float64[np.ndarray, "n 3"]

    @property
    def hit(self) -> Bool[np.ndarray, "n"]:
        """Which rays hit anything."""
        return self.faces >= 0


class RayCaster:
    """A mesh made ready to have rays cast at it. Both sides of a face stop rays.

    ``fast=False`` takes the plain path even where Embree is installed. Directions may have any length.
    """

    def __init__(self, mesh: Mesh, *, fast: bool = True):
        if not len(mesh.faces):
            raise InputError("the mesh has no faces, so no ray can hit it; give one that is a surface.")
        self.mesh = mesh
        self._embree: Any = _embree_scene(mesh, self._centre, self._radius) if fast else None

    def first_hits(self, origins: Float[np.ndarray, "n 3"], directions: Float[np.ndarray, "n 3"]) -> Hits:
        """Where each ray first meets the mesh."""
        start, o, d = self._approach(origins, directions)
        faces = self._faces_by_tree(o, d) if self._embree is None else self._faces_by_embree(o, d)
        hit = np.flatnonzero(faces >= 0)
        distance, weights = np.full(len(o), np.inf), np.zeros((len(o), 3))
        flown, weights[hit] = self._meet_faces(o.take(hit, axis=0), d.take(hit, axis=0), faces[hit])
        distance[hit] = start[hit] + flown
        return Hits(distance, faces, weights)

    def occluded(
        self,
        origins: Float[np.ndarray, "n 3"],
        directions: Float[np.ndarray, "n 3"],
        *,
        max_distance: float | Float[np.ndarray, "n"] = np.inf,
    ) -> Bool[np.ndarray, "n"]:
        """Whether each ray meets the mesh within ``max_distance`` lengths of its direction.

        A ray that starts on the mesh meets it there: start it a little off. With ``directions = b - a`` and
        ``max_distance=1`` it says whether something stands between a and b.
        """
        start, o, d = self._approach(origins, directions)
        furthest = np.broadcast_to(np.asarray(max_distance, float), start.shape) - start
        if self._embree is None:
            return (furthest > 0) & (self._faces_by_tree(o, d, furthest) >= 0)
        shifted, unit, lengths = self._to_embree(o, d)
        limit = np.clip(furthest * lengths / self._radius, 0, 1e30).astype(np.float32)
        return (furthest > 0) & (self._embree.run(shifted, unit, limit, query="OCCLUDED") >= 0)

    def _meet_faces(
        self, o: Float64[np.ndarray, "n 3"], d: Float64[np.ndarray, "n 3"], faces: Int64[np.ndarray, "n"]
    ) -> tuple[Float64[np.ndarray, "n"], Float64[np.ndarray, "n 3"]]:
        """How far each ray flies to the face it is known to hit, and the weights there."""
        corners = self._corners.take(faces, axis=0)
        distance, weights = _meet_planes(o, d, corners)
        # Tilted and rounded rays may pass a face by a hair; what they hit is its border.
        past = np.flatnonzero(~((weights.min(axis=1) >= 0) & np.isfinite(distance)))
        inside = np.maximum(np.nan_to_num(weights[past], posinf=0, neginf=0), 0)
        inside += np.where(inside.sum(axis=1, keepdims=True) > 0, 0, 1)
        inside /= inside.sum(axis=1, keepdims=True)
        flown = np.einsum("nk,nkc->nc", inside, corners[past]) - o[past]
        distance[past] = np.einsum("nk,nk->n", flown, d[past]) / np.einsum("nk,nk->n", d[past], d[past])
        weights[past] = inside
        return distance, weights

    @cached_property
    def _corners(self) -> Float64[np.ndarray, "f 3 3"]:
        return self.mesh.corners

    @cached_property
    def _tree(self) -> BoxTree:
        return BoxTree.of(self._corners)

    @cached_property
    def _centre(self) -> Float64[np.ndarray, "3"]:
        return self.mesh.bounds.mean(axis=0)

    @cached_property
    def _radius(self) -> float:
        return float(np.linalg.norm(self.mesh.bounds[1] - self._centre)) or 1.0

    def _approach(
        self, origins: Float[np.ndarray, "n 3"], directions: Float[np.ndarray, "n 3"]
    ) -> tuple[Float64[np.ndarray, "n"], Float64[np.ndarray, "n 3"], Float64[np.ndarray, "n 3"]]:
        """How far rays from far away fly before they can meet anything; each ray's origin there, its direction."""
        o, d = origins.astype(np.float64, copy=False), directions.astype(np.float64, copy=False)
        if np.abs(o - self._centre).max(initial=0) < NEAR * self._radius:
            return np.zeros(len(o)), o, d
        squared = np.einsum("nk,nk->n", d, d)
        nearest = np.einsum("nk,nk->n", self._centre - o, d) / squared
        start = np.maximum(nearest - 1.001 * self._radius / np.sqrt(squared), 0)
        return start, o + start[:, None] * d, d

    def _faces_by_tree(
        self,
        o: Float64[np.ndarray, "n 3"],
        d: Float64[np.ndarray, "n 3"],
        furthest: Float64[np.ndarray, "n"] | None = None,
    ) -> Int64[np.ndarray, "n"]:
        best = np.full(len(o), np.inf) if furthest is None else furthest.copy()
        faces = np.full(len(o), -1)
        inverse = 1 / np.where(np.abs(d) > 1e-30, d, 1e-30)
        near = lambda i, low, high: ray_meets_box(o[i], inverse[i], best[i], low, high)  # noqa: E731
        for rays, candidates in self._tree.search(len(o), near):
            items, tried = np.repeat(rays, candidates.shape[1]), candidates.ravel()
            distance, weights = _meet_planes(o[items], d[items], self._corners[tried])
            valid = (weights.min(axis=1) >= -EDGE_TOLERANCE) & (distance >= 0) & (distance <= best[items])
            items, tried, distance = items[valid], tried[valid], distance[valid]
            # The nearest of a ray's candidates comes last and wins.
            order = np.argsort(-distance, kind="stable")
            best[items[order]], faces[items[order]] = distance[order], tried[order]
        return faces

    def _to_embree(
        self, o: Float64[np.ndarray, "n 3"], d: Float64[np.ndarray, "n 3"]
    ) -> tuple[np.ndarray, np.ndarray, Float64[np.ndarray, "n"]]:
        lengths = np.linalg.norm(d, axis=1)
        shifted = (o - self._centre) / self._radius
        return shifted.astype(np.float32), (d / lengths[:, None]).astype(np.float32), lengths

    def _faces_by_embree(self, o: Float64[np.ndarray, "n 3"], d: Float64[np.ndarray, "n 3"]) -> Int64[np.ndarray, "n"]:
        shifted, unit, _ = self._to_embree(o, d)
        faces = self._embree.run(shifted, unit, query="INTERSECT").astype(np.int64)
        missed = np.flatnonzero(faces < 0)
        tilted = unit[missed] + np.float32(TILT) * unit[missed][:, [1, 2, 0]] * np.array([1, -1, 1], np.float32)
        faces[missed] = self._embree.run(shifted[missed], tilted, query="INTERSECT")
        return faces


def _meet_planes(
    o: Float64[np.ndarray, "n 3"], d: Float64[np.ndarray, "n 3"], corners: Float64[np.ndarray, "n 3 3"]
) -> tuple[Float64[np.ndarray, "n"], Float64[np.ndarray, "n 3"]]:
    """How far each ray flies to the plane of its face, and the barycentric weights there; not finite if parallel.

    Möller and Trumbore, "Fast, minimum storage ray-triangle intersection", 1997. One coordinate at a time, which numpy
    does several times faster than rows of three.
    """
    a, b, c = np.moveaxis(corners, 0, 2)
    direction, e1, e2, s = d.T, b - a, c - a, o.T - a
    p, q = _cross(direction, e2), _cross(s, e1)
    determinant = _dot(e1, p)
    with np.errstate(divide="ignore", invalid="ignore"):
        u, v, distance = (_dot(x, y) / determinant for x, y in ((s, p), (direction, q), (e2, q)))
        return distance, np.stack([1 - u - v, u, v], axis=1)


def _cross(u: Float64[np.ndarray, "3 n"], v: Float64[np.ndarray, "3 n"]) -> Float64[np.ndarray, "3 n"]:
    return np.stack([u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]])


def _dot(u: Float64[np.ndarray, "3 n"], v: Float64[np.ndarray, "3 n"]) -> Float64[np.ndarray, "n"]:
    return u[0] * v[0] + u[1] * v[1] + u[2] * v[2]


def _embree_scene(mesh: Mesh, centre: Float64[np.ndarray, "3"], radius: float) -> Any:
    try:
        from embreex.mesh_construction import TriangleMesh
        from embreex.rtcore_scene import EmbreeScene
    except ImportError:
        return None
    scene = EmbreeScene()
    # Embree calculates in single precision: it gets the mesh in the unit sphere, and only says which face is hit.
    TriangleMesh(scene, ((mesh.vertices - centre) / radius).astype(np.float32), mesh.faces.astype(np.int32))
    return scene
