"""The silhouette as a soft function of the field: how close each ray comes to the surface (IDR, section 3.3)."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from headfield.cameras import Rays
from headfield.mesh.grid import SignedDistance
from headfield.render.queries import ask, roughly
from headfield.render.span import Span, spread


def least_distance(
    sdf: SignedDistance,
    rays: Rays,
    *,
    uniform: int = 32,
    refined: int = 8,
    rough: bool = False,
    about: SignedDistance | None = None,
) -> Float[Tensor, "n"]:
    """The least signed distance along each ray within the unit sphere, differentiable where it is attained.

    It is looked for among evenly spaced samples, then among more around the least of them. A minimum's place needs no
    derivative: at the minimum the distance does not change along the ray. For rays that pass the unit sphere it is the
    distance where they come closest to it. ``rough`` lets the place be looked for in bfloat16; ``about`` is asked for
    the evenly spaced samples instead, if there is something cheaper that is about the same.
    """
    span = Span.of(rays)
    place = torch.zeros_like(span.length)
    within = torch.nonzero(span.meets)[:, 0]
    if len(within):
        with roughly(rays.origins.device, rough):
            place[within] = _least_place(sdf, about or sdf, span[within], uniform, refined)
    return sdf(rays.at(span.near + place))


def _least_place(
    sdf: SignedDistance, about: SignedDistance, span: Span, uniform: int, refined: int
) -> Float[Tensor, "n"]:
    spacing = span.length / (uniform - 1)
    places = spread(torch.zeros_like(spacing), span.length, uniform)
    least = _at_least(places, ask(about, span.at(places)))
    closer = spread((least - spacing).clamp(min=0), torch.minimum(least + spacing, span.length), refined)
    return _at_least(closer, ask(sdf, span.at(closer)))


def _at_least(places: Float[Tensor, "n m"], distances: Float[Tensor, "n m"]) -> Float[Tensor, "n"]:
    return places.gather(1, distances.argmin(dim=1, keepdim=True))[:, 0]


def soft_coverage(least: Float[Tensor, "n"], alpha: float) -> Float[Tensor, "n"]:
    """How much of the pixel the subject covers, going by the least distance: the step gets steeper with ``alpha``."""
    return torch.sigmoid(-alpha * least)


def silhouette_loss(least: Float[Tensor, "n"], coverage: Float[Tensor, "n"], alpha: float) -> Float[Tensor, "n"]:
    """The cross-entropy of each ray's soft coverage against the mask's, from 0 to 1, over ``alpha``.

    IDR begins with an alpha of 50 and doubles it some times during a fit; dividing by it keeps the pull on rays far
    from the silhouette the same.
    """
    return binary_cross_entropy_with_logits(-alpha * least, coverage, reduction="none") / alpha
