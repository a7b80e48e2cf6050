"""Short hair: cropped, parted, slicked back, receding, curly, afro."""

from __future__ import annotations

import numpy as np

from headfield.studio.hair.fields import curling, hanging, parted, swept_back, whorl
from headfield.studio.hair.ground import Ground
from headfield.studio.hair.growth import (
    Field,
    Roots,
    beside_the_face,
    between,
    grown,
    leaders_of,
    roots_in,
    strayed,
    waved,
)
from headfield.studio.hair.strands import Strands
from headfield.studio.hair.styles import HairStyle
from headfield.studio.regions import Region, hairline
from headfield.surface import unit

CHILDREN = 9000
GUIDES = 900


def region_of(style: HairStyle) -> Region:
    """Where this style's hair grows."""
    return hairline(0.05 * style.hairline, 0.09 * style.temples, 0.05 * style.peak)


def on_top(roots: Roots, fade: float, around: float = 0.3) -> np.ndarray:
    """1 on the top of the head to 0 at its sides and back; ``fade`` is how gradual that is."""
    height = roots.points[:, 1] - 0.25 * np.clip(-roots.points[:, 2] - 0.2, 0, 1)
    return np.clip((height - around) / fade + 0.5, 0, 1).astype(np.float32)


def groomed(
    guides: np.ndarray,
    roots: Roots,
    style: HairStyle,
    rng: np.random.Generator,
    *,
    locks: int,
    clumps: int,
    gather: float,
    uneven: float = 0.14,
    taper: float = 0.07,
) -> Strands:
    """Children of the guides, of uneven length and shorter at the hairline, tousled and gathered into clumps."""
    strands = between(guides, roots, rng, locks)
    share = np.exp(rng.normal(0, uneven, int(strands.lock.max()) + 1))[strands.lock]
    share *= np.exp(rng.normal(0, 0.05, len(roots))) * np.clip(0.3 + roots.inside / taper, 0.25, 1)
    strands = strands.cut(np.minimum(share / np.exp(2 * uneven), 1))
    strands = strands.tousled(rng, 0.03 * style.mess * float(np.minimum(np.median(strands.lengths), 0.2)) / 0.15)
    return strands.clumped(leaders_of(strands, roots, clumps, rng), gather * strands.way**0.8)


def crop(style: HairStyle, ground: Ground, rng: np.random.Generator) -> Strands:
    """Short hair the way it grows; a fringe goes forward, hair without one stands up in front."""
    region = region_of(style)
    top, sides = 0.12 + 0.17 * style.length, 0.04 + 0.07 * style.length * rng.random()
    guide = roots_in(ground, region, GUIDES, rng)
    up = on_top(guide, 0.25)
    front = np.clip((guide.points[:, 2] - 0.1) / 0.25, 0, 1) * up
    lift = 0.25 + 0.7 * style.volume + (0.5 - style.fringe) * front
    centre = (0.05 * np.sign(style.asymmetry + 1e-9), 0.6, -0.22)
    field = whorl(centre, swirl=0.8 * np.sign(style.asymmetry + 1e-9), stand=0.1 + 0.4 * style.volume)
    away = np.array([0.8 * style.asymmetry, 0.5 * (1 - style.fringe), -0.7 * (1 - style.fringe)])
    swept = _leaning(field, front[:, None] * away)
    lengths = (sides + (top - sides) * up) * (1 + 0.15 * style.asymmetry * np.sign(guide.points[:, 0]))
    guides = grown(ground, guide, lengths, swept, steps=16, lift=lift, clearance=0.02 + 0.03 * style.volume * up)
    roots = roots_in(ground, region, CHILDREN, rng)
    strands = groomed(guides, roots, style, rng, locks=700, clumps=2200, gather=0.4 + 0.25 * style.length)
    return _with_wave(strands, roots, style, rng)


def receding(style: HairStyle, ground: Ground, rng: np.random.Generator) -> Strands:
    """Short hair that has left the temples, and then the top."""
    region = hairline(0.03 + 0.16 * style.temples, 0.1 + 0.12 * style.temples, 0.02 * style.peak)
    bare = rng.random() < 0.5
    guide = roots_in(ground, region, GUIDES, rng)
    roots = roots_in(ground, region, CHILDREN, rng)
    if bare:
        size = 0.1 + 0.28 * rng.random()
        guide, roots = (r.only(rng.random(len(r)) < _beyond_the_crown(r, size)) for r in (guide, roots))
    thin = 0.25 + 0.75 * np.clip(1 - on_top(roots, 0.4) * style.temples, 0, 1)
    roots = roots.only(rng.random(len(roots)) < thin)
    lengths = (0.035 + 0.09 * style.length) * (1 - 0.35 * on_top(guide, 0.3) * bare)
    field = whorl((0.03, 0.6, -0.22), swirl=0.8, stand=0.25, sink=0.5)
    guides = grown(ground, guide, np.broadcast_to(lengths, len(guide)), field, steps=12, lift=0.4, clearance=0.015)
    return groomed(guides, roots, style, rng, locks=600, clumps=1800, gather=0.6)


