"""From photos or posed views to a head: find faces, fill in what the views lack, fit, extract, paint."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from headfield.capture import Capture, View
from headfield.errors import MissingExtraError
from headfield.fitting.drive import Run
from headfield.fitting.prior import Prior, ShapePrior
from headfield.fitting.steadying import steadied
from headfield.head import Head
from headfield.methods.registry import DEFAULT, Method, find_method
from headfield.optim.interrupt import Interrupt
from headfield.portraits import Portrait, capture_of, find_portraits
from headfield.transforms import Similarity

TEXTURE = 2048
"""How many texels a side a head's texture has."""

UNPAINTED = "painting was interrupted, so the head has colours at its vertices but no texture."

Counted = Callable[[int, int], None]
"""Told how much of something is done, and how much there is to do."""


@dataclass(frozen=True)
class Progress:
    """Who is told how far the making of a head has come."""

    begun: Callable[[str], None] = lambda phase: None
    """Called with the name of each phase when it begins."""
    counted: Counted = lambda done, total: None
    """Called in phases that know how much there is to do."""


@dataclass(frozen=True, eq=False)
class Made:
    """A head, and the views that it was made from: whole photos, or posed views."""

    head: Head
    views: tuple[View, ...]
    remarks: tuple[str, ...] = ()


def reconstruct(
    source: Capture | Sequence[Path | str] | Path | str,
    *,
    method: str = DEFAULT,
    prior: Prior | Path | str | None = None,
    normals: Path | None = None,
    settings: Any = None,
    run: Run = Run(),  # noqa: B008 - frozen
    resolution: int = 256,
    texture: int | None = None,
    face: int | None = None,
    to_head: Similarity | None = None,
) -> Head:
    """The head that photos of one person, or a capture in head space, show.

    In photos faces are found and posed first. Masks and normals that views lack are estimated from their pictures.

    Args:
        source: One photo or several, by their files; or posed views, of which one is enough for methods with a prior.
        method: The name of the method.
        prior: A prior or its file, instead of the one that comes with headfield.
        normals: A file with the network that sees normals and masks where views lack them.
        settings: How the head is fitted, as the method's ``Fitting``; its own settings where nothing is said.
        run: Seed, device, checkpoints and progress.
        resolution: Cells a side of the mesh.
        texture: Texels a side of the light mesh's texture, 0 for none; 2048 for photos and none for posed views where
            nothing is said.
        face: Which face of a photo to take, counted from the left; otherwise the largest.
        to_head: What took a capture into head space, to be kept with the head.
    """
    making = Making(method, prior, normals, settings, run, resolution, texture, face)
    return making.head(source, to_head=to_head).head


@dataclass(frozen=True)
class Making:
    """How heads are made; see :func:`reconstruct`."""

    method: str = DEFAULT
    prior: Prior | Path | str | None = None
    normals: Path | None = None
    settings: Any = None
    run: Run = field(default_factory=Run)
    resolution: int = 256
    texture: int | None = None
    face: int | None = None
    progress: Progress = Progress()

    def head(self, source: Capture | Sequence[Path | str] | Path | str, *, to_head: Similarity | None = None) -> Made:
        """The head that a source shows, and what it was made from."""
        clock = _Clock(self.progress.begun)
        chosen = find_method(self.method)
        settings = chosen.fitting() if self.settings is None else self.settings
        learned = _prior(self.prior, chosen) if chosen.training is not None else None
        portraits: tuple[Portrait, ...] = ()
        if not isinstance(source, Capture):
            clock.begins("faces")
            portraits = self._portraits(source, learned)
            source = capture_of(portraits)
        clock.begins("cues")
        looked_at = bool(getattr(settings, "normals", 0.0))
        capture = completed(source, self.normals, self.progress.counted, looked_at=looked_at)
        if not portraits and capture.rough:
            clock.begins("cameras")
            capture = steadied(capture, family_of(learned))
        clock.begins("fit")
        fitted = chosen.fit(capture, learned, settings, self.run)
        surface = fitted.field.to(self.run.device)
        facts: dict[str, object] = {
            **fitted.facts,
            "settings": asdict(settings),
            "prior": None if learned is None else _about(learned.facts),
            "photos": [_told(portrait) for portrait in portraits],
            "command": sys.argv[1:],
        }
        clock.begins("mesh")
        views = tuple(portrait.whole(fitted.cameras.get(portrait.part.name)) for portrait in portraits)
        views = views or tuple(
            replace(view, camera=fitted.cameras.get(view.name, view.camera)) for view in capture.views
        )
        cameras = {view.name: view.camera for view in views}
        with Interrupt() as interrupt:  # or what took minutes would be lost for seconds
            head = Head.of(surface, cameras=cameras, facts=facts, to_head=to_head, resolution=self.resolution)
            head = head.compared(views)
        remarks = tuple(f"{it.photo.name}: {remark}" for it in portraits for remark in it.remarks)
        if fitted.report.interrupted:
            remarks += ("the fit was interrupted, so this is the head as far as it came.",)
        texture = (TEXTURE if portraits else 0) if self.texture is None else self.texture
        if texture and interrupt.asked:
            remarks += (UNPAINTED,)
        elif texture:
            clock.begins("texture")
            head, further = _painted(head, views, texture)
            remarks += further
        clock.begins("")
        return Made(replace(head, facts={**facts, "seconds": clock.seconds, "remarks": list(remarks)}), views, remarks)

    def _portraits(self, photos: Sequence[Path | str] | Path | str, learned: Prior | None) -> tuple[Portrait, ...]:
        paths = [photos] if isinstance(photos, (str, Path)) else list(photos)
        return find_portraits(paths, family_of(learned), face=self.face, counted=self.progress.counted)


