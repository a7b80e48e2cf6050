"""The colours of what no view sees: a guess in the tint of what is seen, with strands where hair grows, and with the
detail of the head's other side."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float, Float32, Float64, Int64

from headfield.mesh.distance import SurfaceSearch
from headfield.mesh.texture.atlas import Atlas, smooth_normals
from headfield.mesh.texture.grain import Grain
from headfield.mesh.texture.looks import Look, eased, mixed
from headfield.mesh.texture.spreading import Spreading
from headfield.surface import SurfaceSamples

Guess = Callable[[Float64[np.ndarray, "n 3"], Float64[np.ndarray, "n 3"]], np.ndarray]
"""Colours, from 0 to 1, of places on the surface with their normals."""

SMALLEST = 1e-4
"""Over this length nothing is smoothed."""
TINT = 0.03
"""Over this length, 6 mm, the difference between what is seen and the guess is smoothed before it is carried on."""

EVEN = 0.02
"""Over this length a guess is smoothed: what is finer is of the field's own making."""

BROAD = 0.1
"""Of the other side only what is finer than this, 20 mm, is taken: one side of a face often is the brighter one."""
SAME, OTHER = 0.1, 0.25
"""Broad differences of colour (0 to 1) with which the other side is the same stuff, and another one."""
ASTRAY = 0.06
"""The mirror of a place that is further from the surface than this, 12 mm, has nothing to do with it."""
BELOW = 0.01
"""Between the mirrors of a face's corners, its mirror may lie so far under the surface."""
CLEARER = 0.6
"""The other side must be seen by so much better to stand in for this one."""
UNLIKE, ALIKE = 0.3, 0.7
"""Cosines between the normals of places that are no mirrors of each other, and of such as are."""

NARROW, WIDE = 0.3, 0.6
"""Shares of what is around a place that the other side shows, with which it does not and does stand in for this one."""

MIRROR = np.array([-1.0, 1.0, 1.0])


