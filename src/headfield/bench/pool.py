"""Many trials at once, each on one thread, so that neither their results nor their times depend on the others."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from headfield.bench.trials import Results, Trial
from headfield.files import write_json
from headfield.workers import done, shared


def try_missing(trials: Sequence[Trial], results: Results, *, workers: int) -> Iterator[tuple[int, int]]:
    """Try what has no result yet; yields how many there are already, of how many.

    Those that are timed come last, one after the other, each in a process of its own with all the machine's threads.
    """
    wanted = {results.path(trial) for trial in trials}
    missing = results.missing(trials)
    finished = len(wanted) - len(missing)
    yield finished, len(wanted)
    for _ in _tried([trial for trial in missing if not trial.timed], results, workers):
        finished += 1
        yield finished, len(wanted)
    for trial in missing:
        if trial.timed:
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
                done(pool.submit(_try, trial, results.path(trial)), "the bench")
            finished += 1
            yield finished, len(wanted)


def _tried(trials: Sequence[Trial], results: Results, workers: int) -> Iterator[None]:
    if workers < 2 or len(trials) < 2:
        with _on_one_thread():
            for trial in trials:
                _try(trial, results.path(trial))
                yield
        return
    work = [(trial, results.path(trial)) for trial in trials]
    yield from shared(_try_one, work, workers=workers, what="the bench")


def _try_one(wanted: tuple[Trial, Path]) -> None:
    _try(*wanted)


def _try(trial: Trial, path: Path) -> None:
    write_json(path, trial.result())


@contextmanager
def _on_one_thread() -> Iterator[None]:
    """While it lasts, this process computes on one thread."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
