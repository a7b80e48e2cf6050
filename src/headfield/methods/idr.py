"""IDR (Yariv et al.): surface rendering from a sphere, with no prior. What a few views alone can tell."""

from __future__ import annotations

from dataclasses import dataclass, field

from headfield.capture import Capture
from headfield.fields.appearance import AppearanceSettings
from headfield.fields.geometry import GeometrySettings
from headfield.fields.mlp import MLPSettings
from headfield.fields.surface_field import SurfaceFieldSettings
from headfield.fitting.drive import Fitted, Run, fit_surface
from headfield.fitting.prior import ShapePrior
from headfield.fitting.surface_fit import FitOptions
from headfield.optim.schedules import Cosine, WarmUp
from headfield.optim.stages import Moving, Stage

NAME = "idr"

PAPER_GEOMETRY = GeometrySettings(
    MLPSettings(width=512, depth=8, skips=(4,), weight_norm=True), frequencies=6, grid=None, code=0, features=256
)
"""Eight layers of 512 with features for the colours (IDR, section 4)."""

SMALL_GEOMETRY = GeometrySettings(
    MLPSettings(width=256, depth=6, skips=(3,)), frequencies=6, grid=None, code=0, features=64
)

APPEARANCE = AppearanceSettings(
    place=None,
    look=MLPSettings(width=128, depth=3, activation="relu"),
    frequencies=0,
    direction_frequencies=4,
    features=64,
)


@dataclass(frozen=True)
class Fitting:
    """How a head is fitted: everything at once from a sphere, with the eikonal objective."""

    geometry: GeometrySettings = SMALL_GEOMETRY
    appearance: AppearanceSettings = APPEARANCE
    steps: int = 600
    colour_steps: int = 150
    rate: float = 5e-4
    appearance_rate: float = 1e-3
    photometric: float = 1.0
    silhouette: float = 4.0
    eikonal: float = 0.1
    options: FitOptions = field(default_factory=FitOptions)

    def stages(self) -> tuple[Stage, ...]:
        """The stages as data."""
        return (
            Stage(
                "all",
                self.steps,
                (
                    # Colours know nothing at first; in full steps what they ask for would undo the sphere.
                    Moving("field.geometry.*", WarmUp(0.1, Cosine(self.rate, 0.1 * self.rate)), clip=1.0),
                    Moving("field.appearance.*", self.appearance_rate),
                ),
                {"photometric": self.photometric, "silhouette": self.silhouette, "eikonal": self.eikonal},
            ),
            Stage(
                "colours",
                self.colour_steps,
                (Moving("field.appearance.*", Cosine(self.appearance_rate)),),
                {"colour": 1.0},
            ),
        )


def fit(capture: Capture, prior: ShapePrior | None, settings: Fitting, run: Run) -> Fitted:
    """Fit a head to the views of a capture; there is no prior to start from."""
    field_settings = SurfaceFieldSettings(settings.geometry, settings.appearance)
    return fit_surface(NAME, capture, None, field_settings, settings.stages(), settings.options, run)
