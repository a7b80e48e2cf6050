"""Learning fields of many scenes from their posed pictures: meta-learning (Multi-NeuS, section 3.4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from headfield.data.store import Dataset
from headfield.errors import InputError
from headfield.fields.background import Background, BackgroundSettings
from headfield.fields.scene_fields import NetworksSettings, SceneFields, SceneFieldsSettings
from headfield.fields.scene_layers import SceneLayersSettings
from headfield.fitting.observations import RaysSeen
from headfield.fitting.scene_prior import ScenePrior
from headfield.fitting.scenes import Scenes
from headfield.fitting.training import PriorTraining
from headfield.fitting.volume import Beginning, eikonal_cost, mask_cost, see
from headfield.optim.schedules import Plateau
from headfield.optim.stages import Moving, Stage
from headfield.optim.step import Precision, StepInfo
from headfield.render.beyond import Glow, render_beyond
from headfield.render.sampling import Sampler, Sampling
from headfield.render.volume import Rendered


@dataclass(frozen=True)
class RaysOfAScene:
    """What a step of learning looks at."""

    rays: int = 512
    """Rays of one scene (section 4.5)."""
    views: int = 8
    """From how many of its pictures they come (section 3.4)."""
    everywhere: int = 256
    """Places anywhere at which the field is held to be a distance."""
    beyond: int = 16
    """Sections of a ray beyond the unit sphere."""


@dataclass(frozen=True)
class SceneTraining(PriorTraining[Scenes, ScenePrior]):
    """How fields of many scenes are learned (Multi-NeuS, sections 3.3, 3.4 and 4.5)."""

    networks: NetworksSettings = field(default_factory=NetworksSettings)
    layers: SceneLayersSettings = field(default_factory=SceneLayersSettings)
    background: BackgroundSettings = field(default_factory=BackgroundSettings)
    steps: int = 20_000
    rate: float = 1.8e-4
    own: float = 1.0
    """How many times faster moves what is a scene's own: it only does when that scene is looked at."""
    plateau: float = 0.316
    """What rates are multiplied by every time the loss stops decreasing."""
    patience: int = 1000
    """Over how many steps it is looked at whether it does."""
    eikonal: float = 0.1
    silhouette: float = 0.1
    """What masks count where views have them; 0 in the paper, which leaves it to the background to tell them apart."""
    beginning: Beginning = field(default_factory=lambda: Beginning(facing_until=0.15, opened_until=0.4))
    pixels: int = 160
    """How wide pictures are at most; larger ones are made smaller."""
    scene: int | None = None
    """Learn from this one of the scenes alone, counted from 0: NeuS to be transferred (section 4.3)."""
    batch: RaysOfAScene = field(default_factory=RaysOfAScene)
    sampling: Sampling = field(default_factory=Sampling)
    precision: Precision = "bfloat16"

    def stages(self) -> tuple[Stage, ...]:
        """The one stage: everything moves, but of what is a scene's own only that of the scene looked at."""
        if self.steps < 1:
            raise InputError(f"nothing is learned in {self.steps} steps; take 1 or more.")
        if self.layers.kind == "low-rank" and self.layers.rank < 1:
            raise InputError(f"layers of rank {self.layers.rank} are none; take 1 or more.")
        for own, count in ((self.layers.sdf, self.networks.sdf), (self.layers.radiance, self.networks.radiance)):
            if len(set(own)) < len(own) or not all(1 <= number <= count for number in own):
                raise InputError(
                    f"a scene cannot have the layers {own} of {count} of its own; name some of 1 to {count}."
                )
        weights = {"photometric": 1.0, "eikonal": self.eikonal, "silhouette": self.silhouette}
        faster = (Moving("fields.*.own.*", self.own * self.rate, clip=1.0),) if self.layers.used else ()
        moving = (*faster, Moving("*", self.rate, clip=1.0))
        return (Stage("scenes", self.steps, moving, weights, Plateau(self.plateau, self.patience)),)

    def lessons(self, dataset: Dataset, *, subjects: int | None = None) -> Scenes:
        """Pictures, made as small as they are looked at."""
        return Scenes.read(dataset, subjects=subjects, pixels=self.pixels)

    def chosen(self, lessons: Scenes) -> Scenes:
        """All scenes, or the one."""
        return lessons if self.scene is None else lessons.alone(self.scene)

    def family(self, subjects: int) -> SceneFamily:
        """Networks with layers of each scene's own."""
        return SceneFamily(self, subjects)

    def objectives(self, family: SceneFamily, lessons: Scenes) -> SceneObjectives:
        """Those of volume rendering."""
        return SceneObjectives(family, lessons, self)

    def prior(self, method: str, family: SceneFamily, lessons: Scenes, facts: Mapping[str, object]) -> ScenePrior:
        """The mean of all scenes."""
        return ScenePrior(method, family.fields.of_mean_scene(), facts)


class SceneFamily(nn.Module):
    """The fields of all scenes, and a background for each."""

    def __init__(self, training: SceneTraining, scenes: int):
        super().__init__()
        self.fields = SceneFields(SceneFieldsSettings(training.networks, training.layers, scenes))
        self.backgrounds = nn.ModuleList(Background(training.background) for _ in range(scenes))


class SceneObjectives:
    """The objectives of a step, on rays of one scene by chance: ``photometric``, ``eikonal`` and ``silhouette``."""

    def __init__(self, family: SceneFamily, scenes: Scenes, training: SceneTraining):
        self.family, self.scenes, self.training = family, scenes, training
        self._sampling = training.sampling.among(len(scenes))
        self._samplers: dict[int, Sampler] = {}

    def __call__(self, info: StepInfo) -> dict[str, Tensor]:
        """The objectives of one step."""
        if info.fresh:
            self._samplers = {}
        family, batch = self.family, self.training.batch
        scene = int(torch.randint(len(self.scenes), (1,), generator=info.generator, device=info.device))
        seen = self.scenes.draw(scene, batch.rays, batch.views, info.generator)
        family.fields.choose(scene)
        sampler = self._samplers.setdefault(scene, self._sampling.sampler())
        self.training.beginning.open(family.fields, info)
        facing = self.training.beginning.facing(info)
        shown = see(family.fields, seen.rays, sampler, info.generator, facing=facing)

        def glow(places: Tensor, directions: Tensor) -> Glow:
            return Glow(*family.backgrounds[scene](places, directions))

        masks_count = bool(info.weights["silhouette"])
        behind = render_beyond(seen.rays, glow, batch.beyond, info.generator)
        terms = {
            "photometric": _photometric(shown, behind, seen, self.scenes.masked(scene, seen) & masks_count),
            "eikonal": eikonal_cost(family.fields, shown, batch.everywhere, info),
        }
        if masks_count:
            terms["silhouette"] = mask_cost(shown.opacity, seen)
        return terms


def _photometric(
    shown: Rendered, behind: Float[Tensor, "n 3"], seen: RaysSeen, masked: Bool[Tensor, "n"]
) -> Float[Tensor, ""]:
    """How far colours are off: of the scene before its background, or of the subject alone where a mask tells it.

    A mask makes the background needless, which may be another one in each picture and then cannot be learned.
    """
    through = torch.where(masked, 0, 1 - shown.opacity)[:, None]
    counted = torch.where(masked, seen.coverage, 1)
    off = counted[:, None] * (shown.colours + through * behind - seen.colours).square()
    return off.sum() / (3 * counted.sum()).clamp(min=1)
