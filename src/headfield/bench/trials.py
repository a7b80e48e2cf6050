"""Trials: what a bench measures once, and where its result lies.

A trial is one variant of a method, on one person, with so many views. It depends on nothing but what it says, so trials
run in any order and in any number of processes, and a bench that was killed goes on where it stopped. The name of a
result's file holds a digest of everything it follows from: one made with other settings is never taken for it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, is_dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from headfield import __version__
from headfield.data import layout
from headfield.errors import InputError, reading
from headfield.files import read_json
from headfield.methods.registry import Method
from headfield.render.finders import Finder

Cues = Literal["predicted", "true", "none"]
"""Which normals a fit sees: those that the network that comes with headfield sees in the views, the true ones, or none.
The masks are the views' own, as in the papers."""

SAMPLES = 50_000
"""Points on each surface when they are compared."""

EVERY = 25
"""How many steps lie between two looks at a fit that is watched."""


@dataclass(frozen=True)
class Variant:
    """A method as it is tried: its settings, its prior and what it may look at."""

    name: str
    method: Method | None
    """None is the prior's mean head, which looks at nothing."""
    settings: Any = None
    """The method's ``Fitting``."""
    prior: Path | None = None
    cues: Cues = "none"
    noise: float = 0.0
    """How far off cameras are: the standard deviation of their rotation in radians and of their place in head units.
    A fit may correct such cameras."""


@dataclass(frozen=True)
class Trial:
    """One variant, on one person of a data set, with the first so many views."""

    variant: Variant
    data: Path
    subject: str
    views: int
    watched: bool = False
    """Whether the error is measured every few steps."""
    timed: bool = False
    """Whether it runs alone on the machine, and the head is saved, too."""
    finder: Finder | None = None
    """How hits are found, which are then compared with exact ones; None is the method's own way, not compared."""
    resolution: int = 256
    """Cells a side of the mesh that is measured."""
    device: str = "cpu"
    seed: int = 0

    @property
    def kind(self) -> str:
        """What is special about it, for people; empty for a plain one."""
        parts = [*(["watched"] if self.watched else []), *(["timed"] if self.timed else [])]
        return "-".join([*parts, *([self.finder.replace(" ", "-")] if self.finder else [])])

    def follows_from(self) -> dict[str, object]:
        """Everything that its result follows from, as JSON."""
        variant, settings = self.variant, self.variant.settings
        network = _normal_network() if variant.cues == "predicted" else None
        noise = {"noise": variant.noise} if variant.noise else {}
        return {
            **noise,
            "headfield": __version__,
            "variant": variant.name,
            "method": "mean-head" if variant.method is None else f"{variant.method.name} ({variant.method.module})",
            "settings": asdict(settings) if is_dataclass(settings) and not isinstance(settings, type) else None,
            "prior": None if variant.prior is None else digest_of(variant.prior),
            "cues": variant.cues,
            "normal_network": None if network is None else digest_of(network),
            "subject": self.subject,
            "data": digest_of(self.data / self.subject / layout.CHECKSUMS),
            "views": self.views,
            "watched": EVERY if self.watched else 0,
            "timed": self.timed,
            "finder": self.finder,
            "resolution": self.resolution,
            "samples": SAMPLES,
            "device": self.device,
            "seed": self.seed,
        }

    @property
    def digest(self) -> str:
        """Twelve letters that stand for all it follows from."""
        return hashlib.sha256(json.dumps(self.follows_from(), sort_keys=True).encode()).hexdigest()[:12]

    def result(self) -> dict[str, Any]:
        """What comes of it, tried now."""
        from headfield.bench.trying import tried

        return tried(self)


@dataclass(frozen=True)
class Results:
    """The results in a folder, a small JSON file each."""

    folder: Path

    def path(self, trial: Trial) -> Path:
        """Where the result of a trial lies, or will lie."""
        name = "-".join(filter(None, [trial.subject, f"{trial.views}v", trial.kind, trial.digest]))
        return self.folder / trial.variant.name / f"{name}.json"

    def of(self, trial: Trial) -> dict[str, Any] | None:
        """The result of a trial; None if there is none yet."""
        path = self.path(trial)
        return read_json(path) if path.is_file() else None

    def missing(self, trials: Iterable[Trial]) -> list[Trial]:
        """Those without a result, each once, in the same order."""
        wanted = {self.path(trial): trial for trial in trials}
        return [trial for path, trial in wanted.items() if not path.is_file()]


def digest_of(path: Path) -> str:
    """Twelve letters that stand for the content of a file."""
    with reading(path):
        about = path.stat()
        return _digest(path, about.st_mtime_ns, about.st_size)


@lru_cache(maxsize=256)
def _digest(path: Path, changed: int, size: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def _normal_network() -> Path:
    from headfield.photo.normals import SHIPPED

    if not SHIPPED.is_file():
        raise InputError(
            "headfield came without a network of normals, so none can be predicted; choose --cues true or --cues none."
        )
    return SHIPPED


def shipped_prior(method: str) -> Path | None:
    """The file of the prior that comes with headfield; None if none does."""
    path = Path(str(files("headfield"))) / "methods" / f"{method}.safetensors"
    return path if path.is_file() else None
