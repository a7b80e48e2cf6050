"""Taking the bend of a lens out of pictures, so that everything inside headfield is a pinhole camera's.

On the plane at depth one, with r² = x² + y², a lens of the Brown-Conrady kind (OpenCV's model) moves a point to

    x' = x · ρ(r²) + 2 p₁ x y + p₂ (r² + 2 x²)
    y' = y · ρ(r²) + 2 p₂ x y + p₁ (r² + 2 y²),   ρ(s) = (1 + k₁ s + k₂ s² + …) / (1 + d₁ s + d₂ s² + …).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float64, Shaped

from headfield.cameras import Camera
from headfield.errors import InputError

NEWTON_STEPS = 20
"""Enough for any lens that can be straightened: from the bent point five or six reach the last bit."""

BAND = 64
"""Rows of a picture that are worked on at once, so that memory stays bounded."""


@dataclass(frozen=True)
class Lens:
    """How a lens bends straight lines: ``radial`` is k₁, k₂, …; ``tangential`` p₁, p₂; ``denominator`` d₁, d₂, …"""

    radial: tuple[float, ...] = ()
    tangential: tuple[float, float] = (0.0, 0.0)
    denominator: tuple[float, ...] = ()

    @property
    def is_straight(self) -> bool:
        """Whether this is a pinhole."""
        return not any((*self.radial, *self.tangential, *self.denominator))

    def bend(self, plane: Float64[np.ndarray, "*n 2"]) -> Float64[np.ndarray, "*n 2"]:
        """Where the lens puts points that a pinhole would put at ``plane``."""
        x, y = plane[..., 0], plane[..., 1]
        square = x * x + y * y
        ratio, _ = self._ratio(square)
        p1, p2 = self.tangential
        return np.stack(
            [
                x * ratio + 2 * p1 * x * y + p2 * (square + 2 * x * x),
                y * ratio + 2 * p2 * x * y + p1 * (square + 2 * y * y),
            ],
            axis=-1,
        )

    def slope(self, plane: Float64[np.ndarray, "*n 2"]) -> Float64[np.ndarray, "*n 2 2"]:
        """The derivative of :meth:`bend`: row i holds how component i changes with x and y."""
        x, y = plane[..., 0], plane[..., 1]
        ratio, change = self._ratio(x * x + y * y)
        p1, p2 = self.tangential
        across = 2 * x * y * change + 2 * p1 * x + 2 * p2 * y
        return np.stack(
            [
                np.stack([ratio + 2 * x * x * change + 2 * p1 * y + 6 * p2 * x, across], axis=-1),
                np.stack([across, ratio + 2 * y * y * change + 2 * p2 * x + 6 * p1 * y], axis=-1),
            ],
            axis=-2,
        )

    def straighten(self, plane: Float64[np.ndarray, "*n 2"]) -> Float64[np.ndarray, "*n 2"]:
        """The inverse of :meth:`bend` by Newton's method; not a number where nothing is bent to ``plane``."""
        straight = plane.copy()
        with np.errstate(all="ignore"):
            for _ in range(NEWTON_STEPS):
                straight -= _solve(self.slope(straight), self.bend(straight) - plane)
            missed = ~(np.abs(self.bend(straight) - plane).max(axis=-1) < 1e-9)
        straight[missed] = np.nan
        return straight

    def _ratio(self, square: Float64[np.ndarray, "*n"]) -> tuple[Float64[np.ndarray, "*n"], Float64[np.ndarray, "*n"]]:
        """ρ and its derivative by r²."""
        over, under = np.array([1.0, *self.radial]), np.array([1.0, *self.denominator])
        a, b = np.polynomial.polynomial.polyval(square, over), np.polynomial.polynomial.polyval(square, under)
        da = np.polynomial.polynomial.polyval(square, np.polynomial.polynomial.polyder(over))
        db = np.polynomial.polynomial.polyval(square, np.polynomial.polynomial.polyder(under))
        return a / b, (da * b - a * db) / (b * b)


