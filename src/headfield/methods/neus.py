"""NeuS (Wang et al.): volume rendering of a signed distance from a sphere, with no prior; a network per head.

Without view directions, as Multi-NeuS compares with it (section 4.3), and with masks in the place of a background
network, as few views need (Multi-NeuS, section 3.4).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from headfield.capture import Capture
from headfield.fields.scene_fields import NetworksSettings, SceneFields, SceneFieldsSettings
from headfield.fields.scene_layers import SceneLayersSettings
from headfield.fitting.drive import Fitted, Run
from headfield.fitting.prior import Prior
from headfield.fitting.volume import Beginning
from headfield.fitting.volume_drive import CAMERAS, fit_volume
from headfield.fitting.volume_fit import VolumeOptions
from headfield.optim.schedules import Cosine
from headfield.optim.stages import Moving, Stage

NAME = "neus"

PAPER_NETWORKS = NetworksSettings()
"""Nine layers for the distance and five for the radiance, all 256 wide (Multi-NeuS, figure 2)."""

SMALL_NETWORKS = NetworksSettings(width=128)

NO_SCENES = SceneLayersSettings(sdf=(), radiance=())


@dataclass(frozen=True)
class Fitting:
    """How a head is fitted: everything at once from a sphere."""

    networks: NetworksSettings = SMALL_NETWORKS
    steps: int = 1200
    rate: float = 5e-4
    """Cameras move at a tenth of it where they are refined."""
    photometric: float = 1.0
    silhouette: float = 0.1
    eikonal: float = 0.1
    beginning: Beginning = field(default_factory=lambda: Beginning(facing_until=0.15, opened_until=0.4))
    options: VolumeOptions = field(default_factory=VolumeOptions)

    def stages(self) -> tuple[Stage, ...]:
        """The stages as data."""
        moving = (
            Moving("fields.*", Cosine(self.rate, 0.05 * self.rate), clip=1.0),
            Moving(CAMERAS, 0.1 * self.rate),
        )
        weights = {"photometric": self.photometric, "silhouette": self.silhouette, "eikonal": self.eikonal}
        return (Stage("all", self.steps, moving, weights),)


def fit(capture: Capture, prior: Prior | None, settings: Fitting, run: Run) -> Fitted:
    """Fit a head to the views of a capture; there is no prior to start from."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(run.seed)
        fields = SceneFields(SceneFieldsSettings(settings.networks, NO_SCENES))
    return fit_volume(NAME, capture, fields, settings.stages(), settings.options, run, settings.beginning)
