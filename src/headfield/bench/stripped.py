"""InstantAvatar with a part taken away, for its ablations: without its prior, or with a prior without feature grids."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from headfield.capture import Capture
from headfield.fields.geometry import GeometrySettings
from headfield.fields.surface_field import SurfaceFieldSettings
from headfield.fitting.drive import Fitted, Run, fit_surface
from headfield.fitting.prior import ShapePrior
from headfield.methods import instant_avatar
from headfield.optim.schedules import Cosine, WarmUp
from headfield.optim.stages import Moving, Stage

GRID = "field.geometry.grid."

OF_VIEWS = {"photometric", "silhouette", "normals", "agreement"}
"""The objectives that ask no prior."""


@dataclass(frozen=True)
class FromSphere(instant_avatar.Fitting):
    """How InstantAvatar fits a head, from a sphere: as long, and everything moves from the start."""

    geometry: GeometrySettings = field(default_factory=lambda: GeometrySettings(code=0))
    rate: float = 5e-4
    """Of the network, which has everything to learn."""

    def stages(self, views: int = 1) -> tuple[Stage, ...]:
        """The stages as data: none of the objectives that ask a prior."""
        return tuple(self._without_prior(stage) for stage in super().stages(views))

    def _without_prior(self, stage: Stage) -> Stage:
        if set(stage.weights) == {"colour"}:
            return stage
        moving = (
            Moving("field.geometry.grid.*", self.grid_rate),
            Moving("field.geometry.decoder.*", WarmUp(0.1, Cosine(self.rate, 0.5 * self.rate)), clip=1.0),
            Moving("field.appearance.*", self.appearance_rate),
        )
        weights = {name: weight for name, weight in stage.weights.items() if name in OF_VIEWS}
        return replace(stage, moving=moving, weights=weights)


def fit(capture: Capture, prior: ShapePrior | None, settings: instant_avatar.Fitting, run: Run) -> Fitted:
    """Fit a head to the views of a capture, from a sphere where there is no prior."""
    stages = settings.stages(len(capture.views))
    if prior is None:
        assert isinstance(settings, FromSphere)
        geometry = settings.geometry
    else:
        geometry = prior.checked_for(instant_avatar.NAME).geometry.settings
    if geometry.grid is None:
        stages = tuple(
            replace(stage, moving=tuple(m for m in stage.moving if not m.names.startswith(GRID))) for stage in stages
        )
    field_settings = SurfaceFieldSettings(geometry, settings.appearance)
    return fit_surface(instant_avatar.NAME, capture, prior, field_settings, stages, settings.options, run)
