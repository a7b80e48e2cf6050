"""Where a picture shows what is behind the subject although its mask says that it shows the subject.

Between locks of hair one sees through, and masks are too wide in places. There colours are those of the background
close by and not those of the subject close by, which can be told where the two differ.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float32, UInt8
from scipy.ndimage import distance_transform_edt, gaussian_filter

NEARBY, BAND = 0.03, 0.05
"""How far around a pixel colours are close by, and how deep inside the outlines one may see through, both as a share of
the subject's width."""

APART = 0.18
"""How much the colours of subject and background must differ, on average over the channels, to be told apart."""

THROUGH = 0.65
"""What is less than so much of the way from the background's colour to the subject's is the background's."""

BESIDE, WITHIN = 25, 128
"""Up to which value of a mask a pixel surely is beside the subject, and from which on within it."""


def seen_through(image: UInt8[np.ndarray, "h w 3"], mask: UInt8[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """The pixels within a mask that show what is behind the subject."""
    colours, inside, beside = image.astype(np.float32) / 255, mask >= WITHIN, mask <= BESIDE
    through = np.zeros(mask.shape, bool)
    if not inside.any() or not beside.any():
        return through
    width = np.sqrt(inside.sum())
    band = inside & (distance_transform_edt(inside) < BAND * width)
    behind = _close_by(colours, beside, NEARBY * width)
    for _ in range(2):  # the second time without what was seen through in the first
        own = _close_by(colours, inside & ~through, NEARBY * width)
        way = own - behind
        length = np.square(way).sum(axis=2)
        share = ((colours - behind) * way).sum(axis=2) / np.maximum(length, np.float32(1e-6))
        through = band & (share < THROUGH) & (length > 3 * APART**2)
    return through


def _close_by(
    colours: Float32[np.ndarray, "h w 3"], of: Bool[np.ndarray, "h w"], pixels: float
) -> Float32[np.ndarray, "h w 3"]:
    """The mean colour of some pixels close to every pixel."""
    weight = of.astype(np.float32)
    total = gaussian_filter(colours * weight[..., None], (pixels, pixels, 0))
    return total / np.maximum(gaussian_filter(weight, pixels), np.float32(1e-6))[..., None]
