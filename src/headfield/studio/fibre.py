"""Hair finer than its surface: strands as a pattern in space, drawn out along the way the hair flows.

White noise is averaged along the flow ("line integral convolution", Cabral and Leedom 1993), at a few widths of strand.
Widths that a pixel cannot show are left out, so that nothing shimmers.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from jaxtyping import Float32
from scipy import ndimage

from headfield.units import MILLIMETRES_PER_UNIT

WIDTHS = np.array([0.7, 1.4, 2.8], np.float32) / MILLIMETRES_PER_UNIT
"""How wide the strands and wisps of the pattern are."""

SMALLEST = 1.2
"""A width this many pixels wide begins to show; twice as wide, it shows in full."""

TAPS = 13
"""At how many places along the flow the noise is averaged."""

APART = 0.75
"""How far apart those are, in widths: closer than the noise changes, so that strands have no steps."""

SIDE = 128
"""The noise repeats after so many cells, of which three make a width."""


def strands(
    points: Float32[np.ndarray, "n 3"], flow: Float32[np.ndarray, "n 3"], pixel: Float32[np.ndarray, "n"]
) -> Float32[np.ndarray, "n"]:
    """A number for each place, alike along a strand, different across: mean 0, about -2 to 2 seen from near by.

    ``pixel`` is how wide a pixel is there.
    """
    pattern = np.zeros(len(points), np.float32)
    finest = SMALLEST * pixel.min(initial=np.inf)
    for width in WIDTHS[finest < WIDTHS]:
        shows = np.clip(width / pixel / np.float32(SMALLEST) - 1, 0, 1)
        step, start = flow * np.float32(3 * APART), points * np.float32(3 / width)
        total = np.zeros(len(points), np.float32)
        for k in range(TAPS):
            x, y, z = (start + np.float32(k - TAPS // 2) * step).astype(np.int32).T & (SIDE - 1)
            total += _noise()[(x * SIDE + y) * SIDE + z]
        pattern += shows * total
    return pattern * _SCALE


_SCALE = np.float32(1 / np.sqrt(2.8 * TAPS * len(WIDTHS)))
"""Brings the sum to unit variance: neighbouring taps are alike, as if there were fewer."""


@lru_cache(maxsize=1)
def _noise() -> Float32[np.ndarray, "n"]:
    """Smooth noise on a grid, of unit variance, that fits itself at its borders."""
    white = np.random.default_rng(0).normal(size=(SIDE, SIDE, SIDE)).astype(np.float32)
    smooth = ndimage.gaussian_filter(white, 1.5, mode="wrap")
    return (smooth / smooth.std()).astype(np.float32).ravel()
