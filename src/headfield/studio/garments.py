"""Clothes over the shoulders: closed at the neck, open below the unit sphere, where busts are cut."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float, Float64

from headfield.mesh.clean import largest_component
from headfield.studio.hair.ground import Ground, ground_of
from headfield.studio.hair.relief import edges_of, smoothed_by
from headfield.studio.model import HeadModel
from headfield.studio.noise import Noise
from headfield.studio.shells import eased, patch
from headfield.studio.sweeps import plate, wrapped
from headfield.surface import Mesh, unit

Kind = Literal["t-shirt", "v-neck", "shirt", "turtleneck", "hoodie", "jacket"]
KINDS: tuple[Kind, ...] = get_args(Kind)

SPREAD = 0.7
"""How much a step out from the neck counts for a step down it, on the way from the chin over the shoulders."""
NECK = -0.08
"""Where the middle of the neck is, along z."""
CHIN = (0.0, -0.48, 0.25)
"""Nothing before and above this point is clothed."""
UNDER = 0.03
"""How far under the skin a garment is closed at the neck."""

Neckline = Callable[[np.ndarray], np.ndarray]
"""For points, how far below the neckline they are; negative above it."""


@dataclass(frozen=True)
class Garment:
    """What somebody wears; numbers run from 0 to 1."""

    kind: Kind
    loose: float = 0.5
    """How far it stands off the body."""
    neckline: float = 0.5
    """How wide or deep the neck is cut; how high a collar stands."""
    creased: float = 0.5


def sample_garment(rng: np.random.Generator) -> Garment:
    """Random clothes, every kind equally often."""
    kind: Kind = KINDS[rng.integers(len(KINDS))]
    loose, neckline, creased = (float(u) for u in rng.random(3))
    return Garment(kind, loose, neckline, creased)


def make_garment(garment: Garment, model: HeadModel, rng: np.random.Generator) -> Mapping[str, Mesh]:
    """The surfaces of clothes on the mean head, by name: closed but for a border outside the unit sphere.

    After they have followed their wearer, :func:`headfield.studio.cut.cut_at_sphere` ends them as it ends the bust.
    """
    ground = ground_of(model)
    drape = _Drape(garment, ground, rng)
    wide = 0.09 * garment.neckline
    if garment.kind == "t-shirt":
        return {"t-shirt": drape.sheet(_round(0.02 + wide), cloth=0.014, band=0.07)}
    if garment.kind == "v-neck":
        return {"v-neck": drape.sheet(_pointed(0.5 * wide, 0.1 + 0.1 * garment.neckline), cloth=0.016, band=0.06)}
    if garment.kind == "turtleneck":
        return {"turtleneck": drape.sheet(_high(0.05 * garment.neckline), cloth=0.022, band=0.2, roll=0.02)}
    if garment.kind == "shirt":
        return {"shirt": drape.sheet(_pointed(-0.04, 0.08 + 0.1 * garment.neckline), cloth=0.014), **drape.collar()}
    if garment.kind == "hoodie":
        return {"hoodie": drape.sheet(_round(0.03 + wide), cloth=0.03), **drape.hood()}
    under = _Drape(replace(garment, loose=0.0, creased=0.0), ground, rng)
    inner = under.sheet(_round(0.4 * wide), cloth=0.01, band=0.06)
    return {"t-shirt": inner, "jacket": drape.sheet(_pointed(-0.03, 0.21), cloth=0.045, lapel=0.13)}


def down_from_chin(points: Float[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n"]:
    """A coordinate that grows down the neck and out over the shoulders."""
    return np.asarray(SPREAD * np.hypot(points[:, 0], points[:, 2] - NECK) - points[:, 1], np.float64)


def _base(points: Float[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n"]:
    """Where the neck ends, in that coordinate: lower in front than at the sides and behind."""
    forward = unit(points * [1, 0, 1] - [0, 0, NECK])[:, 2]
    return np.interp(forward, [-1, -0.3, 0.4, 1], [0.76, 0.75, 0.76, 0.84])


def _round(wider: float) -> Neckline:
    return lambda points: down_from_chin(points) - _base(points) - wider


def _high(higher: float) -> Neckline:
    """Up the neck, level with the chin's underside."""

    def neckline(points: np.ndarray) -> np.ndarray:
        top = -0.47 - 0.25 * (points[:, 2] - NECK) + higher
        shoulders = np.minimum(down_from_chin(points) - _base(points), -0.45 - points[:, 1])
        return np.maximum(top - points[:, 1], shoulders)

    return neckline


