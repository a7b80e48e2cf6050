"""Where cameras stand and go so that all of a mesh is seen: from chosen sides, and on the ways that films take."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from headfield import rigs
from headfield.cameras import Camera
from headfield.surface import Mesh

CameraPath = Literal["orbit", "spiral", "dolly-zoom"]
"""Once around the head; to both sides, up and down in front of it; and closer while the head keeps its size."""

DISTANCE = 8.0
"""From where pictures are taken, in head units: 1.6 m, as portraits are."""
ROOM = 1.15
"""How much wider than the head a picture is."""
SWING = 40.0
"""How many degrees a spiral goes to the sides, up and down."""
CLOSEST = 0.9
"""How close a dolly zoom comes to the middle of a mesh, in heights of it: to a head about 36 cm, an arm's length."""


def cameras_around(mesh: Mesh, directions: Float[Tensor, "n 3"], pixels: int) -> Camera:
    """Square cameras in ``directions`` from the mesh that see all of it at one scale."""
    middle, extent = _place(mesh)
    # For a mesh that is not in head space: as far away for its size as for a head, which is nearly two units high.
    distance = DISTANCE * max(extent / 2, 1)
    x, y, z = middle.tolist()
    return rigs.around(directions, distance=distance, size=ROOM * extent, pixels=pixels, target=(x, y, z))


def cameras_along(path: CameraPath, mesh: Mesh, n: int, pixels: int) -> Camera:
    """n cameras on a way past the mesh that ends where it begins."""
    if path == "orbit":
        return cameras_around(mesh, rigs.orbit(n), pixels)
    if path == "spiral":
        return cameras_around(mesh, rigs.spiral(n, radius=SWING, back=True), pixels)
    middle, extent = _place(mesh)
    front = cameras_around(mesh, rigs.orbit(1), pixels)[0]
    far = float((front.centre - middle).norm())
    # Evenly in what perspective goes by, which is one over the distance.
    share = (1 - torch.cos(2 * math.pi * torch.arange(n, dtype=torch.float64) / n)) / 2
    return rigs.dolly_zoom(front, 1 / (1 / far + (1 / (CLOSEST * extent) - 1 / far) * share), target=middle)


def _place(mesh: Mesh) -> tuple[Float[Tensor, "3"], float]:
    """The middle of a mesh, and how wide a picture must be there to show it from any side."""
    low, high = mesh.bounds
    middle = (low + high) / 2
    radius = np.hypot(*(mesh.vertices - middle)[:, [0, 2]].T).max()
    return torch.from_numpy(middle), float(max(high[1] - low[1], 2 * radius)) or 1.0
