"""Hair too short for a grid of cells: a layer on the skin, as thick as the hair is long, that ends under the skin."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Float64

from headfield.studio.hair.fields import along_skin
from headfield.studio.hair.ground import Ground
from headfield.studio.hair.relief import edges_of, streaks
from headfield.studio.noise import Noise
from headfield.studio.shells import between_sides, eased, patch
from headfield.surface import Mesh

UNDER = 0.012
"""How far under the skin a layer's inner side lies (about 2 mm); it meets its outer side there."""


def layer(
    ground: Ground,
    distance: Callable[[np.ndarray], np.ndarray],
    thickness: Callable[[np.ndarray], np.ndarray],
    flow: Callable[[np.ndarray, np.ndarray], np.ndarray],
    rng: np.random.Generator,
    *,
    edge: float,
    taper: float,
    rough: float = 0.3,
) -> Mesh:
    """Hair of some ``thickness`` where ``distance`` is above zero, gained over ``taper`` from the outline.

    ``rough`` is how much of the thickness the relief takes; the outline itself is a little ragged.
    """
    sheet = patch(ground.skin, distance, edge, margin=0.03)
    points, normals = sheet.vertices, sheet.vertex_normals
    directions = flow(points, normals)
    edges = edges_of(sheet.faces, len(points))
    streak = streaks(sheet, edges, directions, rng, rounds=6)
    ragged = distance(points) + 0.006 * Noise.sample(rng).wave(points, 0.03)
    full = thickness(points) * (1 + rough * np.clip(streak, -2, 2) / 2)
    height = -UNDER + (full + UNDER) * eased((ragged + 0.02) / (taper + 0.02))
    inner = points - 1.4 * UNDER * normals
    attributes = {
        "strand": np.stack([np.clip(0.5 + 0.2 * streak, 0, 1), np.full(len(points), 0.7)], axis=1).astype(np.float32),
        "flow": directions.astype(np.float32),
    }
    return between_sides(sheet, points + height[:, None] * normals, inner, attributes)


def downwards(points: Float[np.ndarray, "n 3"], normals: Float64[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n 3"]:
    """The way beards grow: down along the skin, and together under the chin."""
    way = np.stack([-0.6 * points[:, 0], np.full(len(points), -1.0), np.full(len(points), 0.15)], axis=1)
    return along_skin(way, normals).astype(np.float64)
