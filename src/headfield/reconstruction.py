"""From views to a head: fill in what the views lack, fit, extract."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from headfield.capture import Capture, View
from headfield.fitting.drive import Run
from headfield.fitting.prior import ShapePrior
from headfield.head import Head
from headfield.methods.registry import DEFAULT, find_method
from headfield.transforms import Similarity


def reconstruct(
    capture: Capture,
    *,
    method: str = DEFAULT,
    prior: ShapePrior | Path | str | None = None,
    normals: Path | None = None,
    settings: Any = None,
    run: Run = Run(),  # noqa: B008 - frozen
    resolution: int = 256,
    to_head: Similarity | None = None,
) -> Head:
    """The head that a capture in head space shows.

    Masks and normals that the views lack are estimated from their pictures.

    Args:
        capture: Posed views; one is enough for methods with a prior.
        method: The name of the method.
        prior: A prior or its file, instead of the one that comes with headfield.
        normals: A file with the network that sees normals and masks where views lack them.
        settings: How the head is fitted, as the method's ``Fitting``; its own settings where nothing is said.
        run: Seed, device, checkpoints and progress.
        resolution: Cells a side of the mesh.
        to_head: What took the capture into head space, to be kept with the head.
    """
    began = time.perf_counter()
    chosen = find_method(method)
    settings = chosen.fitting() if settings is None else settings
    learned = _prior(prior, method) if chosen.training is not None else None
    capture = completed(capture, normals)
    prepared = time.perf_counter()
    fitted = chosen.fit(capture, learned, settings, run)
    field = fitted.field.to(run.device)
    fitted_at = time.perf_counter()
    facts: dict[str, object] = {
        **fitted.facts,
        "settings": asdict(settings),
        "prior": None if learned is None else _about(learned.facts),
        "command": sys.argv[1:],
    }
    head = Head.of(field, cameras=fitted.cameras, facts=facts, to_head=to_head, resolution=resolution)
    facts["seconds"] = {
        "cues": round(prepared - began, 2),
        "fit": round(fitted_at - prepared, 2),
        "mesh": round(time.perf_counter() - fitted_at, 2),
    }
    return Head(head.field, head.mesh, head.cameras, facts, head.to_head)


def completed(capture: Capture, normals: Path | None = None) -> Capture:
    """The capture with the masks and normals that its views lack, by the network of normals.

    Without one, views that have masks are fitted to without normals.
    """
    views: list[View] = list(capture.views)
    if all(view.mask is not None and view.normals is not None for view in views):
        return replace(capture, views=tuple(views))
    from headfield.photo.normals import SHIPPED, NormalEstimator, with_estimated

    if normals is None and not SHIPPED.is_file() and all(view.mask is not None for view in views):
        return replace(capture, views=tuple(views))
    estimator = NormalEstimator.load(normals)
    return replace(capture, views=tuple(with_estimated(view, estimator) for view in views))


def _prior(given: ShapePrior | Path | str | None, method: str) -> ShapePrior:
    if given is None:
        return ShapePrior.shipped(method)
    return given if isinstance(given, ShapePrior) else ShapePrior.load(Path(given))


def _about(facts: Mapping[str, object]) -> dict[str, object]:
    return {name: facts[name] for name in ("method", "data", "subjects", "seed", "versions") if name in facts}
