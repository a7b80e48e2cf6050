"""What is finer than the grid: stairs smoothed away, and streaks along the strands pressed into the surface."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float64, Int64
from scipy.sparse import csr_array

from headfield.surface import Mesh, unit


def edges_of(faces: Int64[np.ndarray, "f 3"], count: int) -> Int64[np.ndarray, "e 2"]:
    """Every edge once, the smaller vertex first."""
    ends = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    keys = np.unique(ends[:, 0] * count + ends[:, 1])
    return np.stack(np.divmod(keys, count), axis=1)


def smoothed(
    vertices: Float64[np.ndarray, "v 3"], edges: Int64[np.ndarray, "e 2"], rounds: int = 4
) -> Float64[np.ndarray, "v 3"]:
    """Without the stairs of the grid, and without shrinking (each step in is followed by a step out)."""
    average = _averaging(edges, np.ones(len(edges)), len(vertices), own=0.0)
    for _ in range(rounds):
        for step in (0.5, -0.52):
            vertices = vertices + step * (average @ vertices - vertices)
    return vertices


def smoothed_by(
    vertices: Float64[np.ndarray, "v 3"], edges: Int64[np.ndarray, "e 2"], rounds: int, share: Float64[np.ndarray, "v"]
) -> Float64[np.ndarray, "v 3"]:
    """Each vertex drawn towards its neighbours by its own share, again and again."""
    average = _averaging(edges, np.ones(len(edges)), len(vertices), own=0.0)
    for _ in range(rounds):
        vertices = vertices + 0.6 * share[:, None] * (average @ vertices - vertices)
    return vertices


def streaks(
    mesh: Mesh,
    edges: Int64[np.ndarray, "e 2"],
    flow: Float[np.ndarray, "v 3"],
    rng: np.random.Generator,
    rounds: int = 14,
) -> Float64[np.ndarray, "v"]:
    """Noise drawn out along the flow: zero mean and unit variance, fine across the strands, long along them."""
    way = unit(mesh.vertices[edges[:, 1]] - mesh.vertices[edges[:, 0]])
    along = np.abs(np.sum(way * unit(flow[edges[:, 0]] + flow[edges[:, 1]]), axis=1))
    average = _averaging(edges, along**8 + 1e-3, len(mesh.vertices), own=0.5)
    noise = rng.normal(size=len(mesh.vertices))
    for _ in range(rounds):
        noise = average @ noise
    return (noise - noise.mean()) / noise.std()


def _averaging(edges: np.ndarray, weights: np.ndarray, count: int, own: float) -> csr_array:
    """The matrix that replaces each value by the weighted mean of its neighbours' and its own."""
    rows = np.concatenate([edges[:, 0], edges[:, 1], np.arange(count)])
    columns = np.concatenate([edges[:, 1], edges[:, 0], np.arange(count)])
    weights = np.concatenate([weights, weights, np.full(count, own + 1e-9)])
    matrix = csr_array((weights, (rows, columns)), shape=(count, count))
    return csr_array(matrix.multiply(1 / matrix.sum(axis=1)[:, None]))
