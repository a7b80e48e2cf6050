"""A regular grid over a cube whose points are evaluated only where somebody asks, and never twice."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from headfield.chunks import in_chunks
from headfield.errors import InputError

SignedDistance = Callable[[Tensor], Tensor]
"""Takes n points (n, 3) to n signed distances (n,), negative inside."""

BRICK_BITS = 2
BRICK = 1 << BRICK_BITS
UNKNOWN = np.nan


class SparseGrid:
    """Values of a function at the points of a grid with ``resolution`` cells a side over [-bounds, bounds]³.

    Values are kept in bricks of 4x4x4 points, made when the first of their points is asked for. The slot of a point
    is where its value lies in ``values``.
    """

    def __init__(
        self,
        function: SignedDistance,
        resolution: int,
        bounds: float,
        *,
        chunk: int,
        dtype: torch.dtype,
        device: torch.device | str,
    ):
        self.resolution = resolution
        self.axis = np.linspace(-bounds, bounds, resolution + 1)
        self.spacing = 2 * bounds / resolution
        self.values: Float64[np.ndarray, "s"] = np.empty(0)
        self._function, self._chunk = function, chunk
        self._dtype, self._device = dtype, device
        self._side = (resolution >> BRICK_BITS) + 1
        self._brick_at = np.full(self._side**3, -1, np.int32)
        self._bricks: Int64[np.ndarray, "b"] = np.empty(0, np.int64)

    def slots(self, points: Int64[np.ndarray, "*n 3"]) -> Int64[np.ndarray, "*n"]:
        """Where the values of grid points lie, after evaluating those that are not known yet."""
        x, y, z = np.moveaxis(points, -1, 0)
        place = ((x >> BRICK_BITS) * self._side + (y >> BRICK_BITS)) * self._side + (z >> BRICK_BITS)
        self._make_bricks(place.ravel())
        low = BRICK - 1
        within = (((x & low) << BRICK_BITS) | (y & low)) << BRICK_BITS | (z & low)
        slots = self._brick_at[place].astype(np.int64) * BRICK**3 + within
        self._evaluate(slots.ravel())
        return slots

    def at(self, points: Int64[np.ndarray, "*n 3"]) -> Float64[np.ndarray, "*n"]:
        """The values at grid points."""
        slots = self.slots(points)
        return self.values[slots]

    def points(self, slots: Int64[np.ndarray, "n"]) -> Int64[np.ndarray, "n 3"]:
        """Which grid points the slots belong to."""
        brick, within = np.divmod(slots, BRICK**3)
        corner = np.stack(np.unravel_index(self._bricks[brick], (self._side,) * 3), axis=-1)
        return corner * BRICK + np.stack(np.unravel_index(within, (BRICK,) * 3), axis=-1)

    def _make_bricks(self, places: Int64[np.ndarray, "n"]) -> None:
        missing = np.unique(places[self._brick_at[places] < 0])
        if not len(missing):
            return
        self._brick_at[missing] = len(self._bricks) + np.arange(len(missing))
        self._bricks = np.concatenate([self._bricks, missing])
        self.values = np.concatenate([self.values, np.full(len(missing) * BRICK**3, UNKNOWN)])

    def _evaluate(self, slots: Int64[np.ndarray, "n"]) -> None:
        slots = slots[np.isnan(self.values[slots])]
        owner = np.empty(len(self.values), np.int32)
        owner[slots] = np.arange(len(slots))
        slots = slots[owner[slots] == np.arange(len(slots))]  # each once
        for start in range(0, len(slots), self._chunk):
            some = slots[start : start + self._chunk]
            places = torch.from_numpy(self.axis[self.points(some)]).to(device=self._device, dtype=self._dtype)
            with torch.no_grad():
                distances = in_chunks(self._function, places, self._chunk).double().cpu().numpy()
            if not np.isfinite(distances).all():
                raise InputError("the signed distance is not a finite number everywhere; the field is broken.")
            self.values[some] = distances
