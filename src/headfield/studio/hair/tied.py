"""Hair that is tied: ponytails, buns and braids."""

from __future__ import annotations

import numpy as np

from headfield.studio.hair.cuts import region_of
from headfield.studio.hair.fields import towards
from headfield.studio.hair.ground import Ground
from headfield.studio.hair.growth import between, grown, leaders_of, roots_in
from headfield.studio.hair.strands import Strands, frames, respaced
from headfield.studio.hair.styles import HairStyle
from headfield.surface import unit

CHILDREN = 7000
GUIDES = 900
POINTS = 40


def ponytail(style: HairStyle, ground: Ground, rng: np.random.Generator) -> Strands:
    """Tied at the back, high or low; the tail fans out and hangs."""
    tie = _tie(style, ground)
    length = 0.45 + 0.65 * style.length
    normal = ground.normal(tie[None])[0]
    spine = _hanging_spine(tie, normal, length, ground, rng, out=0.05 + 0.05 * style.height)
    way = np.linspace(0, 1, POINTS)
    radius = np.interp(way, [0, 0.06, 0.3, 0.75, 1], [0.04, 0.05, 0.12, 0.11, 0.06]) * (0.75 + 0.5 * style.volume)
    tail = _bundle(spine, radius, 2600, rng, locks=80, uneven=0.2)
    if style.wave > 0.1:
        tail = _swung(tail, style, rng)
    return Strands.joined(_pulled(style, ground, tie, rng), _off(tail, ground), _knot(tie, normal, 0.045, rng))


def bun(style: HairStyle, ground: Ground, rng: np.random.Generator) -> Strands:
    """Tied and wound up, low in the nape to the top of the head."""
    tie = _tie(style, ground)
    normal = ground.normal(tie[None])[0].astype(np.float64)
    across, beside = _across(normal)
    size = 0.12 + 0.11 * style.volume
    rope = 0.42 * size
    turns = rng.uniform(1.6, 2.4)
    t = np.linspace(0, 1, POINTS)
    angle = rng.uniform(0, 2 * np.pi) + np.sign(style.asymmetry + 1e-9) * 2 * np.pi * turns * t
    around = (size - 0.55 * rope) * np.interp(t, [0, 0.55, 1], [1, 0.85, 0.3])
    height = rope * np.interp(t, [0, 0.5, 1], [0.35, 0.9, 1.5])
    spine = tie + around[:, None] * (np.cos(angle)[:, None] * across + np.sin(angle)[:, None] * beside)
    spine = (spine + height[:, None] * normal).astype(np.float32)
    wound = _bundle(spine, rope * np.interp(t, [0, 0.1, 0.9, 1], [0.6, 1, 0.9, 0.4]), 1500, rng, locks=40, twist=3.0)
    wound = wound.tousled(rng, 0.02 * style.mess)
    return Strands.joined(_pulled(style, ground, tie, rng), wound, _knot(tie + 0.4 * rope * normal, normal, size, rng))


