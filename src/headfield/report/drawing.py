"""What is drawn on pictures: landmarks, the edge of a mask, one picture over another, how well things were seen."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from jaxtyping import Bool, Float, UInt8
from scipy.ndimage import binary_erosion

from headfield.metrics.images import COVERED

Image: TypeAlias = UInt8[np.ndarray, "h w 3"]
Colour = tuple[int, int, int]

GUESSED, GLIMPSED, SEEN = (200, 98, 36), (232, 222, 200), (22, 104, 168)
"""Warm and cool on either side of pale: told apart by people who see fewer colours, and on light and dark pages."""


def confidence_colours(values: Float[np.ndarray, "n"]) -> UInt8[np.ndarray, "n 3"]:
    """The colours of how well places were seen, from 0 (guessed) over glimpsed to 1 (seen squarely)."""
    channels = zip(GUESSED, GLIMPSED, SEEN, strict=True)
    at = np.clip(values, 0, 1)
    return np.round(np.stack([np.interp(at, (0, 0.5, 1), channel) for channel in channels], axis=-1)).astype(np.uint8)


def blend(picture: Image, other: Image, share: Float[np.ndarray, "h w"] | float) -> Image:
    """The picture with the other one over it: a share of 0 leaves it as it is, 1 shows the other alone."""
    opaque = np.broadcast_to(np.asarray(share, np.float64), picture.shape[:2])[..., None]
    return np.round(picture + opaque * (other.astype(np.float64) - picture)).astype(np.uint8)


def outline(mask: UInt8[np.ndarray, "h w"], width: int = 1) -> Bool[np.ndarray, "h w"]:
    """What of a mask lies within ``width`` pixels of what it leaves out; the end of the picture is no edge."""
    covered = mask >= COVERED
    return covered & ~binary_erosion(covered, iterations=width, border_value=1)


def draw_outline(picture: Image, mask: UInt8[np.ndarray, "h w"], colour: Colour, width: int = 1) -> Image:
    """The picture with the edge of a mask on it."""
    return blend(picture, _plain(picture, colour), outline(mask, width).astype(np.float64))


def draw_dots(picture: Image, points: Float[np.ndarray, "n 2"], colour: Colour, radius: float) -> Image:
    """The picture with a dot at every point, in pixels from the picture's corner. What is not a number is left out."""
    return _draw(picture, points, colour, 0, radius)


def draw_rings(picture: Image, points: Float[np.ndarray, "n 2"], colour: Colour, radius: float) -> Image:
    """The picture with a ring around every point, open in the middle."""
    return _draw(picture, points, colour, 0.5 * radius, radius)


def _draw(picture: Image, points: Float[np.ndarray, "n 2"], colour: Colour, inner: float, outer: float) -> Image:
    height, width = picture.shape[:2]
    cover = np.zeros((height, width))
    for x, y in points[np.isfinite(points).all(axis=1)]:
        top, bottom = (int(np.clip(np.floor(y + d), 0, height)) for d in (-outer, outer + 1))
        left, right = (int(np.clip(np.floor(x + d), 0, width)) for d in (-outer, outer + 1))
        rows, columns = np.arange(top, bottom) + 0.5, np.arange(left, right) + 0.5
        away = np.hypot(rows[:, None] - y, columns[None] - x)
        # Soft over the last pixel, so that a dot that is moved a little looks moved a little.
        here = np.clip(np.minimum(outer - away, away - inner + 1), 0, 1)
        part = cover[top:bottom, left:right]
        np.maximum(part, here, out=part)
    return blend(picture, _plain(picture, colour), cover)


def _plain(like: Image, colour: Colour) -> Image:
    return np.broadcast_to(np.array(colour, np.uint8), like.shape)
