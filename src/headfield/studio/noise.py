"""Noise in space: smooth random fields of a chosen wavelength, the same for the same seed, fast for millions of points.

One small volume of noise, periodic and limited to one octave, is looked up at turned and shifted points. Surfaces cut
it at odd angles, so that its period is never seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Float32, Float64
from scipy.ndimage import map_coordinates
from scipy.spatial.transform import Rotation

_SIDE = 64
_VOXELS_PER_WAVE = 6.0


@lru_cache(maxsize=1)
def _volume() -> Float32[np.ndarray, "s s s"]:
    """Gaussian noise with zero mean, unit variance and wavelengths within an octave about the nominal one."""
    full, half = np.fft.fftfreq(_SIDE), np.fft.rfftfreq(_SIDE)
    squared = full[:, None, None] ** 2 + full[:, None] ** 2 + half**2
    octaves = np.log2(np.sqrt(np.maximum(squared, 1e-9)) * _VOXELS_PER_WAVE)
    # Looking up linearly between voxels damps fast waves: by so much of their power along each axis.
    kept = [(2 + np.cos(2 * np.pi * f)) / 3 for f in (full, half)]
    damping = kept[0][:, None, None] * kept[0][:, None] * kept[1]
    white = np.random.default_rng(0).normal(size=(_SIDE,) * 3)
    spectrum = np.fft.rfftn(white) * np.exp(-0.5 * (octaves / 0.35) ** 2)
    field, seen = (np.fft.irfftn(s, s=(_SIDE,) * 3, axes=(0, 1, 2)) for s in (spectrum, spectrum * np.sqrt(damping)))
    return (field / seen.std()).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Noise:
    """One random field of each wavelength; those of different wavelengths are independent."""

    rotation: Float64[np.ndarray, "3 3"]
    shift: Float64[np.ndarray, "3"]

    @staticmethod
    def sample(rng: np.random.Generator) -> Noise:
        """A new random field."""
        return Noise(Rotation.random(random_state=rng).as_matrix(), rng.uniform(0, 1e3, size=3))

    def wave(self, points: Float[np.ndarray, "n 3"], wavelength: float) -> Float32[np.ndarray, "n"]:
        """Zero mean, unit variance, about one wavelength from hill to hill."""
        scale = _VOXELS_PER_WAVE / wavelength
        turned = (self.rotation * scale).astype(points.dtype) @ points.T
        turned += (self.shift * (1 + np.sqrt(scale)))[:, None].astype(points.dtype) % _SIDE
        return map_coordinates(_volume(), turned, order=1, mode="grid-wrap", prefilter=False, output=np.float32)

    def fractal(
        self, points: Float[np.ndarray, "n 3"], wavelength: float, octaves: int, gain: float = 0.5
    ) -> Float32[np.ndarray, "n"]:
        """Several waves, each half as long as the one before and ``gain`` times as high; unit variance together."""
        heights = gain ** np.arange(octaves)
        heights = (heights / np.linalg.norm(heights)).astype(np.float32)
        field = np.zeros(len(points), dtype=np.float32)
        for k, height in enumerate(heights):
            field += height * self.wave(points, wavelength / 2.0**k)
        return field
