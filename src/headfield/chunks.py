"""Work on many points in chunks, smaller ones where memory does not suffice."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import torch
from torch import Tensor

Result = TypeVar("Result", bound="Tensor | tuple[Tensor, ...]")

_OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")


def in_chunks(function: Callable[[Tensor], Result], points: Tensor, chunk: int) -> Result:
    """``function(points)`` for a function that treats rows one by one, at most ``chunk`` rows at once.

    Where a chunk runs out of memory, it and those that follow are halved; the error is passed on only where a single
    row is too much. The function returns a tensor, or a tuple of them, with a row for each point.
    """
    results: list[Result] = []
    start = 0
    while start < len(points) or not results:
        try:
            results.append(function(points[start : start + chunk]))
        except (RuntimeError, MemoryError) as error:
            rows = min(chunk, len(points) - start)
            if rows < 2 or not _says_out_of_memory(error):
                raise
            chunk = rows // 2
        else:
            start += chunk
            continue
        # Here and not in the handler, the error is gone, and with it what the failed chunk held.
        if points.is_cuda:
            torch.cuda.empty_cache()
    return _joined(results)


def _says_out_of_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError) or any(words in str(error).lower() for words in _OUT_OF_MEMORY)


def _joined(results: list[Result]) -> Result:
    if len(results) == 1:
        return results[0]
    if isinstance(results[0], Tensor):
        return cast(Result, torch.cat(cast("list[Tensor]", results)))
    return cast(Result, tuple(torch.cat(parts) for parts in zip(*results, strict=True)))
