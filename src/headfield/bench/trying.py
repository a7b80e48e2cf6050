"""One trial: look at the views, fit, extract, measure; what came of it as plain data."""

from __future__ import annotations

import hashlib
import math
import os
import platform
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import torch

import headfield
from headfield import __version__
from headfield.bench.journal import Journal, Tally
from headfield.bench.scoring import scores
from headfield.bench.trials import SAMPLES, Cues, Trial, Variant
from headfield.bench.ways import exactness
from headfield.capture import Capture, Subject, View
from headfield.data.store import read_subject
from headfield.errors import InputError
from headfield.fitting.drive import Fitted, Run
from headfield.fitting.prior import Prior, ShapePrior
from headfield.fitting.steadying import steadied
from headfield.fitting.surface_fit import FitOptions
from headfield.head import Head
from headfield.methods.mean_head import mean_head
from headfield.reconstruction import completed, family_of
from headfield.render.finders import finders
from headfield.transforms import so3_exp

SOURCE, ROOMS = Path(headfield.__file__).parent, ("fields", "fitting", "methods", "metrics", "mesh", "optim", "render")


def tried(trial: Trial) -> dict[str, Any]:
    """The result of a trial. A fit that came to nothing is a result, too: it has ``failed`` and no scores."""
    began = time.perf_counter()
    subject = read_subject(trial.data / trial.subject, scan=False)
    prior = prior_of(trial.variant)
    journal, tally = Journal(subject if trial.watched else None), Tally()
    result: dict[str, Any] = {
        "trial": trial.follows_from(),
        "machine": machine(trial.device),
        "program": program(),
    }
    try:
        if trial.variant.method is None:
            assert isinstance(prior, ShapePrior)
            result["seconds"] = {}
            head = Head.of(mean_head(prior), resolution=trial.resolution)
        else:
            head = _fitted_head(trial, subject, prior, journal, tally, result, began)
        result["scores"] = scores(head.mesh, subject, samples=SAMPLES)
    except InputError as error:
        if not journal.begun:  # what was put in is wrong
            raise
        result["failed"] = str(error)
    result["queries_a_ray"] = tally.queries_a_ray
    if trial.watched:
        result["curve"] = journal.curve
    return result


def _fitted_head(
    trial: Trial,
    subject: Subject,
    prior: Prior | None,
    journal: Journal,
    tally: Tally,
    result: dict[str, Any],
    began: float,
) -> Head:
    """The head that the views show, with what is to be told of the way to it noted in ``result``."""
    clock = _Clock(began)
    seconds: dict[str, Any] = result.setdefault("seconds", {})
    shown = _shown(subject, trial.views)
    seconds["read"] = clock.lap()
    seen = misplaced(with_cues(shown, trial.variant.cues), trial.variant.noise, seed=trial.seed)
    seconds["cues"] = clock.lap()
    if seen.rough:
        seen = steadied(seen, family_of(prior))
        seconds["cameras"] = clock.lap()
    fitted = _fitted(trial, seen, prior, journal, tally)
    seconds["fit"] = round(clock.lap() - journal.looking, 3)
    seconds["stages"] = {stage: round(spent, 3) for stage, spent in journal.stages.items()}
    result |= {"steps": fitted.facts["steps"], "losses": _finite(fitted.report.lately(20))}
    result["dropped"] = fitted.facts["dropped"]
    field = fitted.field.to(trial.device)
    clock.lap()
    head = Head.of(field, cameras=fitted.cameras, resolution=trial.resolution, to_head=subject.to_head)
    seconds["mesh"] = clock.lap()
    if trial.timed:
        with tempfile.TemporaryDirectory() as folder:
            head.save(Path(folder) / "head.glb")
        seconds["save"] = clock.lap()
        result["peak_megabytes"] = peak_megabytes()
    if trial.finder is not None:
        find = finders(trial.finder, _options(trial).proxy)()
        with torch.no_grad():
            result["hits"] = exactness(field.distance, seen.views[:], find, device=trial.device)
    return head


