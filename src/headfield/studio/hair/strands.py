"""Strands: hair as polylines, and what grooming does to them, all of them at once."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Float32, Int64

from headfield.surface import unit


@dataclass(frozen=True, eq=False)
class Strands:
    """n strands of k points each, root first. ``lock`` is the lock of hair a strand lies in."""

    points: Float32[np.ndarray, "n k 3"]
    lock: Int64[np.ndarray, "n"]

    @property
    def tangents(self) -> Float32[np.ndarray, "n k 3"]:
        """The unit directions along the strands."""
        return unit(np.gradient(self.points, axis=1))

    @property
    def lengths(self) -> Float32[np.ndarray, "n"]:
        """How long the strands are."""
        return np.linalg.norm(np.diff(self.points, axis=1), axis=2).sum(axis=1)

    @property
    def way(self) -> Float32[np.ndarray, "k"]:
        """0 at the roots to 1 at the tips."""
        return np.linspace(0, 1, self.points.shape[1], dtype=np.float32)

    def cut(self, shares: Float[np.ndarray, "n"]) -> Strands:
        """Only the first share of each strand, again as k points."""
        return replace(self, points=_along(self.points, shares[:, None] * self.way))

    def hemmed(self, heights: Float[np.ndarray, "n"]) -> Strands:
        """Cut where each first comes below a height."""
        below = self.points[..., 1] < np.asarray(heights)[:, None]
        first = np.where(below.any(axis=1), below.argmax(axis=1), self.points.shape[1] - 1)
        return self.cut(np.maximum(first, 2) / (self.points.shape[1] - 1))

    def tousled(self, rng: np.random.Generator, by: float) -> Strands:
        """Each lock led its own way, more and more towards the tips."""
        push = rng.normal(0, by, (int(self.lock.max()) + 1, 3))
        return replace(self, points=self.points + (push[self.lock, None] * self.way[:, None] ** 1.5).astype(np.float32))

    def clumped(self, leaders: Int64[np.ndarray, "n"], strength: Float[np.ndarray, "k"]) -> Strands:
        """Strands drawn towards the strand that leads each, by a share that depends on the way along."""
        share = np.asarray(strength, np.float32)[:, None]
        return replace(self, points=self.points + share * (self.points[leaders] - self.points))

    def evenly(self, spacing: float) -> tuple[Float32[np.ndarray, "n m 3"], Float32[np.ndarray, "m"]]:
        """Points no farther apart than ``spacing`` on the longer strands, and how far along they are."""
        m = int(np.clip(np.quantile(self.lengths, 0.9) / spacing + 2, 4, 400))
        way = np.linspace(0, 1, m, dtype=np.float32)
        return _along(self.points, np.broadcast_to(way, (len(self.points), m))), way

    @staticmethod
    def joined(*some: Strands) -> Strands:
        """All strands together; they must have as many points each."""
        firsts = np.cumsum([0] + [int(s.lock.max(initial=-1)) + 1 for s in some])
        locks = [s.lock + first for s, first in zip(some, firsts, strict=False)]
        return Strands(np.concatenate([s.points for s in some]), np.concatenate(locks))


def _along(points: Float32[np.ndarray, "n k 3"], way: Float[np.ndarray, "n m"]) -> Float32[np.ndarray, "n m 3"]:
    """Points at shares of the way along polylines, by linear interpolation between their points."""
    at = np.clip(np.asarray(way, np.float32) * (points.shape[1] - 1), 0, points.shape[1] - 1)
    before = np.minimum(at.astype(np.int64), points.shape[1] - 2)
    t = (at - before)[..., None].astype(np.float32)
    row = np.arange(len(points))[:, None]
    return points[row, before] * (1 - t) + points[row, before + 1] * t


def respaced(points: Float32[np.ndarray, "n k 3"], count: int) -> Float32[np.ndarray, "n m 3"]:
    """The same polylines with ``count`` points each, evenly spaced by length."""
    steps = np.linalg.norm(np.diff(points, axis=1), axis=2)
    arc = np.concatenate([np.zeros((len(points), 1)), np.cumsum(steps, axis=1)], axis=1)
    arc /= np.maximum(arc[:, -1:], 1e-9)
    # One sorted sequence for all strands: strand n owns the numbers from 2n to 2n + 1.
    shift = 2.0 * np.arange(len(points))[:, None]
    wanted = np.linspace(0, 1, count) + shift
    index = np.arange(points.shape[1]) / (points.shape[1] - 1) + shift
    way = np.interp(wanted.ravel(), (arc + shift).ravel(), index.ravel()).reshape(wanted.shape) - shift
    return _along(points, way)


def frames(
    tangents: Float32[np.ndarray, "n k 3"], outward: Float32[np.ndarray, "n 3"]
) -> tuple[Float32[np.ndarray, "n k 3"], Float32[np.ndarray, "n k 3"]]:
    """Two unit directions across each strand that turn as little as it does, the first starting at ``outward``."""
    first = np.empty_like(tangents)
    at = outward
    for k in range(tangents.shape[1]):
        at = at - np.sum(at * tangents[:, k], axis=1, keepdims=True) * tangents[:, k]
        at = unit(at)
        first[:, k] = at
    return first, np.cross(tangents, first)
