"""Where cameras stand: orbits, arcs, spirals, lattices, dolly zooms.

Azimuth 0 looks the face in the eyes (from +z) and grows towards +x, the subject's left; elevation grows towards +y.
Angles are in degrees, lengths in head units.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from headfield.cameras import Camera
from headfield.errors import InputError


def focal_for(size: float, *, distance: float, pixels: int) -> float:
    """The focal length in pixels with which something ``size`` wide at ``distance`` spans ``pixels``."""
    if size <= 0 or distance <= 0 or pixels < 1:
        raise InputError("size and distance must be positive and the picture at least one pixel wide.")
    return pixels * distance / size


def on_sphere(azimuth: Float[Tensor, "*b"], elevation: Float[Tensor, "*b"]) -> Float[Tensor, "*b 3"]:
    """Unit vectors at the given angles in degrees."""
    a, e = torch.deg2rad(azimuth), torch.deg2rad(elevation)
    return torch.stack([e.cos() * a.sin(), e.sin(), e.cos() * a.cos()], dim=-1)


def around(
    directions: Float[Tensor, "n 3"],
    *,
    distance: float,
    size: float = 2.2,
    pixels: int = 512,
    target: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> Camera:
    """Square cameras ``distance`` away from ``target`` in ``directions``, a width of ``size`` filling the picture."""
    centre = directions.new_tensor(target)
    return Camera.look_at(
        centre + distance * directions,
        centre.expand(directions.shape),
        focal=focal_for(size, distance=distance, pixels=pixels),
        width=pixels,
        height=pixels,
    )


def orbit(n: int, *, elevation: float = 0.0, start: float = 0.0) -> Float[Tensor, "n 3"]:
    """n directions once around the head, evenly, beginning at azimuth ``start``."""
    azimuth = start + 360.0 * torch.arange(n, dtype=torch.float64) / n
    return on_sphere(azimuth, torch.full_like(azimuth, elevation))


def arc(n: int, *, half_angle: float = 45.0, elevation: float = 0.0) -> Float[Tensor, "n 3"]:
    """n directions from -half_angle to +half_angle in front of the face, evenly, both ends included."""
    azimuth = torch.linspace(-half_angle, half_angle, n, dtype=torch.float64)
    return on_sphere(azimuth, torch.full_like(azimuth, elevation))


def grid(rows: int, columns: int, *, half_azimuth: float, half_elevation: float) -> Float[Tensor, "n 3"]:
    """rows x columns directions in front of the face, from the top left of what the camera sees to the bottom right."""
    elevation, azimuth = torch.meshgrid(
        torch.linspace(half_elevation, -half_elevation, rows, dtype=torch.float64),
        torch.linspace(-half_azimuth, half_azimuth, columns, dtype=torch.float64),
        indexing="ij",
    )
    return on_sphere(azimuth.flatten(), elevation.flatten())


def spiral(n: int, *, radius: float = 20.0, turns: float = 2.0, back: bool = False) -> Float[Tensor, "n 3"]:
    """n directions winding outwards from straight ahead to ``radius`` degrees off it.

    With ``back`` they wind in again on the way, so that after the last one the first may follow.
    """
    t = torch.arange(n, dtype=torch.float64) / n if back else torch.linspace(0, 1, n, dtype=torch.float64)
    phase = 2 * math.pi * turns * t
    reach = radius * ((math.pi * t).sin() if back else t)
    return on_sphere(reach * phase.cos(), reach * phase.sin())


def fibonacci(n: int) -> Float[Tensor, "n 3"]:
    """n directions spread evenly over the sphere (the Fibonacci lattice), from the top down."""
    i = torch.arange(n, dtype=torch.float64)
    y = 1 - (2 * i + 1) / n
    ring = (1 - y * y).sqrt()
    angle = i * math.pi * (3 - math.sqrt(5))
    return torch.stack([ring * angle.sin(), y, ring * angle.cos()], dim=-1)


def dolly_zoom(camera: Camera, distances: Float[Tensor, "n"], *, target: Float[Tensor, "3"]) -> Camera:
    """The camera moved along its line to ``target``, the focal length following so that the target keeps its size."""
    if (distances <= 0).any():
        raise InputError("a dolly zoom needs positive distances.")
    offset = camera.centre - target
    start = offset.norm()
    eye = target + distances[:, None] * (offset / start)
    # What keeps its size is the plane through the target that faces the camera, so depths count, not distances.
    rotation = camera.rotation.expand(len(distances), 3, 3)
    return Camera(
        rotation=rotation,
        translation=-(rotation @ eye[..., None])[..., 0],
        focal=camera.focal * (distances / start)[:, None],
        principal=camera.principal.expand(len(distances), 2),
        width=camera.width,
        height=camera.height,
    )
