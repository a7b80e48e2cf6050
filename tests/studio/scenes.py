"""Figures, lights and cameras whose pictures can be worked out by hand."""

from __future__ import annotations

import numpy as np
import torch

from headfield.cameras import Camera
from headfield.rigs import focal_for
from headfield.studio.figure import Figure, Part
from headfield.studio.light import Lamp, Light
from headfield.surface import Mesh


def disc(radius: float, height: float, n: int = 96) -> Mesh:
    """A disc in z = height around the z axis, facing +z."""
    angle = 2 * np.pi * np.arange(n) / n
    rim = np.stack([radius * np.cos(angle), radius * np.sin(angle), np.full(n, height)], axis=1)
    k = np.arange(n)
    faces = np.stack([np.zeros(n, int), 1 + k, 1 + (k + 1) % n], axis=1)
    return Mesh.of(np.concatenate([[[0, 0, height]], rim]), faces)


def painted(mesh: Mesh, grey: int) -> Mesh:
    return Mesh(mesh.vertices, mesh.faces, colours=np.full((len(mesh.vertices), 3), grey, np.uint8))


def figure(*meshes: Mesh, gloss: float = 0.0) -> Figure:
    parts = tuple(Part(f"shape {k}", mesh, gloss=gloss) for k, mesh in enumerate(meshes))
    return Figure(parts, landmarks=np.zeros((68, 3)))


def uniform(radiance: float, *lamps: Lamp) -> Light:
    """The same light from everywhere."""
    ambient = np.zeros((9, 3), np.float32)
    ambient[0] = 2 * np.sqrt(np.pi) * radiance
    return Light("test", ambient, lamps)


def lamp(direction: tuple[float, float, float], irradiance: float = 1.0, angular_radius: float = 0.5) -> Lamp:
    towards = np.array(direction, np.float32) / np.float32(np.linalg.norm(direction))
    return Lamp(towards, np.full(3, irradiance, np.float32), angular_radius)


def camera(
    eye: tuple[float, float, float] = (0.0, 0.0, 4.0), *, pixels: int = 64, size: float = 2.6, height: int | None = None
) -> Camera:
    """A camera that looks at the origin, where ``size`` fills the picture's width."""
    place = torch.tensor(eye, dtype=torch.float64)
    focal = focal_for(size, distance=float(place.norm()), pixels=pixels)
    return Camera.look_at(
        place, torch.zeros(3, dtype=torch.float64), focal=focal, width=pixels, height=height or pixels
    )
