"""Hits by walking along each ray as far as the distance allows (IDR, section 3.1 and its supplementary).

The walk ends when it has gone inside. Where it takes too long, as along grazing rays, another one comes from the far
side, and what is left between the two is sampled.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from headfield.cameras import Rays
from headfield.mesh.grid import SignedDistance
from headfield.render.hits import Brackets, SurfaceHits, collected, first_entry, narrowed
from headfield.render.queries import ask
from headfield.render.span import Span, spread


@dataclass(frozen=True)
class SphereTracing:
    """Walks from both sides; what remains between them is sampled."""

    steps: int = 30
    """How many steps each walk takes at most."""
    safety: float = 1.0
    """How many times too large the distances may be: steps are that much shorter."""
    least_step: float = 2e-3
    """No step is shorter, in head units; what is thinner along the ray may be stepped over."""
    samples: int = 100
    """Where neither walk arrives: samples on what is left between them."""

    def __call__(self, sdf: SignedDistance, rays: Rays) -> SurfaceHits:
        """The first hits of rays with unit directions."""
        span = Span.of(rays)
        walk = self._walk(sdf, span)
        hit, brackets = walk.entered, walk.brackets
        place = torch.zeros_like(span.length)
        place[hit] = narrowed(sdf, span[hit], brackets)
        late = torch.nonzero(walk.unfinished)[:, 0]
        found, brackets = self._between_walks(sdf, span[late], walk.outside[late])
        hit[late[found]] = True
        place[late[found]] = narrowed(sdf, span[late[found]], brackets)
        return collected(span, rays, hit, place[hit])

    def _between_walks(
        self, sdf: SignedDistance, span: Span, reached: Float[Tensor, "n"]
    ) -> tuple[Bool[Tensor, "n"], Brackets]:
        """What lies between where the walk from the near side stopped and where one from the far side gets to."""
        back = span.length - self._walk(sdf, span.reversed(reached)).place
        places = spread(reached, back, self.samples)
        return first_entry(places, ask(sdf, span.at(places)))

    def _walk(self, sdf: SignedDistance, span: Span) -> _Walk:
        """From where the rays enter until they are inside, or out of the sphere."""
        place, outside = torch.zeros_like(span.length), torch.zeros_like(span.length)
        f_place, f_outside = torch.full_like(place, torch.inf), torch.full_like(place, torch.inf)
        active = torch.nonzero(span.meets)[:, 0]
        for _ in range(self.steps):
            if not len(active):
                break
            f = ask(sdf, span[active].at(place[active]))
            f_place[active] = f
            goes_on = (f > 0) & (place[active] < span.length[active])
            active, f = active[goes_on], f[goes_on]
            outside[active], f_outside[active] = place[active], f
            step = (f / self.safety).clamp(min=self.least_step)
            place[active] = torch.minimum(place[active] + step, span.length[active])
        unfinished = torch.zeros_like(span.meets)
        unfinished[active] = True
        return _Walk(place, outside, f_place, f_outside, unfinished)


@dataclass(frozen=True, eq=False)
class _Walk:
    """How far walks came: the last place, and the last one known to be outside, with the distances there."""

    place: Float[Tensor, "n"]
    outside: Float[Tensor, "n"]
    distance: Float[Tensor, "n"]
    distance_outside: Float[Tensor, "n"]
    unfinished: Bool[Tensor, "n"]

    @property
    def entered(self) -> Bool[Tensor, "n"]:
        """Which went from outside to inside, other than being inside from the beginning."""
        return ~self.unfinished & (self.distance <= 0) & torch.isfinite(self.distance_outside)

    @property
    def brackets(self) -> Brackets:
        """The last step of those that did."""
        in_ = self.entered
        return Brackets(self.outside[in_], self.place[in_], self.distance_outside[in_], self.distance[in_])
