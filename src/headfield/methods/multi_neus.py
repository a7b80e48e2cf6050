"""Multi-NeuS (Burkov et al.): one NeuS for many heads, learned from posed pictures alone, fitted to one or few views.

The paper's symbols: w(i) the weights of a scene-specific layer in scene i of N, b_j its basis and c_ij the scene's
coefficients, r its rank (equation 1); a new head is scene N + 1 and begins at the mean of all.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

from headfield.capture import Capture
from headfield.fields.background import BackgroundSettings
from headfield.fields.scene_fields import NetworksSettings
from headfield.fields.scene_layers import SceneLayersSettings
from headfield.fitting.drive import Fitted, Run
from headfield.fitting.observations import different
from headfield.fitting.scene_prior import ScenePrior
from headfield.fitting.scene_training import SceneTraining
from headfield.fitting.volume import Beginning
from headfield.fitting.volume_drive import CAMERAS, fit_volume
from headfield.fitting.volume_fit import VolumeOptions
from headfield.optim.schedules import Plateau
from headfield.optim.stages import Moving, Stage
from headfield.render.sampling import AroundSurfaceSettings, Sampling

NAME = "multi-neus"

SMALL_NETWORKS = NetworksSettings(width=128)
"""What two processor cores learn in some hours."""

COARSE = Sampling(around_surface=AroundSurfaceSettings(resolution=24))
"""A grid that is quickly made anew, since each step may look at another scene."""


@dataclass(frozen=True)
class Training(SceneTraining):
    """How the prior is learned: meta-learning (section 3.4), smaller and shorter than in the paper."""

    networks: NetworksSettings = SMALL_NETWORKS
    rate: float = 5e-4
    own: float = 4.0
    patience: int = 2000
    sampling: Sampling = COARSE


PAPER_TRAINING = Training(
    networks=NetworksSettings(),
    layers=SceneLayersSettings(sdf=(1, 2, 3, 4), radiance=(1, 2), kind="low-rank", rank=1000),
    background=BackgroundSettings(width=256, depth=8, frequencies=10, direction_frequencies=4),
    steps=610_000,
    rate=1.8e-4,
    own=1.0,
    patience=5000,
    silhouette=0.0,
    pixels=1024,
    beginning=Beginning(facing_until=0.15),
    sampling=Sampling(way="hierarchical"),
    precision="float32",
)
"""Sections 3.2, 4.3 (the best model) and 4.5; the background is NeRF++'s."""


@dataclass(frozen=True)
class Fitting:
    """How a head is fitted (section 3.4): the scene's own weights with the shared ones frozen, then everything.

    Cameras that are refined move at a tenth of the rates. Nothing but small rates holds what a single view leaves open:
    at five times these its head loses the profile, and at ten times the colours of its sides, too.
    """

    scene_steps: int = 250
    """Steps on c of scene N + 1 alone (w, where layers are independent)."""
    shared_steps: int = 250
    """Steps on everything."""
    scene_rate: float = 2e-4
    shared_rate: float = 4e-5
    several: float = 5.0
    """How many times as fast c moves in step one where several views from known cameras show the depth; in so few
    steps it would hardly leave the mean otherwise."""
    several_steps: float = 2.0
    """How many times as many steps such views get on everything: samples around the surface alone need them to come to
    as good pictures as NeuS's schedule."""
    plateau: float = 0.316
    """What rates are multiplied by every time the loss stops decreasing."""
    patience: int = 100
    """Over how many steps it is looked at whether it does."""
    photometric: float = 1.0
    silhouette: float = 0.1
    eikonal: float = 0.1
    options: VolumeOptions = field(default_factory=VolumeOptions)

    def stages(self, *, faster: float = 1.0, more: float = 1.0) -> tuple[Stage, ...]:
        """The two steps of fitting as data, the scene's own weights so many times faster, the second so much longer."""
        weights = {"photometric": self.photometric, "silhouette": self.silhouette, "eikonal": self.eikonal}
        plateau = Plateau(self.plateau, self.patience)

        def stage(name: str, steps: int, moving: Moving, rate: float) -> Stage:
            return Stage(name, steps, (moving, Moving(CAMERAS, 0.1 * rate)), weights, plateau)

        own = Moving("fields.*.own.*", faster * self.scene_rate, clip=1.0)
        everything = Moving("fields.*", self.shared_rate, clip=1.0)
        return (
            stage("scene", self.scene_steps, own, self.scene_rate),
            stage("everything", round(more * self.shared_steps), everything, self.shared_rate),
        )


PAPER_FITTING = Fitting(
    scene_steps=12_000,
    shared_steps=13_000,
    scene_rate=4e-4,
    shared_rate=6e-5,
    several=1.0,
    several_steps=1.0,
    patience=1000,
    options=VolumeOptions(sampling=Sampling(way="hierarchical"), refined="always"),
)
"""Section 4.5."""

Prior = ScenePrior


def stages_for(prior: ScenePrior, settings: Fitting, *, deep: bool = False) -> tuple[Stage, ...]:
    """The steps of a fit to views that show the depth or do not; without the first where nothing is a scene's own, as
    when NeuS is transferred (4.3)."""
    layers = prior.fields.settings.layers
    faster = settings.several if deep and layers.kind == "low-rank" else 1.0
    stages = settings.stages(faster=faster, more=settings.several_steps if deep else 1.0)
    return stages if layers.used else stages[1:]


def fit(capture: Capture, prior: ScenePrior, settings: Fitting, run: Run) -> Fitted:
    """Fit a head to the views of a capture."""
    fields = copy.deepcopy(prior.checked_for(NAME).fields)
    deep = not capture.rough and len(different(list(capture.views))) > 1
    return fit_volume(NAME, capture, fields, stages_for(prior, settings, deep=deep), settings.options, run)
