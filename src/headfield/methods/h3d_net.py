"""H3D-Net (Ramon et al.): a learned family of heads in one large network, fitted to views without any cue but pictures.

A baseline here, as InstantAvatar describes and measures it: no grid, no normals; the latent first, then everything.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from headfield.capture import Capture
from headfield.fields.appearance import AppearanceSettings
from headfield.fields.geometry import GeometrySettings
from headfield.fields.mlp import MLPSettings
from headfield.fields.surface_field import SurfaceFieldSettings
from headfield.fitting.drive import Fitted, Run, fit_surface
from headfield.fitting.prior import ShapePrior
from headfield.fitting.shape_training import ShapeTraining
from headfield.fitting.surface_fit import FitOptions
from headfield.methods.instant_avatar import SMALL_APPEARANCE
from headfield.optim.schedules import Cosine, Ramp
from headfield.optim.stages import Moving, Stage

NAME = "h3d-net"

PAPER_GEOMETRY = GeometrySettings(MLPSettings(width=512, depth=8, skips=(4,)), frequencies=6, grid=None)
"""Eight layers of 512 that see the point again in the middle, as DeepSDF and IDR."""

SMALL_GEOMETRY = GeometrySettings(MLPSettings(width=256, depth=6, skips=(3,)), frequencies=6, grid=None, code=128)
"""What two processor cores learn in two hours."""


@dataclass(frozen=True)
class Training(ShapeTraining):
    """How the prior is learned: all at once."""

    geometry: GeometrySettings = SMALL_GEOMETRY
    steps: tuple[int, ...] = (18_000,)
    code_rate: float = 5e-3
    spread: float = 0.1


@dataclass(frozen=True)
class Fitting:
    """How a head is fitted: the latent with the network frozen, then everything, with the eikonal objective."""

    appearance: AppearanceSettings = SMALL_APPEARANCE
    latent_steps: int = 150
    decoder_steps: int = 300
    colour_steps: int = 150
    latent_rate: float = 4e-2
    decoder_rate: float = 2e-4
    appearance_rate: float = 2e-3
    photometric: float = 1.0
    silhouette: float = 4.0
    latent: float = 1e-3
    eikonal: float = 0.1
    options: FitOptions = field(default_factory=FitOptions)

    def stages(self) -> tuple[Stage, ...]:
        """The stages as data."""
        appearance = Moving("field.appearance.*", self.appearance_rate)
        seen = {"silhouette": self.silhouette, "latent": self.latent}
        decoder = Moving("field.geometry.decoder.*", Cosine(self.decoder_rate, 0.1 * self.decoder_rate), clip=1.0)
        return (
            Stage(
                "latent",
                self.latent_steps,
                (Moving("u", Cosine(self.latent_rate, 0.1 * self.latent_rate)), appearance),
                {**seen, "photometric": Ramp(0.0, self.photometric)},
            ),
            Stage(
                "decoder",
                self.decoder_steps,
                (Moving("u", 0.1 * self.latent_rate), decoder, appearance),
                {**seen, "photometric": self.photometric, "eikonal": self.eikonal},
            ),
            Stage(
                "colours",
                self.colour_steps,
                (Moving("field.appearance.*", Cosine(self.appearance_rate)),),
                {"colour": 1.0},
            ),
        )


def fit(capture: Capture, prior: ShapePrior, settings: Fitting, run: Run) -> Fitted:
    """Fit a head to the views of a capture."""
    prior.checked_for(NAME)
    field_settings = SurfaceFieldSettings(prior.geometry.settings, settings.appearance)
    return fit_surface(NAME, capture, prior, field_settings, settings.stages(), settings.options, run)
