"""InstantAvatar (Canela et al.): a learned family of heads on feature grids, fitted to views by surface rendering.

The paper's symbols: F_θ the decoder, z the grid features, g the global latent, Q and R the rendering networks.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from headfield.capture import Capture
from headfield.fields.appearance import AppearanceSettings, PlaceSettings
from headfield.fields.geometry import GeometrySettings
from headfield.fields.grid import GridSettings
from headfield.fields.mlp import MLPSettings
from headfield.fields.surface_field import SurfaceFieldSettings
from headfield.fitting.drive import Fitted, Run, fit_surface
from headfield.fitting.prior import ShapePrior
from headfield.fitting.shape_training import ShapeTraining
from headfield.fitting.surface_fit import FitOptions
from headfield.optim.schedules import Cosine, Ramp, Schedule
from headfield.optim.stages import Moving, Stage

NAME = "instant-avatar"

PAPER_GEOMETRY = GeometrySettings(MLPSettings(width=512, depth=3), frequencies=6, grid=GridSettings((4, 5, 6), 8))
"""Sections 3.1 and 3.3: three grids of 2⁴, 2⁵, 2⁶ voxels a side, 8 features, 256 latent numbers, 3 layers of 512."""

PAPER_APPEARANCE = AppearanceSettings()
"""Section 3.3: Q with 8 layers, R with 4, all 512 wide."""

SMALL_GEOMETRY = GeometrySettings(
    MLPSettings(width=384, depth=3), frequencies=6, grid=GridSettings((4, 5, 6), 8), code=128
)
"""What two processor cores learn in two hours."""

SMALL_APPEARANCE = AppearanceSettings(
    place=PlaceSettings(MLPSettings(width=128, depth=4, activation="relu"), frequencies=7, size=64),
    look=MLPSettings(width=128, depth=2, activation="relu"),
    frequencies=4,
)


@dataclass(frozen=True)
class Training(ShapeTraining):
    """How the prior is learned (section 3.1): N, 2N and 4N epochs a grid level in the paper."""

    geometry: GeometrySettings = SMALL_GEOMETRY
    steps: tuple[int, ...] = (20_000, 3_000, 3_000)
    code_rate: float = 5e-3
    spread: float = 0.1


@dataclass(frozen=True)
class Fitting:
    """How a head is fitted (section 3.2): latent and grids with the decoder frozen, then everything."""

    appearance: AppearanceSettings = SMALL_APPEARANCE
    latent_steps: int = 100
    """Steps on the latent alone, before anything may leave the family of shapes."""
    grid_steps: int = 90
    """Steps on latent and grids, the decoder frozen."""
    decoder_steps: int = 150
    """Steps on everything."""
    several: float = 1.6
    """How many times as many steps on grids and decoder several views get: they have more to say."""
    colour_steps: int = 150
    """Steps on the colours alone, at the end."""
    latent_rate: float = 4e-2
    grid_rate: float = 1e-3
    decoder_rate: float = 2e-4
    appearance_rate: float = 2e-3
    photometric: float = 1.0
    silhouette: float = 4.0
    normals: float = 0.3
    agreement: float = 0.5
    """What it costs that views show different things at a place."""
    landmarks: float = 0.02
    """What it costs that landmarks which the views come with are elsewhere: about as much as the code's likelihood."""
    latent: float = 1e-2
    """What it costs to be an unusual head."""
    held: float = 20.0
    """What it costs to differ from the prior where no view looks; the paper leaves this open."""
    near: float = 5.0
    """What it costs to differ from the prior where a single view looks."""
    options: FitOptions = field(default_factory=FitOptions)

    def stages(self, views: int = 1) -> tuple[Stage, ...]:
        """The stages as data, for so many views."""
        more = self.several if views > 1 else 1.0
        appearance = Moving("field.appearance.*", self.appearance_rate)
        seen: dict[str, float | Schedule] = {
            "photometric": self.photometric,
            "silhouette": self.silhouette,
            "normals": self.normals,
            "agreement": self.agreement,
        }
        latent = Moving("u", Cosine(self.latent_rate, 0.1 * self.latent_rate))
        slow_latent = Moving("u", 0.1 * self.latent_rate)
        grid = Moving("field.geometry.grid.*", self.grid_rate)
        decoder = Moving("field.geometry.decoder.*", Cosine(self.decoder_rate, 0.1 * self.decoder_rate), clip=1.0)
        code = {"landmarks": self.landmarks, "latent": self.latent}
        # The colours know nothing at first and must not bend the shape.
        learning: dict[str, float | Schedule] = {
            **seen,
            "photometric": Ramp(0.0, 0.5 * self.photometric),
            **code,
        }
        holding = {**seen, **code, "held": self.held, "near": self.near}
        last = Moving("field.geometry.grid.*", Cosine(self.grid_rate, 0.1 * self.grid_rate))
        return (
            Stage("latent", self.latent_steps, (latent, appearance), learning),
            Stage("grids", round(more * self.grid_steps), (slow_latent, grid, appearance), holding),
            Stage("decoder", round(more * self.decoder_steps), (slow_latent, last, decoder, appearance), holding),
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
    return fit_surface(NAME, capture, prior, field_settings, settings.stages(len(capture.views)), settings.options, run)
