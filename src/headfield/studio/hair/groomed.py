"""Hair shaped after a groom of the open data: its cut, with another length, fullness and side, and its own strands."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from headfield.studio.hair.falling import clear
from headfield.studio.hair.ground import Ground
from headfield.studio.hair.growth import Roots, before_the_face, between, leaders_of, strayed, waved
from headfield.studio.hair.library import GROOMS, guides_of, sheets_of
from headfield.studio.hair.strands import Strands
from headfield.studio.hair.styles import HairStyle
from headfield.studio.regions import SCALP
from headfield.surface import unit

CHILDREN = 8000
GUIDES = 1600
EYE_COVERED = 0.85
"""From how much of a fringe on hair that was groomed over an eye stays there."""
SEGMENT = 0.07
"""How long the pieces of hair are that a mesh is covered with."""


def groomed(style: HairStyle, ground: Ground, rng: np.random.Generator) -> Strands:
    """The strands of a style that has a source."""
    assert style.source is not None
    if GROOMS[style.source].data == "hair-meshes":
        strands = _fuller(_sided(_from_sheets(style, ground, rng), style), style, ground)
        return strayed(strands, rng, by=0.004 + 0.012 * style.mess, wavelength=0.3)
    strands = _fuller(_sided(_from_strands(style, ground, rng), style), style, ground)
    strands = strayed(strands, rng, by=0.008 + 0.02 * style.mess, wavelength=0.3)
    return clear(strands, ground, share=1 - 0.6 * style.fringe)


def _from_strands(style: HairStyle, ground: Ground, rng: np.random.Generator) -> Strands:
    assert style.source is not None
    guides = guides_of(style.source, ground)
    guides = guides[rng.permutation(len(guides))[:GUIDES]]
    starts = guides[rng.integers(0, len(guides), CHILDREN), 0]
    points = (starts + rng.normal(0, 0.016, starts.shape)).astype(np.float32)
    for _ in range(2):
        normals = ground.normal(points)
        points = points - (ground.distance(points) - 0.002)[:, None] * normals
    roots = Roots(points, ground.normal(points), SCALP.distance(points).astype(np.float32))
    strands = between(guides, roots, rng, 320)
    shares = np.exp(rng.normal(-0.12, 0.1, int(strands.lock.max()) + 1))[strands.lock]
    strands = strands.cut(np.minimum(shares, 1) * (0.62 + 0.38 * style.length))
    long = float(np.median(strands.lengths)) > 0.4
    clumps, gather = (600, 0.6) if long else (2000, 0.4)
    strands = strands.clumped(leaders_of(strands, roots, clumps, rng), gather * strands.way**0.7)
    if style.wave > 0.2:
        size = 0.5 + 0.5 * style.wave
        strands = waved(strands, roots, rng, radius=0.02 * size * style.wave, length=0.2 * size, coil=0.4, stray=0.2)
    return strands


def _from_sheets(style: HairStyle, ground: Ground, rng: np.random.Generator) -> Strands:
    """Short pieces of hair all over the mesh, and some between it and the skin."""
    assert style.source is not None
    sheets = sheets_of(style.source, ground)
    height = ground.distance(sheets.points)
    under = np.where((height > 0) & (height < 0.12) & (rng.random(len(height)) < 0.7), rng.random(len(height)), 0)
    depth = (under * np.maximum(height, 0))[:, None].astype(np.float32)
    middle = sheets.points - depth * ground.normal(sheets.points)
    way = (np.linspace(-0.5, 0.5, 5) * SEGMENT).astype(np.float32)
    points = middle[:, None] + way[None, :, None] * _downwards(sheets.flow)[:, None]
    lock = sheets.piece * 7 + rng.integers(0, 7, len(middle))
    if style.fringe < EYE_COVERED:
        # Cut above the brows what would hang before the eyes.
        free = ~before_the_face(middle) | (middle[:, 1] > 0.26 - 0.08 * style.fringe)
        points, lock = points[free], lock[free]
    return Strands(points.astype(np.float32), lock)


def _downwards(flow: np.ndarray) -> np.ndarray:
    """Cards may be painted upside down; hair as a whole runs down."""
    return np.where(flow[:, 1:2] > 0.3, -flow, flow)


def _sided(strands: Strands, style: HairStyle) -> Strands:
    if style.asymmetry >= 0:
        return strands
    return replace(strands, points=strands.points * np.array([-1, 1, 1], np.float32))


def _fuller(strands: Strands, style: HairStyle, ground: Ground) -> Strands:
    """Farther off the head or closer to it."""
    flat = strands.points.reshape(-1, 3)
    height = ground.distance(flat)
    out = (0.6 * (style.volume - 0.5) * np.clip(height, 0, 0.07))[:, None] * unit(ground.normal(flat))
    return replace(strands, points=(flat + out).astype(np.float32).reshape(strands.points.shape))
