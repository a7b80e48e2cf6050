"""The surface of a signed distance function, found coarse to fine.

The function is asked at the middle of coarse blocks. A block is looked into where the surface may pass through it:
where the distance is no more than ``safety`` times what an exact one would be, or its sign differs from a neighbour's.
In the smallest blocks every grid point is evaluated; and wherever the surface leaves a block through one of its sides,
the block beyond is evaluated too, until the surface is complete. So where the function changes by less than ``safety``
per unit of length, the result is that of the full grid; and where it does not, what is found is still whole.
"""

from __future__ import annotations

import math
import warnings
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64
from torch import Tensor

from headfield.errors import InputError
from headfield.mesh import marching
from headfield.mesh.grid import SignedDistance, SparseGrid
from headfield.surface import Mesh

Border = Literal["open", "closed"]

LEAF = 2
"""How many cells a side the smallest blocks have."""

FIRST_BLOCKS = 32
"""How many blocks a side the search begins with, at least."""

LEAVES_AT_ONCE = 8192
"""So that what is needed for a moment stays in the processor's cache."""

MARGIN = 1e-4
"""How close, in cells, a vertex may come to a grid point: so that no triangle loses its area."""


def _lattice(n: int) -> Int64[np.ndarray, "m 3"]:
    """The whole coordinates from 0 to n - 1, the last one running fastest."""
    return np.stack(np.unravel_index(np.arange(n**3), (n,) * 3), axis=-1)


_LEAF_POINTS = _lattice(LEAF + 1)
_CELLS = _lattice(LEAF)
_CORNERS = _lattice(2)  # in the order of marching's corners
_CELL_POINTS = np.ravel_multi_index(np.moveaxis(_CELLS[:, None] + _CORNERS, -1, 0), (LEAF + 1,) * 3)
"""For each cell of a leaf and each corner of the cell: which of the leaf's points it is."""


class SurfaceCutWarning(UserWarning):
    """The surface goes on beyond the cube it was extracted from."""


