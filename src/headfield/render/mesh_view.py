"""Whole pictures of a mesh with what is painted on it: the quick look at a surface."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float64, UInt8

from headfield.cameras import Camera
from headfield.capture import View
from headfield.mesh.pictures import sample_texture
from headfield.mesh.raycast import RayCaster
from headfield.surface import SurfaceSamples, unit

CLAY = (226, 214, 202)
"""What a surface without colours is made of; it is lit from above the viewer's left shoulder."""

_LIGHT = np.array([-0.4, -0.5, -0.77])


def render_mesh(
    caster: RayCaster, camera: Camera, *, background: tuple[float, float, float] = (1.0, 1.0, 1.0), name: str = ""
) -> View:
    """The picture a camera takes of the caster's mesh, with mask, normals and depth, one ray a pixel.

    Texture and vertex colours are shown as they are, without light.
    """
    size = (camera.height, camera.width)
    exact = camera.to(dtype=torch.float64, device="cpu")
    rays = exact.rays(exact.pixel_centres().reshape(-1, 2))
    origins, directions = rays.origins.numpy(), rays.directions.numpy()
    hits = caster.first_hits(origins, directions)
    hit = hits.hit
    places = SurfaceSamples(caster.mesh, hits.faces[hit], hits.weights[hit])
    rotation = exact.rotation.numpy()
    normals, depth = np.zeros((len(hit), 3)), np.zeros(len(hit))
    normals[hit] = unit(places.of_vertices(caster.mesh.vertex_normals)) @ rotation.T
    depth[hit] = hits.distance[hit] * (directions[hit] @ rotation[2])
    image = np.tile(np.round(255 * np.array(background)).astype(np.uint8), (len(hit), 1))
    image[hit] = _colours(places, normals[hit])
    return View(
        name,
        camera,
        image=image.reshape(*size, 3),
        mask=(hit * np.uint8(255)).reshape(size),
        normals=normals.astype(np.float32).reshape(*size, 3),
        depth=depth.astype(np.float32).reshape(size),
    )


def _colours(places: SurfaceSamples, normals: Float64[np.ndarray, "n 3"]) -> UInt8[np.ndarray, "n 3"]:
    mesh = places.mesh
    if mesh.texture is not None and mesh.uv is not None:
        return sample_texture(mesh.texture, places.of_vertices(mesh.uv))
    if mesh.colours is not None:
        return np.round(places.of_vertices(mesh.colours)).astype(np.uint8)
    light = np.clip(normals @ _LIGHT, 0, 1)[:, None]
    return np.round(np.array(CLAY) * (0.3 + 0.7 * light)).astype(np.uint8)
