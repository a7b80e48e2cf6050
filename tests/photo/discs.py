"""A package that takes red discs for faces, in pictures made of them, so that what looks for faces can be tested."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from headfield.photo.faces import Face

RED = (200, 30, 30)


def landmarks(turned: float = 0.0) -> np.ndarray:
    """A face one unit wide around the origin, turned to the person's left by so many degrees."""
    rng = np.random.default_rng(0)
    points = rng.uniform(-0.3, 0.3, (478, 3))
    midline = [10, 151, 9, 8, 168, 6, 197, 195, 5, 4, 1, 2, 0, 13, 14, 17, 152]
    points[midline] = np.stack([np.zeros(17), np.linspace(-0.5, 0.5, 17), np.full(17, -0.3)], axis=1)
    points[234], points[454] = (-0.5, 0, 0), (0.5, 0, 0)
    points[468], points[473] = (-0.2, -0.1, -0.3), (0.2, -0.1, -0.3)
    angle = np.radians(turned)
    turn = np.array([[np.cos(angle), 0, -np.sin(angle)], [0, 1, 0], [np.sin(angle), 0, np.cos(angle)]])
    return points @ turn.T


def face(x: float = 200.0, y: float = 200.0, size: float = 150.0, turned: float = 0.0) -> Face:
    return Face(landmarks(turned) * size + (x, y, 0))


def picture(height: int, width: int, *discs: tuple[float, float, float]) -> np.ndarray:
    """Discs with their middles and diameters on grey, with some light and shade."""
    y, x = np.mgrid[:height, :width] + 0.5
    image = np.full((height, width, 3), 90, np.uint8)
    for middle_x, middle_y, size in discs:
        image[np.hypot(x - middle_x, y - middle_y) < size / 2] = RED
    return image


class Discs:
    """Sees a disc only where it fills a fair part of a picture, as the packages do with faces."""

    def squares(self, image: np.ndarray) -> np.ndarray:
        rows = []
        for x, y, size in self._found(image):
            if 0.1 < size / image.shape[1] < 0.8:
                rows.append((x, y, size))
        return np.array(rows, float).reshape(-1, 3)

    def mesh(self, image: np.ndarray) -> np.ndarray | None:
        middle = np.array(image.shape[1::-1]) / 2
        found = [row for row in self._found(image) if np.hypot(*(row[:2] - middle)) < 0.2 * image.shape[1]]
        if not found:
            return None
        x, y, size = max(found, key=lambda row: row[2])
        return landmarks() * size + (x, y, 0)

    def person(self, image: np.ndarray) -> np.ndarray:
        return _red(image).astype(np.float32)

    def _found(self, image: np.ndarray) -> list[np.ndarray]:
        parts = ndimage.find_objects(ndimage.label(_red(image))[0])
        extents = [(p[1].start, p[1].stop, p[0].start, p[0].stop) for p in parts]
        return [np.array([(a + b) / 2, (c + d) / 2, max(b - a, d - c)]) for a, b, c, d in extents]


def _red(image: np.ndarray) -> np.ndarray:
    return (image[..., 0] > 140) & (image[..., 1] < 65)
