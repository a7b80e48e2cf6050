"""Work shared by processes of one thread each, so that neither results nor times depend on how many there are."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import TypeVar

from headfield.errors import InputError

Job = TypeVar("Job")


def shared(work: Callable[[Job], None], jobs: Sequence[Job], *, workers: int, what: str) -> Iterator[None]:
    """Do ``work`` for every job in so many new processes; yields after each that is done, in whatever order.

    ``what`` says whose workers they are, should one be killed.
    """
    # Fresh processes rather than forks: PyTorch's and Embree's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with _one_thread_each(), ProcessPoolExecutor(min(workers, len(jobs)), mp_context=context) as pool:
        futures = [pool.submit(work, job) for job in jobs]
        try:
            for future in as_completed(futures):
                done(future, what)
                yield
        finally:
            pool.shutdown(cancel_futures=True)


def done(future: Future[None], what: str) -> None:
    """Wait for one piece of work; InputError if its process was killed."""
    try:
        future.result()
    except BrokenProcessPool:
        raise InputError(
            f"a worker of {what} was killed, most likely for want of memory; run the command again with fewer "
            "--workers, and it goes on where it stopped."
        ) from None


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
