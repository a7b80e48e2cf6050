"""A tree of boxes around a mesh's faces, for exact searches without a compiled package.

The faces are sorted along a Morton curve and cut into runs of a few; each run has a box, and each box above it holds
two. Searches walk many items (points, rays) down the tree at once, a level a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

FACES_A_LEAF = 2
PAIRS_AT_ONCE = 65536
"""How many (item, box) pairs are looked at together: bounds the memory, whatever the number of items and faces."""

Near = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""(items "n", lows "n 3", highs "n 3") -> whether each item has business in its box."""


@dataclass(frozen=True, eq=False)
class BoxTree:
    """Boxes by level, the root first; box i has the boxes 2i and 2i + 1 below it. ``leaves`` are rows of faces."""

    lows: tuple[Float64[np.ndarray, "_ 3"], ...]
    highs: tuple[Float64[np.ndarray, "_ 3"], ...]
    leaves: Int64[np.ndarray, "l k"]

    @staticmethod
    def of(corners: Float64[np.ndarray, "f 3 3"]) -> BoxTree:
        """The tree around the faces with these corners."""
        order = np.argsort(morton_codes(corners.mean(axis=1)), kind="stable")
        depth = max(0, int(np.ceil(np.log2(len(corners) / FACES_A_LEAF))))
        bounds = np.linspace(0, len(corners), 2**depth + 1).astype(np.int64)
        starts, ends = bounds[:-1, None], bounds[1:, None]
        # Leaves differ by one face in length: the shorter ones name their last face twice.
        leaves = order[np.minimum(starts + np.arange((ends - starts).max()), ends - 1)]
        low = [corners.min(axis=1)[leaves].min(axis=1)]
        high = [corners.max(axis=1)[leaves].max(axis=1)]
        for _ in range(depth):
            low.append(low[-1].reshape(-1, 2, 3).min(axis=1))
            high.append(high[-1].reshape(-1, 2, 3).max(axis=1))
        return BoxTree(tuple(reversed(low)), tuple(reversed(high)), leaves)

    def search(self, n: int, near: Near) -> Iterator[tuple[Int64[np.ndarray, "m"], Int64[np.ndarray, "m k"]]]:
        """Batches of (items, their faces to look at), for n items; ``near`` may grow stricter between batches."""
        stack = [(0, np.arange(n), np.zeros(n, np.int64))]
        while stack:
            level, items, boxes = stack.pop()
            if len(items) > PAIRS_AT_ONCE:
                half = len(items) // 2
                stack += [(level, items[half:], boxes[half:]), (level, items[:half], boxes[:half])]
                continue
            keep = near(items, self.lows[level][boxes], self.highs[level][boxes])
            items, boxes = items[keep], boxes[keep]
            if not len(items):
                continue
            if level == len(self.lows) - 1:
                yield items, self.leaves[boxes]
            else:
                stack.append((level + 1, np.repeat(items, 2), (2 * boxes[:, None] + np.arange(2)).ravel()))


def morton_codes(points: Float64[np.ndarray, "n 3"]) -> Int64[np.ndarray, "n"]:
    """Numbers whose order keeps neighbours together: the bits of the coordinates, interleaved."""
    if not len(points):
        return np.zeros(0, np.int64)
    low = points.min(axis=0)
    extent = max(float((points.max(axis=0) - low).max()), np.finfo(float).tiny)
    cells = ((points - low) / extent * (2**20 - 1)).astype(np.int64)
    codes = np.zeros(len(points), np.int64)
    for bit in range(20):
        for axis in range(3):
            codes |= ((cells[:, axis] >> bit) & 1) << (3 * bit + axis)
    return codes


def ray_meets_box(
    origins: Float64[np.ndarray, "n 3"],
    inverse_directions: Float64[np.ndarray, "n 3"],
    furthest: Float64[np.ndarray, "n"],
    lows: Float64[np.ndarray, "n 3"],
    highs: Float64[np.ndarray, "n 3"],
) -> Bool[np.ndarray, "n"]:
    """Whether each ray meets its box before ``furthest``."""
    one = (lows - origins) * inverse_directions
    other = (highs - origins) * inverse_directions
    enter = np.minimum(one, other).max(axis=1)
    leave = np.maximum(one, other).min(axis=1)
    # Rounding must never lose a face that lies in the side of its box.
    return (np.maximum(enter, 0) <= leave * (1 + 1e-12) + 1e-12) & (enter <= furthest)


def squared_distance_to_box(
    points: Float64[np.ndarray, "n 3"], lows: Float64[np.ndarray, "n 3"], highs: Float64[np.ndarray, "n 3"]
) -> Float64[np.ndarray, "n"]:
    """How far each point is from its box, squared; zero inside."""
    outside = np.maximum(np.maximum(lows - points, points - highs), 0)
    return np.einsum("nk,nk->n", outside, outside)
