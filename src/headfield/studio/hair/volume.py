"""From strands to a hull: splatted into a grid of density, whose level surface keeps their locks and grooves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64
from scipy.ndimage import binary_dilation, binary_fill_holes, gaussian_filter, label
from scipy.spatial import cKDTree

from headfield.studio.hair.ground import Ground
from headfield.studio.hair.relief import edges_of, smoothed, streaks
from headfield.studio.hair.strands import Strands
from headfield.surface import Mesh, unit

SPHERE = 0.985
"""Hair ends here, inside the unit sphere."""
LARGEST_GRID = 2_600_000
LOOSE = 500
"""Bits of hair with fewer cells than this are left out."""
DEEP = 0.014
"""The hull's inner side lies this far below the scalp (about 3 mm), where nothing sees it."""


@dataclass(frozen=True, eq=False)
class Grid:
    """Cubic cells from ``low`` on."""

    low: Float32[np.ndarray, "3"]
    spacing: float
    shape: tuple[int, int, int]

    @staticmethod
    def around(points: Float32[np.ndarray, "n 3"], spacing: float, margin: int = 4) -> Grid:
        """A grid with room for the points; coarser than asked for where it would be very large."""
        low, high = points.min(axis=0), points.max(axis=0)
        spacing = max(spacing, float(np.prod(high - low + 8 * spacing) / LARGEST_GRID) ** (1 / 3))
        x, y, z = (int(n) for n in np.ceil((high - low) / spacing) + 2 * margin)
        return Grid(low - margin * spacing, spacing, (x, y, z))

    def centres(self) -> Float32[np.ndarray, "x y z 3"]:
        """Where the grid's points are."""
        ticks = [self.low[a] + self.spacing * np.arange(self.shape[a], dtype=np.float32) for a in range(3)]
        return np.stack(np.meshgrid(*ticks, indexing="ij"), axis=-1)

    def splat(
        self, points: Float32[np.ndarray, "n 3"], weights: Float32[np.ndarray, "n"]
    ) -> Float32[np.ndarray, "x y z"]:
        """Weights spread linearly over the eight grid points around each point."""
        cells = (points - self.low) / self.spacing
        corner = np.floor(cells).astype(np.int64)
        t = cells - corner
        total = np.zeros(int(np.prod(self.shape)))
        for dx in (0, 1):
            for dy in (0, 1):
                for dz in (0, 1):
                    share = (t[:, 0] if dx else 1 - t[:, 0]) * (t[:, 1] if dy else 1 - t[:, 1])
                    share *= (t[:, 2] if dz else 1 - t[:, 2]) * weights
                    flat = ((corner[:, 0] + dx) * self.shape[1] + corner[:, 1] + dy) * self.shape[2] + corner[:, 2] + dz
                    total += np.bincount(flat, share, minlength=len(total))
        return total.reshape(self.shape).astype(np.float32)


def hull(
    strands: Strands,
    ground: Ground,
    spacing: float,
    rng: np.random.Generator,
    *,
    relief: float = 0.6,
    thin: float = 0.12,
    grooves: float = 0.004,
    fill: float = 1.0,
) -> Mesh:
    """The watertight outer surface of hair on a head.

    The surface is where the density falls below the share ``relief`` of the density around (so locks show in thick hair
    as in thin), and nowhere below ``thin`` strands through a cell's side. ``grooves`` is how deep single strands are
    pressed into it, ``fill`` how much of the space between locks is filled (0 to 1).
    """
    points, way = strands.evenly(0.8 * spacing)
    flat = points.reshape(-1, 3)
    kept = np.linalg.norm(flat, axis=1) < SPHERE + 2 * spacing
    grid = Grid.around(flat[kept], spacing)
    per_point = (strands.lengths / (spacing * len(way)))[:, None] * np.clip(0.5 + 5 * way, 0, 1)
    density = gaussian_filter(grid.splat(flat[kept], per_point.reshape(-1)[kept]), 1.0, mode="constant", truncate=3)
    around = gaussian_filter(density, 4.0, mode="constant", truncate=2)
    field = np.log(np.maximum(density, 1e-4) / np.maximum(thin, relief * around)).clip(-2, 2)
    bare = level_surface(_solid(field, density > thin, grid, ground, fill), grid)
    edges = edges_of(bare.faces, len(bare.vertices))
    bare = Mesh(smoothed(bare.vertices, edges), bare.faces)
    shade, along, flow = _nearest_strands(bare, strands, points, way)
    streak = streaks(bare, edges, flow, rng)
    shade = np.clip(0.5 + 0.5 * (shade - 0.5) + 0.17 * streak, 0, 1)
    inner = np.clip(ground.distance(bare.vertices) / DEEP, 0, 1)
    pressed = bare.vertices + (grooves * inner * np.clip(streak, -2, 2))[:, None] * bare.vertex_normals
    attributes = {"strand": np.stack([shade, along], axis=1).astype(np.float32), "flow": flow.astype(np.float32)}
    return Mesh(within_sphere(pressed), bare.faces, attributes=attributes)


