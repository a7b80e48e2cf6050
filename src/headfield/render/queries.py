"""Asking a signed distance function: a bounded number of points at once, with or without gradients, counted.

A signed distance function takes points (n, 3) in head space to n distances, negative inside: a field bound to one
subject, or a closed form. Its values need not be exact distances; its sign is what counts.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch
from jaxtyping import Float
from torch import Tensor

from headfield.chunks import in_chunks
from headfield.mesh.grid import SignedDistance

CHUNK = 16384
"""How many points are asked at once where no gradients are kept. On CPUs larger batches are slower."""


class Counted:
    """A signed distance function that knows at how many points it was asked."""

    def __init__(self, sdf: SignedDistance):
        self.points = 0
        self._sdf = sdf

    def __call__(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n"]:
        """What the function says, and a note of how much it was asked."""
        self.points += len(points)
        return self._sdf(points)


def roughly(device: torch.device, enabled: bool = True) -> AbstractContextManager:
    """While it lasts, networks are asked in bfloat16: for looking around, where a thousandth does not matter."""
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled, cache_enabled=False)


def ask(sdf: SignedDistance, points: Float[Tensor, "*n 3"], chunk: int = CHUNK) -> Float[Tensor, "*n"]:
    """The distances at points, without gradients, ``chunk`` points at once."""
    flat = points.detach().reshape(-1, 3)
    if not len(flat):
        return flat.new_empty(points.shape[:-1])
    with torch.no_grad():
        return in_chunks(sdf, flat, chunk).to(flat.dtype).reshape(points.shape[:-1])


def gradients(sdf: SignedDistance, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
    """How the distance changes with the place: the normals, times however much the field is off being a distance.

    Where gradients are enabled, the result can be differentiated by the field's parameters and by the points.
    """
    keep = torch.is_grad_enabled()
    with torch.enable_grad():
        places = points if keep and points.requires_grad else points.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(sdf(places).sum(), places, create_graph=keep)
    return gradient
