"""Gauss-Newton steps towards what is likeliest."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

DAMPING = 1e-3
"""How much each unknown is held back, as a part of how well it is known."""


@dataclass(frozen=True, eq=False)
class Equations:
    """The normal equations of a step, and how unlikely all is where they were made."""

    cost: float
    left: Float64[np.ndarray, "n n"]
    right: Float64[np.ndarray, "n"]

    @staticmethod
    def impossible(size: int) -> Equations:
        """Those of something that cannot be."""
        return Equations(math.inf, np.eye(size), np.zeros(size))

    @staticmethod
    def of(off: Float64[np.ndarray, "m"], slopes: Float64[np.ndarray, "m n"]) -> Equations:
        """Those of residuals, in standard deviations, and their derivatives."""
        return Equations(float(off @ off), slopes.T @ slopes, slopes.T @ off)

    def step(self) -> Float64[np.ndarray, "n"]:
        """What is to be taken from what they were made at."""
        answer: Float64[np.ndarray, "n"] = np.linalg.solve(
            self.left + DAMPING * np.diag(np.diag(self.left)), self.right
        )
        return answer


def likeliest(
    equations: Callable[[Float64[np.ndarray, "n"]], Equations], x: Float64[np.ndarray, "n"], steps: int
) -> Float64[np.ndarray, "n"]:
    """The best that so many steps find; they end early where all becomes impossible."""
    best, least = x, math.inf
    for _ in range(steps + 1):
        here = equations(x)
        if not math.isfinite(here.cost):
            break
        if here.cost < least:
            best, least = x, here.cost
        x = x - here.step()
    return best