class Guesswork:
    """The texels of an atlas, what views show of them and how far they are seen; and ways to go on from there."""

    def __init__(self, atlas: Atlas, colours: Float32[np.ndarray, "n 3"], seen: Float32[np.ndarray, "n"]):
        self._atlas, self._colours, self._seen = atlas, colours, seen
        self._spreading = Spreading(atlas.surface)

    def tinted(self, guess: Guess) -> Float32[np.ndarray, "n 3"]:
        """The guess for all texels that are not seen fully, changed evenly so that it meets what is seen."""
        surface = self._atlas.surface
        # Nobody can know anything finer of what no view sees.
        known = guess(surface.vertices, surface.vertex_normals)
        coarse = self._spreading.spread(known, np.ones(len(known)), smooth=EVEN)
        means = _Means(len(surface.vertices))
        for part in self._atlas.parts():
            samples = self._atlas.places(part)
            means.add(samples, self._colours[part] - samples.of_vertices(coarse), np.square(self._seen[part]))
        tint = self._spreading.spread(means.values, means.known, smooth=TINT)
        result = np.zeros_like(self._colours)
        for chosen in self._open_parts():
            result[chosen] = self._atlas.places(chosen).of_vertices(coarse + tint)
        return result

    def grained(self, looks: Sequence[Look], guessed: Float32[np.ndarray, "n 3"]) -> Float32[np.ndarray, "n 3"]:
        """The guess with strands of hair, where there is some, that stand out as those do which views show."""
        grain = Grain(self._atlas.surface, looks, self.at_places(guessed))
        result = guessed.copy()
        for chosen in self._open_parts():
            result[chosen] *= grain.at(self._atlas.places(chosen))[:, None].astype(np.float32)
        return result

    def mirrored(self, looks: Sequence[Look], guessed: Float32[np.ndarray, "n 3"]) -> Float32[np.ndarray, "n 3"]:
        """The guess with the detail that views show of the same stuff on the other side of the head."""
        surface = self._atlas.surface
        twins, likeness = self._twins()
        colours, trust = np.zeros_like(self._colours), np.zeros_like(self._seen)
        means = _Means(len(surface.vertices))
        for chosen in self._open_parts():
            samples = self._atlas.places(chosen)
            points, normals = samples.of_vertices(twins), smooth_normals(samples) * MIRROR
            colours[chosen], trust[chosen] = mixed(looks, points, normals, lift=BELOW)
            trust[chosen] *= samples.of_vertices(likeness[:, None])[:, 0]
            # From straight ahead both sides are seen as badly, and what shines on one of them would be doubled.
            trust[chosen] = eased((trust[chosen] - self._seen[chosen]) / CLEARER)
            means.add(samples, colours[chosen] - guessed[chosen], trust[chosen])
        broad = self._spreading.spread(means.values, means.known, smooth=BROAD)
        even = np.ones(len(surface.vertices))
        # Slivers of the other side would show as scars.
        wide = self._spreading.spread(means.known[:, None], even, smooth=BROAD)[:, 0]
        share = eased((wide - NARROW) / (WIDE - NARROW)) * eased(
            (OTHER - np.linalg.norm(broad, axis=1)) / (OTHER - SAME)
        )
        result = guessed.copy()
        for chosen in self._open_parts():
            samples = self._atlas.places(chosen)
            detail = colours[chosen] - samples.of_vertices(broad) - guessed[chosen]
            result[chosen] += trust[chosen, None] * samples.of_vertices(share[:, None]) * detail
        return result

    def at_places(self, values: Float32[np.ndarray, "n c"]) -> Float64[np.ndarray, "p c"]:
        """The means of texels' values around each vertex of the atlas' surface."""
        means = _Means(len(self._atlas.surface.vertices), values.shape[1])
        for part in self._atlas.parts():
            means.add(self._atlas.places(part), values[part], np.ones(len(self._seen[part])))
        return self._spreading.spread(means.values, means.known, smooth=SMALLEST)

    def _open_parts(self) -> list[Int64[np.ndarray, "m"]]:
        """The texels that are not fully seen, some at a time."""
        return [part.start + np.flatnonzero(self._seen[part] < 1) for part in self._atlas.parts()]

    def _twins(self) -> tuple[Float64[np.ndarray, "p 3"], Float64[np.ndarray, "p"]]:
        """Where on the surface the mirror of each vertex is, and from 0 to 1 how much the two are alike."""
        surface = self._atlas.surface
        closest = SurfaceSearch(surface).closest(surface.vertices * MIRROR)
        cosine = np.einsum("vk,vk->v", surface.vertex_normals * MIRROR, surface.face_normals[closest.faces])
        likeness = eased((cosine - UNLIKE) / (ALIKE - UNLIKE)) * eased(2 * (1 - closest.distances / ASTRAY))
        return closest.points, likeness


class _Means:
    """What texels say of the vertices around them."""

    def __init__(self, vertices: int, channels: int = 3):
        self._sums, self._weights, self._all = np.zeros((vertices, channels)), np.zeros(vertices), np.zeros(vertices)

    def add(self, samples: SurfaceSamples, values: Float[np.ndarray, "n c"], weights: Float[np.ndarray, "n"]) -> None:
        """Count values at samples in, by their weights from 0 to 1."""
        corners = samples.mesh.faces[samples.faces].ravel()
        shares = samples.weights * weights[:, None]

        def summed(parts: Float[np.ndarray, "n 3"]) -> Float64[np.ndarray, "p"]:
            return np.bincount(corners, weights=parts.ravel(), minlength=len(self._all))

        for k in range(values.shape[1]):
            self._sums[:, k] += summed(shares * values[:, k, None])
        self._weights += summed(shares)
        self._all += summed(samples.weights)

    @property
    def values(self) -> Float64[np.ndarray, "p c"]:
        """The mean value around each vertex; 0 where there is none."""
        return self._sums / np.maximum(self._weights, 1e-12)[:, None]

    @property
    def known(self) -> Float64[np.ndarray, "p"]:
        """The mean weight around each vertex."""
        return self._weights / np.maximum(self._all, 1e-12)
