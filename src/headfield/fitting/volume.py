"""What learning from pictures and fitting to them by volume rendering share (Multi-NeuS, sections 3.1 and 3.4)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from headfield.cameras import Rays
from headfield.fields.geometry import eikonal
from headfield.fields.scene_fields import SceneFields
from headfield.fitting.observations import RaysSeen
from headfield.optim.step import StepInfo
from headfield.render.sampling import Sampler
from headfield.render.span import Span
from headfield.render.volume import Medium, Rendered, render

LEAST_SHARE = 1e-3
"""An opacity is taken to be at least so far from 0 and 1, since a mask that disagrees would cost without bound."""


@dataclass(frozen=True)
class Beginning:
    """What is let in little by little over shares of a run's first stage; at once where they are 0."""

    facing_until: float = 0.0
    """Until then surfaces turned away from a ray stop light, too, ever less."""
    opened_until: float = 0.0
    """Until then the encoding's frequencies are let in, one after the other."""

    def facing(self, info: StepInfo) -> float:
        """How much surfaces must face a ray to stop its light at this step, from 0 to 1."""
        return _over(info, self.facing_until)

    def open(self, fields: SceneFields, info: StepInfo) -> None:
        """Let in the frequencies that belong to this step; where all are there from the start, it is left at that."""
        if self.opened_until:
            fields.encoding.open(_over(info, self.opened_until))


def _over(info: StepInfo, until: float) -> float:
    """How much of a share of the run's first stage is over."""
    first = info.overall == info.step
    return info.progress / until if first and info.progress < until else 1.0


def see(
    fields: SceneFields,
    rays: Rays,
    sampler: Sampler,
    generator: torch.Generator | None = None,
    *,
    facing: float = 1.0,
) -> Rendered:
    """What rays see of the chosen scene; gradients go to its fields and to the rays.

    Those that pass the unit sphere see nothing, and cost nothing.
    """

    def medium(points: Tensor, directions: Tensor) -> Medium:
        sample = fields.sample(points, create_graph=torch.is_grad_enabled())
        normals = normalize(sample.gradient, dim=-1)
        colours = fields.surface.shaded(points, normals, directions, sample.features)
        return Medium(sample.distance, sample.gradient, colours)

    span = Span.of(rays)
    meets = torch.nonzero(span.meets)[:, 0]
    with torch.no_grad():
        sections = sampler(fields.distance, span[meets], float(fields.sharpness), generator)
    within = Rays(rays.origins[meets], rays.directions[meets])
    shown = render(within, sections, medium, fields.sharpness, facing=facing)
    return shown.among(meets, len(span.meets))


def mask_cost(opacity: Float[Tensor, "n"], seen: RaysSeen) -> Float[Tensor, ""]:
    """The cross-entropy of opacities against the masks, where silhouettes count (section 3.4)."""
    opacity, coverage = opacity[seen.above].clamp(LEAST_SHARE, 1 - LEAST_SHARE), seen.coverage[seen.above]
    cost = -(coverage * opacity.log() + (1 - coverage) * (1 - opacity).log())
    return cost.sum() / max(len(seen), 1)


def eikonal_cost(fields: SceneFields, seen: Rendered, everywhere: int, info: StepInfo) -> Float[Tensor, ""]:
    """How far gradients are from length one where rays were cut, and in so many places anywhere."""
    around = 2 * torch.rand((everywhere, 3), generator=info.generator, device=info.device) - 1
    elsewhere = fields.sample(around, create_graph=True).gradient
    return eikonal(torch.cat([elsewhere, seen.gradient]))