def braid(style: HairStyle, ground: Ground, rng: np.random.Generator) -> Strands:
    """Tied low and plaited from three strands, down the back or over one shoulder."""
    tie = _tie(style, ground, low=-0.2, high=0.1)
    normal = ground.normal(tie[None])[0]
    length = 0.55 + 0.5 * style.length
    side = np.sign(style.asymmetry) if abs(style.asymmetry) > 0.25 else 0.0
    spine = _hanging_spine(tie, normal, length * (1.25 if side else 1), ground, rng, out=0.05, side=float(side))
    steps = spine.shape[0]
    way = np.linspace(0, 1, steps)
    thick = (0.75 + 0.4 * style.volume) * np.interp(way, [0, 0.05, 0.8, 0.87, 0.93, 1], [0.9, 1, 0.75, 0.45, 0.6, 0.25])
    tangents = unit(np.gradient(spine, axis=0))[None].astype(np.float32)
    out, beside = frames(tangents, ground.normal(spine[steps // 2][None]).astype(np.float32))
    turns = length / 0.19
    strands = []
    for k in range(3):
        phase = 2 * np.pi * (turns * way + k / 3)
        fade = np.clip((0.9 - way) / 0.06, 0, 1)
        sway = 0.05 * thick * np.sin(phase) * fade
        depth = 0.032 * thick * np.sin(2 * phase) * fade
        line = spine + sway[:, None] * beside[0] + depth[:, None] * out[0]
        strands.append(_bundle(line.astype(np.float32), 0.04 * thick, 900, rng, locks=14, uneven=0.03))
    plait = Strands.joined(*strands)
    return Strands.joined(_pulled(style, ground, tie, rng), _off(plait, ground), _knot(tie, normal, 0.05, rng))


def _tie(style: HairStyle, ground: Ground, low: float = -0.12, high: float = 0.6) -> np.ndarray:
    """Where hair is tied: on the middle line of the back of the head, just above the skin."""
    angle = np.interp(low + (high - low) * style.height, [-0.2, 0.0, 0.3, 0.6], [-0.66, -0.35, 0.25, 0.9])
    middle = np.array([0, 0.15, -0.05])
    way = np.array([0, np.sin(angle), -np.cos(angle)])
    reach = 0.8
    for _ in range(6):
        reach -= float(ground.distance((middle + reach * way)[None])[0]) - 0.025
    return np.asarray(middle + reach * way, np.float32)


def _pulled(style: HairStyle, ground: Ground, tie: np.ndarray, rng: np.random.Generator) -> Strands:
    """The hair of the scalp, drawn tight to where it is tied, or a little loosely."""
    region = region_of(style)
    guide = roots_in(ground, region, GUIDES, rng)
    roots = roots_in(ground, region, CHILDREN, rng)
    left = np.linalg.norm(guide.points - tie, axis=1)
    field = towards((float(tie[0]), float(tie[1]), float(tie[2])))
    loose = 0.006 + 0.018 * style.volume * np.clip((guide.points[:, 1] - 0.1) / 0.4, 0, 1)
    lines = grown(ground, guide, 1.6 * left + 0.1, field, steps=64, lift=0.1 + 0.3 * style.volume, clearance=loose)
    near = np.linalg.norm(lines - tie, axis=2)
    arrived = np.where((near < 0.05).any(axis=1), (near < 0.05).argmax(axis=1), near.argmin(axis=1))
    guides = respaced(Strands(lines, np.arange(len(lines))).cut(np.maximum(arrived, 2) / 63).points, POINTS)
    strands = between(guides, roots, rng, 260)
    # Whatever its guides did, each strand ends at the tie.
    miss = tie - strands.points[:, -1]
    strands = Strands(strands.points + (strands.way**3)[:, None] * miss[:, None], strands.lock)
    strands = strands.tousled(rng, 0.012 * style.mess).clumped(
        leaders_of(strands, roots, 240, rng), 0.75 * np.sqrt(strands.way)
    )
    return Strands(ground.lifted(strands.points, np.full(strands.points.shape[:2], 0.006, np.float32)), strands.lock)


def _hanging_spine(
    tie: np.ndarray,
    normal: np.ndarray,
    length: float,
    ground: Ground,
    rng: np.random.Generator,
    out: float,
    side: float = 0.0,
) -> np.ndarray:
    """The middle line of a tail: off the head at first, then down its back, or round to the front over a shoulder."""
    at, heading = tie.astype(np.float32), unit(normal + np.array([0, 0.4, 0])).astype(np.float32)
    step = length / (POINTS - 1)
    drift = np.array([rng.normal(0, 0.06), 0, 0])
    line = [at]
    for k in range(1, POINTS):
        arc = k * step
        held = np.exp(-np.square(arc / (out + 0.02)))
        around = np.array([0.9 * side, 0, 0.0]) if arc < 0.28 else np.array([0.25 * side, 0, 1.1 * abs(side)])
        heading = unit(0.7 * heading + 0.3 * (held * normal + (1 - held) * (np.array([0, -1, 0]) + drift + around)))
        ahead = ground.lifted((at + step * heading)[None].astype(np.float32), np.full(1, 0.07, np.float32))[0]
        heading = unit(ahead - at)
        at = (at + step * heading).astype(np.float32)
        line.append(at)
    return np.stack(line)


def _across(normal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    across = unit(np.cross(normal, [1.0, 0, 0]))
    return across, np.cross(normal, across)


def _bundle(
    spine: np.ndarray,
    radius: np.ndarray,
    count: int,
    rng: np.random.Generator,
    *,
    locks: int,
    uneven: float = 0.0,
    twist: float = 0.0,
) -> Strands:
    """Hair side by side along a line, in locks, more of it near the outside; ``twist`` turns it about the line."""
    tangents = unit(np.gradient(spine, axis=0))[None].astype(np.float32)
    start = _across(tangents[0, 0].astype(np.float64))[0].astype(np.float32)[None]
    across, beside = frames(tangents, start)
    centre_angle, centre_radius = rng.uniform(0, 2 * np.pi, locks), np.sqrt(rng.random(locks))
    centre = centre_radius * np.exp(1j * centre_angle)
    lock = rng.integers(0, locks, count)
    place = 0.86 * centre[lock] + 0.13 * (rng.normal(size=count) + 1j * rng.normal(size=count))
    place /= np.maximum(np.abs(place), 1)
    way = np.linspace(0, 1, len(spine))
    turned = place[:, None] * np.exp(1j * twist * way) * radius
    points = spine + turned.real[..., None] * across + turned.imag[..., None] * beside
    strands = Strands(points.astype(np.float32), lock.astype(np.int64))
    if uneven:
        strands = strands.cut(np.minimum(1, np.exp(rng.normal(-uneven, uneven, locks))[lock]))
    return strands


def _swung(tail: Strands, style: HairStyle, rng: np.random.Generator) -> Strands:
    """A tail's locks in waves of their own."""
    locks = int(tail.lock.max()) + 1
    phase = rng.uniform(0, 2 * np.pi, locks)[tail.lock, None] + 2 * np.pi * tail.lengths[:, None] * tail.way / 0.24
    swing = np.stack([np.sin(phase), np.zeros_like(phase), np.cos(phase)], axis=-1)
    swing *= 0.03 * style.wave * tail.way[:, None]
    return Strands(tail.points + swing.astype(np.float32), tail.lock)


def _knot(at: np.ndarray, normal: np.ndarray, size: float, rng: np.random.Generator) -> Strands:
    """Hair wound about the tie, which fills what lies between head and tail."""
    across, beside = _across(np.asarray(normal, np.float64))
    angle = np.linspace(0, 2 * np.pi, POINTS) + rng.uniform(0, 2 * np.pi, 300)[:, None]
    radius = 0.8 * size * np.sqrt(rng.random((300, 1)))
    depth = size * rng.uniform(-0.6, 0.5, (300, 1))
    ring = radius[..., None] * (np.cos(angle)[..., None] * across + np.sin(angle)[..., None] * beside)
    points = at + ring + depth[..., None] * normal
    return Strands(points.astype(np.float32), np.zeros(300, np.int64))


def _off(strands: Strands, ground: Ground) -> Strands:
    return Strands(ground.lifted(strands.points, np.full(strands.points.shape[:2], 0.008, np.float32)), strands.lock)
