"""Where rays first meet the surface of a signed distance function.

Three ways find the same surface at different costs: :mod:`~headfield.render.sphere_tracing`,
:mod:`~headfield.render.parallel_samples` and :mod:`~headfield.render.proxy`. None keeps gradients; those come
afterwards, from :mod:`~headfield.render.implicit`.

A hit is where a ray goes from outside to inside within the unit sphere. A ray that is inside already where it enters
the sphere hits nothing: what it met lies beyond what the field knows, as where the sphere cuts off the shoulders.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from headfield.cameras import Rays
from headfield.mesh.grid import SignedDistance
from headfield.render.queries import ask
from headfield.render.span import Span

NARROWINGS = 12
"""How often a bracket is narrowed at most; three or four times is usual."""

TOLERANCE = 2e-5
"""How much the last correction of a hit may still move it, in head units: 4 micrometres."""


@dataclass(frozen=True, eq=False)
class SurfaceHits:
    """The distances along rays at which they first meet the surface; infinite where they meet none."""

    rays: Rays
    distance: Float[Tensor, "n"]

    @property
    def hit(self) -> Bool[Tensor, "n"]:
        """Which rays meet the surface."""
        return torch.isfinite(self.distance)

    @property
    def points(self) -> Float[Tensor, "h 3"]:
        """The meeting points of those that do."""
        return self.hitting.at(self.distance[self.hit]).detach()

    @property
    def hitting(self) -> Rays:
        """The rays that meet the surface; gradients of the rays are kept."""
        return Rays(self.rays.origins[self.hit], self.rays.directions[self.hit])


HitFinder = Callable[[SignedDistance, Rays], SurfaceHits]
"""A way of finding the first hits of rays with unit directions."""


@dataclass(frozen=True, eq=False)
class Brackets:
    """For each ray two places, outside the surface and inside it, and the distances there."""

    outside: Float[Tensor, "n"]
    inside: Float[Tensor, "n"]
    distance_outside: Float[Tensor, "n"]
    distance_inside: Float[Tensor, "n"]

    @property
    def crossing(self) -> Float[Tensor, "n"]:
        """Where the surface lies between the two if the distance changes evenly."""
        share = self.distance_outside / (self.distance_outside - self.distance_inside)
        return self.outside + share * (self.inside - self.outside)


def first_entry(places: Float[Tensor, "n m"], distances: Float[Tensor, "n m"]) -> tuple[Bool[Tensor, "n"], Brackets]:
    """Which rays begin outside and go inside between two neighbouring places, and the first such pair of each."""
    outside = distances > 0
    entering = outside[:, :-1] & ~outside[:, 1:]
    found = entering.any(dim=1) & outside[:, 0]
    before = entering[found].to(torch.uint8).argmax(dim=1)[:, None]
    place, distance = places[found], distances[found]
    picked = (values.gather(1, index)[:, 0] for values in (place, distance) for index in (before, before + 1))
    return found, Brackets(*picked)


def narrowed(sdf: SignedDistance, span: Span, brackets: Brackets) -> Float[Tensor, "n"]:
    """The crossing within each bracket, by regula falsi (the Illinois variant), each ray until it stands still."""
    low, high = brackets.outside.clone(), brackets.inside.clone()
    f_low, f_high = brackets.distance_outside.clone(), brackets.distance_inside.clone()
    side = torch.zeros_like(low)
    place = brackets.crossing
    active = torch.arange(len(place), device=place.device)
    for _ in range(NARROWINGS):
        if not len(active):
            break
        t = place[active]
        f = ask(sdf, span[active].at(t))
        outside = f > 0
        now = torch.where(outside, 1.0, -1.0).to(side)
        again = now == side[active]
        side[active] = now
        # An end that stays twice counts half, so that both ends close in.
        f_low[active] = torch.where(outside, f, torch.where(again, f_low[active] / 2, f_low[active]))
        f_high[active] = torch.where(outside, torch.where(again, f_high[active] / 2, f_high[active]), f)
        low[active] = torch.where(outside, t, low[active])
        high[active] = torch.where(outside, high[active], t)
        bracket = Brackets(low[active], high[active], f_low[active], f_high[active])
        place[active] = bracket.crossing
        active = active[(place[active] - t).abs() > TOLERANCE]
    return place


def collected(span: Span, rays: Rays, hit: Bool[Tensor, "n"], place: Float[Tensor, "h"]) -> SurfaceHits:
    """The result for rays of which some hit, at places counted from where they enter the sphere."""
    distance = torch.full_like(span.near, torch.inf)
    distance[hit] = span.near[hit] + place
    return SurfaceHits(rays, distance)
