"""A quick look at oriented points: shaded dots, the nearer before the farther. For contact sheets."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, UInt8

from headfield.capture import Scan
from headfield.surface import Mesh

BACKGROUND = 150
CLAY = (226, 214, 202)
FRONT = np.eye(3)
"""Rows: what is right, up and towards the viewer, in head space."""
SIDE = np.array([[0.0, 0.0, -1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
"""From the subject's left."""

_LIGHT = np.array([-0.4, 0.5, 0.77])
_MOST_POINTS = 200_000
_OVERSAMPLING = 2
_EXPECTED = 8


def draw_scan(scan: Scan, look: Float[np.ndarray, "3 3"], pixels: int) -> UInt8[np.ndarray, "p p 3"]:
    """A scan as it looks from one side."""
    return splat(scan.points, scan.normals, scan.colours, look, pixels)


def draw_mesh(mesh: Mesh, look: Float[np.ndarray, "3 3"], pixels: int) -> UInt8[np.ndarray, "p p 3"]:
    """A mesh as it looks from one side."""
    samples = mesh.sample(_MOST_POINTS, np.random.default_rng(0))
    colours = None if mesh.colours is None else np.round(samples.of_vertices(mesh.colours)).astype(np.uint8)
    return splat(samples.points, samples.normals, colours, look, pixels)


def splat(
    points: Float[np.ndarray, "n 3"],
    normals: Float[np.ndarray, "n 3"],
    colours: UInt8[np.ndarray, "n 3"] | None,
    look: Float[np.ndarray, "3 3"],
    pixels: int,
) -> UInt8[np.ndarray, "p p 3"]:
    """Points that face the viewer as small shaded squares in a square picture centred on the origin."""
    fine = pixels * _OVERSAMPLING
    some = slice(None, None, 1 + len(points) // _MOST_POINTS)
    points, normals = points[some] @ look.T, normals[some] @ look.T
    shades = _shades(normals, None if colours is None else colours[some])
    seen = (normals[:, 2] > 0) & np.isfinite(points).all(axis=1)
    points, shades = points[seen], shades[seen]
    picture = np.full((fine * fine, 3), BACKGROUND, np.uint8)
    if len(points):
        half = max(0.7, 1.15 * np.quantile(np.abs(points[:, :2]), 0.99).item())
        columns, rows = (np.stack([points[:, 0], -points[:, 1]]) / half + 1) * (fine / 2)
        spread = _squares(_size(columns, rows))
        columns, rows = np.floor(np.stack([columns, rows])[..., None] + spread).astype(np.int64)
        # Of several written to one pixel the last one stays: the nearest.
        order = np.argsort(points[:, 2], kind="stable")
        inside = ((rows >= 0) & (rows < fine) & (columns >= 0) & (columns < fine))[order]
        picture[(rows * fine + columns)[order][inside]] = shades[order].repeat(inside.sum(axis=1), axis=0)
    coarse = picture.reshape(pixels, _OVERSAMPLING, pixels, _OVERSAMPLING, 3).mean(axis=(1, 3))
    return np.round(coarse).astype(np.uint8)


def _size(columns: Float[np.ndarray, "n"], rows: Float[np.ndarray, "n"]) -> int:
    """How large squares must be for holes to close: where eight are expected, one time in three thousand none is."""
    width, height = (np.subtract(*np.quantile(x, (0.99, 0.01))) for x in (columns, rows))
    return int(np.clip(np.ceil(np.sqrt(_EXPECTED * width * height / len(rows))), 1, 6 * _OVERSAMPLING))


def _squares(size: int) -> Float[np.ndarray, "2 1 k"]:
    """The steps from the middle of a square to its pixels, columns and rows."""
    steps = np.arange(size) - (size - 1) / 2
    return np.stack(np.meshgrid(steps, steps)).reshape(2, 1, -1)


def _shades(normals: Float[np.ndarray, "n 3"], colours: UInt8[np.ndarray, "n 3"] | None) -> UInt8[np.ndarray, "n 3"]:
    """Colours under a lamp at the upper left; those that were measured have light in them already, so less of it."""
    light = np.clip(normals @ _LIGHT, 0, 1)[:, None]
    if colours is None:
        return (np.array(CLAY) * (0.3 + 0.7 * light)).astype(np.uint8)
    return (colours * (0.65 + 0.35 * light)).astype(np.uint8)
