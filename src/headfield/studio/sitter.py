"""A figure made ready for pictures: all its parts as one surface, and the light that reaches each place of it.

What no camera changes is worked out once for a figure, and once for each light it stands in; pictures interpolate it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float32, Int64
from scipy import sparse

from headfield.mesh.raycast import RayCaster
from headfield.studio.figure import Figure, Part
from headfield.studio.light import Light
from headfield.studio.material import Material
from headfield.studio.occlusion import lamp_visibility, neighbourhood_means, sky_transfer
from headfield.studio.outlook import sees_out, told_by_corners
from headfield.surface import Mesh
from headfield.units import MILLIMETRES_PER_UNIT

SKIN = "skin"
"""The name of the part in which light spreads beneath the surface."""

SCATTER = np.array([2.0, 0.9, 0.5], np.float32) / MILLIMETRES_PER_UNIT
"""How far light spreads in skin before it comes out again, as standard deviations: red goes furthest."""

MOST_SPREADING = 12
"""At most so many steps of spreading, however fine the mesh."""


@dataclass(frozen=True, eq=False)
class Sitter:
    """A figure as one surface, and what that surface's shape decides about light.

    In ``surface`` vertices in the same place are one, so that no seam of a texture shows in normals or light.
    """

    parts: tuple[Part, ...]
    """The figure's parts in the order of the surface's faces: solid ones first."""
    surface: Mesh
    scene: RayCaster
    """Meets everything a picture shows."""
    solids: RayCaster
    """Meets what depths and scanners know: the solid parts. Its faces are the surface's first ones."""

    @staticmethod
    def of(figure: Figure) -> Sitter:
        """Set up a figure."""
        parts = tuple(sorted(figure.parts, key=lambda part: not part.solid))
        surface = _as_one([part.mesh for part in parts])
        scene = solids = RayCaster(surface)
        solid_faces = sum(len(part.mesh.faces) for part in parts if part.solid)
        if solid_faces < len(surface.faces):
            solids = RayCaster(Mesh(surface.vertices, surface.faces[:solid_faces]))
        return Sitter(parts, surface, scene, solids)

    @staticmethod
    def of_mesh(mesh: Mesh) -> Sitter:
        """Set up a mesh that is no figure, such as a real scan."""
        return Sitter.of(Figure((Part("mesh", mesh),), landmarks=np.zeros((68, 3))))

    @cached_property
    def first_faces(self) -> Int64[np.ndarray, "p"]:
        """Where the faces of each part begin."""
        counts = [0] + [len(part.mesh.faces) for part in self.parts[:-1]]
        return np.cumsum(counts, dtype=np.int64)

    def part_of(self, faces: Int64[np.ndarray, "n"]) -> Int64[np.ndarray, "n"]:
        """Which part each face belongs to; -1 for no face."""
        return np.searchsorted(self.first_faces, faces, side="right") - 1

    @cached_property
    def materials(self) -> tuple[Material, ...]:
        """What each part is made of."""
        return tuple(Material.of(part) for part in self.parts)

    @cached_property
    def fibrous(self) -> Bool[np.ndarray, "p"]:
        """Which parts are hair."""
        return np.array([material.fibrous for material in self.materials])

    @cached_property
    def translucent(self) -> Bool[np.ndarray, "p"]:
        """Which parts let something show that lies behind them."""
        return np.array([material.translucent for material in self.materials])

    @cached_property
    def means(self) -> sparse.csr_array:
        """Takes values at the vertices to the means over their neighbourhoods."""
        return neighbourhood_means(self.surface)

    @cached_property
    def sees_out(self) -> Bool[np.ndarray, "v"]:
        """From which vertices some straight way leads out, past the solid parts."""
        return sees_out(self.solids, self.surface.vertices, self.surface.vertex_normals)

    @cached_property
    def told_by_corners(self) -> Bool[np.ndarray, "f"]:
        """Which solid faces look out where their corners do and nowhere else."""
        return told_by_corners(self.solids.mesh, self.normals)

    @cached_property
    def transfer(self) -> Float32[np.ndarray, "v 9"]:
        """What falls on each vertex from each harmonic of an environment, past whatever is in the way."""
        return sky_transfer(self.surface, self.solids, self.means, self.sees_out)

    @cached_property
    def normals(self) -> Float32[np.ndarray, "v 3"]:
        """The unit normal at each vertex."""
        return self.surface.vertex_normals.astype(np.float32)

    @cached_property
    def face_normals(self) -> Float32[np.ndarray, "f 3"]:
        """The unit normal of each face."""
        return self.surface.face_normals.astype(np.float32)

    @cached_property
    def openness(self) -> Float32[np.ndarray, "v"]:
        """How much of a uniform sky's light reaches each vertex, from 0 to 1."""
        return np.clip(self.transfer[:, 0] * np.float32(2 / np.sqrt(np.pi)), 0, 1)

    @cached_property
    def outlook(self) -> Float32[np.ndarray, "v 3"]:
        """Where the light of a uniform sky comes from, as seen by each vertex: its normal if nothing is in the way."""
        y, z, x = self.transfer[:, 1:4].T * np.float32(np.sqrt(3 / np.pi))
        return np.stack([x, y, z], axis=1)

    def lit(self, light: Light) -> LitSitter:
        """The figure in a light."""
        visibility = np.zeros((len(self.normals), len(light.lamps)), np.float32)
        irradiance = np.maximum(self.transfer @ light.ambient, 0)
        for k, lamp in enumerate(light.lamps):
            visibility[:, k] = lamp_visibility(self.surface, self.solids, self.means, self.sees_out, lamp)
            facing = np.maximum(self.normals @ lamp.direction, 0)
            irradiance += (visibility[:, k] * facing)[:, None] * lamp.colour
        return LitSitter(self, light, self._scattered(irradiance), visibility)

    def _scattered(self, irradiance: Float32[np.ndarray, "v 3"]) -> Float32[np.ndarray, "v 3"]:
        """Light spread beneath the skin: diffusion over the surface, further for red, which warms shadows' edges."""
        names = [part.name for part in self.parts]
        if SKIN not in names:
            return irradiance
        skin_faces = self.surface.faces[self.part_of(np.arange(len(self.surface.faces))) == names.index(SKIN)]
        skin = np.unique(skin_faces)
        edges = self.surface.vertices[skin_faces] - self.surface.vertices[np.roll(skin_faces, 1, axis=1)]
        # The mean over a vertex and its six neighbours is a step of this variance along each axis of the surface.
        variance = 3 / 7 * np.mean(np.sum(edges**2, axis=2))
        steps = int(np.clip(np.ceil(SCATTER.max() ** 2 / variance), 1, MOST_SPREADING))
        share = np.minimum(SCATTER**2 / (steps * variance), 1).astype(np.float32)
        means = self.means[skin][:, skin]
        spread = irradiance[skin]
        for _ in range(steps):
            spread += share * (means @ spread - spread)
        irradiance[skin] = spread
        return irradiance


