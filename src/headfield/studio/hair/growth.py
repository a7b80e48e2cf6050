"""Growth: guides grow out of the scalp step by step; children fill the space between them, lock by lock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32
from scipy.spatial import cKDTree

from headfield.studio.hair.ground import Ground
from headfield.studio.hair.strands import Strands, frames
from headfield.studio.noise import Noise
from headfield.studio.regions import Region
from headfield.surface import Mesh, unit

Field = Callable[
    [Float32[np.ndarray, "n 3"], Float32[np.ndarray, "n 3"], Float32[np.ndarray, "n"]], Float32[np.ndarray, "n 3"]
]
"""Where hair wants to go, from where it is, the direction out of the skin there, and how long it is so far."""

FACE_CENTRE = np.array([0.0, -0.03, 0.38], np.float32)
FACE_RADII = np.array([0.31, 0.46, 0.42], np.float32)
"""The space before the face that hair hangs beside; the hairline is outside of it."""


@dataclass(frozen=True, eq=False)
class Roots:
    """Where hair grows out of the skin."""

    points: Float32[np.ndarray, "n 3"]
    normals: Float32[np.ndarray, "n 3"]
    inside: Float32[np.ndarray, "n"]
    """How far inside the hairline they are."""

    def __len__(self) -> int:
        return len(self.points)

    def only(self, which: np.ndarray) -> Roots:
        """Some of them."""
        return Roots(self.points[which], self.normals[which], self.inside[which])


def roots_in(ground: Ground, region: Region, count: int, rng: np.random.Generator, blur: float = 0.02) -> Roots:
    """Roots spread evenly over a region of the skin, thinning out at its outline."""
    skin = ground.skin
    middles = skin.corners.mean(axis=1)
    near = region.distance(middles) > -2 * blur - 0.04
    part = Mesh(skin.vertices, skin.faces[near])
    samples = part.sample(2 * count, rng)
    points = samples.points
    inside = region.distance(points)
    density = np.clip(inside / (2 * blur) + 0.5, 0, 1)
    kept = np.flatnonzero(rng.random(len(points)) < density)[:count]
    found = [points[kept], unit(samples.of_vertices(skin.vertex_normals))[kept], inside[kept]]
    a, b, c = (np.asarray(array, np.float32) for array in found)
    return Roots(a, b, c)


def grown(
    ground: Ground,
    roots: Roots,
    lengths: Float[np.ndarray, "n"],
    field: Field,
    *,
    steps: int,
    lift: float | Float[np.ndarray, "n"] = 0.3,
    inertia: float = 0.6,
    clearance: float | Float[np.ndarray, "n"] = 0.03,
    face: float = 0.0,
    slide: float = 1.0,
) -> Float32[np.ndarray, "n k 3"]:
    """Guides that start out of the skin and bend towards where ``field`` leads them.

    They keep off the skin by up to ``clearance``, gained over the first part of the way, and out of the space before
    the face as far as ``face`` (0 to 1) says. ``slide`` is how readily they slide off the shoulders sideways.
    """
    at = roots.points
    step = (np.asarray(lengths, np.float32) / (steps - 1))[:, None]
    clear = np.broadcast_to(np.asarray(clearance, np.float32), len(at))
    arc = np.zeros(len(at), np.float32)
    tangent = unit(field(at, roots.normals, arc))
    heading = unit(tangent + np.broadcast_to(lift, len(at)).astype(np.float32)[:, None] * roots.normals)
    line = [at]
    for k in range(1, steps):
        normal = ground.normal(at)
        heading = unit(inertia * heading + (1 - inertia) * field(at, normal, arc))
        arc = np.float32(k) * step[:, 0]
        ahead = ground.lifted(at + step * heading, clear * (1 - np.exp(-arc / 0.12)) + 0.003, slide)
        if face:
            ahead = beside_the_face(ahead, face)
        heading = unit(ahead - at)
        at = at + step * heading
        line.append(at)
    return np.stack(line, axis=1)


def before_the_face(points: Float32[np.ndarray, "n 3"]) -> Bool[np.ndarray, "n"]:
    """Which points are in the space that hair hangs beside."""
    return np.linalg.norm((points - FACE_CENTRE) / FACE_RADII, axis=1) < 1.05


def beside_the_face(points: Float32[np.ndarray, "n 3"], share: float) -> Float32[np.ndarray, "n 3"]:
    """Points in the space before the face moved out of it to the sides, by a share of the way."""
    moved = points.copy()
    for _ in range(2):
        scaled = (moved - FACE_CENTRE) / FACE_RADII
        length = np.linalg.norm(scaled, axis=1)
        inside = length < 1
        slope = scaled[inside] / FACE_RADII
        away = unit(slope * np.array([1.6, 0.15, 0.15], np.float32))
        steepness = np.maximum(np.sum(slope * away, axis=1), 1e-3) / np.maximum(length[inside], 1e-3)
        depth = np.minimum((1 - length[inside]) / steepness, 0.3)
        moved[inside] += share * away * depth[:, None]
    return moved


def between(guides: Float32[np.ndarray, "g k 3"], roots: Roots, rng: np.random.Generator, locks: int) -> Strands:
    """A strand for each root, shaped like the guides that start nearest, and grouped into locks."""
    starts = guides[:, 0]
    gap, near = cKDTree(starts).query(roots.points, k=3)
    weight = 1 / (gap + 0.01)
    # Hair does not run both ways along a parting: guides that end far from the nearest one's end do not count.
    tips = guides[:, -1] - starts
    apart = np.linalg.norm(tips[near] - tips[near[:, :1]], axis=2)
    like = np.minimum(0.35 * np.linalg.norm(tips[near[:, :1]], axis=2), 0.12) + 0.02
    weight *= np.exp(-np.square(apart / like))
    weight = (weight / weight.sum(axis=1, keepdims=True)).astype(np.float32)
    shapes = guides - starts[:, None]
    points = roots.points[:, None] + sum(weight[:, j, None, None] * shapes[near[:, j]] for j in range(3))
    _, lock = cKDTree(roots.points[_spread(len(roots), locks, rng)]).query(roots.points)
    return Strands(points.astype(np.float32), lock.astype(np.int64))


def _spread(n: int, count: int, rng: np.random.Generator) -> np.ndarray:
    return rng.permutation(n)[: min(count, n)]


def leaders_of(strands: Strands, roots: Roots, count: int, rng: np.random.Generator) -> np.ndarray:
    """For each strand the one that leads the clump it is in: the nearest of ``count`` random ones."""
    chosen = _spread(len(roots), count, rng)
    middle = strands.points.shape[1] // 3
    places = np.concatenate([roots.points, 0.5 * strands.points[:, middle], 0.5 * strands.points[:, -1]], axis=1)
    _, near = cKDTree(places[chosen]).query(places)
    return chosen[near]


def waved(
    strands: Strands, roots: Roots, rng: np.random.Generator, *, radius: float, length: float, coil: float, stray: float
) -> Strands:
    """Waves (``coil`` 0) to coils (1), in step within each lock as far as ``stray`` allows; growing from the roots on.

    ``length`` is the way from one wave to the next, ``radius`` how far it swings.
    """
    locks = int(strands.lock.max()) + 1
    turn = rng.random(locks) * 2 * np.pi
    pitch = length * np.exp(rng.normal(0, 0.15, locks))
    own = stray * rng.normal(0, 1, len(roots)) * 2
    across, beside = frames(strands.tangents, roots.normals)
    arc = strands.lengths[:, None] * strands.way
    phase = turn[strands.lock][:, None] + own[:, None] + 2 * np.pi * arc / pitch[strands.lock][:, None]
    swing = radius * np.clip(arc / (0.6 * length), 0, 1) * np.exp(rng.normal(0, 0.15, locks))[strands.lock][:, None]
    side, out = swing * np.sin(phase), swing * coil * np.cos(phase)
    points = strands.points + side[..., None] * beside + out[..., None] * across
    return Strands(points.astype(np.float32), strands.lock)


def strayed(strands: Strands, rng: np.random.Generator, *, by: float, wavelength: float) -> Strands:
    """Strands led astray by noise in space, more and more towards the tips: neighbours stay neighbours."""
    flat = strands.points.reshape(-1, 3)
    push = np.stack([Noise.sample(rng).wave(flat, wavelength) for _ in range(3)], axis=1).reshape(strands.points.shape)
    return Strands(strands.points + (by * np.sqrt(strands.way))[:, None] * push, strands.lock)
