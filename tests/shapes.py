"""Surfaces whose every measure is known."""

from __future__ import annotations

import numpy as np

from headfield.surface import Mesh


def sphere(radius: float = 1.0, centre: tuple[float, float, float] = (0, 0, 0), rings: int = 24) -> Mesh:
    """A sphere of latitude rings; its vertices lie exactly on it."""
    columns = 2 * rings
    polar = np.linspace(0, np.pi, rings + 1)[1:-1, None]
    azimuth = np.linspace(0, 2 * np.pi, columns, endpoint=False)[None]
    ring = np.stack(
        [np.sin(polar) * np.sin(azimuth), np.cos(polar) + 0 * azimuth, np.sin(polar) * np.cos(azimuth)], axis=-1
    )
    vertices = np.concatenate([[[0, 1, 0]], ring.reshape(-1, 3), [[0, -1, 0]]])
    index = 1 + np.arange((rings - 1) * columns).reshape(rings - 1, columns)
    right = np.roll(index, -1, axis=1)
    top = np.stack([np.zeros(columns, int), index[0], right[0]], axis=-1)
    bottom = np.stack([np.full(columns, len(vertices) - 1), right[-1], index[-1]], axis=-1)
    upper = np.stack([index[:-1], index[1:], right[:-1]], axis=-1).reshape(-1, 3)
    lower = np.stack([right[:-1], index[1:], right[1:]], axis=-1).reshape(-1, 3)
    return Mesh.of(radius * vertices + np.array(centre, float), np.concatenate([top, upper, lower, bottom]))


def bumpy(rings: int = 24) -> Mesh:
    """A ball with a nose and bumps, closed, star-shaped, and like itself from no other side."""
    ball = sphere(rings=rings)
    x, y, z = ball.vertices.T
    nose = 0.4 * np.exp(-8 * ((z - 1) ** 2 + x**2 + (y + 0.1) ** 2))
    radius = 0.6 + 0.08 * np.sin(3 * x + 1) * np.cos(2 * y) + 0.06 * y * z + 0.05 * x * y + nose
    return Mesh.of(ball.vertices * radius[:, None], ball.faces)


def plane(side: float = 1.0, height: float = 0.0, cells: int = 8) -> Mesh:
    """A square in z = height around the z axis, facing +z."""
    steps = np.linspace(-side / 2, side / 2, cells + 1)
    x, y = np.meshgrid(steps, steps)
    index = np.arange((cells + 1) ** 2).reshape(cells + 1, cells + 1)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    faces = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])
    return Mesh.of(np.stack([x, y, np.full_like(x, height)], axis=-1).reshape(-1, 3), faces)


def cube(side: float = 1.0) -> Mesh:
    """A cube around the origin, twelve faces."""
    vertices = (np.stack(np.meshgrid([0, 1], [0, 1], [0, 1], indexing="ij"), -1).reshape(-1, 3) - 0.5) * side
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    return Mesh.of(vertices, np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))]))


def soup(n: int, rng: np.random.Generator) -> Mesh:
    """Triangles anywhere, from tiny to huge."""
    size = 10 ** rng.uniform(-3, 0.5, (n, 1, 1))
    corners = rng.normal(size=(n, 1, 3)) + size * rng.normal(size=(n, 3, 3))
    return Mesh.of(corners.reshape(-1, 3), np.arange(3 * n).reshape(n, 3))


def can(hole: float = 0.1, depth: float = 0.0, columns: int = 48) -> Mesh:
    """A closed cylinder of height and width 1 around the y axis, with a well in its top, or without one."""
    well = [(hole, 0.5), (hole, 0.5 - depth), (0.0, 0.5 - depth)] if depth else [(0.0, 0.5)]
    profile = np.array([(0.0, -0.5), (0.5, -0.5), (0.5, 0.5), *well])
    azimuth = np.linspace(0, 2 * np.pi, columns, endpoint=False)
    radius, height = profile[:, :1], profile[:, 1:] + 0 * azimuth
    vertices = np.stack([radius * np.sin(azimuth), height, radius * np.cos(azimuth)], axis=-1).reshape(-1, 3)
    index = np.arange(len(vertices)).reshape(len(profile), columns)
    right = np.roll(index, -1, axis=1)
    outer = np.stack([index[1:], index[:-1], right[1:]], axis=-1)[: len(profile) - 2].reshape(-1, 3)
    inner = np.stack([right[1:], index[:-1], right[:-1]], axis=-1)[1:].reshape(-1, 3)
    return Mesh.of(vertices, np.concatenate([outer, inner]))
