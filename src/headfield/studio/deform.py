"""How space around the mean head moves when the head takes another shape: hair and clothes follow their wearer.

What is modelled on the mean head is carried along by a radial basis function through a few hundred control vertices of
the skin: smooth in all of space, close to exact on the skin, and calm far away from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float64, Int64

from headfield.studio.model import HeadModel

CONTROLS = 500
ROUNDING = 0.05
"""Below this distance (10 mm) the kernel √(r² + ROUNDING²) is round, so that no control vertex leaves a crease."""
RIDGE = 1e-4
"""How much exactness on the skin is given up for smoothness: eyelids and lips move more than hair should."""
CHUNK = 8192


@dataclass(frozen=True, eq=False)
class Deformation:
    """A smooth map of space: x plus a sum of radial functions about the controls plus an affine part."""

    controls: Float64[np.ndarray, "n 3"]
    weights: Float64[np.ndarray, "n 3"]
    affine: Float64[np.ndarray, "4 3"]

    @staticmethod
    def of(model: HeadModel, vertices: Float64[np.ndarray, "v 3"]) -> Deformation:
        """The map that takes the model's mean skin to where ``vertices`` have it."""
        index = control_vertices(model)
        moved = np.zeros((len(index) + 4, 3))
        moved[: len(index)] = vertices[index] - model.mean[index]
        return Deformation._solved(model.mean[index], _solver(model) @ moved)

    @staticmethod
    def between(model: HeadModel, before: Float64[np.ndarray, "v 3"], after: Float64[np.ndarray, "v 3"]) -> Deformation:
        """The map that takes the skin from one shape to another."""
        index = control_vertices(model)
        moved = np.zeros((len(index) + 4, 3))
        moved[: len(index)] = after[index] - before[index]
        return Deformation._solved(before[index], np.linalg.solve(_system(before[index]), moved))

    @staticmethod
    def _solved(controls: Float64[np.ndarray, "n 3"], solution: Float64[np.ndarray, "m 3"]) -> Deformation:
        return Deformation(controls, solution[: len(controls)], solution[len(controls) :])

    def apply(self, points: Float64[np.ndarray, "p 3"]) -> Float64[np.ndarray, "p 3"]:
        """Where the points go."""
        moved = points @ self.affine[1:] + self.affine[0] + points
        for start in range(0, len(points), CHUNK):
            chunk = slice(start, start + CHUNK)
            moved[chunk] += _kernel(points[chunk], self.controls) @ self.weights
        return moved


@lru_cache(maxsize=4)
def control_vertices(model: HeadModel) -> Int64[np.ndarray, "n"]:
    """Vertices spread evenly over the mean face, head and neck: each the farthest from those before it."""
    candidates = np.concatenate([np.arange(len(model.mean))[model.parts[part].vertices] for part in ("face", "head")])
    points = model.mean[candidates]
    chosen = np.zeros(min(CONTROLS, len(points)), np.int64)
    distance = np.full(len(points), np.inf)
    for k in range(1, len(chosen)):
        distance = np.minimum(distance, np.square(points - points[chosen[k - 1]]).sum(axis=1))
        chosen[k] = distance.argmax()
    return candidates[chosen]


@lru_cache(maxsize=4)
def _solver(model: HeadModel) -> Float64[np.ndarray, "m m"]:
    """The matrix from displacements of the controls (and four zeros) to weights and the affine part."""
    return np.linalg.inv(_system(model.mean[control_vertices(model)]))


def _system(points: Float64[np.ndarray, "n 3"]) -> Float64[np.ndarray, "m m"]:
    """The matrix from weights and the affine part to displacements of the controls and four zeros."""
    n = len(points)
    system = np.zeros((n + 4, n + 4))
    system[:n, :n] = _kernel(points, points) - RIDGE * np.eye(n)
    system[:n, n] = system[n, :n] = 1
    system[:n, n + 1 :] = points
    system[n + 1 :, :n] = points.T
    return system


def _kernel(points: Float64[np.ndarray, "p 3"], controls: Float64[np.ndarray, "n 3"]) -> Float64[np.ndarray, "p n"]:
    squared = points @ (-2 * controls.T)
    squared += np.square(points).sum(axis=1)[:, None]
    squared += np.square(controls).sum(axis=1) + ROUNDING**2
    return np.sqrt(np.maximum(squared, 0, out=squared), out=squared)