@dataclass(frozen=True, eq=False)
class Straightening:
    """What takes the pictures of one camera with a lens to those of a pinhole camera in the same place.

    The pinhole camera sees no more than the lens did, so that every pixel of its picture was photographed: its focal
    length is the lens camera's, or just so much longer.
    """

    bent: Camera
    lens: Lens
    straight: Camera

    @staticmethod
    def of(camera: Camera, lens: Lens, what: str = "the camera") -> Straightening:
        """Choose the pinhole camera; InputError that names ``what`` if the lens folds the picture over itself."""
        zoom = _least_zoom(camera, lens)
        if zoom is None:
            raise InputError(
                f"{what} has a lens distortion that folds its picture over itself; calibrate it again with fewer "
                f"coefficients."
            )
        return Straightening(camera, lens, replace(camera, focal=camera.focal * zoom))

    def picture(self, pixels: Shaped[np.ndarray, "h w *c"], *, smooth: bool = True) -> Shaped[np.ndarray, "h w *c"]:
        """A picture as the pinhole camera takes it; not ``smooth`` takes the nearest pixel, as depths need."""
        from scipy.ndimage import map_coordinates

        layers = pixels.reshape(*pixels.shape[:2], -1)
        out = np.empty_like(layers)
        for top in range(0, len(out), BAND):
            rows = np.arange(top, min(top + BAND, len(out)))
            centres = np.stack(np.meshgrid(np.arange(self.straight.width), rows), axis=-1) + 0.5
            source = _to_pixels(self.bent, self.lens.bend(_plane(self.straight, centres))) - 0.5
            places = source[..., 1], source[..., 0]
            for i in range(layers.shape[2]):
                taken = map_coordinates(
                    layers[..., i], places, output=np.float64, order=1 if smooth else 0, mode="nearest"
                )
                out[rows, :, i] = np.rint(taken) if pixels.dtype.kind == "u" else taken
        return out.reshape(pixels.shape)

    def points(self, pixels: Float64[np.ndarray, "n 2"]) -> Float64[np.ndarray, "n 2"]:
        """Where the pinhole camera sees what the lens camera saw at ``pixels``."""
        return _to_pixels(self.straight, self.lens.straighten(_plane(self.bent, pixels)))


def _least_zoom(camera: Camera, lens: Lens) -> float | None:
    """The smallest factor of at least 1 on the focal length with which the whole picture is seen through the lens."""
    if _sees_through(camera, lens, 1.0):
        return 1.0
    low, high = 1.0, 1.0
    while not _sees_through(camera, lens, high):
        low, high = high, high * 1.25
        if high > 4:
            return None
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (low, middle) if _sees_through(camera, lens, middle) else (middle, high)
    return high


def _sees_through(camera: Camera, lens: Lens, zoom: float) -> bool:
    """Whether all the pinhole picture lies in the lens picture, unfolded."""
    x = np.linspace(0, camera.width, 33)
    y = np.linspace(0, camera.height, 33)
    grid = np.stack(np.meshgrid(x, y), axis=-1)
    plane = _plane(replace(camera, focal=camera.focal * zoom), grid)
    seen = _to_pixels(camera, lens.bend(plane))
    inside = (seen >= -1e-6).all() and (seen <= np.array([camera.width, camera.height]) + 1e-6).all()
    return bool(inside and (np.linalg.det(lens.slope(plane)) > 0).all())


def _solve(matrix: Float64[np.ndarray, "*n 2 2"], right: Float64[np.ndarray, "*n 2"]) -> Float64[np.ndarray, "*n 2"]:
    a, b, c, d = matrix[..., 0, 0], matrix[..., 0, 1], matrix[..., 1, 0], matrix[..., 1, 1]
    u, v = right[..., 0], right[..., 1]
    return np.stack([d * u - b * v, a * v - c * u], axis=-1) / (a * d - b * c)[..., None]


def _plane(camera: Camera, pixels: Float64[np.ndarray, "*n 2"]) -> Float64[np.ndarray, "*n 2"]:
    return (pixels - _numbers(camera.principal)) / _numbers(camera.focal)


def _to_pixels(camera: Camera, plane: Float64[np.ndarray, "*n 2"]) -> Float64[np.ndarray, "*n 2"]:
    return plane * _numbers(camera.focal) + _numbers(camera.principal)


def _numbers(pair: torch.Tensor) -> Float64[np.ndarray, "2"]:
    return pair.detach().cpu().double().numpy()
