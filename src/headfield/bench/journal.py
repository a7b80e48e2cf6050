"""What is noted while a fit goes: how long each stage takes, how often the field is asked, how far off it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from headfield.bench.scoring import Scores, scores
from headfield.bench.trials import EVERY
from headfield.cameras import Rays
from headfield.capture import Subject
from headfield.errors import InputError
from headfield.fitting.drive import Fit
from headfield.mesh.clean import largest_component
from headfield.mesh.extract import extract
from headfield.mesh.grid import SignedDistance
from headfield.optim.record import Callback, Update
from headfield.render.hits import HitFinder, SurfaceHits
from headfield.render.queries import CHUNK, Counted

RESOLUTION, SAMPLES = 128, 20_000
"""Of the meshes and their comparison that a look at a fit makes."""


@dataclass
class Journal:
    """A fit's times, and its errors every few steps where there is a subject to compare it with."""

    subject: Subject | None = None
    stages: dict[str, float] = field(default_factory=dict)
    """How many seconds each stage took; looking is not counted."""
    curve: list[dict[str, float | None]] = field(default_factory=list)
    """After how many steps and seconds the face and the head were so far off; None where there was no surface."""
    looking: float = 0.0
    """How many seconds were spent looking."""
    begun: bool = False
    """Whether the fit could begin: the capture and the prior can be used."""
    _last: float = 0.0

    def watching(self, fit: Fit) -> Callback:
        """A callback that keeps the journal of this fit."""
        self.begun = True
        self._look(fit, 0)

        def note(update: Update) -> None:
            self.stages[update.stage] = self.stages.get(update.stage, 0.0) + time.perf_counter() - self._last
            moves = any(name == "u" or name.startswith("field.geometry") for name in update.rates)
            if moves and update.done % EVERY == 0:
                self._look(fit, update.done)
            self._last = time.perf_counter()

        self._last = time.perf_counter()
        return note

    def _look(self, fit: Fit, step: int) -> None:
        if self.subject is None:
            return
        began = time.perf_counter()
        found = _scores_now(fit, self.subject)
        entry: dict[str, float | None] = {"step": step, "seconds": round(sum(self.stages.values()), 2)}
        for region in ("face", "head"):
            entry[region] = None if found is None else found[region]["mean"]
        self.curve.append(entry)
        self.looking += time.perf_counter() - began


@torch.no_grad()
def _scores_now(fit: Fit, subject: Subject) -> Scores | None:
    """How far off the surface is now; None if there is none."""

    def within(points: Tensor) -> Tensor:
        return torch.maximum(fit.distance(points), points.norm(dim=-1) - 1)

    device = fit.finished().code.device
    try:
        mesh = extract(within, resolution=RESOLUTION, chunk=CHUNK, device=device, border="open")
        return scores(largest_component(mesh), subject, samples=SAMPLES, in_short=True)
    except InputError:
        return None


@dataclass
class Tally:
    """How many rays were asked for, and at how many points the field was asked for them."""

    rays: int = 0
    queries: int = 0

    @property
    def queries_a_ray(self) -> float | None:
        """The mean; None if there was no ray."""
        return self.queries / self.rays if self.rays else None

    def counting(self, make: Callable[[], HitFinder]) -> Callable[[], HitFinder]:
        """The same finders, counted."""

        def made() -> HitFinder:
            find = make()

            def counted(sdf: SignedDistance, rays: Rays) -> SurfaceHits:
                asked = Counted(sdf)
                hits = find(asked, rays)
                self.rays += len(rays.origins)
                self.queries += asked.points
                return hits

            return counted

        return made
