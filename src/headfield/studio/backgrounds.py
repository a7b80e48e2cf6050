"""What stands behind a person in a picture: walls, gradients, blurred places and lights out of focus. Linear light."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float32, Float64
from scipy import ndimage

from headfield.studio.tone import decode

DRAWN = 96
"""Backgrounds are out of focus: they are drawn this many pixels high and enlarged."""

Canvas = Float64[np.ndarray, "h w 3"]


def sample_background(rng: np.random.Generator, height: int, width: int) -> Float32[np.ndarray, "height width 3"]:
    """A random background of that size."""
    kind = BACKGROUNDS[rng.integers(len(BACKGROUNDS))]
    across = max(round(DRAWN * width / height), 1)
    drawn = np.clip(kind(rng, DRAWN, across), 0, 1)
    at = np.meshgrid(_places(height, DRAWN), _places(width, across), indexing="ij")
    enlarged = [ndimage.map_coordinates(drawn[..., k], at, order=1, mode="nearest") for k in range(3)]
    return np.stack(enlarged, axis=-1).astype(np.float32)


def _places(pixels: int, drawn: int) -> Float64[np.ndarray, "n"]:
    return (np.arange(pixels) + 0.5) * drawn / pixels - 0.5


def _colour(rng: np.random.Generator, *, vivid: float = 0.15) -> Float64[np.ndarray, "3"]:
    """A colour of things around us: any brightness, mostly muted, warm or cold rather than green or purple."""
    warmth, tint = vivid * rng.standard_t(4, 2) * [1, 0.35]
    return np.clip(decode(np.array(rng.uniform(0.08, 0.92))) * np.exp([warmth, tint, -warmth]), 0, 1)


def _plain(rng: np.random.Generator, height: int, width: int) -> Canvas:
    return np.broadcast_to(_colour(rng), (height, width, 3))


def _gradient(rng: np.random.Generator, height: int, width: int) -> Canvas:
    """A wall lit from one side, or a studio's paper with a glow in its middle."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    if rng.random() < 0.5:
        angle = rng.uniform(0, 2 * np.pi)
        share = 0.5 + 0.35 * (x * np.cos(angle) + y * np.sin(angle))
    else:
        share = np.exp(-((x - rng.normal(0, 0.3)) ** 2 + (y - rng.normal(0, 0.3)) ** 2) / rng.uniform(0.5, 2))
    dark, wall = rng.uniform(0.2, 0.8), _colour(rng)
    return (dark + (1 - dark) * np.clip(share, 0, 1)[..., None]) * wall


def _foliage(rng: np.random.Generator, height: int, width: int) -> Canvas:
    """Noise of several scales between two or three colours: leaves, stone, curtains far out of focus."""
    noise = np.zeros((height, width, 3))
    for sigma in (2, 5, 12, 30):
        layer = ndimage.gaussian_filter(rng.normal(size=(height, width, 2)), (sigma, sigma * rng.uniform(0.5, 1), 0))
        noise[..., :2] += layer / layer.std() * sigma**0.5
    one, other, third = _colour(rng), _colour(rng), _colour(rng)
    a, b = (1 / (1 + np.exp(-noise[..., k, None] / 4)) for k in range(2))
    return (one * a + other * (1 - a)) * b + third * (1 - b)


def _bokeh(rng: np.random.Generator, height: int, width: int) -> Canvas:
    """Lights at night, or sun through leaves: bright discs before something dark."""
    canvas = 0.4 * _foliage(rng, height, width)
    y, x = np.mgrid[:height, :width]
    size = rng.uniform(3, 9)
    for _ in range(rng.integers(8, 40)):
        radius = size * rng.uniform(0.7, 1.3)
        away = np.hypot(x - rng.uniform(0, width), y - rng.uniform(0, height)) - radius
        canvas = canvas + np.clip(0.5 - away, 0, 1)[..., None] * _colour(rng, vivid=0.4) * rng.uniform(0.2, 1)
    return ndimage.gaussian_filter(canvas, (0.8, 0.8, 0))


def _room(rng: np.random.Generator, height: int, width: int) -> Canvas:
    """A wall with what hangs and stands before it: shelves, doors, pictures, windows, out of focus."""
    canvas = _gradient(rng, height, width).copy()
    floor = int(height * rng.uniform(0.6, 1.1))
    canvas[floor:] = _colour(rng)
    for _ in range(rng.integers(2, 12)):
        top, left = rng.integers(-height // 4, height), rng.integers(-width // 4, width)
        tall, wide = (rng.uniform(0.08, 0.6, 2) * [height, width]).astype(int)
        canvas[max(top, 0) : max(top + tall, 0), max(left, 0) : max(left + wide, 0)] = _colour(rng)
    if rng.random() < 0.3:
        left = rng.integers(0, width)
        canvas[: int(height * 0.7), left : left + width // 4] = rng.uniform(0.8, 1.2)
    return ndimage.gaussian_filter(canvas, (sigma := rng.uniform(0.7, 5), sigma, 0))


BACKGROUNDS: tuple[Callable[[np.random.Generator, int, int], Canvas], ...] = (
    _plain,
    _gradient,
    _foliage,
    _bokeh,
    _room,
)
"""The kinds of backgrounds."""
