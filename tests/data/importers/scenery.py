"""A face of ten coloured dots in a world of its own, photographed by formulas that owe nothing to headfield."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from headfield.canonical import CANONICAL_POINTS
from headfield.capture import Subject

WIDTH, HEIGHT = 176, 144
FOCAL = 200.0
PRINCIPAL = np.array([90.5, 70.25])
COLOURS = np.array(
    [[255 * (i >> k & 1) for k in range(3)] for i in range(1, 8)] + [[255, 128, 0], [128, 0, 255], [0, 128, 64]]
)
BACKGROUND = 64

# The world: some similarity of head space.
SCALE = 3.7
OFFSET = np.array([0.6, -1.1, 2.3])


def rotation(axis: tuple[float, float, float], degrees: float) -> np.ndarray:
    """Rodrigues' formula."""
    x, y, z = np.array(axis) / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = np.deg2rad(degrees)
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


TURN = rotation((1, 2, -0.5), 70)
DOTS = SCALE * CANONICAL_POINTS @ TURN.T + OFFSET
"""Where the dots are in the world."""


@dataclass(frozen=True)
class Photo:
    """A camera in the world: the rows of ``axes`` are its right, down and forward directions."""

    axes: np.ndarray
    eye: np.ndarray

    def plane(self, points: np.ndarray) -> np.ndarray:
        local = (points - self.eye) @ self.axes.T
        return local[:, :2] / local[:, 2:]

    def pixels(self, points: np.ndarray = DOTS) -> np.ndarray:
        return FOCAL * self.plane(points) + PRINCIPAL

    @property
    def opengl(self) -> np.ndarray:
        """Camera to world with the axes right, up, back."""
        matrix = np.eye(4)
        matrix[:3, :3] = np.stack([self.axes[0], -self.axes[1], -self.axes[2]], axis=1)
        matrix[:3, 3] = self.eye
        return matrix


def photos(n: int = 4, *, spread: float = 20.0) -> list[Photo]:
    """n cameras in an arc before the face, looking at the middle of the head, a little from above."""
    taken = []
    for azimuth in np.deg2rad(np.linspace(-spread, spread, n) if n > 1 else [0.0]):
        away = np.array([np.sin(azimuth) * 0.98, 0.2, np.cos(azimuth) * 0.98])
        away /= np.linalg.norm(away)
        right = np.cross([0, 1, 0], away)
        right /= np.linalg.norm(right)
        axes = np.stack([right, -np.cross(away, right), -away])
        taken.append(Photo(axes @ TURN.T, SCALE * 3.0 * TURN @ away + OFFSET))
    return taken


def drawing(pixels: np.ndarray, *, size: tuple[int, int] = (WIDTH, HEIGHT)) -> np.ndarray:
    """A picture with a dot of two pixels' radius at each of ``pixels``."""
    x, y = np.meshgrid(np.arange(size[0]) + 0.5, np.arange(size[1]) + 0.5)
    picture = np.full((size[1], size[0], 3), BACKGROUND, dtype=np.uint8)
    for (u, v), colour in zip(pixels, COLOURS, strict=True):
        picture[(x - u) ** 2 + (y - v) ** 2 < 4] = colour
    return picture


def silhouette(pixels: np.ndarray, *, size: tuple[int, int] = (WIDTH, HEIGHT)) -> np.ndarray:
    """A mask of all that is within eight pixels of a dot."""
    x, y = np.meshgrid(np.arange(size[0]) + 0.5, np.arange(size[1]) + 0.5)
    near = [(x - u) ** 2 + (y - v) ** 2 < 64 for u, v in pixels]
    return np.any(near, axis=0).astype(np.uint8) * 255


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def check_views(subject: Subject, *, dots: np.ndarray = DOTS, masks: bool = True, tolerance: int = 0) -> None:
    """Every dot of the world must be in every picture where its camera says."""
    head = subject.to_head.apply(torch.from_numpy(dots))
    for view in subject.capture.views:
        pixels, depth = view.camera.to(dtype=torch.float64).project(head)
        columns, rows = np.floor(pixels.numpy()).astype(int).T
        assert (depth > 0).all()
        assert np.abs(view.image[rows, columns].astype(int) - COLOURS).max() <= tolerance, view.name
        if masks:
            assert (view.mask[rows, columns] == 255).all()
            assert 0.02 < (view.mask > 0).mean() < 0.5


def check_back(subject: Subject, *, head: np.ndarray = CANONICAL_POINTS, world: np.ndarray = DOTS) -> None:
    """What is in head space must go back to where it came from."""
    back = subject.to_head.inverse().apply(torch.from_numpy(head)).numpy()
    np.testing.assert_allclose(back, world, atol=1e-6 * np.abs(world).max())
