"""Whole pictures of a signed distance function."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from headfield.cameras import Camera
from headfield.capture import View
from headfield.mesh.grid import SignedDistance
from headfield.render.hits import HitFinder
from headfield.render.queries import CHUNK, gradients
from headfield.render.views import all_pixels, pixel_rays

Colour = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Takes n points, their unit normals and the rays' directions there, each (n, 3), to n colours from 0 to 1."""


def render_view(
    sdf: SignedDistance,
    camera: Camera,
    colour: Colour,
    find: HitFinder,
    *,
    background: tuple[float, float, float] = (1.0, 1.0, 1.0),
    chunk: int = CHUNK,
    name: str = "",
) -> View:
    """The picture a camera takes of a surface, with mask, normals and depth, ``chunk`` pixels at once.

    All is done in the camera's precision and on its device, one ray a pixel, without gradients.
    """
    size = (camera.height, camera.width)
    like = camera.focal
    image = like.new_tensor(background).expand(len(all_pixels(camera)), 3).clone()
    normals, depth = torch.zeros_like(image), torch.zeros_like(image[:, 0])
    covered = torch.zeros_like(depth, dtype=torch.bool)
    with torch.no_grad():
        for pixels in all_pixels(camera).split(chunk):
            hits = find(sdf, pixel_rays(camera, pixels))
            points, seen = hits.points, pixels[hits.hit]
            normal = normalize(gradients(sdf, points), dim=-1)
            image[seen] = colour(points, normal, hits.hitting.directions).to(like)
            normals[seen] = normal @ camera.rotation.T
            depth[seen] = camera.to_camera(points)[:, 2]
            covered[seen] = True
    return View(
        name,
        camera,
        image=_bytes(image).reshape(*size, 3),
        mask=_bytes(covered).reshape(size),
        normals=normals.reshape(*size, 3).float().cpu().numpy(),
        depth=depth.reshape(size).float().cpu().numpy(),
    )


def _bytes(shares: Tensor) -> np.ndarray:
    return (shares.double().clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()
