"""Marching cubes: which triangles a cell holds, given which of its corners are inside.

The table is derived, not listed. On each side of the cell the surface cuts off every run of inside corners, whatever
the values are, so that two cells always agree about the side between them; the cuts of all six sides join into loops,
and each loop becomes triangles without a diagonal that lies in a side. Every edge of the surface therefore belongs to
exactly two triangles.

Corner c of a cell stands at (c >> 2 & 1, c >> 1 & 1, c & 1). Edge e runs along one axis from its lower corner.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
from jaxtyping import Int64, UInt8

AXIS_BITS = (4, 2, 1)
EDGES = [(corner, axis) for axis in range(3) for corner in range(8) if not corner & AXIS_BITS[axis]]
"""The lower corner and the axis of each of the twelve edges."""
_EDGE_BETWEEN = {frozenset((corner, corner | AXIS_BITS[axis])): e for e, (corner, axis) in enumerate(EDGES)}


def triangles(
    cases: UInt8[np.ndarray, "n"],
) -> tuple[Int64[np.ndarray, "t"], Int64[np.ndarray, "t 3"]]:
    """For cells given by their inside corners (corner c is bit c): which cell each triangle is in, and its edges."""
    counts, edges = _table()
    cell = np.repeat(np.arange(len(cases)), counts[cases])
    ends = np.cumsum(counts[cases])
    within = np.arange(len(cell)) - np.repeat(ends - counts[cases], counts[cases])
    return cell, edges[cases[cell], within]


@cache
def _table() -> tuple[Int64[np.ndarray, "256"], Int64[np.ndarray, "256 m 3"]]:
    """How many triangles each case has, and their edges."""
    cases = [[triangle for loop in loops(case) for triangle in _triangulated(loop)] for case in range(256)]
    counts = np.array([len(case) for case in cases])
    table = np.zeros((256, counts.max(), 3), np.int64)
    for case, found in enumerate(cases):
        table[case, : len(found)] = np.reshape(found, (-1, 3))
    return counts, table


def sides() -> Iterator[list[int]]:
    """The corners of each side of a cell, anticlockwise seen from outside."""
    for axis in range(3):
        second, third = AXIS_BITS[(axis + 1) % 3], AXIS_BITS[(axis + 2) % 3]
        ring = [0, second, second | third, third]
        yield [corner | AXIS_BITS[axis] for corner in ring]
        yield ring[::-1]


def loops(case: int) -> list[list[int]]:
    """The edges that the surface meets, loop after loop, anticlockwise seen from outside the surface."""
    following = {}
    for ring in sides():
        inside = [bool(case >> corner & 1) for corner in ring]
        for start in range(4):
            if inside[start] and not inside[start - 1]:
                end = next(k for k in range(start, start + 4) if not inside[(k + 1) % 4])
                entry = _EDGE_BETWEEN[frozenset((ring[start - 1], ring[start]))]
                following[entry] = _EDGE_BETWEEN[frozenset((ring[end % 4], ring[(end + 1) % 4]))]
    found = []
    while following:
        loop = [next(iter(following))]
        while (edge := following.pop(loop[-1])) != loop[0]:
            loop.append(edge)
        found.append(loop)
    return found


def _triangulated(loop: list[int]) -> list[tuple[int, int, int]]:
    """Triangles that fill a loop, none of whose inner edges lies in a side of the cell."""
    return next(_triangulations(loop))


def _triangulations(loop: list[int]) -> Iterator[list[tuple[int, int, int]]]:
    if len(loop) < 3:
        yield []
        return
    first, last = loop[0], loop[-1]
    for k in range(1, len(loop) - 1):
        if (k > 1 and _share_a_side(first, loop[k])) or (k < len(loop) - 2 and _share_a_side(loop[k], last)):
            continue
        for left in _triangulations(loop[: k + 1]):
            for right in _triangulations(loop[k:]):
                yield [(first, loop[k], last), *left, *right]


@cache
def _share_a_side(one: int, other: int) -> bool:
    corners = {corner | bit for edge in (one, other) for corner, axis in [EDGES[edge]] for bit in (0, AXIS_BITS[axis])}
    return any(corners <= set(ring) for ring in sides())
