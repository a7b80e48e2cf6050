"""Many trials at once, each on one thread, so that neither their results nor their times depend on the others."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path

from headfield.bench.trials import Results, Trial
from headfield.errors import InputError
from headfield.files import write_json


def try_missing(trials: Sequence[Trial], results: Results, *, workers: int) -> Iterator[tuple[int, int]]:
    """Try what has no result yet; yields how many there are already, of how many.

    Those that are timed come last, one after the other, each in a process of its own with all the machine's threads.
    """
    wanted = {results.path(trial) for trial in trials}
    missing = results.missing(trials)
    done = len(wanted) - len(missing)
    yield done, len(wanted)
    for _ in _tried([trial for trial in missing if not trial.timed], results, workers):
        done += 1
        yield done, len(wanted)
    for trial in missing:
        if trial.timed:
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
                _result(pool.submit(_try, trial, results.path(trial)))
            done += 1
            yield done, len(wanted)


def _tried(trials: Sequence[Trial], results: Results, workers: int) -> Iterator[None]:
    if workers < 2 or len(trials) < 2:
        with _on_one_thread():
            for trial in trials:
                _try(trial, results.path(trial))
                yield
        return
    # Fresh processes rather than forks: PyTorch's and Embree's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with _one_thread_each(), ProcessPoolExecutor(min(workers, len(trials)), mp_context=context) as pool:
        futures = [pool.submit(_try, trial, results.path(trial)) for trial in trials]
        try:
            for future in as_completed(futures):
                _result(future)
                yield
        finally:
            pool.shutdown(cancel_futures=True)


def _try(trial: Trial, path: Path) -> None:
    from headfield.bench.trying import tried

    write_json(path, tried(trial))


def _result(future: Future[None]) -> None:
    try:
        future.result()
    except BrokenProcessPool:
        raise InputError(
            "a worker of the bench was killed, most likely for want of memory; run the command again with fewer "
            "--workers, and it goes on where it stopped."
        ) from None


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


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """While it lasts, new processes compute on one thread."""
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