def _pointed(wider: float, depth: float) -> Neckline:
    """From the sides of the neck straight down to a point in front."""

    def neckline(points: np.ndarray) -> np.ndarray:
        front = eased((points[:, 2] - NECK) / 0.2)
        low = depth * np.clip(1 - np.abs(points[:, 0]) / (0.2 + 0.15 * depth), 0, 1) * front
        return (down_from_chin(points) - _base(points) - wider - 1.5 * low) / (1 + 1.2 * (low > 0))

    return neckline


def _off_the_chin(below: Neckline) -> Neckline:
    def neckline(points: np.ndarray) -> np.ndarray:
        return np.where(points[:, 2] > CHIN[2], np.minimum(below(points), CHIN[1] - points[:, 1]), below(points))

    return neckline


@dataclass(frozen=True, eq=False)
class _Drape:
    garment: Garment
    ground: Ground
    rng: np.random.Generator

    def sheet(self, below: Neckline, *, cloth: float, band: float = 0.0, roll: float = 0.0, lapel: float = 0.0) -> Mesh:
        """Cloth from a neckline down; ``band``, ``roll`` and ``lapel`` are how wide what is sewn along it is."""

        def edge(points: np.ndarray) -> np.ndarray:
            return np.where(np.abs(below(points)) < max(0.04, 1.2 * lapel), 0.012, 0.026)

        # The tip of the chin can lie as far out as the shoulders do; it wears nothing.
        below = _off_the_chin(below)
        sheet = largest_component(patch(self.ground.skin, below, edge, margin=0.05))
        points, normals = sheet.vertices, sheet.vertex_normals
        depth = below(points)
        hung = self._hung(sheet, depth)
        off = cloth + 0.02 * self.garment.loose * eased(depth / 0.2)
        off = off + 0.006 * eased(depth / 0.004) * (depth < band) + roll * np.sin(np.pi * np.clip(depth / 0.16, 0, 1))
        off = off + 0.014 * eased(depth / 0.004) * eased((lapel * _notched(points) - depth) / 0.008)
        off = np.maximum(off + self._creases(points, depth, band), 0.7 * cloth)
        rim = eased((depth + 0.004) / 0.012)
        outer = hung * rim[:, None] + points * (1 - rim[:, None]) + ((off + UNDER) * rim - UNDER)[:, None] * normals
        return _closed_inside(Mesh(outer, sheet.faces))

    def _hung(self, sheet: Mesh, depth: np.ndarray) -> np.ndarray:
        """The body under cloth: hollows bridged, never inside the skin."""
        edges = edges_of(sheet.faces, len(sheet.vertices))
        rounds = 12 + int(30 * self.garment.loose)
        soft = smoothed_by(sheet.vertices, edges, rounds, eased(depth / 0.1))
        inside = np.sum((sheet.vertices - soft) * sheet.vertex_normals, axis=1)
        return soft + np.clip(inside, 0, None)[:, None] * sheet.vertex_normals

    def _creases(self, points: np.ndarray, depth: np.ndarray, band: float) -> np.ndarray:
        """Folds that hang from the shoulders, and small ones across; calm where something is sewn on."""
        noise = Noise.sample(self.rng)
        away = points - [0, 0, NECK]
        around = 0.5 * unit(away * [1, 0, 1])
        hanging = noise.wave(around + np.stack([0 * depth, 0.22 * depth, 0 * depth], axis=1), 0.26)
        pulled = noise.wave(points * [0.5, 0.5, 1] + 0.7 * depth[:, None] * around, 0.3)
        small = noise.fractal(points * [0.7, 0.5, 0.7], 0.07, 2)
        calm = eased((depth - band) / 0.15)
        deep = (0.003 + 0.012 * self.garment.creased) * (0.6 + self.garment.loose)
        return calm * deep * (0.8 - np.abs(hanging) + 0.9 * np.tanh(pulled) + 0.15 * small)

    def collar(self) -> Mapping[str, Mesh]:
        """A shirt's collar: standing around the neck, folded over, open in front with two points."""
        around = np.linspace(-1, 1, 90)
        opening = np.radians(12 + 14 * self.garment.neckline)
        angle = around * (np.pi - opening) + np.pi
        front = np.clip((np.abs(around) - 0.55) / 0.45, 0, 1)
        stand = 0.11 - 0.03 * front
        fall = 0.13 + (0.08 + 0.05 * self.garment.neckline) * front**2
        s = np.linspace(0, 1, 21)
        up = np.interp(s, [0, 0.4, 0.5, 1], [0, 1, 1, 0])
        down = np.clip((s - 0.5) / 0.5, 0, 1)
        base = self._neck(angle, 0.0)
        out = np.stack([np.sin(angle), np.zeros_like(angle), np.cos(angle)], axis=1)
        over = np.sin(np.pi * np.clip((s - 0.3) / 0.4, 0, 1)) * 0.006
        away = np.interp(s, [0, 0.4, 0.6, 1], [0.004, 0.012, 0.03, 0.065])
        height = stand[:, None] * np.where(s < 0.5, up, 1) - fall[:, None] * down + over
        wave = 0.006 * Noise.sample(self.rng).wave(np.stack([4 * around, 0 * around, 0 * around], axis=1), 1.2)
        grid = base[:, None] + out[:, None] * (away + (wave + 0.03 * front**2)[:, None] * down)[..., None]
        grid = grid + np.array([0, 1, 0]) * height[..., None]
        clear = self.ground.lifted(grid.astype(np.float32), np.full(grid.shape[:2], 0.012, np.float32)).astype(float)
        return {"collar": plate(clear, 0.008)}

    def hood(self) -> Mapping[str, Mesh]:
        """A hood that lies folded behind the neck and runs out in front."""
        angle = np.linspace(0, 2 * np.pi, 96, endpoint=False)
        behind = 0.5 - 0.5 * np.cos(angle)
        thick = 0.035 + (0.06 + 0.05 * self.garment.loose) * behind**1.5
        line = self._neck(angle, 0.02 * behind) - np.array([0, 1, 0]) * (0.05 + 0.04 * behind)[:, None]
        out = np.stack([np.sin(angle), np.zeros_like(angle), np.cos(angle)], axis=1)
        line = line + out * (0.8 * thick)[:, None] + np.array([0, 1, 0]) * (0.2 * thick - 0.02)[:, None]
        turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        noise = Noise.sample(self.rng)
        around = 1.2 * np.repeat(out, 40, axis=0)
        places = around + np.tile(0.7 * turn, 96)[:, None] * [0, 1, 0]
        folds = 1 + (0.08 + 0.12 * self.garment.creased) * noise.fractal(places, 1.6, 2).reshape(96, 40)
        # Two rolls of cloth, one inside the other: a groove runs along the top.
        groove = 1 - 0.28 * np.exp(-np.square((turn - 0.55 * np.pi) / 0.28))
        radius = thick[:, None] * folds * groove
        rings = line[:, None] + (radius * np.cos(turn))[..., None] * out[:, None]
        rings = rings + (1.15 * radius * np.sin(turn))[..., None] * np.array([0, 1, 0])
        return {"hood": wrapped(rings, loop=True)}

    def _neck(self, angle: np.ndarray, off: np.ndarray | float) -> np.ndarray:
        """Points around the base of the neck, from the front over the left."""
        way = np.stack([np.sin(angle), np.zeros_like(angle), np.cos(angle)], axis=1)
        height = -np.interp(np.cos(angle), [-1, -0.3, 0.4, 1], [0.5, 0.5, 0.53, 0.62])
        at = np.array([0, 0, NECK]) + np.array([0, 1, 0]) * height[:, None] + 0.6 * way
        for _ in range(12):
            at = at - way * (0.6 * (self.ground.distance(at) - off))[:, None]
        return at


def _notched(points: np.ndarray) -> np.ndarray:
    """How wide a jacket's lapel is down its edge: with a notch where it meets the collar."""
    height = points[:, 1]
    return np.where(height > -0.62, 0.55, np.interp(height, [-1.0, -0.66, -0.62], [0.75, 1.1, 1.0]))


def _closed_inside(mesh: Mesh) -> Mesh:
    """With its border around the neck, which is under the skin, joined to a point inside the neck."""
    edges = np.concatenate([mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]], mesh.faces[:, [2, 0]]])
    n = len(mesh.vertices)
    border = edges[~np.isin(edges[:, 0] * n + edges[:, 1], edges[:, 1] * n + edges[:, 0])]
    inner = border[np.linalg.norm(mesh.vertices[border].mean(axis=1), axis=1) < 1]
    middle = np.array([[0.0, mesh.vertices[inner].mean(axis=(0, 1))[1] - 0.05, NECK]])
    fan = np.stack([inner[:, 1], inner[:, 0], np.full(len(inner), n)], axis=1)
    return Mesh.of(np.concatenate([mesh.vertices, middle]), np.concatenate([mesh.faces, fan]))
