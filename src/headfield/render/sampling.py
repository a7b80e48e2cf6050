"""Where rays are cut into sections for volume rendering: many places everywhere, or a few around the surface.

:class:`Hierarchical` is NeuS's way and asks the field some 100 times a ray before anything is rendered.
:class:`AroundSurface` keeps the distances on a coarse grid, which between steps hardly change and between corners are
nearly even, looks there where the ray goes in, and asks the field nothing more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from headfield.mesh.grid import SignedDistance
from headfield.render.distance_grid import DistanceGrid
from headfield.render.queries import ask, roughly
from headfield.render.span import Span, spread
from headfield.render.volume import Sections, alphas, weights

SHARPNESS_AT_FIRST = 64.0
"""How sharp the surface is taken to be in NeuS's first round of looking closer; each later round doubles it."""

ANYWHERE = 0.1
"""Which share of the sections lies evenly along the ray whatever the grid says, so that new surfaces are noticed."""


Sampler = Callable[[SignedDistance, Span, float, torch.Generator | None], Sections]
"""Cuts rays into sections, close together where a field of this sharpness stops light; without a generator always in
the same way. It keeps no gradients."""


@dataclass(frozen=True)
class Hierarchical:
    """Evenly spaced places, then rounds of more of them where the rounds before found the surface (NeuS, B.2)."""

    uniform: int = 64
    rounds: int = 4
    added: int = 16
    """More places in every round."""

    def __call__(
        self, sdf: SignedDistance, span: Span, sharpness: float, generator: torch.Generator | None = None
    ) -> Sections:
        """The sections of rays; how sharp the field is does not matter."""
        places = _jittered(spread(torch.zeros_like(span.length), span.length, self.uniform), generator)
        distances = ask(sdf, span.at(places))
        for number in range(self.rounds):
            weight = weights(alphas(distances, places.diff(dim=1), SHARPNESS_AT_FIRST * 2**number))
            new = drawn(places, weight, self.added)
            places, order = torch.cat([places, new], dim=1).sort(dim=1)
            if number < self.rounds - 1:
                distances = torch.cat([distances, ask(sdf, span.at(new))], dim=1).gather(1, order)
        return Sections(span, places)


@dataclass(frozen=True)
class AroundSurfaceSettings:
    """How few sections there are, and the grid that says where."""

    sections: int = 16
    """How many sections a ray has; they cost one query with its gradient each, and one more."""
    looks: int = 96
    """At how many places of a ray the grid is looked at."""
    resolution: int = 32
    """Corners a side of the grid."""
    uses: int = 25
    """For how many calls a grid serves."""
    blur: float = 0.012
    """How far off, in head units, the surface may be from where the grid has it."""


class AroundSurface:
    """Sections around where the surface was a few steps ago, by a grid of distances made anew every so often."""

    def __init__(self, settings: AroundSurfaceSettings | None = None):
        self.settings = settings or AroundSurfaceSettings()
        self._grid: DistanceGrid | None = None
        self._uses = 0

    def __call__(
        self, sdf: SignedDistance, span: Span, sharpness: float, generator: torch.Generator | None = None
    ) -> Sections:
        """The sections of rays: the sharper the field, the closer to its surface."""
        settings = self.settings
        if self._grid is None or self._uses >= settings.uses:
            with roughly(span.near.device):
                self._grid = DistanceGrid.of(sdf, span.near, voxels=settings.resolution - 1)
            self._uses = 0
        self._uses += 1
        places = spread(torch.zeros_like(span.length), span.length, settings.looks)
        distances = self._grid(span.at(places))
        weight = weights(alphas(distances, places.diff(dim=1), min(sharpness, 1 / settings.blur)))
        weight = weight / weight.sum(dim=1, keepdim=True).clamp(min=1e-12)
        weight = (1 - ANYWHERE) * weight + ANYWHERE / weight.shape[1]
        inner = drawn(places, weight, settings.sections - 1, generator)
        return Sections(span, torch.cat([torch.zeros_like(inner[:, :1]), inner, span.length[:, None]], dim=1))


@dataclass(frozen=True)
class Sampling:
    """How rays are cut: a few times around the surface, or in NeuS's way."""

    way: Literal["around-surface", "hierarchical"] = "around-surface"
    around_surface: AroundSurfaceSettings = AroundSurfaceSettings()
    hierarchical: Hierarchical = Hierarchical()

    def among(self, scenes: int) -> Sampling:
        """For one of so many scenes that move together, so that its surface moves between calls for it as well."""
        around = self.around_surface
        return replace(self, around_surface=replace(around, uses=max(around.uses // scenes, 1)))

    def sampler(self) -> Sampler:
        """A new one, for one scene."""
        return AroundSurface(self.around_surface) if self.way == "around-surface" else self.hierarchical


def drawn(
    edges: Float[Tensor, "n m"],
    weight: Float[Tensor, "n s"],
    count: int,
    generator: torch.Generator | None = None,
) -> Float[Tensor, "n {count}"]:
    """So many places on each ray, in order, as dense as the weights of its sections say; even within a section.

    Each lies in a part of its own of the whole weight: in its middle, or by chance.
    """
    weight = weight + 1e-5
    below = torch.cumsum(weight, dim=1)
    below = torch.cat([torch.zeros_like(below[:, :1]), below / below[:, -1:]], dim=1)
    within = torch.full((len(edges), count), 0.5, dtype=edges.dtype, device=edges.device)
    if generator is not None:
        within = torch.rand(within.shape, generator=generator, dtype=edges.dtype, device=edges.device)
    share = (torch.arange(count, dtype=edges.dtype, device=edges.device) + within) / count
    after = torch.searchsorted(below, share, right=True).clamp(1, edges.shape[1] - 1)
    low, high = below.gather(1, after - 1), below.gather(1, after)
    first, last = edges.gather(1, after - 1), edges.gather(1, after)
    return first + (last - first) * ((share - low) / (high - low)).clamp(0, 1)


def _jittered(places: Tensor, generator: torch.Generator | None) -> Tensor:
    """Places moved together along each ray, by up to half of how far they are apart."""
    if generator is None:
        return places
    apart = places[:, 1:2] - places[:, :1]
    moved = torch.rand((len(places), 1), generator=generator, dtype=places.dtype, device=places.device) - 0.5
    return torch.minimum((places + moved * apart).clamp(min=0), places[:, -1:])
