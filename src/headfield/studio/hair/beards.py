"""Beards and moustaches, from trimmed ones to full beards that hang over the collar; stubble is painted in the skin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float, Float64

from headfield.studio.hair.fields import along_skin
from headfield.studio.hair.ground import Ground, ground_of
from headfield.studio.hair.growth import between, grown, leaders_of, roots_in, waved
from headfield.studio.hair.layer import downwards, layer
from headfield.studio.hair.strands import Strands
from headfield.studio.hair.volume import hull
from headfield.studio.model import HeadModel
from headfield.studio.regions import BEARD, MOUSTACHE
from headfield.studio.shells import joined
from headfield.surface import Mesh, unit

BeardKind = Literal["shaved", "moustache", "goatee", "short", "full"]
BEARD_KINDS: tuple[BeardKind, ...] = get_args(BeardKind)
POINTS = 20


@dataclass(frozen=True)
class BeardStyle:
    """One beard. Numbers run from 0 to 1."""

    kind: BeardKind
    length: float = 0.5
    """Within what the kind allows."""
    wave: float = 0.3
    """How curly it is."""


def sample_beard(rng: np.random.Generator, *, femininity: float = 0.5) -> BeardStyle:
    """A random beard: often none, and never one on the womanly half."""
    odds = np.array([0.52, 0.1, 0.1, 0.16, 0.12])
    drawn = BEARD_KINDS[rng.choice(len(BEARD_KINDS), p=odds)]
    length, wave = (float(u) for u in rng.random(2))
    if femininity >= 0.5:
        return BeardStyle("shaved", length, wave)
    return BeardStyle(drawn, length, wave)


def grow_beard(style: BeardStyle, model: HeadModel, rng: np.random.Generator) -> Mesh | None:
    """The closed hull of a beard on the model's mean head, with hair's attributes; none for the shaved."""
    if style.kind == "shaved":
        return None
    ground = ground_of(model)
    lip = _over_the_lip(style, ground, rng)
    if style.kind == "full":
        return _hull(Strands.joined(_hanging(style, ground, rng), lip), ground, rng)
    if style.kind == "moustache":
        return _hull(lip, ground, rng)
    return joined(_short(style, ground, rng), _hull(lip, ground, rng))


def _hull(strands: Strands, ground: Ground, rng: np.random.Generator) -> Mesh:
    return hull(strands, ground, 0.0085, rng, relief=0.55, thin=0.12, grooves=0.003, fill=0.8)


def _short(style: BeardStyle, ground: Ground, rng: np.random.Generator) -> Mesh:
    """A layer over cheeks and chin, or the chin alone."""
    longest = (0.03 if style.kind == "goatee" else 0.022) + 0.03 * style.length

    def thickness(points: np.ndarray) -> np.ndarray:
        chin = np.exp(-np.square(points[:, 0] / 0.14)) * np.clip((-0.2 - points[:, 1]) / 0.15, 0, 1)
        return np.asarray(longest * (0.45 + 0.55 * chin))

    def extent(points: np.ndarray) -> np.ndarray:
        return _extent(style, points)

    return layer(ground, extent, thickness, downwards, rng, edge=0.011, taper=0.03 + 0.4 * longest, rough=0.45)


def _extent(style: BeardStyle, points: Float[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n"]:
    """How far inside the beard points are."""
    lip = MOUSTACHE.distance(points)
    if style.kind == "moustache":
        return lip
    x, y, z = np.abs(points[:, 0]), points[:, 1], points[:, 2]
    off_ears = np.where((y > -0.2) & (z < 0.12), 0.385 - x, 1.0)
    cheeks = np.minimum(BEARD.distance(points), off_ears)
    if style.kind == "goatee":
        cheeks = np.minimum(cheeks, 0.165 - x)
    return np.maximum(cheeks, lip)


def _sideways(points: Float[np.ndarray, "n 3"], normals: Float[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n 3"]:
    """The way moustaches grow: from the middle to both sides and down."""
    side = np.tanh(points[:, 0] / 0.03)
    way = np.stack([1.2 * side, np.full(len(points), -0.7), np.zeros(len(points))], axis=1)
    return along_skin(way, normals).astype(np.float64)


def _hanging(style: BeardStyle, ground: Ground, rng: np.random.Generator) -> Strands:
    guide = roots_in(ground, BEARD, 700, rng)
    roots = roots_in(ground, BEARD, 7000, rng)
    longest = 0.14 + 0.4 * style.length

    def falling(at: np.ndarray, normal: np.ndarray, arc: np.ndarray) -> np.ndarray:
        free = 1 - np.exp(-np.square(arc / 0.12))[:, None]
        inwards = np.stack([-1.2 * at[:, 0], np.full(len(at), -1.0), np.full(len(at), 0.1)], axis=1)
        return unit((1 - free) * (along_skin(inwards, normal) + 0.35 * normal) + free * inwards).astype(np.float32)

    chin = np.exp(-np.square(guide.points[:, 0] / 0.17)) * np.clip((-0.1 - guide.points[:, 1]) / 0.2, 0, 1)
    low = np.clip((-0.36 - guide.points[:, 1]) / 0.1, 0, 1)
    lengths = (0.06 + (longest - 0.06) * chin) * (1 - 0.4 * low)
    lines = grown(ground, guide, lengths, falling, steps=POINTS, lift=0.5, clearance=0.02 + 0.02 * chin)
    strands = between(lines, roots, rng, 260)
    uneven = np.exp(rng.normal(-0.1, 0.1, int(strands.lock.max()) + 1))[strands.lock]
    strands = strands.cut(np.minimum(uneven * np.clip(0.3 + roots.inside / 0.06, 0.3, 1), 1))
    strands = strands.tousled(rng, 0.007).clumped(leaders_of(strands, roots, 1300, rng), 0.55 * strands.way)
    if style.wave > 0.3:
        strands = waved(strands, roots, rng, radius=0.011 * style.wave, length=0.09, coil=0.7, stray=0.3)
    return strands


def _over_the_lip(style: BeardStyle, ground: Ground, rng: np.random.Generator) -> Strands:
    roots = roots_in(ground, MOUSTACHE, 1500, rng, blur=0.008)
    longest = (0.04 if style.kind in ("short", "goatee") else 0.055) + 0.07 * style.length
    lengths = longest * np.clip(0.35 + np.abs(roots.points[:, 0]) / 0.08, 0, 1)

    def aside(at: np.ndarray, normal: np.ndarray, arc: np.ndarray) -> np.ndarray:
        return (_sideways(at, normal) + 0.1 * normal).astype(np.float32)

    lines = grown(ground, roots, lengths, aside, steps=POINTS, lift=0.5, clearance=0.018)
    strands = Strands(lines, rng.integers(0, 60, len(roots)))
    return strands.clumped(leaders_of(strands, roots, 90, rng), 0.6 * strands.way)
