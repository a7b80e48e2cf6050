"""Fitting a head to views by volume rendering (Multi-NeuS, section 3.4; NeuS).

The rays through the subject should show its colours (photometric), all rays should be stopped as the masks say
(silhouette), and the field should be a distance (eikonal). Cameras move along where they may.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from headfield.cameras import Camera
from headfield.fields.scene_fields import SceneFields
from headfield.fields.surface_field import SurfaceField
from headfield.fitting.corrections import Corrections
from headfield.fitting.observations import Observations
from headfield.fitting.volume import Beginning, eikonal_cost, mask_cost, see
from headfield.optim.step import StepInfo
from headfield.render.sampling import Sampler, Sampling


@dataclass(frozen=True)
class VolumeOptions:
    """What a step of fitting by volume rendering looks at; 512 rays, as in the paper (Multi-NeuS, section 4.5)."""

    inside: int = 384
    """Rays through the subject."""
    past: int = 128
    """Rays past it."""
    everywhere: int = 256
    """Places anywhere at which the field is held to be a distance."""
    sampling: Sampling = field(default_factory=Sampling)
    refined: Literal["always", "rough", "never"] = "rough"
    """When cameras are refined: in the paper always; here where they are only roughly known, as a photo's is."""


class VolumeFit(nn.Module):
    """What moves in a fit: the fields of one scene, and corrections of its cameras where there are some."""

    def __init__(self, fields: SceneFields, cameras: Sequence[Camera] = ()):
        super().__init__()
        self.fields = fields
        self.corrections = Corrections(cameras) if cameras else None

    def distance(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n"]:
        """The signed distance as it is now."""
        return self.fields.distance(points)

    def finished(self) -> SurfaceField:
        """The surface alone."""
        return self.fields.alone()


class VolumeObjectives:
    """The objectives of a step: ``photometric``, ``silhouette`` and ``eikonal``."""

    def __init__(
        self, fit: VolumeFit, observations: Observations, options: VolumeOptions, beginning: Beginning | None = None
    ):
        self.fit, self.observations, self.options = fit, observations, options
        self.beginning = beginning or Beginning()
        self._sampler: Sampler = options.sampling.sampler()

    def __call__(self, info: StepInfo) -> dict[str, Tensor]:
        """The objectives of one step."""
        if info.fresh:
            self._sampler = self.options.sampling.sampler()
        fit, options = self.fit, self.options
        seen = self.observations.draw(options.inside, options.past, info.generator)
        if fit.corrections is not None:
            seen = fit.corrections.taken_along(seen)
        self.beginning.open(fit.fields, info)
        shown = see(fit.fields, seen.rays, self._sampler, info.generator, facing=self.beginning.facing(info))
        off = shown.colours[: options.inside] - seen.colours[: options.inside]
        return {
            "photometric": off.square().mean(),
            "silhouette": mask_cost(shown.opacity, seen),
            "eikonal": eikonal_cost(fit.fields, shown, options.everywhere, info),
        }
