"""Making a data set: many people at once on many cores, each one whole or not at all, going on where it stopped.

What a subject looks like depends on its seed and the order alone, so neither the number of workers nor an interruption
changes a byte.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from headfield import __version__
from headfield.data.layout import SUBJECT
from headfield.data.store import create_dataset, write_subject
from headfield.errors import InputError
from headfield.studio.chance import seeds_of
from headfield.studio.order import Order


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
    wanted = jobs(order, expressions_of(order))
    # Which people there are, their folders say: more can join them later.
    kind = {key: value for key, value in asdict(order).items() if key not in ("subjects", "seed")}
    create_dataset(folder, made={"by": "headfield studio", "version": __version__, "order": kind})
    missing = [job for job in wanted if not (folder / job.name / SUBJECT).is_file()]
    done = len(wanted) - len(missing)
    yield done, len(wanted)
    for _ in _made(order, folder, missing, workers):
        done += 1
        yield done, len(wanted)


def _made(order: Order, folder: Path, missing: list[Job], workers: int) -> Iterator[None]:
    if workers < 2 or len(missing) < 2:
        for job in missing:
            _make(order, folder, job)
            yield
        return
    # Fresh processes rather than forks: PyTorch's and Embree's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with _one_thread_each(), ProcessPoolExecutor(min(workers, len(missing)), mp_context=context) as pool:
        futures = [pool.submit(_make, order, folder, job) for job in missing]
        try:
            for future in as_completed(futures):
                _result(future)
                yield
        finally:
            pool.shutdown(cancel_futures=True)


def _result(future: Future[None]) -> None:
    try:
        future.result()
    except BrokenProcessPool:
        raise InputError(
            "a worker of the studio was killed, most likely for want of memory; run the command again with fewer "
            "--workers, and it goes on where it stopped."
        ) from None


def _make(order: Order, folder: Path, job: Job) -> None:
    from headfield.studio.recipe import make_subject

    write_subject(make_subject(order, job.seed, job.expression, name=job.name), folder)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """While it lasts, new processes compute on one thread: as many workers as cores keep all of them busy."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
