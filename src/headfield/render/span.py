"""The part of a ray that lies in the unit sphere, which holds all there is to see."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from headfield.cameras import Rays


@dataclass(frozen=True, eq=False)
class Span:
    """Rays between where they enter the unit sphere and where they leave it.

    Places on a ray are counted from ``near``, since a camera far away would cost digits. The length is zero for rays
    that pass the sphere or begin beyond it; they are asked at the one place where they come closest to it.
    """

    rays: Rays
    near: Float[Tensor, "n"]
    length: Float[Tensor, "n"]

    @staticmethod
    def of(rays: Rays) -> Span:
        """The span of rays with unit directions; it holds no gradients."""
        origins, directions = rays.origins.detach(), rays.directions.detach()
        closest = -(origins * directions).sum(dim=-1)
        aside = (origins + closest[:, None] * directions).square().sum(dim=-1)
        half = (1 - aside).clamp(min=0).sqrt()
        near = (closest - half).clamp(min=0)
        return Span(Rays(origins, directions), near, (closest + half - near).clamp(min=0))

    @property
    def meets(self) -> Bool[Tensor, "n"]:
        """Which rays pass through the sphere at all."""
        return self.length > 0

    @property
    def entries(self) -> Float[Tensor, "n 3"]:
        """Where the rays enter."""
        return self.rays.at(self.near)

    def at(self, place: Float[Tensor, "n *m"]) -> Float[Tensor, "n *m 3"]:
        """The points at one or more places on each ray, counted from where it enters."""
        if place.ndim == 1:
            return self.entries + place[:, None] * self.rays.directions
        return self.entries[:, None] + place[..., None] * self.rays.directions[:, None]

    def reversed(self, until: Float[Tensor, "n"]) -> Span:
        """From where the rays leave the sphere back to the places ``until``."""
        rays = Rays(self.at(self.length), -self.rays.directions)
        return Span(rays, torch.zeros_like(until), self.length - until)

    def __getitem__(self, which: Bool[Tensor, "n"] | Int64[Tensor, "m"]) -> Span:
        rays = Rays(self.rays.origins[which], self.rays.directions[which])
        return Span(rays, self.near[which], self.length[which])


def spread(
    low: Float[Tensor, "n"], high: Float[Tensor, "n"], count: int, *, ends: bool = True
) -> Float[Tensor, "n {count}"]:
    """``count`` evenly spaced places from ``low`` to ``high`` on each ray; without the ends, strictly between them."""
    if ends:
        share = torch.linspace(0, 1, count, dtype=low.dtype, device=low.device)
    else:
        share = torch.arange(1, count + 1, dtype=low.dtype, device=low.device) / (count + 1)
    return low[:, None] + (high - low)[:, None] * share
