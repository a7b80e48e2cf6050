"""What rays see beyond the unit sphere, by the inverted sphere of NeRF++ (section 4; Multi-NeuS, section 3.1).

A place r away from the middle, with r from one to infinity, is named by its direction and 1/r: four bounded numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from headfield.cameras import Rays
from headfield.render.span import spread
from headfield.render.volume import summed, weights

FARTHEST = 0.02
"""The least 1/r: what is further away is taken to be there, 10 m from the head."""


@dataclass(frozen=True, eq=False)
class Glow:
    """What fills k places beyond the sphere: how much it stops light, and the colours that shine from there."""

    density: Float[Tensor, "k"]
    colours: Float[Tensor, "k 3"]


def render_beyond(
    rays: Rays,
    glow: Callable[[Tensor, Tensor], Glow],
    sections: int,
    generator: torch.Generator | None = None,
) -> Float[Tensor, "n 3"]:
    """The colours of what rays end in once they have left the unit sphere; the last section lets nothing through."""
    places, lengths = beyond(rays, sections, generator)
    directions = rays.directions[:, None].expand(*lengths.shape, 3)
    found = glow(places.reshape(-1, 4), directions.reshape(-1, 3))
    alpha = -torch.expm1(-found.density.reshape(lengths.shape) * lengths)
    alpha = torch.cat([alpha[:, :-1], torch.ones_like(alpha[:, -1:])], dim=1)
    return summed(weights(alpha), found.colours.reshape(*lengths.shape, 3))


def beyond(
    rays: Rays, sections: int, generator: torch.Generator | None = None
) -> tuple[Float[Tensor, "n s 4"], Float[Tensor, "n s"]]:
    """Places (direction, 1/r) in sections of rays with unit directions, evenly in 1/r, and how long the sections are.

    A ray that passes the sphere begins where it comes closest to it.
    """
    closest = -(rays.origins * rays.directions).sum(dim=-1)
    aside = rays.at(closest).square().sum(dim=-1)
    nearest = 1 / aside.clamp(min=1).sqrt().detach()
    inverse = spread(nearest, torch.full_like(nearest, FARTHEST), sections + 1)
    if generator is not None:
        within = torch.rand((len(inverse), 1), generator=generator, dtype=inverse.dtype, device=inverse.device)
        step = inverse[:, 1:2] - inverse[:, :1]
        moved = inverse[:, 1:-1] + (within - 0.5) * step
        inverse = torch.cat([inverse[:, :1], moved, inverse[:, -1:]], dim=1)
    edges = _along(closest, aside, inverse)
    inverse = (inverse[:, 1:] + inverse[:, :-1]) / 2
    points = rays.origins[:, None] + _along(closest, aside, inverse)[..., None] * rays.directions[:, None]
    places = torch.cat([points * inverse[..., None], inverse[..., None].expand(*inverse.shape, 1)], dim=-1)
    return places, edges.diff(dim=1)


def _along(closest: Tensor, aside: Tensor, inverse: Tensor) -> Float[Tensor, "n m"]:
    """How far along the rays the places are that lie 1/r from the middle, behind where rays are closest to it."""
    return closest[:, None] + (1 / inverse.square() - aside[:, None]).clamp(min=1e-9).sqrt()
