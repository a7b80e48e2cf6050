"""Hits by sampling all of a ray at once, without asking again what was far from the surface (SIRA++, section IV).

Between two steps of a fit the surface hardly moves. So a grid of voxels remembers the distance that was last seen in
each. Where it was large the place is not asked again, and its sign is believed. Since the surface may come nearer all
the same, places are asked again now and then by chance; then nothing stays hidden for long. What a hit rests on is
always asked, so that none is where no surface is.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from headfield.cameras import Rays
from headfield.mesh.grid import SignedDistance
from headfield.render.hits import SurfaceHits, collected, first_entry
from headfield.render.queries import ask
from headfield.render.span import Span, spread


@dataclass(frozen=True)
class CacheSettings:
    """How distances are remembered. As it stands: the paper's (section V)."""

    voxels: int = 64
    """Voxels a side of the cube that the fields fill."""
    threshold: float = 0.1
    """τ: from which distance on, in head units, what is remembered is believed."""
    forcing: float = 0.2
    """p: how likely a place is asked all the same."""
    uniform: int = 75
    """N_p: samples along the part of the ray in the unit sphere."""
    refined: int = 25
    """N_f: samples between the two of them where the ray first goes inside."""

    def __post_init__(self) -> None:
        if self.voxels < 1 or self.uniform < 2 or self.refined < 1 or not 0 <= self.forcing <= 1:
            raise ValueError("a cache has voxels, two samples or more, some refined ones, and a forcing from 0 to 1")


class CachedSamples:
    """Hits of one subject's surface; what was seen is kept from call to call.

    Its random numbers are its own, so that the same calls find the same hits.
    """

    def __init__(self, settings: CacheSettings | None = None, *, seed: int = 0):
        self.settings = settings or CacheSettings()
        self._seed = seed
        self._generator: torch.Generator | None = None
        self._values: Float[Tensor, "v"] | None = None

    def __call__(self, sdf: SignedDistance, rays: Rays) -> SurfaceHits:
        """The first hits of rays with unit directions."""
        span = Span.of(rays)
        hit = span.meets
        within = span[hit]
        places = spread(torch.zeros_like(within.length), within.length, self.settings.uniform)
        points = within.at(places)
        distances, known = self._looked_up(sdf, points)
        found, crossing = self._refined(sdf, within, places, distances)
        # Of what was remembered one end or the other was wrong: there the whole ray is asked.
        doubtful = torch.nonzero(found & ~torch.isfinite(crossing) & known.any(dim=1))[:, 0]
        if len(doubtful):
            anew = ask(sdf, points[doubtful])
            self._remember(points[doubtful], anew)
            found[doubtful], crossing[doubtful] = self._refined(sdf, within[doubtful], places[doubtful], anew)
        settled = found & torch.isfinite(crossing)
        hit[hit.clone()] = settled
        return collected(span, rays, hit, crossing[settled])

    def remember(self, values: Float[Tensor, "x y z"]) -> None:
        """Take these for what was seen in the voxels; NaN where nothing was."""
        if values.shape != (self.settings.voxels,) * 3:
            raise ValueError(f"there are {self.settings.voxels} voxels a side, not {tuple(values.shape)}")
        self._values = values.reshape(-1).clone()

    def _looked_up(
        self, sdf: SignedDistance, points: Float[Tensor, "n m 3"]
    ) -> tuple[Float[Tensor, "n m"], Bool[Tensor, "n m"]]:
        """The distances at points, and which of them were remembered and not asked."""
        remembered = self._memory(points)[self._voxel(points)]
        forced = self._chance(points) < self.settings.forcing
        known = (remembered.abs() > self.settings.threshold) & ~forced
        asked = ~known
        distances = remembered.clone()
        distances[asked] = ask(sdf, points[asked])
        self._remember(points[asked], distances[asked])
        return distances, known

    def _refined(
        self, sdf: SignedDistance, span: Span, places: Float[Tensor, "n m"], distances: Float[Tensor, "n m"]
    ) -> tuple[Bool[Tensor, "n"], Float[Tensor, "n"]]:
        """Which rays seem to go inside between two samples, and where they really do; NaN where they do not."""
        found, coarse = first_entry(places, distances)
        crossing = torch.full_like(span.length, torch.nan)
        inner = spread(coarse.outside, coarse.inside, self.settings.refined, ends=False)
        between = torch.cat([coarse.outside[:, None], inner, coarse.inside[:, None]], dim=1)
        points = span[found].at(between)
        exact = ask(sdf, points)
        self._remember(points, exact)
        really, fine = first_entry(between, exact)
        crossing[torch.nonzero(found)[:, 0][really]] = fine.crossing
        return found, crossing

    def _remember(self, points: Float[Tensor, "*n 3"], distances: Float[Tensor, "*n"]) -> None:
        """Keep of each voxel what is nearest to zero of all that was seen there now."""
        memory, voxel, seen = self._memory(points), self._voxel(points).reshape(-1), distances.reshape(-1)
        low = torch.full_like(memory, torch.inf).scatter_reduce(0, voxel, seen, "amin")
        high = torch.full_like(memory, -torch.inf).scatter_reduce(0, voxel, seen, "amax")
        now = torch.where(low > 0, low, torch.where(high < 0, high, torch.zeros_like(low)))
        self._values = torch.where(low <= high, now, memory)

    def _voxel(self, points: Float[Tensor, "*n 3"]) -> Int64[Tensor, "*n"]:
        side = self.settings.voxels
        index = ((points + 1) / 2 * side).long().clamp(0, side - 1)
        return (index[..., 0] * side + index[..., 1]) * side + index[..., 2]

    def _memory(self, like: Tensor) -> Float[Tensor, "v"]:
        if self._values is None:
            self._values = like.new_full((self.settings.voxels**3,), torch.nan)
        return self._values

    def _chance(self, points: Float[Tensor, "*n 3"]) -> Float[Tensor, "*n"]:
        if self._generator is None:
            self._generator = torch.Generator(points.device).manual_seed(self._seed)
        return torch.rand(points.shape[:-1], generator=self._generator, device=points.device)
