"""How far expressions move the landmarks of a head model away from where they are at rest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64

from headfield.studio.model import HeadModel
from headfield.studio.recipe import expression_of


def landmark_moves(model: HeadModel, seeds: Sequence[int]) -> Float64[np.ndarray, "n 68 3"]:
    """The moves of the first face that the person of each seed makes; they are the same for whoever makes it."""
    return np.stack([_moves(model, seed) for seed in seeds])


def _moves(model: HeadModel, seed: int) -> Float64[np.ndarray, "68 3"]:
    moved = np.zeros((len(model.landmarks), 3))
    for name, weight in expression_of(model, seed, 1, all_alone=False).shapes(model).items():
        moved += weight * model.expressions[model.expression_index(name), model.landmarks]
    return moved
