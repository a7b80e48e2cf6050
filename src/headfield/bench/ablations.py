"""InstantAvatar's ablations that need a prior of their own, all learned alike: from the same people, in as many steps.

They are shorter than the training of a prior that is meant to be used, so the whole method is among them, too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

from headfield.errors import InputError
from headfield.files import read_json, write_json
from headfield.fitting.shape_training import ShapeTraining
from headfield.fitting.training import PriorTraining, train_prior
from headfield.methods.instant_avatar import NAME, Training
from headfield.optim.record import Callback, LossLog

PRIORS, PRIOR, ABOUT = "priors", "prior.safetensors", "prior.json"

WHOLE, THREE_LAYERS, EIGHT_LAYERS = "whole", "no-grid-3-layers", "no-grid-8-layers"
SINGLE_GRID, UNMASKED, AT_ONCE = "single-grid", "no-masking", "levels-at-once"


def trainings(steps: int, base: ShapeTraining | None = None) -> dict[str, ShapeTraining]:
    """How each of the priors is learned in so many steps; ``base`` is the whole method's training."""
    base = base or Training()
    if base.geometry.grid is None:
        raise InputError("InstantAvatar is trained without feature grids here; there is nothing to leave out.")
    if steps < len(base.steps):
        raise InputError(f"{steps} steps are too few to learn anything in; take more --ablation-steps.")
    parts = _shared(steps, base.steps)
    whole = replace(base, steps=parts)
    # The frequencies are let in over as many steps, whether or not there are stages.
    single = replace(whole, steps=(steps,), masked_until=base.masked_until * parts[0] / steps)
    gridless = replace(base.geometry, grid=None)
    deep = replace(gridless, decoder=replace(gridless.decoder, depth=8, skips=(4,)))
    coarse = replace(base.geometry, grid=replace(base.geometry.grid, levels=base.geometry.grid.levels[:1]))
    return {
        WHOLE: whole,
        THREE_LAYERS: replace(single, geometry=gridless),
        EIGHT_LAYERS: replace(single, geometry=deep),
        SINGLE_GRID: replace(single, geometry=coarse),
        UNMASKED: replace(whole, masked_until=0.0),
        AT_ONCE: single,
    }


def learned(folder: Path, names: Iterable[str] | None = None) -> dict[str, Path]:
    """The priors that have been learned in a folder, by name: InstantAvatar's, or those of other names."""
    paths = {name: folder / PRIORS / name / PRIOR for name in (trainings(3) if names is None else names)}
    return {name: path for name, path in paths.items() if path.is_file()}


def learn(
    lessons: Callable[[], Any],
    folder: Path,
    wanted: Mapping[str, PriorTraining[Any, Any]],
    *,
    methods: Mapping[str, str] | None = None,
    made_from: object,
    device: str = "cpu",
    seed: int = 0,
    progress: Callable[[str], Sequence[Callback]] = lambda _: (),
) -> bool:
    """Learn the priors that are missing in a folder; False if somebody stopped it, and it goes on when asked again.

    ``methods`` says by which method each is learned; by InstantAvatar's where it says nothing.
    """
    read: Any = None
    for name, training in wanted.items():
        place = folder / PRIORS / name
        if (place / PRIOR).is_file():
            _check_same(place, training)
            continue
        place.mkdir(parents=True, exist_ok=True)
        read = read or lessons()
        prior = train_prior(
            (methods or {}).get(name, NAME),
            read,
            training,
            seed=seed,
            device=device,
            checkpoints=place / "checkpoints",
            callbacks=[LossLog(place / "losses.jsonl"), *progress(name)],
            made_from=made_from,
        )
        if not prior.facts["finished"]:
            return False
        write_json(place / ABOUT, dict(prior.facts))
        prior.save(place / PRIOR)
    return True


def _check_same(place: Path, training: PriorTraining[Any, Any]) -> None:
    if read_json(place / ABOUT).get("settings") != json.loads(json.dumps(asdict(cast(Any, training)))):
        raise InputError(
            f"the prior in {place} was learned with other settings; delete {place.parent}, or choose another --output."
        )


def _shared(steps: int, like: Sequence[int]) -> tuple[int, ...]:
    """So many steps, shared among stages as other steps are; at least one each."""
    total = sum(like)
    later = [max(1, round(steps * part / total)) for part in like[1:]]
    return (steps - sum(later), *later)
