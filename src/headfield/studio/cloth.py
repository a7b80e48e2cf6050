"""Cloth: patterns woven or printed, wrapped around the body like a label around a bottle."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float64, UInt8

from headfield.studio.look import Cloth
from headfield.studio.noise import Noise
from headfield.studio.tone import decode, encode
from headfield.surface import Mesh
from headfield.units import MILLIMETRES_PER_UNIT

GIRTH = 0.45
"""The radius, in head units, at which patterns have their true width."""

SLOPE = 0.7
"""How much a pattern moves on for every unit away from the axis, so that it goes on over the shoulders."""

STITCH = 2.6
"""The height of a row of stitches in millimetres."""


def clothe(mesh: Mesh, cloth: Cloth, rng: np.random.Generator, size: int = 512) -> Mesh:
    """The mesh with a texture of that cloth. Left and right mirror each other, so that no seam shows."""
    x, y, z = mesh.vertices.T
    across = np.abs(np.arctan2(x, z)) / np.pi
    height = y - SLOPE * np.hypot(x, z)
    low, high = height.min(), height.max()
    uv = np.stack([across, (height - low) / max(high - low, 1e-9)], axis=1)
    return replace(mesh, uv=uv, colours=None, texture=_weave(cloth, float(high - low), rng, size))


def _weave(cloth: Cloth, tall: float, rng: np.random.Generator, size: int) -> UInt8[np.ndarray, "s s 3"]:
    rows, columns = np.mgrid[:size, :size]
    wide = np.pi * GIRTH * MILLIMETRES_PER_UNIT
    across = (columns.ravel() + 0.5) / size * wide
    down = (rows.ravel() + 0.5) / size * tall * MILLIMETRES_PER_UNIT
    noise = Noise.sample(rng)
    places = np.stack([across, down, np.zeros_like(across)], axis=1)
    one, other = (decode(np.array(colour)) for colour in cloth.colours)
    share = _pattern(cloth, places, noise)
    light = one + share[:, None] * (other - one)
    stitches = np.cos(2 * np.pi * down / STITCH) * np.cos(2 * np.pi * across / (1.3 * STITCH))
    wear = 0.06 * noise.fractal(places, 60.0, 3) + 0.05 * noise.wave(places, 1.8) + 0.05 * stitches
    light = light * np.exp(wear)[:, None]
    return np.rint(encode(np.clip(light, 0, 1)) * 255).astype(np.uint8).reshape(size, size, 3)


def _pattern(cloth: Cloth, places: Float64[np.ndarray, "n 3"], noise: Noise) -> Float64[np.ndarray, "n"]:
    """How much of the second colour shows, 0 to 1."""
    across, down, _ = (2 * np.pi * places / cloth.scale).T
    if cloth.pattern == "stripes":
        return _edge(np.cos(down))
    if cloth.pattern == "checks":
        return 0.5 * (_edge(np.cos(across)) + _edge(np.cos(down)))
    if cloth.pattern == "melange":
        return np.clip(0.35 + 0.25 * noise.wave(places * [1.0, 2.5, 1.0], 3.0), 0, 1).astype(np.float64)
    if cloth.pattern == "two-tone":
        return _edge((0.14 * places[:, 1].max() - places[:, 1]) / 4)
    return np.zeros(len(places))


def _edge(signed: Float64[np.ndarray, "n"]) -> Float64[np.ndarray, "n"]:
    return np.clip(0.5 + 3 * signed, 0, 1)