def family_of(learned: Prior | None) -> ShapePrior:
    """By which heads faces are posed: a prior that knows nothing of landmarks leaves it to the one that comes along."""
    knows = isinstance(learned, ShapePrior) and bool(learned.codes.landmark_basis.any())
    return learned if isinstance(learned, ShapePrior) and knows else ShapePrior.shipped(DEFAULT)


def _painted(head: Head, views: Sequence[View], texture: int) -> tuple[Head, tuple[str, ...]]:
    """The head with a texture, or a remark on why it has none."""
    try:
        return head.textured(views, size=texture), ()
    except MissingExtraError as missing:
        return head, (f"the head has colours at its vertices but no texture: {missing}",)
    except KeyboardInterrupt:
        return head, (UNPAINTED,)


@dataclass
class _Clock:
    begun: Callable[[str], None]
    seconds: dict[str, float] = field(default_factory=dict)
    phase: str = ""
    began: float = 0.0

    def begins(self, phase: str) -> None:
        """The phase before has ended, and this one begins; with an empty name nothing does."""
        now = time.perf_counter()
        if self.phase:
            self.seconds[self.phase] = round(now - self.began, 2)
        self.phase, self.began = phase, now
        if phase:
            self.begun(phase)


def completed(
    capture: Capture,
    normals: Path | None = None,
    counted: Counted = lambda done, total: None,
    *,
    looked_at: bool = True,
) -> Capture:
    """The capture with the masks and normals that its views lack, by the network of normals; no normals are estimated
    that are not looked at."""
    views: list[View] = list(capture.views)
    if all(view.mask is not None and (view.normals is not None or not looked_at) for view in views):
        return replace(capture, views=tuple(views))
    from headfield.photo.normals import SHIPPED, NormalEstimator, with_estimated

    if normals is None and not SHIPPED.is_file() and all(view.mask is not None for view in views):
        return replace(capture, views=tuple(views))
    estimator = NormalEstimator.load(normals)
    found = []
    for view in views:
        found.append(with_estimated(view, estimator))
        counted(len(found), len(views))
    return replace(capture, views=tuple(found))


def _prior(given: Prior | Path | str | None, method: Method) -> Prior:
    if given is None:
        return method.prior.shipped(method.name)
    return given if isinstance(given, Prior) else method.prior.load(Path(given))


def _about(facts: Mapping[str, object]) -> dict[str, object]:
    return {name: facts[name] for name in ("method", "data", "subjects", "seed", "versions") if name in facts}


def _told(portrait: Portrait) -> dict[str, object]:
    return {
        "name": portrait.photo.name,
        "focal": portrait.photo.focal,
        "landmark_error": round(portrait.error, 4),
        "remarks": list(portrait.remarks),
    }
