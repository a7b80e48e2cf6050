"""Hair finer than its surface: strands as a pattern in space, drawn out along the way the hair flows.

White noise is averaged along the flow ("line integral convolution", Cabral and Leedom 1993), at a few widths of strand.
Widths that a pixel cannot show are left out, so that nothing shimmers.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from jaxtyping import Complex64, Float32
from scipy import ndimage

from headfield.units import MILLIMETRES_PER_UNIT

WIDTHS = np.array([0.3, 0.6, 1.2, 2.4], np.float32) / MILLIMETRES_PER_UNIT
"""How wide the strands and wisps of the pattern are; from one to the next it is about three widths."""

SMALLEST = 0.7
"""A width this many pixels wide begins to show; twice as wide, it shows in full."""

TAPS = 13
"""At how many places along the flow the noise is averaged."""

APART = 1.5
"""How far apart those are, in widths: about as far as the noise is alike, so that strands have no steps."""

SIDE = 128
"""The noise repeats after so many cells, of which three make a width."""


def strands(
    points: Float32[np.ndarray, "n 3"], flow: Float32[np.ndarray, "n 3"], pixel: Float32[np.ndarray, "n"]
) -> tuple[Float32[np.ndarray, "n"], Float32[np.ndarray, "n"]]:
    """Two numbers for each place, alike along a strand, different across: mean 0, about -2 to 2 seen from near by.

    ``pixel`` is how wide a pixel is there, measured across the flow.
    """
    pattern = np.zeros(len(points), np.complex64)
    for width in WIDTHS:
        shows = np.clip(width / pixel / np.float32(SMALLEST) - 1, 0, 1)
        seen = np.flatnonzero(shows)
        step, start = flow[seen] * np.float32(3 * APART), points[seen] * np.float32(3 / width)
        total = np.zeros(len(seen), np.complex64)
        for k in range(TAPS):
            x, y, z = (start + np.float32(k - TAPS // 2) * step).astype(np.int32).T & (SIDE - 1)
            total += _noise()[(x * SIDE + y) * SIDE + z]
        pattern[seen] += shows[seen] * total
    return pattern.real * _SCALE, pattern.imag * _SCALE


_SCALE = np.float32(1 / np.sqrt(1.25 * TAPS * len(WIDTHS)))
"""Brings the sum to unit variance: neighbouring taps are a little alike, as if there were fewer."""


@lru_cache(maxsize=1)
def _noise() -> Complex64[np.ndarray, "n"]:
    """Two fields of smooth noise on a grid, each of unit variance, that fit themselves at their borders."""
    white = np.random.default_rng(0).normal(size=(2, SIDE, SIDE, SIDE)).astype(np.float32)
    real, imaginary = (ndimage.gaussian_filter(one, 1.5, mode="wrap").ravel() for one in white)
    return (real / real.std() + 1j * imaginary / imaginary.std()).astype(np.complex64)
