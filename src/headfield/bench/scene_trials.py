"""Trials of Multi-NeuS: heads fitted to views from chosen sides, and how well control views see them (section 4.3)."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Any, Literal

import torch
from torch import Tensor, nn

from headfield.bench.scoring import scores
from headfield.bench.trials import SAMPLES, Trial
from headfield.bench.trying import machine, prior_of, program
from headfield.cameras import Camera
from headfield.capture import Capture, Subject, View
from headfield.data.store import read_subject
from headfield.errors import InputError
from headfield.fields.scene_fields import SceneFields
from headfield.fitting.corrections import Corrections
from headfield.fitting.drive import Fit, Fitted, Run
from headfield.fitting.observations import Observations, RaysSeen
from headfield.fitting.prior import Prior, ShapePrior
from headfield.fitting.scene_prior import ScenePrior
from headfield.fitting.volume import see
from headfield.fitting.volume_fit import VolumeFit
from headfield.head import Head
from headfield.methods.mean_head import mean_head
from headfield.methods.multi_neus import Fitting, stages_for
from headfield.optim.engine import optimise
from headfield.optim.record import Callback, Update
from headfield.optim.stages import Moving, Stage
from headfield.optim.step import StepInfo
from headfield.render.sampling import AroundSurface, AroundSurfaceSettings

Side = Literal["front", "left", "right"]

AZIMUTHS: dict[Side, float] = {"front": 0.0, "left": 45.0, "right": -45.0}
"""Where a view is taken from, in degrees towards the subject's left (section 4.3)."""

CONTROLS = (-20.0, 20.0)
"""From where control views look, whose pictures are compared and never fitted to."""

OFF = 10.0
"""How many degrees a view may be from where it is asked for."""

REFINING_STEPS, REFINING_RAYS, REFINING_RATE = 60, 256, 2e-3
"""How control cameras are refined before they are compared, since the head and they may both have moved."""

LOOKING = AroundSurfaceSettings(sections=32, resolution=64, uses=10**9)
"""How control views look at fields, which do not move any more."""

CHUNK = 2048
"""Rays of control views that are looked along at once."""


@dataclass(frozen=True)
class SceneTrial(Trial):
    """One variant, on one person, with views from some sides."""

    shown: tuple[Side, ...] = ("front",)

    @property
    def kind(self) -> str:
        """From where the views look."""
        return "-".join(self.shown)

    def follows_from(self) -> dict[str, object]:
        """Everything that its result follows from, as JSON."""
        asked = {"shown": list(self.shown), "controls": list(CONTROLS), "refining": [REFINING_STEPS, REFINING_RATE]}
        return {**super().follows_from(), **asked}

    def result(self) -> dict[str, Any]:
        """What comes of it, tried now."""
        return tried(self)


@dataclass
class Watch:
    """What is noted of a fit by volume rendering while it goes: its fields at the end of each stage, and what it costs.

    ``ends`` says after how many steps which stage ends.
    """

    ends: Mapping[int, str]
    after: dict[str, dict[str, Tensor]] = field(default_factory=dict)
    """The numbers of the fields after each stage."""
    queries: int = 0
    """At how many points the field was asked."""

    def watching(self, fit: Fit) -> Callback:
        """A callback that keeps the fields as each stage leaves them; of other fits nothing is noted."""
        if not isinstance(fit, VolumeFit):
            return lambda update: None
        fit.fields.surface.geometry.register_forward_hook(self._count)

        def note(update: Update) -> None:
            if update.done in self.ends:
                numbers = fit.fields.state_dict()
                self.after[self.ends[update.done]] = {name: value.clone() for name, value in numbers.items()}

        return note

    def _count(self, module: nn.Module, given: tuple[Any, ...], out: object) -> None:
        self.queries += given[0].shape[:-1].numel()


