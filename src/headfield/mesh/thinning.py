"""Some of many places, none close to another."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int64
from scipy.spatial import cKDTree


def thinned(points: Float[np.ndarray, "n 3"], apart: float) -> Int64[np.ndarray, "m"]:
    """Which points are kept if, one after the other in an order by chance, those closer than this are left out."""
    tree, free, chosen = cKDTree(points.reshape(-1, 3)), np.ones(len(points), bool), []
    for index in np.random.default_rng(0).permutation(len(points)):
        if free[index]:
            free[tree.query_ball_point(points[index], apart)] = False
            chosen.append(index)
    return np.array(chosen, np.int64)
