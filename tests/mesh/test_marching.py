from __future__ import annotations

import numpy as np

from headfield.mesh import marching

CASES = range(256)


def crossed_edges(case: int) -> set[int]:
    return {
        edge
        for edge, (corner, axis) in enumerate(marching.EDGES)
        if (case >> corner & 1) != (case >> (corner | marching.AXIS_BITS[axis]) & 1)
    }


def place(edge: int) -> np.ndarray:
    """The middle of an edge in the unit cell."""
    corner, axis = marching.EDGES[edge]
    return np.array([corner >> 2 & 1, corner >> 1 & 1, corner & 1]) + 0.5 * np.eye(3)[axis]


def triangles_of(case: int) -> np.ndarray:
    return marching.triangles(np.array([case], np.uint8))[1]


def test_a_cell_has_twelve_edges_and_six_sides():
    assert len(set(marching.EDGES)) == 12
    assert sorted(corner for side in marching.sides() for corner in side) == sorted(list(range(8)) * 3)


def test_the_surface_meets_exactly_the_edges_whose_ends_differ():
    for case in CASES:
        assert set(triangles_of(case).ravel().tolist()) == crossed_edges(case)


def test_within_a_cell_the_surface_ends_only_on_its_sides_and_there_once_per_cut():
    for case in CASES:
        half = [(t[k], t[(k + 1) % 3]) for t in triangles_of(case).tolist() for k in range(3)]
        assert len(set(half)) == len(half)
        open_ends = {pair for pair in half if pair[::-1] not in half}
        loops = {(loop[k], loop[(k + 1) % len(loop)]) for loop in marching.loops(case) for k in range(len(loop))}
        assert open_ends == loops
        for one, other in set(half) - open_ends:
            assert not marching._share_a_side(one, other), (
                "an inner edge lies in a side, where the neighbour may have it too"
            )


def side_cuts(case: int, axis: int, level: int) -> frozenset[tuple[tuple[float, ...], tuple[float, ...]]]:
    """What the surface cuts into one side of a cell, as places on that side."""
    cuts = set()
    for loop in marching.loops(case):
        for edge, following in zip(loop, [*loop[1:], loop[0]], strict=True):
            ends = [place(edge), place(following)]
            if all(end[axis] == level for end in ends):
                cuts.add(tuple(tuple(np.delete(end, axis).tolist()) for end in ends))
    return frozenset(cuts)


def test_cells_agree_about_the_side_between_them():
    """Whatever else the two cells hold, what one cuts into their common side the other cuts the other way."""
    for axis in range(3):
        low = [corner for corner in range(8) if not corner & marching.AXIS_BITS[axis]]
        cuts_of: dict[tuple, set] = {}
        for case in CASES:
            below = tuple(case >> corner & 1 for corner in low)
            above = tuple(case >> (corner | marching.AXIS_BITS[axis]) & 1 for corner in low)
            cuts_of.setdefault(below, set()).add(side_cuts(case, axis, 0))
            cuts_of.setdefault(above, set()).add(frozenset((b, a) for a, b in side_cuts(case, axis, 1)))
        assert len(cuts_of) == 16
        assert all(len(cuts) == 1 for cuts in cuts_of.values())


def test_one_corner_inside_gives_one_triangle_that_faces_away_from_it():
    for corner in range(8):
        (triangle,) = triangles_of(1 << corner)
        a, b, c = (place(edge) for edge in triangle)
        at = np.array([corner >> 2 & 1, corner >> 1 & 1, corner & 1])
        assert np.cross(b - a, c - a) @ (a - at) > 0
