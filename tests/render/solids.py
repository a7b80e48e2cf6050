"""Signed distance functions whose surfaces are known, and a slow, sure way to see where rays meet them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from headfield.cameras import Rays
from headfield.render.span import Span, spread

Sdf = Callable[[Tensor], Tensor]


def sphere(radius: float = 0.5) -> Sdf:
    return lambda x: x.norm(dim=-1) - radius


def ellipsoid(*radii: float) -> Sdf:
    """Not a distance: it changes by more than one per unit of length in places."""
    return lambda x: ((x / x.new_tensor(radii)).norm(dim=-1) - 1) * (sum(radii) / 3)


def torus(ring: float = 0.55, tube: float = 0.15) -> Sdf:
    return lambda x: torch.stack([x[..., [0, 1]].norm(dim=-1) - ring, x[..., 2]], dim=-1).norm(dim=-1) - tube


def plane_cut(radius: float = 0.7, height: float = 0.2) -> Sdf:
    """A ball without what is above a plane; it has an edge."""
    return lambda x: torch.maximum(x.norm(dim=-1) - radius, x[..., 1] - height)


def plate(thickness: float = 0.03) -> Sdf:
    """A round plate as thin as an ear is."""
    return lambda x: torch.maximum(x[..., :2].norm(dim=-1) - 0.5, (x[..., 2] - 0.1 * x[..., 0]).abs() - thickness / 2)


def bust(x: Tensor) -> Tensor:
    """Bumps, a nose, ears, and shoulders that go on below the unit sphere; off being a distance by up to a third."""
    head = ((x - x.new_tensor([0, 0.15, 0])) / x.new_tensor([0.42, 0.6, 0.5])).norm(dim=-1) * 0.5 - 0.5
    head = head + 0.012 * torch.sin(11 * x[..., 0]) * torch.cos(9 * x[..., 1] + 1) * torch.sin(8 * x[..., 2] + 2)
    nose = (x - x.new_tensor([0, 0.1, 0.52])).norm(dim=-1) - 0.08
    ears = ((x - x.new_tensor([0, 0.12, -0.05])).abs() / x.new_tensor([0.5, 0.13, 0.04])).norm(dim=-1) * 0.05 - 0.05
    neck = x[..., [0, 2]].norm(dim=-1).maximum(x[..., 1]) - 0.24
    shoulders = ((x - x.new_tensor([0, -1.0, 0])) / x.new_tensor([0.9, 0.4, 0.4])).norm(dim=-1) * 0.4 - 0.4
    return torch.stack([head, nose, ears, neck, shoulders], dim=-1).amin(dim=-1)


SOLIDS: dict[str, Sdf] = {
    "sphere": sphere(),
    "ellipsoid": ellipsoid(0.4, 0.6, 0.5),
    "torus": torus(),
    "plane-cut": plane_cut(),
    "plate": plate(),
    "bust": bust,
}


def rays_from_around(n: int, seed: int = 0) -> Rays:
    """Rays from about six units away towards all of the unit sphere, in single precision; some miss it."""
    generator = torch.Generator().manual_seed(seed)
    origins = torch.randn(n, 3, generator=generator)
    origins = 6 * origins / origins.norm(dim=-1, keepdim=True)
    directions = 0.5 * torch.randn(n, 3, generator=generator) - origins
    return Rays(origins, directions / directions.norm(dim=-1, keepdim=True))


def true_hits(sdf: Sdf, rays: Rays, samples: int = 2001) -> tuple[Tensor, Tensor]:
    """Distances of the first hits (infinite without), and how long the ray then stays inside or keeps clear.

    The second is the chord of the solid for rays that hit, and the least value of the function for those that do not.
    """
    span = Span.of(Rays(rays.origins.double(), rays.directions.double()))
    places = spread(torch.zeros_like(span.length), span.length, samples)
    f = sdf(span.at(places).reshape(-1, 3)).reshape(places.shape)
    outside = f > 0
    entering = outside[:, :-1] & ~outside[:, 1:]
    hit = entering.any(dim=1) & outside[:, 0]
    first = entering.to(torch.uint8).argmax(dim=1, keepdim=True)
    low, high = places.gather(1, first)[:, 0], places.gather(1, first + 1)[:, 0]
    for _ in range(40):
        middle = (low + high) / 2
        is_outside = sdf(span.at(middle)) > 0
        low, high = torch.where(is_outside, middle, low), torch.where(is_outside, high, middle)
    index = torch.arange(samples)
    leaving = (outside & (index > first)).to(torch.uint8).argmax(dim=1, keepdim=True)
    chord = torch.where(leaving > 0, leaving - first, samples)[:, 0] * (span.length / (samples - 1))
    clear = torch.where(outside[:, 0], f.amin(dim=1), torch.inf)
    return torch.where(hit, span.near + low, torch.inf), torch.where(hit, chord, clear)
