"""How open places of a surface lie: deep in a cavity, such as the inside of a nose, no camera or scanner sees any."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float64

from headfield.mesh.raycast import RayCaster
from headfield.mesh.seen import LIFT
from headfield.rigs import fibonacci

OPEN = 0.1
"""From which openness on a place counts as lying outside. Between half and twice this it makes no difference for faces:
openness falls from nearly 1 to nearly 0 within a few millimetres of a nostril's rim."""

DIRECTIONS = 100
"""Of looks from around, evenly spread."""

GRAZING = 0.05
"""The least cosine of a look at a surface."""


def openness(
    caster: RayCaster, points: Float64[np.ndarray, "n 3"], normals: Float64[np.ndarray, "n 3"]
) -> Float64[np.ndarray, "n"]:
    """From which share of the directions above it each point of the caster's mesh can be seen from afar."""
    free, above = np.zeros(len(points)), np.zeros(len(points))
    starts = points + LIFT * normals
    for direction in fibonacci(DIRECTIONS).numpy():
        facing = np.flatnonzero(normals @ direction > GRAZING)
        hidden = caster.occluded(starts[facing], np.tile(direction, (len(facing), 1)))
        above[facing] += 1
        free[facing[~hidden]] += 1
    return free / np.maximum(above, 1)


def outside(
    caster: RayCaster, points: Float64[np.ndarray, "n 3"], normals: Float64[np.ndarray, "n 3"]
) -> Bool[np.ndarray, "n"]:
    """Which points of the caster's mesh lie outside, and not in a cavity."""
    return openness(caster, points, normals) > OPEN
