"""How hits move with the field and with the camera, by implicit differentiation (IDR, section 3.1).

A hit x = c + t v stays on the surface, f(x; θ) = 0, whatever θ, c and v do. To first order that is

    x(θ, c, v) = c + t₀ v − v / (n₀ · v) · (f(c + t₀ v; θ) − f₀),    n₀ = ∇f(x₀; θ₀)

whose value is x₀ and whose first derivatives are those of the hit. It costs one query and its gradient.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from headfield.cameras import Rays
from headfield.mesh.grid import SignedDistance

LEAST_COSINE = 0.05
"""Grazing hits move without bound; they are differentiated as if they met the surface at this angle (87°)."""

LEAST_STEEPNESS = 0.1
"""Where the field is flatter, it is differentiated as if it were so steep; a true distance has 1."""


def surface_points(
    sdf: SignedDistance, rays: Rays, distance: Float[Tensor, "n"], *, least_cosine: float = LEAST_COSINE
) -> Float[Tensor, "n 3"]:
    """The points ``distance`` along the rays, where they enter the surface, differentiable once.

    Gradients go to what ``sdf`` was made of, and to the rays' origins and directions where those ask for them.
    """
    at_ray = rays.at(distance.detach())
    if not torch.is_grad_enabled():
        return at_ray
    places = at_ray if at_ray.requires_grad else at_ray.requires_grad_()
    f = sdf(places)
    (normal,) = torch.autograd.grad(f.sum(), places, retain_graph=True)
    return moved(at_ray, rays.directions, f, normal, least_cosine=least_cosine)


def moved(
    points: Float[Tensor, "n 3"],
    directions: Float[Tensor, "n 3"],
    distance: Float[Tensor, "n"],
    gradient: Float[Tensor, "n 3"],
    *,
    least_cosine: float = LEAST_COSINE,
) -> Float[Tensor, "n 3"]:
    """The same where the distance at the points and its gradient are known: points that move as the distance does."""
    directions, normal = directions.detach(), gradient.detach()
    falls = (normal * directions).sum(dim=-1)
    steepness = normal.norm(dim=-1).clamp(min=LEAST_STEEPNESS)
    slope = torch.minimum(falls, -least_cosine * steepness)
    return points - directions * ((distance - distance.detach()) / slope)[:, None]
