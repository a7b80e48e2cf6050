"""What no view sees is held to what the prior says of it, so that it does not drift while the rest moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int64
from scipy.spatial import cKDTree
from torch import Tensor

from headfield.cameras import Camera
from headfield.mesh.extract import extract
from headfield.mesh.grid import SignedDistance
from headfield.mesh.raycast import RayCaster
from headfield.render.queries import CHUNK, roughly
from headfield.surface import Mesh

RESOLUTION = 64
"""Of the mesh that says what is seen and what is not."""

GRAZING = 0.25
"""A place seen at a smaller cosine counts as not seen: there a view says little of where the surface is."""

OFF = 2e-3
"""How far from the mesh, in head units, the rays to the cameras begin."""


def seen_vertices(mesh: Mesh, cameras: Sequence[Camera], *, least: float = GRAZING) -> Bool[np.ndarray, "v"]:
    """Which vertices some camera sees: in its picture, facing it, with nothing in between."""
    cosines = visibility(mesh, cameras, np.arange(len(mesh.vertices)), least=least)
    return np.asarray(cosines.any(axis=0))


def visibility(
    mesh: Mesh, cameras: Sequence[Camera], which: Int64[np.ndarray, "n"], *, least: float
) -> Float64[np.ndarray, "c n"]:
    """At which cosines cameras see some of the vertices; 0 where they do not, or at less than the least."""
    caster, points, normals = RayCaster(mesh), mesh.vertices[which], mesh.vertex_normals[which]
    seen = np.zeros((len(cameras), len(which)))
    for row, camera in zip(seen, cameras, strict=True):
        exact = camera.to(device="cpu", dtype=torch.float64)
        pixels, depth = exact.project(torch.from_numpy(np.asarray(points, np.float64)))
        size = np.array([camera.width, camera.height])
        within = ((pixels.numpy() > 0) & (pixels.numpy() < size)).all(axis=1) & (depth.numpy() > 0)
        way = exact.centre.numpy() - points
        cosine = (way * normals).sum(axis=1) / np.linalg.norm(way, axis=1)
        candidates = np.flatnonzero(within & (cosine > least))
        start = points[candidates] + OFF * normals[candidates]
        hidden = caster.occluded(start, exact.centre.numpy() - start, max_distance=1.0)
        row[candidates[~hidden]] = cosine[candidates[~hidden]]
    return seen


@dataclass(frozen=True, eq=False)
class Unseen:
    """The places of a shape that no view sees: on its surface, and in the space nearer to those than to seen ones."""

    vertices: Float[Tensor, "u 3"]
    _tree: cKDTree
    _seen: Bool[np.ndarray, "v"]

    @staticmethod
    def of(shape: SignedDistance, cameras: Sequence[Camera], *, device: torch.device, least: float = GRAZING) -> Unseen:
        """What cameras do not see of a shape, at this cosine at least."""
        with roughly(device):
            mesh = extract(shape, resolution=RESOLUTION, border="open", chunk=CHUNK, dtype=torch.float32, device=device)
        seen = seen_vertices(mesh, cameras, least=least)
        vertices = torch.from_numpy(mesh.vertices[~seen]).to(device=device, dtype=torch.float32)
        return Unseen(vertices, cKDTree(mesh.vertices), seen)

    def draw(
        self, close: int, anywhere: int, generator: torch.Generator, *, spread: float = 0.03
    ) -> Float[Tensor, "n 3"]:
        """Places by chance: at most so many close to the unseen surface, and so many in the unseen rest of the cube."""
        device = self.vertices.device
        places = 2 * torch.rand((anywhere, 3), generator=generator, device=device) - 1
        if len(self.vertices):
            index = torch.randint(len(self.vertices), (close,), generator=generator, device=device)
            offset = spread * torch.randn((close, 3), generator=generator, device=device)
            places = torch.cat([self.vertices[index] + offset, places])
        _, nearest = self._tree.query(places.cpu().numpy())
        return places[torch.from_numpy(~self._seen[nearest]).to(device)]
