"""Making a data set: many people at once on many cores, each one whole or not at all, going on where it stopped.

What a subject looks like depends on its seed and the order alone, so neither the number of workers nor an interruption
changes a byte.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from headfield import __version__
from headfield.data.layout import SUBJECT
from headfield.data.store import create_dataset, write_subject
from headfield.studio.chance import seeds_of
from headfield.studio.order import REAL, SETS, Order
from headfield.workers import shared

Wanted = TypeVar("Wanted")


@dataclass(frozen=True)
class Job:
    """One subject to make: a person and which of its expressions."""

    seed: int
    expression: int

    @property
    def name(self) -> str:
        """What the subject is called."""
        return f"p{self.seed:08d}_e{self.expression:02d}"


def jobs(order: Order, expressions: int) -> list[Job]:
    """All subjects of an order, when each person has so many expressions."""
    seeds = seeds_of(order.split, order.seed, order.subjects)
    return [Job(seed, k) for seed in seeds for k in range(expressions)]


def produce(order: Order, folder: Path, *, workers: int) -> Iterator[tuple[int, int]]:
    """Make what is missing of a data set in ``folder``; yields how many subjects there are already, of how many."""
    from headfield.studio.recipe import expressions_of

    order = order.checked()
    wanted = {job.name: job for job in jobs(order, expressions_of(order))}
    create_dataset(folder, made={"by": "headfield studio", "version": __version__, "order": _kind(order)})
    yield from _missing_made(partial(_make, order, folder), wanted, folder, workers)


def produce_real(folder: Path, *, workers: int) -> Iterator[tuple[int, int]]:
    """Make what is missing of the set of real heads in ``folder``, as :func:`produce` does."""
    from headfield.studio.assets import asset
    from headfield.studio.real import real_heads

    for needed in ("ict-facekit", *(head.asset for head in real_heads().values())):
        asset(needed)
    made = {"by": "headfield studio", "version": __version__, "set": REAL, "order": _kind(SETS[REAL])}
    create_dataset(folder, made=made)
    yield from _missing_made(partial(_make_real, folder), {name: name for name in real_heads()}, folder, workers)


def _kind(order: Order) -> dict[str, object]:
    """What subjects of one data set have in common. Which people there are, their folders say: more can join later."""
    return {key: value for key, value in asdict(order).items() if key not in ("subjects", "seed")}


def _missing_made(
    make: Callable[[Wanted], None], wanted: Mapping[str, Wanted], folder: Path, workers: int
) -> Iterator[tuple[int, int]]:
    missing = [job for name, job in wanted.items() if not (folder / name / SUBJECT).is_file()]
    done = len(wanted) - len(missing)
    yield done, len(wanted)
    for _ in _made(make, missing, workers):
        done += 1
        yield done, len(wanted)


def _made(make: Callable[[Wanted], None], missing: list[Wanted], workers: int) -> Iterator[None]:
    if workers < 2 or len(missing) < 2:
        for job in missing:
            make(job)
            yield
        return
    yield from shared(make, missing, workers=workers, what="the studio")


def _make(order: Order, folder: Path, job: Job) -> None:
    from headfield.studio.recipe import make_subject

    write_subject(make_subject(order, job.seed, job.expression, name=job.name), folder)


def _make_real(folder: Path, name: str) -> None:
    from headfield.studio.real import make_real

    write_subject(make_real(name), folder)
