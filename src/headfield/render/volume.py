"""Volume rendering of a signed distance function (NeuS, section 3; Multi-NeuS, section 3.1).

A ray is cut into sections. With the signed distance f and the logistic sigmoid Φ_s of inverse deviation s, a section
from t to t' stops the share

    α = max(1 - Φ_s(f(t')) / Φ_s(f(t)), 0)        (NeuS, equation 13)

of the light that reaches it. So a surface alone on a ray stops most where f is zero, however the ray meets it, and what
lies behind it counts nothing. NeuS's code guesses f at the ends of a section by its value and slope in the middle; here
the field is asked at the ends, which neighbours share. So what all sections stop together does not depend on how the
ray is cut, if only it is cut where f is least, and few sections do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn.functional import logsigmoid, relu

from headfield.cameras import Rays
from headfield.render.span import Span

SHORTEST = 1e-9
"""Sections are taken to be at least so long where something is divided by their length."""

LEAST_OPACITY = 1e-6
"""A depth is a mean over what a ray sees; where it sees less than this, the mean is taken as if it saw so much."""


@dataclass(frozen=True, eq=False)
class Sections:
    """Rays cut into sections, at places in order that are counted from where each ray enters the unit sphere."""

    span: Span
    edges: Float[Tensor, "n m"]

    @property
    def along(self) -> Float[Tensor, "n m"]:
        """How far along the rays the places lie, counted from the rays' origins."""
        return self.span.near[:, None] + self.edges


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

    def among(self, which: Int64[Tensor, "n"], count: int) -> Rendered:
        """The same as what those of more rays see, of which the others see nothing."""

        def spread(values: Tensor) -> Tensor:
            return values.new_zeros(count, *values.shape[1:]).index_copy(0, which, values)

        return Rendered(
            spread(self.colours), spread(self.normals), spread(self.opacity), spread(self.depth), self.gradient
        )


def alphas(
    distance: Float[Tensor, "n m"], length: Float[Tensor, "n s"], sharpness: Tensor | float, *, facing: float = 1.0
) -> Float[Tensor, "n s"]:
    """α of the sections between places with these distances, so far apart.

    Logarithms keep it exact deep inside, where Φ_s is too small to divide. With ``facing`` below 1 surfaces turned away
    from the ray stop light, too, half as much at 0: so a field far from its end learns from both sides (as in NeuS's
    code).
    """
    fall = distance.diff(dim=1).clamp(max=0)
    if facing < 1:
        fall = falling(distance.diff(dim=1) / length.clamp(min=SHORTEST), facing) * length
    before = distance[:, :-1]
    return -torch.expm1(logsigmoid(sharpness * (before + fall)) - logsigmoid(sharpness * before))


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

    Gradients go to the medium, the sharpness and the rays. What a section looks like is the mean of its two ends. See
    :func:`alphas` for ``facing``.
    """
    along = sections.along
    points = rays.origins[:, None] + along[..., None] * rays.directions[:, None]
    directions = rays.directions[:, None].expand(points.shape)
    found = medium(points.reshape(-1, 3), directions.reshape(-1, 3))
    alpha = alphas(found.distance.reshape(along.shape), sections.edges.diff(dim=1), sharpness, facing=facing)
    weight = weights(alpha)
    opacity = weight.sum(dim=1)
    shares = _of_places(weight)
    return Rendered(
        colours=summed(shares, found.colours.reshape(points.shape)),
        normals=summed(shares, found.gradient.reshape(points.shape)),
        opacity=opacity,
        depth=summed(shares, along) / opacity.clamp(min=LEAST_OPACITY),
        gradient=found.gradient,
    )


def _of_places(weight: Float[Tensor, "n s"]) -> Float[Tensor, "n m"]:
    """The weights of sections, half of each to the place at either end."""
    none = torch.zeros_like(weight[:, :1])
    return (torch.cat([weight, none], dim=1) + torch.cat([none, weight], dim=1)) / 2


def falling(slope: Float[Tensor, "n s"], facing: float) -> Float[Tensor, "n s"]:
    """The slope where it falls; with ``facing`` below 1, a part of half of how far it is from rising straight."""
    return -(facing * relu(-slope) + (1 - facing) * relu((1 - slope) / 2))
