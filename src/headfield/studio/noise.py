"""Noise in space: smooth random fields of a chosen wavelength, the same for the same seed, fast for millions of points.

One small periodic volume of noise is looked up at turned and shifted points. Surfaces cut it at odd angles, so that its
period is never seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Float32, Float64
from scipy.ndimage import map_coordinates
from scipy.spatial.transform import Rotation

_SIDE = 64
_LONGEST = 16.0
"""The longest waves of a volume, in voxels: several fit into it."""
_SHORTEST = 4.0
"""The shortest, which can still be told from each other when looked up linearly."""

OCTAVES = 1 + int(np.log2(_LONGEST / _SHORTEST))
"""How many octaves one field can have at most."""


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
        return self.fractal(points, wavelength, octaves=1)

    def fractal(
        self, points: Float[np.ndarray, "n 3"], wavelength: float, octaves: int, gain: float = 0.5
    ) -> Float32[np.ndarray, "n"]:
        """Waves of this length, half of it and so on, each ``gain`` times as high as the one before.

        Zero mean, unit variance together; no more than :data:`OCTAVES` of them.
        """
        longest = min(_SHORTEST * 2.0**octaves, _LONGEST) if octaves > 1 else 1.5 * _SHORTEST
        scale = longest / wavelength
        turned = (self.rotation * scale).astype(points.dtype) @ points.T
        turned += (self.shift * (1 + np.sqrt(scale)))[:, None].astype(points.dtype) % _SIDE
        volume = _volume(longest, octaves, gain)
        return map_coordinates(volume, turned, order=1, mode="grid-wrap", prefilter=False, output=np.float32)


@lru_cache(maxsize=16)
def _volume(longest: float, octaves: int, gain: float) -> Float32[np.ndarray, "s s s"]:
    """Periodic Gaussian noise with octaves of waves, the longest so many voxels; unit variance as it is looked up."""
    full, half = np.fft.fftfreq(_SIDE), np.fft.rfftfreq(_SIDE)
    frequency = np.sqrt(full[:, None, None] ** 2 + full[:, None] ** 2 + half**2)
    octave = np.log2(np.maximum(frequency, 1e-6) * longest)
    power = np.zeros_like(octave)
    for k in range(octaves):
        band = np.exp(-(((octave - k) / 0.35) ** 2))
        power += gain ** (2 * k) * band / band.sum()
    # Looking up linearly between voxels damps fast waves: by so much of their power along each axis.
    kept = [(2 + np.cos(2 * np.pi * f)) / 3 for f in (full, half)]
    damping = kept[0][:, None, None] * kept[0][:, None] * kept[1]
    spectrum = np.fft.rfftn(np.random.default_rng(0).normal(size=(_SIDE,) * 3)) * np.sqrt(power)
    field, seen = (np.fft.irfftn(s, s=(_SIDE,) * 3, axes=(0, 1, 2)) for s in (spectrum, spectrum * np.sqrt(damping)))
    return (field / seen.std()).astype(np.float32)
