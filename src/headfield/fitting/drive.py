"""From a capture to a fitted field: what every method does around its stages."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, cast, runtime_checkable

import torch
from torch import Tensor, nn

from headfield import __version__
from headfield.cameras import Camera
from headfield.capture import Capture
from headfield.fields.surface_field import SurfaceField, SurfaceFieldSettings
from headfield.fitting.corrections import Corrections
from headfield.fitting.doubts import weighed
from headfield.fitting.landmarks import LandmarksSeen
from headfield.fitting.observations import Observations
from headfield.fitting.prior import ShapePrior
from headfield.fitting.surface_fit import FitOptions, Speed, SurfaceFit, SurfaceObjectives
from headfield.optim.checkpoints import Checkpoints, checksum
from headfield.optim.engine import optimise
from headfield.optim.record import Callback, Report
from headfield.optim.stages import Stage
from headfield.optim.step import Objectives, Precision
from headfield.render.hits import HitFinder


@runtime_checkable
class Fit(Protocol):
    """A fit that goes on, for those who watch it."""

    def distance(self, points: Tensor) -> Tensor:
        """The signed distance as it is now."""
        ...

    def finished(self) -> SurfaceField:
        """The field that it would come to if it ended now; perhaps the one that goes on moving."""
        ...


@dataclass(frozen=True)
class Run:
    """How a fit runs, whatever the method: nothing here changes what is asked for, only where and how it is done."""

    seed: int = 0
    device: str = "cpu"
    checkpoints: Path | None = None
    """Where to save the fit and go on from; none is saved without."""
    callbacks: tuple[Callback, ...] = ()
    progress: Callback | None = None
    finder: Callable[[], HitFinder] | None = None
    """How hits are found; by a proxy mesh where nothing is said."""
    precision: Precision = "float32"
    watch: Callable[[Fit], Callback] | None = None
    """Makes a callback that may look at the fit while it goes, for curves of error over time."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """A field fitted to a capture, and how it went."""

    field: SurfaceField
    cameras: Mapping[str, Camera]
    report: Report
    facts: Mapping[str, object]


def fit_surface(
    method: str,
    capture: Capture,
    prior: ShapePrior | None,
    settings: SurfaceFieldSettings,
    stages: Sequence[Stage],
    options: FitOptions,
    run: Run,
    speed: Speed = Speed(),  # noqa: B008 - frozen
) -> Fitted:
    """Fit a field by stages; InputError if the capture cannot be used."""
    device = torch.device(run.device)
    observations = Observations.of(capture, device=device)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(run.seed)
        fit = SurfaceFit(settings, prior, observations.cameras if observations.rough else ())
    if fit.codes is not None:
        fit.u.data.copy_(first_code(capture, fit))
    fit.to(device)
    objectives = SurfaceObjectives(fit, observations, options, run.finder, speed)
    about = f"{observations.checksum}{'' if prior is None else _checksum(prior)} {options} {speed}"
    possible = _possible(stages, observations, options)
    fitted = driven(method, fit, objectives, possible, observations, fit.corrections, run, about)
    if fit.codes is None or not fit.codes.landmark_basis.any():
        return fitted
    with torch.no_grad():
        in_views = objectives.landmarks_in_views().tolist()
    landmarks = {
        "landmarks": fit.codes.landmarks(fit.u).tolist(),
        "landmarks_in_views": dict(zip(observations.names, in_views, strict=True)),
    }
    return replace(fitted, facts={**fitted.facts, **landmarks})


def driven(
    method: str,
    fit: nn.Module,
    objectives: Objectives,
    stages: Sequence[Stage],
    observations: Observations,
    corrections: Corrections | None,
    run: Run,
    about: str,
) -> Fitted:
    """Take a fit through its stages, and tell how it went."""
    watched = cast(Fit, fit)
    report = optimise(
        fit,
        stages,
        objectives,
        seed=run.seed,
        checkpoints=None if run.checkpoints is None else Checkpoints(run.checkpoints, every=100),
        callbacks=[*run.callbacks, *([run.watch(watched)] if run.watch else [])],
        progress=run.progress,
        precision=run.precision,
        about=about,
    )
    facts: dict[str, object] = {
        "method": method,
        "views": list(observations.names),
        "seed": run.seed,
        "device": run.device,
        "steps": {stage.name: stage.steps for stage in stages},
        "seconds": round(report.seconds, 2),
        "losses": report.lately(20),
        "dropped": len(report.dropped),
        "interrupted": report.interrupted,
        "versions": {"headfield": __version__, "torch": torch.__version__, "python": platform.python_version()},
    }
    corrected = observations.cameras if corrections is None else corrections.corrected()
    cameras = dict(zip(observations.names, corrected, strict=True))
    return Fitted(watched.finished().to("cpu"), cameras, report, facts)


def _checksum(prior: ShapePrior) -> str:
    """Tells what a fit starts from."""
    parts = (prior.geometry, prior.codes, prior.appearance, prior.looks, prior.colours)
    return "".join(checksum(part.state_dict()) for part in parts if part is not None)


def first_code(capture: Capture, fit: SurfaceFit) -> torch.Tensor:
    """The likeliest u for the landmarks that the views show; the mean one, zero, where they show too few."""
    assert fit.codes is not None
    seen = LandmarksSeen.of(capture.views)
    if seen is None or not fit.codes.landmark_basis.any():
        return torch.zeros_like(fit.u)
    cameras = [view.camera for view in capture.views]
    return fit.codes.from_views(cameras, seen.pixels, seen.known, seen.noise, seen.expressions)


def _possible(stages: Sequence[Stage], observations: Observations, options: FitOptions) -> list[Stage]:
    """The stages without the objectives that nothing was observed for, and without ``near`` where several views with
    known cameras agree; cameras that are only roughly known move along with the shape."""
    without = set()
    if not observations.has_normals:
        without.add("normals")
    if observations.landmarks is None:
        without.add("landmarks")
    several = len(observations.cameras) > 1
    photographed = several and observations.rough and observations.landmarks is not None
    if not several:
        without.add("agreement")
    elif not photographed:
        without.add("near")

    def possible(stage: Stage) -> Stage:
        weights = weighed(stage.weights, options.estimated) if observations.estimated else stage.weights
        weights = weighed(weights, options.photographed) if photographed and "held" in weights else weights
        weights = {name: weight for name, weight in weights.items() if name not in without}
        moving = stage.moving
        if observations.rough and set(stage.weights) != {"colour"}:
            within, marked = "held" not in stage.weights, observations.landmarks is not None
            moving += options.correcting(len(observations.cameras), within_family=within, marked=marked)
        return replace(stage, moving=moving, weights=weights)

    return [possible(stage) for stage in stages]