def extract(
    function: SignedDistance,
    *,
    resolution: int = 256,
    bounds: float = 1.0,
    border: Border | None = None,
    safety: float = 1.5,
    chunk: int = 65536,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> Mesh:
    """The zero level of a signed distance function in the cube [-bounds, bounds]³, its normals towards the positive.

    Args:
        function: Takes points (n, 3) to distances (n,), negative inside. It is asked without gradients.
        resolution: Cells a side.
        bounds: Half the side of the cube, in head units.
        border: Where the surface goes on beyond the cube, it ends at the border (``open``) or is closed by the sides of
            the cube (``closed``). None leaves it open and warns (:class:`SurfaceCutWarning`).
        safety: How many times too large the distances may be.
        chunk: How many points the function is asked for at once.
        dtype: Precision of the points the function gets.
        device: Where they are.
    """
    if resolution < LEAF or not bounds > 0 or chunk < 1 or not safety > 0:
        raise InputError("extraction needs at least 2 cells a side, and positive bounds, chunk and safety.")
    if border == "closed":
        function = _within_cube(function, bounds)
    grid = SparseGrid(function, resolution, bounds, chunk=chunk, dtype=dtype, device=device)
    leaves, is_cut = _followed(grid, _near_surface(grid, safety))
    if not len(leaves):
        raise InputError(
            f"there is no surface within {bounds:g} of the origin: the signed distance has the same sign everywhere."
        )
    if is_cut and border is None:
        warnings.warn(
            f"the surface goes on beyond {bounds:g} from the origin and is cut open there; enlarge the bounds, or say "
            "what is meant by border='open' or 'closed'.",
            SurfaceCutWarning,
            stacklevel=2,
        )
    return _polygonised(grid, leaves)


def _within_cube(function: SignedDistance, bounds: float) -> SignedDistance:
    """The distance to what of the inside lies within the cube."""

    def closed(points: Tensor) -> Tensor:
        return torch.maximum(function(points), points.abs().amax(dim=-1) - bounds)

    return closed


def _near_surface(grid: SparseGrid, safety: float) -> Int64[np.ndarray, "n 3"]:
    """The leaves that the surface may pass through, as far as their middles tell."""
    size = LEAF
    while size * 2 * FIRST_BLOCKS <= grid.resolution:
        size *= 2
    blocks = _lattice(-(-grid.resolution // size))
    while True:
        middles = np.minimum(blocks * size + size // 2, grid.resolution)
        distances = grid.at(middles)
        near = np.abs(distances) <= safety * math.sqrt(3) / 2 * size * grid.spacing
        blocks = blocks[near | _beside_other_sign(blocks, distances < 0)]
        if size == LEAF:
            return blocks
        blocks = (2 * blocks[:, None] + _CORNERS).reshape(-1, 3)
        size //= 2
        blocks = blocks[(blocks * size < grid.resolution).all(axis=1)]


def _beside_other_sign(blocks: Int64[np.ndarray, "n 3"], inside: Bool[np.ndarray, "n"]) -> Bool[np.ndarray, "n"]:
    """Which blocks have a neighbour among them on the other side of the surface."""
    if not len(blocks):
        return inside
    low = blocks.min(axis=0)
    place = tuple((blocks - low).T)
    sign = np.zeros(blocks.max(axis=0) - low + 1, np.int8)
    sign[place] = np.where(inside, -1, 1)
    found = np.zeros(sign.shape, bool)
    for axis in range(3):
        one, other = np.moveaxis(sign, axis, 0)[:-1], np.moveaxis(sign, axis, 0)[1:]
        change = one * other < 0
        np.moveaxis(found, axis, 0)[:-1] |= change
        np.moveaxis(found, axis, 0)[1:] |= change
    return found[place]


def _followed(grid: SparseGrid, leaves: Int64[np.ndarray, "n 3"]) -> tuple[Int64[np.ndarray, "m 3"], bool]:
    """The leaves with surface among these and wherever it goes on from there; and whether it leaves the cube."""
    side = -(-grid.resolution // LEAF)
    seen = np.zeros((side,) * 3, bool)
    seen[tuple(leaves.T)] = True
    with_surface, is_cut = [], False
    while len(leaves):
        beyond = []
        for start in range(0, len(leaves), LEAVES_AT_ONCE):
            some = leaves[start : start + LEAVES_AT_ONCE]
            inside = grid.at(_points(grid, some)) < 0
            crossed = _differ(inside)
            with_surface.append(some[crossed])
            for axis in range(3):
                for level, step in ((0, -1), (LEAF, 1)):
                    through = some[crossed][_differ(inside[crossed][:, _LEAF_POINTS[:, axis] == level])]
                    through = through + step * np.eye(3, dtype=np.int64)[axis]
                    within = (through[:, axis] >= 0) & (through[:, axis] < side)
                    is_cut |= not within.all()
                    beyond.append(through[within])
        leaves = np.concatenate(beyond)
        leaves = leaves[~seen[tuple(leaves.T)]]
        seen[tuple(leaves.T)] = True
        leaves = np.unique(leaves, axis=0)
    return np.concatenate([np.empty((0, 3), np.int64), *with_surface]), is_cut


def _points(grid: SparseGrid, leaves: Int64[np.ndarray, "n 3"]) -> Int64[np.ndarray, "n 27 3"]:
    """The grid points of leaves; what would lie beyond the border is pulled back to it."""
    return np.minimum(leaves[:, None] * LEAF + _LEAF_POINTS, grid.resolution)


def _differ(inside: Bool[np.ndarray, "n k"]) -> Bool[np.ndarray, "n"]:
    return np.logical_and(inside.any(axis=1), ~inside.all(axis=1))


def _polygonised(grid: SparseGrid, leaves: Int64[np.ndarray, "n 3"]) -> Mesh:
    """The triangles in these leaves, joined along the grid's edges."""
    corners = []
    lower = np.array([corner for corner, _ in marching.EDGES])
    axis = np.array([axis for _, axis in marching.EDGES])
    for start in range(0, len(leaves), LEAVES_AT_ONCE):
        some = leaves[start : start + LEAVES_AT_ONCE]
        slots = grid.slots(_points(grid, some))[:, _CELL_POINTS]
        slots = slots[((some[:, None] * LEAF + _CELLS) < grid.resolution).all(axis=2)]
        cases = np.packbits(grid.values[slots] < 0, axis=1, bitorder="little")[:, 0]
        cell, edges = marching.triangles(cases)
        corners.append(slots[cell[:, None], lower[edges]] * 3 + axis[edges])
    faces = np.concatenate(corners)
    # An edge is named by the slot of its lower end and its axis; only those with a vertex count.
    used = np.zeros(3 * len(grid.values), bool)
    used[faces] = True
    edges = np.flatnonzero(used)
    number = np.empty(len(used), np.int64)
    number[edges] = np.arange(len(edges))
    return Mesh(_crossings(grid, edges), number[faces])


def _crossings(grid: SparseGrid, edges: Int64[np.ndarray, "v"]) -> Float64[np.ndarray, "v 3"]:
    """Where the function is zero on grid edges, as if it were linear there."""
    slot, axis = np.divmod(edges, 3)
    low = grid.points(slot)
    high = low + np.eye(3, dtype=np.int64)[axis]
    a, b = grid.values[slot], grid.at(high)
    t = np.clip(a / (a - b), MARGIN, 1 - MARGIN)[:, None]
    return (1 - t) * grid.axis[low] + t * grid.axis[high]
