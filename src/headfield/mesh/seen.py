"""How well cameras see each part of a surface."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float64

from headfield.cameras import Camera
from headfield.mesh.raycast import RayCaster
from headfield.surface import unit

LIFT = 2e-3
"""How far off the surface, in head units, a look back at the camera starts, so that no face is in its own way."""


def squareness(
    caster: RayCaster, camera: Camera, normals: Float64[np.ndarray, "v 3"] | None = None
) -> Float64[np.ndarray, "v"]:
    """How squarely one camera sees each vertex of the caster's mesh.

    It is the cosine between the vertex's normal (the mesh's own, unless better ones are known) and the way to the
    camera; zero where the surface turns away, is hidden behind something, or lies outside the picture.
    """
    mesh, camera = caster.mesh, camera.to(dtype=torch.float64, device="cpu")
    normals = mesh.vertex_normals if normals is None else normals
    towards = camera.centre.detach().numpy() - mesh.vertices
    cosine = np.einsum("vk,vk->v", normals, unit(towards))
    pixels, depth = (values.detach().numpy() for values in camera.project(torch.from_numpy(mesh.vertices)))
    pictured = (depth > 0) & ((pixels >= 0) & (pixels <= (camera.width, camera.height))).all(axis=1)
    facing = np.flatnonzero(pictured & (cosine > 0))
    starts = mesh.vertices[facing] + LIFT * normals[facing]
    hidden = caster.occluded(starts, towards[facing], max_distance=1.0)
    seen = np.zeros(len(cosine))
    seen[facing[~hidden]] = np.minimum(cosine[facing[~hidden]], 1)
    return seen