@dataclass(frozen=True, eq=False)
class LitSitter:
    """A figure in a light, ready to be photographed from anywhere."""

    sitter: Sitter
    light: Light
    irradiance: Float32[np.ndarray, "v 3"]
    """The light that falls on each vertex, directly."""
    visibility: Float32[np.ndarray, "v l"]
    """How much of each lamp each vertex sees."""

    @cached_property
    def at_vertices(self) -> Float32[np.ndarray, "v k"]:
        """All that pictures interpolate: normal, irradiance, openness, outlook, visibility of each lamp."""
        sitter = self.sitter
        columns = [sitter.normals, self.irradiance, sitter.openness[:, None], sitter.outlook, self.visibility]
        return np.concatenate(columns, axis=1)


def _as_one(meshes: Sequence[Mesh]) -> Mesh:
    """All faces of the meshes in order, on vertices of which no two are in the same place."""
    vertices = np.concatenate([mesh.vertices for mesh in meshes])
    counts = np.cumsum([0] + [len(mesh.vertices) for mesh in meshes[:-1]])
    faces = np.concatenate([mesh.faces + count for mesh, count in zip(meshes, counts, strict=True)])
    # Sorting one number a vertex takes a tenth of the time of sorting rows: 21 bits for each coordinate.
    low, extent = vertices.min(axis=0), np.ptp(vertices, axis=0).max()
    x, y, z = ((vertices - low) * ((1 << 21) - 1) / (extent or 1.0)).astype(np.int64).T
    keys = (x << 42) | (y << 21) | z
    _, first, place = np.unique(keys, return_index=True, return_inverse=True)
    return Mesh(vertices[first], place[faces])