def _fitted(trial: Trial, seen: Capture, prior: Prior | None, journal: Journal, tally: Tally) -> Fitted:
    method, settings = trial.variant.method, trial.variant.settings
    assert method is not None
    counted = tally.counting(finders(trial.finder or "proxy", _options(trial).proxy))
    run = Run(seed=trial.seed, device=trial.device, finder=counted, watch=journal.watching)
    fitted = method.fit(seen, prior, settings, run)
    if fitted.report.interrupted:
        raise KeyboardInterrupt
    return fitted


def with_cues(capture: Capture, cues: Cues) -> Capture:
    """The capture with the normals that a trial may look at, and without landmarks: those of data sets are true ones.

    Masks that its views lack are estimated.
    """
    views = tuple(replace(view, landmarks=None) for view in capture.views)
    if cues == "true":
        lacking = next((view.name for view in views if view.normals is None), None)
        if lacking is not None:
            raise InputError(f"view {lacking} has no true normals; choose --cues predicted or --cues none.")
        return completed(Capture(views))
    bare = Capture(tuple(replace(view, normals=None) for view in views))
    if cues == "none" and all(view.mask is not None for view in views):
        return bare
    seen = completed(bare)
    if cues == "predicted":
        return seen
    return Capture(tuple(replace(view, normals=None) for view in seen.views))


def prior_of(variant: Variant) -> Prior | None:
    """A variant's prior; that of the mean head is one of shapes."""
    if variant.prior is None:
        return None
    return ShapePrior.load(variant.prior) if variant.method is None else variant.method.prior.load(variant.prior)


def misplaced(capture: Capture, noise: float, *, seed: int) -> Capture:
    """The capture from cameras that are turned and moved by chance, and known to be; itself without noise."""
    if not noise:
        return capture
    generator = torch.Generator().manual_seed(seed)

    def moved(view: View) -> View:
        turn, step = (noise * torch.randn(3, generator=generator, dtype=torch.float64) for _ in range(2))
        camera = view.camera.to(dtype=torch.float64)
        rotation = so3_exp(turn) @ camera.rotation
        translation = -rotation @ (camera.centre + step)
        return replace(view, camera=replace(camera, rotation=rotation, translation=translation))

    return Capture(tuple(moved(view) for view in capture.views), rough=True)


def _shown(subject: Subject, count: int) -> Capture:
    """The first few views, read."""
    views = () if subject.capture is None else subject.capture.views
    if len(views) < count:
        raise InputError(
            f"{subject.name} has {len(views)} views, so {count} cannot be looked at; choose other --views."
        )
    return Capture(tuple(views[:count]))


def _options(trial: Trial) -> FitOptions:
    options = getattr(trial.variant.settings, "options", None)
    return options if isinstance(options, FitOptions) else FitOptions()


@dataclass
class _Clock:
    last: float

    def lap(self) -> float:
        """Seconds since the last time."""
        now = time.perf_counter()
        spent, self.last = now - self.last, now
        return round(spent, 3)


def machine(device: str) -> dict[str, object]:
    """What a trial runs on, as far as it bears on how long it takes."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name(device) if device.startswith("cuda") else None,
        "headfield": __version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def _processor() -> str:
    """The processor's model, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine()


@cache
def program() -> str:
    """Twelve letters that stand for the code that a result follows from, besides what a trial says."""
    seen = hashlib.sha256()
    for path in sorted(path for room in ROOMS for path in (SOURCE / room).rglob("*.py")):
        seen.update(path.read_bytes())
    return seen.hexdigest()[:12]


def peak_megabytes() -> float:
    """The most memory that this process has held."""
    try:
        # What getrusage says may be what the process that started this one held.
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
        kilobytes = next(float(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        import resource  # not on every system

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        kilobytes = most / 1024 if platform.system() == "Darwin" else most
    return round(kilobytes / 1024, 1)


def _finite(losses: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in losses.items() if math.isfinite(value)}
