"""Polygons as triangles."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int64, Integer


def fan(lengths: Integer[np.ndarray, "n"]) -> Int64[np.ndarray, "f 3"]:
    """Triangles of polygons whose corners lie one after the other in a flat list, as places in that list.

    Each polygon becomes a fan around its first corner; what has fewer than three corners becomes nothing.
    """
    counts = np.maximum(lengths.astype(np.int64) - 2, 0)
    starts = np.cumsum(lengths, dtype=np.int64) - lengths
    first = np.repeat(starts, counts)
    step = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.stack([first, first + step + 1, first + step + 2], axis=1)