def tried(trial: SceneTrial) -> dict[str, Any]:
    """The result of a trial: PSNR of the control views after each stage, and millimetres where the truth is known."""
    subject = read_subject(trial.data / trial.subject, scan=False)
    prior = prior_of(trial.variant)
    result: dict[str, Any] = {
        "trial": trial.follows_from(),
        "machine": machine(trial.device),
        "program": program(),
        "seconds": {},
    }
    if trial.variant.method is None:
        assert isinstance(prior, ShapePrior)
        head = Head.of(mean_head(prior), resolution=trial.resolution)
        return {**result, "scores": scores(head.mesh, subject, samples=SAMPLES)}
    watch = Watch(_ends(trial, prior))
    began = time.perf_counter()
    seen = Capture(tuple(replace(view_from(subject, AZIMUTHS[side]), landmarks=None) for side in trial.shown))
    run = Run(seed=trial.seed, device=trial.device, watch=watch.watching)
    fitted = trial.variant.method.fit(seen, prior, trial.variant.settings, run)
    if fitted.report.interrupted:
        raise KeyboardInterrupt
    result["seconds"]["fit"] = round(time.perf_counter() - began, 3)
    if isinstance(prior, ScenePrior):
        controls = [view_from(subject, azimuth) for azimuth in CONTROLS]
        result["psnr"] = {
            stage: [_psnr(_with(prior.fields, numbers, trial.device), view, trial.seed) for view in controls]
            for stage, numbers in watch.after.items()
        }
        result["queries_a_ray"] = watch.queries / _rays(trial, fitted)
    try:
        head = Head.of(fitted.field.to(trial.device), cameras=fitted.cameras, resolution=trial.resolution)
        result["scores"] = scores(head.mesh, subject, samples=SAMPLES)
    except InputError as error:  # nothing is left of the surface
        result["failed"] = str(error)
    return result


def view_from(subject: Subject, azimuth: float) -> View:
    """The view from the side that is nearest to an azimuth; InputError where none is near."""
    views = () if subject.capture is None else subject.capture.views
    found = {number: abs(_azimuth(views[number].camera) - azimuth) for number in range(len(views))}
    nearest = min(found, key=lambda number: found[number], default=None)
    if nearest is None or found[nearest] > OFF:
        raise InputError(
            f"{subject.name} has no view from {azimuth:g}° to the side; "
            "`headfield studio DATA --rig arc --light subject` makes people with them."
        )
    return views[nearest]


def _azimuth(camera: Camera) -> float:
    x, _, z = camera.centre.tolist()
    return math.degrees(math.atan2(x, z))


def _ends(trial: SceneTrial, prior: Prior | None) -> dict[int, str]:
    """After how many steps each stage of a fit ends."""
    settings = trial.variant.settings
    if not isinstance(settings, Fitting) or not isinstance(prior, ScenePrior):
        return {}
    stages = stages_for(prior, settings, deep=len(trial.shown) > 1)
    done = list(accumulate(stage.steps for stage in stages))
    return {end: stage.name for end, stage in zip(done, stages, strict=True)}


def _rays(trial: SceneTrial, fitted: Fitted) -> int:
    options = trial.variant.settings.options
    return fitted.report.done * (options.inside + options.past)


def _with(fields: SceneFields, numbers: Mapping[str, Tensor], device: str) -> SceneFields:
    """Fields with these numbers."""
    fields = copy.deepcopy(fields).to(device)
    fields.load_state_dict(numbers)
    return fields


class _Control(nn.Module):
    """A control camera that is refined: pose and focal length (section 4.3)."""

    def __init__(self, camera: Camera):
        super().__init__()
        self.corrections = Corrections([camera])


def _psnr(fields: SceneFields, view: View, seed: int) -> float:
    """How well a view is seen where it shows the subject, once its camera has been refined to that end."""
    device = fields.deviation.device
    rays = Observations.of(Capture((view,)), device=device).inside
    fields.requires_grad_(False)
    control, sampler = _Control(view.camera.to(dtype=torch.float32)).to(device), AroundSurface(LOOKING)

    def off(info: StepInfo) -> dict[str, Tensor]:
        index = torch.randint(len(rays), (REFINING_RAYS,), generator=info.generator, device=device)
        some = control.corrections.taken_along(rays[index])
        shown = see(fields, some.rays, sampler, info.generator)
        return {"photometric": (shown.colours - some.colours).square().mean()}

    moving = (Moving("corrections.cameras.*", REFINING_RATE),)
    optimise(control, (Stage("control", REFINING_STEPS, moving, {"photometric": 1.0}),), off, seed=seed)
    with torch.no_grad():
        parts = [control.corrections.taken_along(part) for part in _parts(rays)]
        squares = [(see(fields, part.rays, sampler).colours - part.colours).square().mean(dim=1) for part in parts]
    return round(-10 * math.log10(max(float(torch.cat(squares).mean()), 1e-10)), 4)


def _parts(rays: RaysSeen) -> list[RaysSeen]:
    return [rays[index] for index in torch.arange(len(rays), device=rays.origins.device).split(CHUNK)]
