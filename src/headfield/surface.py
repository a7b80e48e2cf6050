"""Mesh: a triangle surface as plain data. What is done to surfaces lives in ``headfield.mesh``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64, Integer, Shaped, UInt8

from headfield.transforms import Similarity


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles, anticlockwise seen from outside, with whatever is known about their vertices.

    A texture is looked up with ``uv`` (origin at the bottom left of the picture, as in OBJ files); where the atlas has
    seams, vertices are doubled, so that ``uv`` stays one per vertex.
    """

    vertices: Float64[np.ndarray, "v 3"]
    faces: Int64[np.ndarray, "f 3"]
    colours: UInt8[np.ndarray, "v 3"] | None = None
    uv: Float[np.ndarray, "v 2"] | None = None
    texture: UInt8[np.ndarray, "h w 3"] | None = None
    attributes: Mapping[str, Shaped[np.ndarray, "v *c"]] = field(default_factory=dict)

    @staticmethod
    def of(vertices: Float[np.ndarray, "v 3"], faces: Integer[np.ndarray, "f 3"]) -> Mesh:
        """A bare mesh from arrays of any precision."""
        return Mesh(np.ascontiguousarray(vertices, dtype=np.float64), np.ascontiguousarray(faces, dtype=np.int64))

    @property
    def corners(self) -> Float64[np.ndarray, "f 3 3"]:
        """The three corners of each face."""
        return self.vertices[self.faces]

    @cached_property
    def _face_crosses(self) -> Float64[np.ndarray, "f 3"]:
        a, b, c = np.moveaxis(self.corners, 1, 0)
        return np.cross(b - a, c - a)

    @property
    def face_areas(self) -> Float64[np.ndarray, "f"]:
        """The area of each face."""
        return np.linalg.norm(self._face_crosses, axis=1) / 2

    @property
    def face_normals(self) -> Float64[np.ndarray, "f 3"]:
        """The outward unit normal of each face; zero where a face has no area."""
        return unit(self._face_crosses)

    @cached_property
    def vertex_normals(self) -> Float64[np.ndarray, "v 3"]:
        """The unit normal at each vertex: its faces' normals weighted by their angles there."""
        corners = self.corners
        normals = np.zeros_like(self.vertices)
        for k in range(3):
            one = unit(corners[:, (k + 1) % 3] - corners[:, k])
            other = unit(corners[:, (k + 2) % 3] - corners[:, k])
            angle = np.arccos(np.clip(np.sum(one * other, axis=1), -1, 1))
            weighted = self.face_normals * angle[:, None]
            for axis in range(3):
                normals[:, axis] += np.bincount(
                    self.faces[:, k], weights=weighted[:, axis], minlength=len(self.vertices)
                )
        return unit(normals)

    @property
    def bounds(self) -> Float64[np.ndarray, "2 3"]:
        """The lowest and the highest coordinates."""
        return np.stack([self.vertices.min(axis=0), self.vertices.max(axis=0)])

    def transformed(self, similarity: Similarity) -> Mesh:
        """The mesh after one similarity transform."""
        moved = similarity.to(dtype=torch.float64).apply(torch.from_numpy(self.vertices))
        return replace(self, vertices=moved.numpy())

    def sample(self, n: int, rng: np.random.Generator) -> SurfaceSamples:
        """n points spread evenly over the area."""
        areas = self.face_areas
        faces = rng.choice(len(areas), size=n, p=areas / areas.sum())
        u, v = rng.random((2, n))
        fold = u + v > 1
        u[fold], v[fold] = 1 - u[fold], 1 - v[fold]
        return SurfaceSamples(self, faces, np.stack([1 - u - v, u, v], axis=1))


@dataclass(frozen=True, eq=False)
class SurfaceSamples:
    """Points on a mesh, each by its face and its barycentric weights there."""

    mesh: Mesh
    faces: Int64[np.ndarray, "n"]
    weights: Float64[np.ndarray, "n 3"]

    @property
    def points(self) -> Float64[np.ndarray, "n 3"]:
        """Where the samples are."""
        return self.of_vertices(self.mesh.vertices)

    @property
    def normals(self) -> Float64[np.ndarray, "n 3"]:
        """The normals of the faces they lie on."""
        return self.mesh.face_normals[self.faces]

    def of_vertices(self, values: Shaped[np.ndarray, "v c"]) -> Float64[np.ndarray, "n c"]:
        """Values known at the vertices, interpolated."""
        return np.einsum("nk,nkc->nc", self.weights, values[self.mesh.faces[self.faces]])


def unit(vectors: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 3"]:
    """Vectors scaled to length one; zero stays zero."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
