"""Textures read as sharply as a picture can show them, so that nothing shimmers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int64, UInt8

from headfield.studio.tone import to_light


@dataclass(frozen=True, eq=False)
class Pyramid:
    """A texture in linear light and its halvings down to one texel, finest first, all in one list of texels."""

    texels: Float32[np.ndarray, "t 3"]
    sizes: Int64[np.ndarray, "l 2"]
    """Height and width of each level."""
    starts: Int64[np.ndarray, "l"]
    """Where each level begins."""

    @staticmethod
    def of(texture: UInt8[np.ndarray, "h w 3"]) -> Pyramid:
        """The pyramid of an 8-bit sRGB texture."""
        levels = [to_light(texture)]
        while max(levels[-1].shape[:2]) > 1:
            levels.append(_halved(levels[-1]))
        sizes = np.array([level.shape[:2] for level in levels], dtype=np.int64)
        starts = np.concatenate([[0], np.cumsum(sizes.prod(axis=1))[:-1]])
        return Pyramid(np.concatenate([level.reshape(-1, 3) for level in levels]), sizes, starts)

    def read(self, uv: Float[np.ndarray, "n 2"], footprint: Float[np.ndarray, "n"]) -> Float32[np.ndarray, "n 3"]:
        """Linear albedo at ``uv`` for pixels that cover ``footprint`` texels of the finest level across.

        Linear between texels and between levels. The texture ends at its border: its last texels go on for ever.
        """
        last = len(self.sizes) - 1
        level = np.clip(np.log2(np.maximum(footprint, 1e-6)), 0, last)
        fine = np.floor(level).astype(np.int64)
        blend = (level - fine).astype(np.float32)[:, None]
        colours = self._read_level(uv, fine)
        between = np.flatnonzero(blend[:, 0] > 0)
        coarse = self._read_level(uv[between], fine[between] + 1)
        colours[between] += blend[between] * (coarse - colours[between])
        return colours

    def _read_level(self, uv: Float[np.ndarray, "n 2"], level: Int64[np.ndarray, "n"]) -> Float32[np.ndarray, "n 3"]:
        height, width = self.sizes[level].T
        x = np.clip(uv[:, 0] * width - 0.5, 0, width - 1)
        y = np.clip((1 - uv[:, 1]) * height - 0.5, 0, height - 1)
        left, top = x.astype(np.int64), y.astype(np.int64)
        right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
        across = (x - left).astype(np.float32)[:, None]
        down = (y - top).astype(np.float32)[:, None]
        upper, lower = self.starts[level] + top * width, self.starts[level] + bottom * width
        a, b = self.texels[upper + left], self.texels[upper + right]
        c, d = self.texels[lower + left], self.texels[lower + right]
        above, below = a + across * (b - a), c + across * (d - c)
        return above + down * (below - above)


def _halved(level: Float32[np.ndarray, "h w 3"]) -> Float32[np.ndarray, "a b 3"]:
    """Means of 2 x 2 texels; an odd last row or column counts twice."""
    height, width = level.shape[:2]
    padded = np.pad(level, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge") if height % 2 or width % 2 else level
    return (padded[0::2, 0::2] + padded[1::2, 0::2] + padded[0::2, 1::2] + padded[1::2, 1::2]) / 4
