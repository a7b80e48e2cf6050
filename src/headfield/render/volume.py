"""Volume rendering of a signed distance function (NeuS, section 3; Multi-NeuS, section 3.1).

A ray is cut into sections. With the signed distance f and the logistic sigmoid Φ_s of inverse deviation s, a section
from t to t' stops the share

    α = max(1 - Φ_s(f(t')) / Φ_s(f(t)), 0)        (NeuS, equation 13)

of the light that reaches it. So a surface alone on a ray stops most where f is zero, however the ray meets it, and what
lies behind it counts nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import logsigmoid, relu

from headfield.cameras import Rays
from headfield.render.span import Span

LEAST_OPACITY = 1e-6
"""A depth is a mean over what a ray sees; where it sees less than this, the mean is taken as if it saw so much."""


@dataclass(frozen=True, eq=False)
class Sections:
    """Rays cut into sections, at places in order that are counted from where each ray enters the unit sphere."""

    span: Span
    edges: Float[Tensor, "n m"]

    @property
    def lengths(self) -> Float[Tensor, "n s"]:
        """How long the sections are."""
        return self.edges.diff(dim=1)

    @property
    def middles(self) -> Float[Tensor, "n s"]:
        """How far along the rays their middles lie, counted from the rays' origins."""
        return self.span.near[:, None] + (self.edges[:, 1:] + self.edges[:, :-1]) / 2


@dataclass(frozen=True, eq=False)
class Medium:
    """What fills k places: signed distances, how they change with the place, and the colours that shine from there."""

    distance: Float[Tensor, "k"]
    gradient: Float[Tensor, "k 3"]
    colours: Float[Tensor, "k 3"]


@dataclass(frozen=True, eq=False)
class Rendered:
    """What n rays see within the unit sphere. Colours and normals are sums over what each sees, dark where nothing is.

    ``gradient`` is that of all places asked, for objectives on it.
    """

    colours: Float[Tensor, "n 3"]
    normals: Float[Tensor, "n 3"]
    opacity: Float[Tensor, "n"]
    depth: Float[Tensor, "n"]
    """Where along the ray it stops on average."""
    gradient: Float[Tensor, "k 3"]


def alphas(
    distance: Float[Tensor, "n s"],
    slope: Float[Tensor, "n s"],
    length: Float[Tensor, "n s"],
    sharpness: Float[Tensor, ""] | float,
) -> Float[Tensor, "n s"]:
    """α of sections that are ``length`` long, with the distance in their middle and its slope along the ray.

    It is exact where the distance changes evenly. Logarithms keep it so deep inside, where Φ_s is too small to divide.
    """
    half = slope.clamp(max=0) * length / 2
    before, after = logsigmoid(sharpness * (distance - half)), logsigmoid(sharpness * (distance + half))
    return -torch.expm1(after - before)


def weights(alpha: Float[Tensor, "n s"]) -> Float[Tensor, "n s"]:
    """w = α T: how much of what a ray sees each section is, with T what those before it let through."""
    through = torch.cumprod(1 - alpha, dim=1)
    return alpha * torch.cat([torch.ones_like(through[:, :1]), through[:, :-1]], dim=1)


def summed(weight: Float[Tensor, "n s"], values: Float[Tensor, "n s *c"]) -> Float[Tensor, "n *c"]:
    """Values of sections, summed as a ray sees them."""
    return (weight.reshape(*weight.shape, *[1] * (values.ndim - 2)) * values).sum(dim=1)


def render(
    rays: Rays,
    sections: Sections,
    medium: Callable[[Tensor, Tensor], Medium],
    sharpness: Float[Tensor, ""] | float,
    *,
    facing: float = 1.0,
) -> Rendered:
    """What rays with unit directions see of a medium, which is asked at places (k, 3) along directions (k, 3).

    Gradients go to the medium, the sharpness and the rays. With ``facing`` below 1 surfaces turned away from the ray
    stop light, too, half as much at 0: so a field far from its end learns from both sides (NeuS's code does the same).
    """
    n, count = sections.lengths.shape
    at = sections.middles
    points = rays.origins[:, None] + at[..., None] * rays.directions[:, None]
    directions = rays.directions[:, None].expand(points.shape)
    found = medium(points.reshape(-1, 3), directions.reshape(-1, 3))
    gradient = found.gradient.reshape(n, count, 3)
    slope = falling((gradient * directions).sum(dim=-1), facing)
    weight = weights(alphas(found.distance.reshape(n, count), slope, sections.lengths, sharpness))
    opacity = weight.sum(dim=1)
    return Rendered(
        colours=summed(weight, found.colours.reshape(n, count, 3)),
        normals=summed(weight, gradient),
        opacity=opacity,
        depth=summed(weight, at) / opacity.clamp(min=LEAST_OPACITY),
        gradient=found.gradient,
    )


def falling(slope: Float[Tensor, "n s"], facing: float) -> Float[Tensor, "n s"]:
    """The slope where it falls; with ``facing`` below 1, a part of half of how far it is from rising straight."""
    return -(facing * relu(-slope) + (1 - facing) * relu((1 - slope) / 2))