def within_sphere(points: Float64[np.ndarray, "v 3"], radius: float = 0.995) -> Float64[np.ndarray, "v 3"]:
    """Points outside of a sphere drawn back onto it."""
    return points * np.minimum(1, radius / np.maximum(np.linalg.norm(points, axis=1), 1e-9))[:, None]


def _solid(
    field: Float32[np.ndarray, "x y z"], hairy: Bool[np.ndarray, "x y z"], grid: Grid, ground: Ground, fill: float
) -> Float32[np.ndarray, "x y z"]:
    """Join the hair to the skull, fill what it encloses, drop loose bits, keep within the sphere."""
    centres = grid.centres()
    height = ground.distance(centres)
    around_hair = binary_dilation(hairy, iterations=2)
    # Grooves end in a core some cells below the surface, which also closes the space between hair and skin.
    core = gaussian_filter((hairy | (height < -0.005)).astype(np.float32), 2.5, mode="constant", truncate=2)
    core = np.where(around_hair & (height > -2 * DEEP), 4 * (core - 0.96 + 0.24 * fill), -2)
    below = (-DEEP - height) / grid.spacing
    behind_the_face = (centres[..., 1] - 0.3 - 0.91 * (centres[..., 2] - 0.45)) / grid.spacing
    field = np.maximum(np.maximum(field, core), np.minimum(below, behind_the_face).clip(-2, 2))
    inside = binary_fill_holes(field > 0)
    pieces, _ = label(inside)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    kept = (sizes > LOOSE)[pieces]
    field = np.where(kept & (field <= 0), 0.5, field)
    field = np.where(~kept & (field > 0), -0.5, field)
    sphere = (SPHERE - np.linalg.norm(centres, axis=-1)) / grid.spacing
    return np.minimum(field, sphere).astype(np.float32)


def level_surface(field: Float32[np.ndarray, "x y z"], grid: Grid) -> Mesh:
    """The closed surface where a field on a grid is zero; it is above zero inside."""
    from skimage.measure import marching_cubes

    # Values at zero exactly would make triangles without area.
    field = np.where(np.abs(field) < 1e-3, np.float32(-1e-3), field)
    field[[0, -1]], field[:, [0, -1]], field[:, :, [0, -1]] = -1, -1, -1
    vertices, faces, _, _ = marching_cubes(field, 0.0, gradient_direction="ascent")
    return Mesh.of(vertices.astype(np.float64) * grid.spacing + grid.low, faces)


def _nearest_strands(
    mesh: Mesh, strands: Strands, points: Float32[np.ndarray, "n m 3"], way: Float32[np.ndarray, "m"]
) -> tuple[Float64[np.ndarray, "v"], Float64[np.ndarray, "v"], Float64[np.ndarray, "v 3"]]:
    """For each vertex the shade of the lock it is in (0 to 1), how far along it is, and where its strand is heading."""
    tangents = unit(np.gradient(points, axis=1)).reshape(-1, 3)
    step = max(1, points.shape[0] * points.shape[1] // 150_000)
    _, near = cKDTree(points.reshape(-1, 3)[::step]).query(mesh.vertices, k=3)
    near = near * step
    shade = (strands.lock[near // points.shape[1]] * 0.6180339887498949 % 1).mean(axis=1)
    flow = unit(tangents[near].sum(axis=1).astype(np.float64))
    flow[np.linalg.norm(flow, axis=1) < 0.5] = (0, -1, 0)
    return shade, way[near % points.shape[1]].mean(axis=1).astype(np.float64), flow
