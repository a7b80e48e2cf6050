"""Finer triangles without cracks: every edge that is too long is halved, in all triangles that share it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import numpy as np
from jaxtyping import Float64, Int64

_HALVINGS = {
    # which of a triangle's edges (ab, bc, ca) are halved -> its pieces; 3, 4, 5 are the middles of ab, bc, ca
    (False, False, False): [(0, 1, 2)],
    (True, False, False): [(0, 3, 2), (3, 1, 2)],
    (False, True, False): [(0, 1, 4), (0, 4, 2)],
    (False, False, True): [(0, 1, 5), (5, 1, 2)],
    (True, True, False): [(3, 1, 4), (0, 3, 4), (0, 4, 2)],
    (False, True, True): [(4, 2, 5), (1, 4, 5), (0, 1, 5)],
    (True, False, True): [(0, 3, 5), (3, 1, 2), (3, 2, 5)],
    (True, True, True): [(0, 3, 5), (3, 1, 4), (5, 4, 2), (3, 4, 5)],
}


PATIENCE = 12
"""Rounds of halving after which the longest side of a triangle is halved with any other of its sides: where the limit
jumps, short sides beside a long one that may stay can otherwise be halved for ever."""

Longest = float | Callable[[np.ndarray], np.ndarray]
"""How long edges may be: the same everywhere, or by where their middles are."""


def refined(
    vertices: Float64[np.ndarray, "v 3"], faces: Int64[np.ndarray, "f 3"], longest: Longest
) -> tuple[Float64[np.ndarray, "w 3"], Int64[np.ndarray, "g 3"]]:
    """The same surface with no edge longer than ``longest``; the given vertices stay the first ones."""
    for rounds in count():
        halved = _halve_long_edges(vertices, faces, longest, with_longest=rounds >= PATIENCE)
        if halved is None:
            break
        vertices, faces = halved
    return vertices, faces


def _halve_long_edges(
    vertices: Float64[np.ndarray, "v 3"], faces: Int64[np.ndarray, "f 3"], longest: Longest, *, with_longest: bool
) -> tuple[np.ndarray, np.ndarray] | None:
    sides = np.sort(np.stack([faces, np.roll(faces, -1, axis=1)], axis=2), axis=2)
    starts, ends = vertices[sides[..., 0]], vertices[sides[..., 1]]
    limit = longest(((starts + ends) / 2).reshape(-1, 3)).reshape(faces.shape) if callable(longest) else longest
    lengths = np.linalg.norm(starts - ends, axis=2)
    long = lengths > limit
    if not long.any():
        return None
    keys = sides[..., 0] * len(vertices) + sides[..., 1]
    if with_longest:
        long |= long.any(axis=1, keepdims=True) & (lengths == lengths.max(axis=1, keepdims=True))
        long = np.isin(keys, keys[long])  # in both triangles of an edge
    unique, where = np.unique(keys[long], return_inverse=True)
    halves = np.stack(np.divmod(unique, len(vertices)), axis=1)
    middle = np.full(faces.shape, -1, np.int64)
    middle[long] = len(vertices) + where
    corners = np.concatenate([faces, middle], axis=1)
    pieces = []
    for pattern, triangles in _HALVINGS.items():
        chosen = corners[np.all(long == pattern, axis=1)]
        pieces += [chosen[:, triangle] for triangle in triangles]
    return np.concatenate([vertices, vertices[halves].mean(axis=1)]), np.concatenate(pieces)
