"""The grain of what is guessed: strands of hair, that stand out as those do which are seen.

A guess knows of no strands, so hair that no view sees would look like a helmet. How much strands stand out is told by
seen places where hair grows, those of about the guess's colour that are not too far away: by how much brighter and
darker they are than what is around them. Where hair grows, and which way it falls, is about the same on all heads.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float32, Float64
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.spatial import cKDTree

from headfield.mesh.texture.looks import Look, eased, read_between
from headfield.mesh.thinning import thinned
from headfield.surface import Mesh, SurfaceSamples, unit

FINER = 0.03
"""Grain is what changes over less than this length, 6 mm."""
DARK = 0.25
"""Grain is told as a share of how bright a place is, or of this where it is darker: there much is noise."""
CLEAR = 0.9
"""What is trusted so far is seen well enough to tell its grain."""
APART, AROUND = 0.03, 0.05
"""How far places lie apart whose grain is told, and how far around each it is looked at."""
LIKEST = 24
"""A guessed place has the median of the grain of so many seen ones, those that are likest."""
BRIGHTNESS, NEARNESS = 0.5, 0.4
"""What differences of brightness, and distances in head units, count beside differences of hue."""

SKIN, HAIR = 0.06, 0.12
"""What has no more grain than the first has no strands; what has as much as the second has."""
SHARE, MOST = 0.6, 0.09
"""What part of the seen grain strands have, since they are more regular than hair is, and how much at most."""

HAIRLINE, INTO_HAIR, FADE = np.array([0.0, 0.05, 0.05]), unit(np.array([0.0, 0.75, -0.66])), 0.06
"""Over the ears, which way hair grows from there, and how far to both sides the hairline fades; in head space."""
CROWN = unit(np.array([0.0, 1.0, -0.4]))
"""Where hair comes from, as seen from the middle of the head."""
STRANDS, LENGTH = 240, 0.45
"""How many of the broadest strands lie side by side around a head, and how long each is, in radians."""
BREADTHS, SHORTER = 3, 1.5
"""Others are half as broad, and half of that; and each time so many times shorter."""
WAVES, WAVE_LENGTH, WAVINESS = 7, 0.7, 0.025
"""How often strands swing aside around a head, within how many radians, and how far, in turns around it."""
ROWS = 64
"""After so many lengths of a strand the noise begins anew."""


class Grain:
    """How much strands stand out of a guess, and where they run."""

    def __init__(self, surface: Mesh, looks: Sequence[Look], guessed: Float64[np.ndarray, "v 3"]):
        self._middle = surface.bounds.mean(axis=0)
        grain = _grain_of(surface, looks, guessed)
        grown = eased((grain - SKIN) / (HAIR - SKIN)) * hairy(surface.vertices)
        self.strength: Float64[np.ndarray, "v"] = grown * (SHARE * grain).clip(max=MOST)
        """By which share of the guess brightness varies around each vertex of the surface: the standard deviation."""

    def at(self, samples: SurfaceSamples) -> Float64[np.ndarray, "n"]:
        """What the guess is multiplied by at places of the surface."""
        strength = samples.of_vertices(self.strength[:, None])[:, 0]
        factor, some = np.ones(len(strength)), strength > 0
        factor[some] += strength[some] * strands(samples.points[some] - self._middle)
        return factor


def hairy(points: Float64[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n"]:
    """From 0 to 1, whether hair usually grows at places in head space: above and behind the ears, and not below."""
    return eased(((points - HAIRLINE) @ INTO_HAIR + FADE) / (2 * FADE))


def strands(places: Float64[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n"]:
    """Noise of mean 0 and variance 1 around the middle of a head, drawn out along the ways that hair falls."""
    side = np.array([1.0, 0.0, 0.0])
    x, y, z = places @ side, places @ np.cross(side, CROWN), places @ CROWN
    turn, fallen = np.arctan2(x, y) / (2 * np.pi), np.arctan2(np.hypot(x, y), z)
    # At the crown itself they lie too close together to swing.
    turn = turn + WAVINESS * np.sin(fallen) * _noise(WAVES * turn, fallen / WAVE_LENGTH, WAVES, seed=0, order=3)
    total = np.zeros(len(places))
    for k in range(BREADTHS):
        count = STRANDS * 2**k
        total += _noise(count * turn, fallen * SHORTER**k / LENGTH, count, seed=k + 1)
    return total / np.sqrt(BREADTHS)


def _noise(
    x: Float64[np.ndarray, "n"], y: Float64[np.ndarray, "n"], period: int, *, seed: int, order: int = 1
) -> Float64[np.ndarray, "n"]:
    """Random numbers at whole coordinates, and what lies between; the first coordinate comes around."""
    table = np.random.default_rng(seed).normal(size=(ROWS, period))
    if order == 1:
        table *= 1.5  # what lies between two numbers varies by two thirds of what they do
    return map_coordinates(table, (y, x), order=order, mode="grid-wrap")


def _grain_of(surface: Mesh, looks: Sequence[Look], guessed: Float64[np.ndarray, "v 3"]) -> Float64[np.ndarray, "v"]:
    """The grain that seen places have which are likest to the vertices with their guessed colours."""
    count = len(surface.vertices)
    best, colours, squares = np.zeros(count), np.zeros((count, 3)), np.zeros(count)
    for look in looks:
        shown = look.at(surface.vertices, surface.vertex_normals)
        better = (shown.trust > CLEAR) & (shown.weights > best[shown.which])
        vertices = shown.which[better]
        best[vertices], colours[vertices] = shown.weights[better], shown.colours[better]
        pixels, _ = look.camera.project(torch.from_numpy(surface.vertices[vertices]))
        squares[vertices] = read_between(_squared_grain(look), pixels.numpy())
    clear = np.flatnonzero((best > 0) & (hairy(surface.vertices) > 0.5))
    if not len(clear):
        return np.zeros(count)
    points = surface.vertices[clear]
    middles = points[thinned(points, APART)]
    around = [clear[near] for near in cKDTree(points).query_ball_point(middles, AROUND)]
    grain = np.sqrt([squares[near].mean() for near in around])
    means = np.array([colours[near].mean(axis=0) for near in around])
    tree = cKDTree(_features(middles, means))
    _, likest = tree.query(_features(surface.vertices, guessed), k=min(LIKEST, len(middles)))
    return np.median(grain[likest.reshape(count, -1)], axis=1)


def _squared_grain(look: Look) -> Float32[np.ndarray, "h w"]:
    """How much brighter or darker pixels are than what is around them, squared."""
    trust, blur = look.trust + 1e-3, FINER / look.pixel
    brightness = look.image.mean(axis=2)
    around = gaussian_filter(brightness * trust, blur) / gaussian_filter(trust, blur)
    return ((brightness - around) / around.clip(min=DARK)) ** 2


def _features(places: Float64[np.ndarray, "n 3"], colours: Float64[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n 6"]:
    """By whose distances it is said how alike places are."""
    red, green, blue = colours.T
    hue = (red - green, (red + green) / 2 - blue)
    return np.column_stack([BRIGHTNESS * colours.mean(axis=1), *hue, NEARNESS * places])
