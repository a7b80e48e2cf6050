"""Views of meshes that are painted by a known function of the place."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from headfield import rigs
from headfield.cameras import Camera
from headfield.capture import View
from headfield.mesh.raycast import RayCaster
from headfield.surface import Mesh

BACKGROUND = (255, 0, 255)

Paint = Callable[[np.ndarray], np.ndarray]


def camera_at(azimuth: float, *, pixels: int = 160, size: float = 1.3, elevation: float = 0.0) -> Camera:
    direction = rigs.on_sphere(torch.tensor([azimuth]).double(), torch.tensor([elevation]).double())
    return rigs.around(direction, distance=5.0, size=size, pixels=pixels)[0]


def photographed(mesh: Mesh, camera: Camera, paint: Paint) -> View:
    """What the camera sees, each pixel in the colour (0 to 1) of the place in its middle, before a loud background."""
    rays = camera.rays(camera.pixel_centres().reshape(-1, 2))
    origins, directions = rays.origins.numpy(), rays.directions.numpy()
    hits = RayCaster(mesh).first_hits(origins, directions)
    image = np.tile(np.array(BACKGROUND, np.uint8), (len(origins), 1))
    places = origins[hits.hit] + hits.distance[hits.hit, None] * directions[hits.hit]
    image[hits.hit] = np.round(255 * paint(places))
    size = (camera.height, camera.width)
    return View("", camera, image.reshape(*size, 3), mask=(255 * hits.hit).astype(np.uint8).reshape(size))
