"""What a part of a figure is made of, ready to be looked up at many places of its surface."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float32, Int64, Shaped

from headfield.studio.figure import Part
from headfield.studio.texture import Pyramid
from headfield.studio.tone import to_light

GREY = np.float32(0.5)
"""The albedo of a part that has neither texture nor colours."""


@dataclass(frozen=True, eq=False)
class Material:
    """A part's albedo in linear light, and what its mesh says beyond that.

    Two vertex attributes are known: ``flow``, the direction of the strands that a surface stands for, and ``opacity``,
    how much of what lies behind it is hidden (0 to 1; a lens is less than 1).
    """

    part: Part
    pyramid: Pyramid | None
    texels_per_unit: Float32[np.ndarray, "f"]
    """How many texels lie along one head unit, for each face; zero without a texture."""
    colours: Float32[np.ndarray, "v 3"] | None

    @staticmethod
    def of(part: Part) -> Material:
        """Prepare a part."""
        mesh = part.mesh
        if mesh.texture is None or mesh.uv is None:
            colours = None if mesh.colours is None else to_light(mesh.colours)
            return Material(part, None, np.zeros(len(mesh.faces), np.float32), colours)
        a, b, c = np.moveaxis(mesh.uv[mesh.faces], 1, 0)
        across, down = b - a, c - a
        uv_area = np.abs(across[:, 0] * down[:, 1] - across[:, 1] * down[:, 0]) / 2
        texels = uv_area * mesh.texture.shape[0] * mesh.texture.shape[1]
        density = np.sqrt(texels / np.maximum(mesh.face_areas, 1e-12)).astype(np.float32)
        return Material(part, Pyramid.of(mesh.texture), density, None)

    @property
    def fibrous(self) -> bool:
        """Whether this is hair: a surface that stands for strands, of which it knows the way."""
        return "flow" in self.part.mesh.attributes

    @property
    def translucent(self) -> bool:
        """Whether what lies behind can show through."""
        return self.fibrous or "opacity" in self.part.mesh.attributes

    @cached_property
    def points(self) -> Float32[np.ndarray, "v 3"]:
        """Where its vertices are."""
        return self.part.mesh.vertices.astype(np.float32)

    @cached_property
    def flow(self) -> Float32[np.ndarray, "v 3"]:
        """Where the strands of a fibrous part are heading."""
        return self.part.mesh.attributes["flow"].astype(np.float32)

    def of_vertices(
        self, name: str, faces: Int64[np.ndarray, "n"], weights: Float32[np.ndarray, "n 3"]
    ) -> Float32[np.ndarray, "n *c"] | None:
        """An attribute of the part's vertices at places of it; none if it has no such attribute."""
        values = self.part.mesh.attributes.get(name)
        if values is None:
            return None
        return interpolate(values, self.part.mesh.faces[faces], weights).astype(np.float32)

    def albedo(
        self,
        faces: Int64[np.ndarray, "n"],
        weights: Float32[np.ndarray, "n 3"],
        footprint: Float32[np.ndarray, "n"],
    ) -> Float32[np.ndarray, "n 3"]:
        """Linear albedo at places of the part, as pixels see it that are ``footprint`` head units wide there."""
        if self.pyramid is not None and self.part.mesh.uv is not None:
            uv = interpolate(self.part.mesh.uv, self.part.mesh.faces[faces], weights)
            return self.pyramid.read(uv, footprint * self.texels_per_unit[faces])
        if self.colours is not None:
            return interpolate(self.colours, self.part.mesh.faces[faces], weights).astype(np.float32)
        return np.full((len(faces), 3), GREY)

    def opacity(self, faces: Int64[np.ndarray, "n"], weights: Float32[np.ndarray, "n 3"]) -> Float32[np.ndarray, "n"]:
        """How much is hidden of what lies behind places of the part."""
        values = self.of_vertices("opacity", faces, weights)
        return np.ones(len(faces), np.float32) if values is None else np.clip(values, 0, 1)


def interpolate(
    values: Shaped[np.ndarray, "v *c"], corners: Int64[np.ndarray, "n 3"], weights: Float32[np.ndarray, "n 3"]
) -> Shaped[np.ndarray, "n *c"]:
    """Values at the vertices, at places given by their face's corners and weights."""
    w = weights.T if values.ndim == 1 else weights.T[..., None]
    # Taking rows is several times faster than indexing with an array.
    one, two, three = (values.take(corners[:, k], axis=0) for k in range(3))
    return w[0] * one + w[1] * two + w[2] * three
