"""``headfield studio``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import tyro

from headfield.cli.progress import progress
from headfield.errors import InputError
from headfield.studio.order import REAL, SETS, Order
from headfield.studio.production import produce, produce_real

Out = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="OUT")]
Settings = Annotated[Order, tyro.conf.OmitArgPrefixes]


def run(
    out: Out,
    order: Settings = Order(),  # noqa: B008 - frozen
    *,
    set: Literal["studio-test", "real-dev"] | None = None,
    workers: int = 0,
) -> None:
    """Make synthetic people: pictures, scans and true surfaces, the same from the same seed.

    What was interrupted goes on where it stopped when the same command is given again.

    Args:
        out: The data set's folder.
        order: What the data set consists of.
        set: A data set with a name instead of settings: studio-test is the one that methods are measured on; real-dev
            is four real heads in the same views.
        workers: How many processes work at once; 0 is one a core.
    """
    if set is not None:
        if order != Order():
            raise InputError(f"{set} is what it is; leave the other settings out, or leave --set {set} out.")
        order = SETS[set]
    if workers < 0:
        raise InputError(f"there cannot be {workers} workers; 0 is one a core.")
    with progress() as bar:
        task = bar.add_task("subjects", total=None)
        workers = workers or os.cpu_count() or 1
        made = produce_real(out, workers=workers) if set == REAL else produce(order, out, workers=workers)
        for done, total in made:
            bar.update(task, completed=done, total=total)
    print(f"Wrote {out} (subjects: {total}).\nNext: headfield show {out}")
