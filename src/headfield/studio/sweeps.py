"""Sweeps: closed surfaces that follow a line, such as the rims of glasses, rolled collars and the peaks of caps."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Int64

from headfield.surface import Mesh, unit


def tube(
    line: Float64[np.ndarray, "n 3"],
    width: Float64[np.ndarray, "n"],
    height: Float64[np.ndarray, "n"],
    *,
    loop: bool = False,
    around: int = 12,
    up: tuple[float, float, float] = (0.0, 1.0, 0.0),
) -> Mesh:
    """An elliptic tube along a line, ``height`` towards ``up`` and ``width`` across; its ends are closed by points."""
    ahead = np.roll(line, -1, axis=0) - np.roll(line, 1, axis=0) if loop else np.gradient(line, axis=0)
    along = unit(ahead)
    beside = unit(np.cross(along, np.array(up)))
    above = np.cross(beside, along)
    angle = np.linspace(0, 2 * np.pi, around, endpoint=False)
    across = np.cos(angle)[:, None] * beside[:, None] * width[:, None, None]
    rings = line[:, None] + across + np.sin(angle)[:, None] * above[:, None] * height[:, None, None]
    return wrapped(rings, loop=loop)


def wrapped(rings: Float64[np.ndarray, "n m 3"], *, loop: bool = False) -> Mesh:
    """The closed surface through rings of points, outwards where they turn anticlockwise seen along their sequence."""
    n, m, _ = rings.shape
    index = np.arange(n * m).reshape(n, m)
    index = np.concatenate([index, index[:1]]) if loop else index
    index = np.concatenate([index, index[:, :1]], axis=1)
    faces = [_strips(index)]
    vertices = [rings.reshape(-1, 3)]
    if not loop:
        first, last = n * m, n * m + 1
        vertices.append(np.stack([rings[0].mean(axis=0), rings[-1].mean(axis=0)]))
        start, end = index[0], index[n - 1]
        faces.append(np.stack([start[1:], start[:-1], np.full(m, first)], axis=1))
        faces.append(np.stack([end[:-1], end[1:], np.full(m, last)], axis=1))
    mesh = Mesh.of(np.concatenate(vertices), np.concatenate(faces))
    return mesh if _volume(mesh) > 0 else Mesh(mesh.vertices, mesh.faces[:, ::-1].copy())


def plate(grid: Float64[np.ndarray, "n m 3"], thickness: float | Float64[np.ndarray, "n m"]) -> Mesh:
    """A sheet given by a grid of points, made solid; half of its thickness to either side, with a rounded edge."""
    rows, columns = np.gradient(grid, axis=0), np.gradient(grid, axis=1)
    normals = unit(np.cross(rows, columns))
    half = np.broadcast_to(thickness, grid.shape[:2])[..., None] / 2 * normals
    front, back = (grid + half)[:, :], (grid - half)[:, ::-1]
    return wrapped(np.concatenate([front, back], axis=1))


def _strips(index: Int64[np.ndarray, "n m"]) -> Int64[np.ndarray, "f 3"]:
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    return np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([b, d, c], -1).reshape(-1, 3)])


def _volume(mesh: Mesh) -> float:
    a, b, c = np.moveaxis(mesh.corners, 1, 0)
    return float(np.sum(a * np.cross(b, c)))