def side_part(style: HairStyle, ground: Ground, rng: np.random.Generator) -> Strands:
    """A parting on one side, from which the top is combed over to the other; short at the sides."""
    region = region_of(style)
    x = float(np.sign(style.part + 1e-9)) * (0.12 + 0.1 * abs(style.part))
    top, sides = 0.3 + 0.2 * style.length, 0.06 + 0.1 * style.length
    guide = roots_in(ground, region, GUIDES, rng)
    up = on_top(guide, 0.2, around=0.42)
    over = np.sign(x) * (x - guide.points[:, 0]) > 0
    front = np.clip(guide.points[:, 2] / 0.3, 0, 1)
    comb = hanging(parted(x, back=0.5 + 0.5 * (1 - style.fringe), stand=0.3 * style.volume), reach=0.5)
    lengths = sides + (top - sides) * up * np.where(over, 1, 0.45)
    lift = (0.15 + 0.9 * style.volume * front) * up + 0.1
    clearance = 0.012 + (0.02 + 0.035 * style.volume) * up * over
    guides = grown(ground, guide, lengths, comb, steps=20, lift=lift, clearance=clearance)
    roots = roots_in(ground, region, CHILDREN, rng)
    strands = groomed(guides, roots, style, rng, locks=400, clumps=800, gather=0.65, uneven=0.1)
    return _with_wave(strands, roots, style, rng)


def slicked_back(style: HairStyle, ground: Ground, rng: np.random.Generator) -> Strands:
    """Combed back from the forehead, in the grooves of the comb."""
    region = region_of(style)
    guide = roots_in(ground, region, GUIDES, rng)
    up = on_top(guide, 0.3)
    front = np.clip(guide.points[:, 2] / 0.3, 0, 1)
    lengths = 0.12 + (0.2 + 0.25 * style.length) * (0.4 + 0.6 * up)
    back = hanging(swept_back(0.25 * style.asymmetry, stand=0.4 * style.volume), reach=0.5)
    lift = 0.12 + 0.9 * style.volume**2 * front * up
    guides = grown(ground, guide, lengths, back, steps=20, lift=lift, clearance=0.008 + 0.04 * style.volume * up)
    roots = roots_in(ground, region, CHILDREN, rng)
    strands = groomed(guides, roots, style, rng, locks=300, clumps=500, gather=0.6, uneven=0.1, taper=0.02)
    return _with_wave(strands, roots, style, rng)


def curls(style: HairStyle, ground: Ground, rng: np.random.Generator) -> Strands:
    """Ringlets, from a short mop to the shoulders."""
    region = region_of(style)
    guide = roots_in(ground, region, GUIDES, rng)
    up = on_top(guide, 0.5)
    lengths = (0.22 + 0.45 * style.length) * (0.55 + 0.45 * up)
    field = hanging(whorl((0.0, 0.64, -0.1), swirl=0.4, stand=0.7), reach=0.12 + 0.2 * style.volume)
    bend = rng.normal(0, 0.5, (len(guide), 3))
    guides = grown(
        ground,
        guide,
        lengths * np.exp(rng.normal(0, 0.1, len(guide))),
        curling(bend, field),
        steps=28,
        lift=0.9,
        clearance=0.04 + 0.07 * style.volume * (0.5 + 0.5 * up),
        face=1 - 0.5 * style.fringe,
    )
    roots = roots_in(ground, region, CHILDREN, rng)
    strands = groomed(guides, roots, style, rng, locks=420, clumps=420, gather=0.97, uneven=0.2)
    size = 0.6 + 0.8 * style.wave
    stray = 0.12 + 0.2 * style.mess
    strands = waved(strands, roots, rng, radius=0.022 * size, length=0.1 * size, coil=0.9, stray=stray)
    free = beside_the_face(strands.points.reshape(-1, 3), 1 - 0.5 * style.fringe)
    return Strands(free.reshape(strands.points.shape), strands.lock)


def afro(style: HairStyle, ground: Ground, rng: np.random.Generator) -> Strands:
    """Tight coils that stand out all around."""
    region = region_of(style)
    guide = roots_in(ground, region, GUIDES, rng)
    up = on_top(guide, 0.7)
    reach = 0.08 + 0.3 * style.length
    lengths = reach * (0.6 + 0.4 * up) * (1 + 0.1 * style.asymmetry * np.sign(guide.points[:, 0]))
    field = _leaning(whorl((0.0, 0.3, -0.05), swirl=0.0, stand=2.0, sink=0.1), np.array([0, 0.15, 0]))
    guides = grown(ground, guide, lengths, field, steps=16, lift=3.0, clearance=0.02, face=0.7)
    roots = roots_in(ground, region, CHILDREN, rng)
    strands = groomed(guides, roots, style, rng, locks=500, clumps=650, gather=0.8, uneven=0.05, taper=0.12)
    strands = strayed(strands, rng, by=0.02 + 0.02 * style.mess, wavelength=0.09)
    return waved(strands, roots, rng, radius=0.014, length=0.05, coil=0.9, stray=0.4)


def _leaning(field: Field, by: np.ndarray) -> Field:
    def leaning(at: np.ndarray, normal: np.ndarray, arc: np.ndarray) -> np.ndarray:
        return unit(field(at, normal, arc) + by).astype(np.float32)

    return leaning


def _beyond_the_crown(roots: Roots, size: float) -> np.ndarray:
    """0 on the bare top of the head to 1 beyond it."""
    away = (roots.points - np.array([0, 0.62, 0.1], np.float32)) / np.array([1, 1, 1.8], np.float32)
    return np.clip((np.linalg.norm(away, axis=1) - size) / 0.05, 0, 1)


def _with_wave(strands: Strands, roots: Roots, style: HairStyle, rng: np.random.Generator) -> Strands:
    if style.wave < 0.15:
        return strands
    return waved(strands, roots, rng, radius=0.012 * style.wave, length=0.12, coil=0.3, stray=0.3)
