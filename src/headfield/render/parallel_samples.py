"""Hits by sampling all of a ray at once, for processors that do much in parallel (InstantAvatar 3.2, SIRA++ IV)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from headfield.cameras import Rays
from headfield.mesh.grid import SignedDistance
from headfield.render.hits import SurfaceHits, collected, first_entry
from headfield.render.queries import ask
from headfield.render.span import Span, spread


@dataclass(frozen=True)
class ParallelSamples:
    """Evenly spaced samples, more of them where the ray first goes inside, and a straight line through the last two.

    What is thinner along the ray than the first samples lie apart (2/74 units at most) may be missed.
    """

    uniform: int = 75
    """Samples along the part of the ray in the unit sphere (N_p of InstantAvatar; SIRA++ takes 75)."""
    refined: int = 25
    """Samples between the two of them where the ray first goes inside (N_f)."""

    def __call__(self, sdf: SignedDistance, rays: Rays) -> SurfaceHits:
        """The first hits of rays with unit directions."""
        span = Span.of(rays)
        hit, place = self.between(sdf, span, torch.zeros_like(span.length), span.length)
        return collected(span, rays, hit, place)

    def between(
        self, sdf: SignedDistance, span: Span, low: Float[Tensor, "n"], high: Float[Tensor, "n"]
    ) -> tuple[Bool[Tensor, "n"], Float[Tensor, "h"]]:
        """Which rays have their hit between two places, and where. A ray that is inside at the first has none."""
        hit = high > low
        span, places = span[hit], spread(low[hit], high[hit], self.uniform)
        found, coarse = first_entry(places, ask(sdf, span.at(places)))
        hit[hit.clone()] = found
        if not self.refined:
            return hit, coarse.crossing
        inner = spread(coarse.outside, coarse.inside, self.refined, ends=False)
        distances = ask(sdf, span[found].at(inner))
        _, fine = first_entry(
            torch.cat([coarse.outside[:, None], inner, coarse.inside[:, None]], dim=1),
            torch.cat([coarse.distance_outside[:, None], distances, coarse.distance_inside[:, None]], dim=1),
        )
        return hit, fine.crossing
