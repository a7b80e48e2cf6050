"""Hair that falls: bobs, long straight and long wavy hair."""

from __future__ import annotations

import numpy as np

from headfield.studio.hair.cuts import region_of
from headfield.studio.hair.fields import Drift, hanging, parted
from headfield.studio.hair.ground import Ground
from headfield.studio.hair.growth import Roots, beside_the_face, between, grown, leaders_of, roots_in, strayed, waved
from headfield.studio.hair.strands import Strands
from headfield.studio.hair.styles import HairStyle

CHILDREN = 7500
GUIDES = 1100


def bob(style: HairStyle, ground: Ground, rng: np.random.Generator) -> Strands:
    """To somewhere between the ears and the shoulders, with an even hem."""
    hem = -0.12 - 0.36 * style.length
    slope = rng.uniform(-0.1, 0.25)
    strands, roots = _fallen(style, ground, rng, longest=1.3)
    heights = hem + slope * np.minimum(-roots.points[:, 2], 0.3) + 0.1 * style.asymmetry * np.sign(roots.points[:, 0])
    strands = _hemmed(strands, heights, rng, uneven=0.012 + 0.03 * style.mess)
    strands = strands.clumped(leaders_of(strands, roots, 700, rng), 0.6 * strands.way**0.7)
    if style.wave > 0.2:
        strands = waved(strands, roots, rng, radius=0.02 * style.wave, length=0.28, coil=0.3, stray=0.25)
    return clear(strands, ground)


def long_straight(style: HairStyle, ground: Ground, rng: np.random.Generator) -> Strands:
    """Over the shoulders or behind them, down to the chest."""
    strands, roots = _fallen(style, ground, rng, longest=1.9)
    strands = _hemmed(strands, np.full(len(roots), -0.5 - 0.55 * style.length), rng, uneven=0.03 + 0.06 * style.mess)
    strands = strands.clumped(leaders_of(strands, roots, 500, rng), 0.65 * strands.way**0.6)
    return clear(strands, ground)


def long_wavy(style: HairStyle, ground: Ground, rng: np.random.Generator) -> Strands:
    """Long hair in waves that grow towards the tips."""
    strands, roots = _fallen(style, ground, rng, longest=2.0, puff=0.03)
    strands = _hemmed(strands, np.full(len(roots), -0.4 - 0.5 * style.length), rng, uneven=0.06 + 0.06 * style.mess)
    strands = strands.clumped(leaders_of(strands, roots, 300, rng), 0.85 * strands.way**0.5)
    size = 0.7 + 0.6 * style.wave
    coil, stray = 0.3 + 0.6 * style.wave, 0.1 + 0.2 * style.mess
    strands = waved(strands, roots, rng, radius=0.03 * size, length=0.26 * size, coil=coil, stray=stray)
    return clear(strands, ground)


def _fallen(
    style: HairStyle, ground: Ground, rng: np.random.Generator, *, longest: float, puff: float = 0.0
) -> tuple[Strands, Roots]:
    """Hair parted above the forehead, falling beside the face and onto the shoulders, and a fringe where one is cut."""
    region = region_of(style)
    guide = roots_in(ground, region, GUIDES, rng)
    roots = roots_in(ground, region, CHILDREN, rng)
    x = 0.18 * style.part
    up = np.clip((guide.points[:, 1] - 0.1) / 0.4, 0, 1)
    # In front of the shoulder or behind it, as the root is before or behind a line that differs from side to side.
    lines = rng.uniform(-0.35, 0.25, 2)
    split = np.where(guide.points[:, 0] > x, lines[0], lines[1])
    aside = np.zeros((len(guide), 3), np.float32)
    aside[:, 2] = np.tanh((guide.points[:, 2] - split) / 0.1)
    comb = parted(x, back=1.2, stand=0.25 * style.volume)
    guides = grown(
        ground,
        guide,
        np.full(len(guide), longest),
        hanging(comb, reach=0.2 + 0.1 * style.volume, aside=_beside_the_neck(aside)),
        steps=44,
        lift=0.15 + 0.35 * style.volume,
        clearance=0.012 + (0.02 + 0.04 * style.volume) * up + puff,
        face=1.0,
        slide=0.15,
    )
    strands = between(guides, roots, rng, 300)
    if style.fringe > 0.25:
        strands = _with_fringe(strands, roots, style, ground, rng)
    return strayed(strands, rng, by=0.012 + 0.02 * style.mess, wavelength=0.35), roots


def _beside_the_neck(front: np.ndarray) -> Drift:
    """In towards the neck below the ears, then away before and behind the shoulders."""

    def drift(at: np.ndarray) -> np.ndarray:
        below_ears = np.clip((0.05 - at[:, 1]) / 0.2, 0, 1)
        x, z = at[:, 0], at[:, 2]
        narrower = np.where(at[:, 1] < -0.3, 5, 1.5) * np.clip(np.abs(x) - 0.31, 0, 0.25)
        wider = np.where(z > -0.1, 8, 0) * np.clip(0.31 - np.abs(x), 0, 0.2)
        drawn_in = np.stack(
            [np.sign(x) * (wider - narrower), np.zeros_like(x), 1.5 * np.clip(-0.34 - z, 0, 0.2)], axis=1
        )
        apart = np.clip((-0.2 - at[:, 1:2]) / 0.2, 0, 1)
        return np.asarray(below_ears[:, None] * drawn_in + 0.4 * apart * front, np.float32)

    return drift


def _with_fringe(strands: Strands, roots: Roots, style: HairStyle, ground: Ground, rng: np.random.Generator) -> Strands:
    """The hair above the forehead falls over it, down to the brows at most."""
    x, y, z = roots.points.T
    width = rng.uniform(0.2, 0.3)
    front = np.flatnonzero((z > rng.uniform(0.05, 0.2)) & (np.abs(x) < width) & (y > 0.4))
    some = roots.only(front)
    sweep = rng.normal(0, 0.5)
    over = np.array([sweep, -0.4, 0.7], np.float32)

    def forward(at: np.ndarray, normal: np.ndarray, arc: np.ndarray) -> np.ndarray:
        early = np.exp(-np.square(arc / 0.1))[:, None]
        return np.asarray(early * over + (1 - early) * np.array([0.4 * sweep, -1, 0.05]), np.float32)

    lengths = np.full(len(some), 0.75)
    points = grown(ground, some, lengths, forward, steps=strands.points.shape[1], lift=0.4, clearance=0.02)
    hem = 0.36 - 0.12 * style.fringe - rng.uniform(0.2, 1.6) * some.points[:, 0] ** 2 + rng.normal(0, 0.012, len(some))
    cut = Strands(points, strands.lock[front]).hemmed(hem)
    together = strands.points.copy()
    together[front] = cut.points
    return Strands(together, strands.lock)


def _hemmed(strands: Strands, heights: np.ndarray, rng: np.random.Generator, uneven: float) -> Strands:
    lock = rng.normal(0, uneven, int(strands.lock.max()) + 1)[strands.lock]
    return strands.hemmed(heights + lock + rng.normal(0, 0.3 * uneven, len(heights)))


def clear(strands: Strands, ground: Ground, share: float = 1.0) -> Strands:
    """Off the skin, and what ends below the eyes out of the face, by a share of the way."""
    lifted = ground.lifted(strands.points, np.broadcast_to(np.float32(0.006), strands.points.shape[:2]))
    low = lifted[:, -1, 1] < 0.13
    lifted[low] = beside_the_face(lifted[low].reshape(-1, 3), share).reshape(lifted[low].shape)
    return Strands(lifted, strands.lock)
