"""Head coverings: caps with a peak, knitted hats and headscarves; and what they do to the hair under them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float, Float32, Float64
from scipy.ndimage import gaussian_filter

from headfield.studio.garments import down_from_chin
from headfield.studio.hair.ground import Ground, ground_of
from headfield.studio.hair.relief import edges_of, smoothed
from headfield.studio.hair.styles import Family
from headfield.studio.hair.volume import SPHERE, Grid, level_surface
from headfield.studio.model import HeadModel
from headfield.studio.noise import Noise
from headfield.studio.shells import eased, joined
from headfield.studio.sweeps import plate
from headfield.surface import Mesh, unit

Covering = Literal["cap", "beanie", "headscarf"]
COVERINGS: tuple[Covering, ...] = get_args(Covering)

SPACING = 0.0135
Stand = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""How far off the head a hat stands, by where and by how far above its rim."""

CROWN = np.array([0.0, 0.1, -0.03])
"""The point inside the head that hats are built around."""


UNDER_HATS: tuple[Family, ...] = (
    "bald",
    "buzz",
    "receding",
    "crop",
    "side-part",
    "slicked-back",
    "curls",
    "bob",
    "long-straight",
    "long-wavy",
)
"""Hair that can be worn under a cap or a knitted hat: what is tied sits where the hat does."""


@dataclass(frozen=True)
class Headwear:
    """What covers a head; numbers run from 0 to 1."""

    kind: Covering
    low: float = 0.5
    """How far it is pulled down."""
    full: float = 0.5
    """How far it stands off."""


def sample_headwear(rng: np.random.Generator) -> Headwear:
    """A random head covering, every kind equally often."""
    kind: Covering = COVERINGS[rng.integers(len(COVERINGS))]
    return Headwear(kind, float(rng.random()), float(rng.random()))


def make_headwear(worn: Headwear, model: HeadModel, rng: np.random.Generator) -> Mapping[str, Mesh]:
    """The closed surface of a head covering on the mean head, by its name."""
    ground = ground_of(model)
    make = {"cap": _cap, "beanie": _beanie, "headscarf": _headscarf}[worn.kind]
    return {worn.kind: make(worn, ground, rng)}


def tucked(hair: Mesh, worn: Headwear, model: HeadModel) -> Mesh | None:
    """Hair pressed flat under a hat where it is covered; none is seen of what is under a headscarf."""
    if worn.kind == "headscarf":
        return None
    ground = ground_of(model)
    height = ground.distance(hair.vertices).astype(np.float64)
    covered = eased((_above_rim(worn, hair.vertices) + 0.18) / 0.2)
    most = (1 - covered) * np.maximum(height, 0) + covered * np.clip(height, None, 0.004)
    down = np.clip(height - most, 0, None)
    vertices = hair.vertices.copy()
    for _ in range(4):  # the way in bends with the skull
        step = np.where(height > most, down / 4, 0)
        vertices -= step[:, None] * ground.normal(vertices)
    return replace(hair, vertices=vertices)


def _rim(worn: Headwear) -> tuple[float, float]:
    """The rim's height above the ears, and how much higher it is one unit farther to the front."""
    if worn.kind == "cap":
        return 0.185 - 0.02 * worn.low, 0.4 - 0.08 * worn.low
    return 0.2 - 0.05 * worn.low, 0.42 - 0.1 * worn.low


def _above_rim(worn: Headwear, points: Float[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n"]:
    height, slope = _rim(worn)
    return np.asarray((points[:, 1] - height - slope * (points[:, 2] + 0.05)) / np.hypot(1, slope), np.float64)


def _beanie(worn: Headwear, ground: Ground, rng: np.random.Generator) -> Mesh:
    """Knitted in ribs, with a turned-up cuff, and slack at the back of its top."""
    cuff = 0.1 + 0.06 * rng.random()
    slack = 0.22 * worn.full
    noise = Noise.sample(rng)
    ribs = 2 * int(rng.integers(34, 46))

    def stand(points: np.ndarray, up: np.ndarray) -> np.ndarray:
        away = points - CROWN
        angle = np.arctan2(away[:, 0], away[:, 2])
        turned = 0.016 * eased((cuff - up) / 0.012)
        back = eased((up - cuff) / 0.5) * (0.6 - 0.5 * unit(away)[:, 2])
        loose = slack * back + 0.03 * worn.full * back * noise.wave(points, 0.3)
        return np.asarray(0.02 + turned + loose + 0.0025 * np.cos(ribs * angle) * eased(1.4 - up / 0.4))

    return _hat(worn, ground, stand)


def _cap(worn: Headwear, ground: Ground, rng: np.random.Generator) -> Mesh:
    """Six panels with seams, a button where they meet, and a peak in front."""
    fill = 0.02 + 0.05 * worn.full

    def stand(points: np.ndarray, up: np.ndarray) -> np.ndarray:
        away = points - CROWN
        angle = np.arctan2(away[:, 0], away[:, 2])
        apart = np.abs((angle * 3 / np.pi) % 1 - 0.5) * np.pi / 3
        seam = np.exp(-np.square((np.pi / 6 - apart) / 0.03)) * eased(up / 0.05)
        front = np.clip(unit(away)[:, 2], 0, 1)
        dome = fill * eased(up / 0.25) * (0.4 + 0.9 * front)
        top = 0.016 * eased((unit(away)[:, 1] - 0.996) / 0.002)
        return np.asarray(0.022 + dome - 0.005 * seam + top)

    crown = _hat(worn, ground, stand)
    return joined(crown, _peak(worn, crown, rng))


def _peak(worn: Headwear, crown: Mesh, rng: np.random.Generator) -> Mesh:
    """A stiff sheet from the front of the rim, bent down at both sides."""
    across = np.linspace(-1, 1, 41)
    angle = across * np.radians(58)
    height, slope = _rim(worn)
    way = np.stack([np.sin(angle), np.zeros(41), np.cos(angle)], axis=1)
    low = crown.vertices[np.abs(_above_rim(worn, crown.vertices) - 0.02) < 0.015]
    flat = unit((low - CROWN) * [1, 0, 1])
    radius = np.array([np.linalg.norm((low - CROWN)[:, [0, 2]], axis=1)[flat @ w > 0.985].max() for w in way])
    root = CROWN + way * (radius - 0.03)[:, None]
    root[:, 1] = height + slope * (root[:, 2] + 0.05) + 0.022
    out = np.linspace(0, 1, 15)
    length = (0.3 + 0.08 * rng.random()) * np.sqrt(np.clip(1 - across**2, 0, 1)) + 0.045
    bend, tilt = 0.05 + 0.12 * rng.random(), 0.15 + 0.25 * rng.random()
    grid = root[:, None] + out[None, :, None] * length[:, None, None] * np.array([0, 0, 1.0])
    drop = tilt * out[None] * length[:, None] + bend * (across**2)[:, None] * (0.35 + 0.65 * out[None])
    grid = grid - drop[..., None] * np.array([0, 1, 0])
    return plate(grid, 0.014)


def _hat(worn: Headwear, ground: Ground, stand: Stand) -> Mesh:
    """The solid of what stands off the head by so much above the rim."""
    grid = Grid.around(np.array([[-0.5, -0.1, -0.75], [0.5, 0.95, 0.62]], np.float32), SPACING, margin=2)
    centres = grid.centres()
    points = centres.reshape(-1, 3)
    up = _above_rim(worn, points)
    height = gaussian_filter(ground.distance(centres), 1.5).reshape(-1)
    inside = np.minimum(stand(points, up) - height, up)
    return _smooth_surface(inside.reshape(grid.shape).astype(np.float32), grid)


def _headscarf(worn: Headwear, ground: Ground, rng: np.random.Generator) -> Mesh:
    """Drawn around the face, over neck and shoulders, in folds that run around the face and down."""
    grid = Grid.around(np.array([[-0.8, -1.0, -0.72], [0.8, 0.8, 0.62]], np.float32), 0.0165, margin=1)
    centres = grid.centres()
    height = ground.distance(centres)
    tight = gaussian_filter(height, 3.0)
    draped = gaussian_filter(np.clip(height, -0.12, 0.3), 6.0)
    thick = 0.035 + 0.03 * worn.full
    low = eased((-0.12 - centres[..., 1].reshape(-1)) / 0.35).reshape(grid.shape)
    cloth = np.maximum(thick - (1 - low) * tight - low * (draped - 0.035), 0.012 - height)
    cloth = np.maximum(gaussian_filter(cloth, 1.6), 0.009 - height)
    inside = np.minimum(cloth, -_opening(worn, centres))
    hem = (1.05 + 0.2 * rng.random() - down_from_chin(centres.reshape(-1, 3))).reshape(grid.shape)
    inside = np.minimum(np.minimum(inside, hem), SPHERE - np.linalg.norm(centres, axis=-1))
    mesh = _smooth_surface(inside.astype(np.float32), grid)
    return _folded(mesh, worn, ground, rng)


def _opening(worn: Headwear, points: Float32[np.ndarray, "*n 3"]) -> Float32[np.ndarray, "*n"]:
    """How far inside the oval the face looks out of; only before the middle of the head."""
    wide, high = 0.3 - 0.03 * worn.low, 0.41 - 0.03 * worn.low
    x, y, z = np.moveaxis(points, -1, 0)
    y = y - 0.03 - 0.02 * worn.low
    oval = (1 - np.sqrt((x / wide) ** 2 + (y / high) ** 2)) * 0.3
    return np.asarray(np.minimum(oval, z - 0.02), points.dtype)


def _folded(mesh: Mesh, worn: Headwear, ground: Ground, rng: np.random.Generator) -> Mesh:
    points = mesh.vertices
    x, y = points[:, 0], points[:, 1] - 0.03
    ring = np.sqrt((x / 0.3) ** 2 + (y / 0.41) ** 2)
    noise, other = Noise.sample(rng), Noise.sample(rng)
    side = unit(np.stack([x, 0.6 * y, 0.4 * points[:, 2]], axis=1))
    around = np.stack([0.9 * ring, 0 * ring, 0 * ring], axis=1) + 0.18 * side
    hanging = 0.4 * unit(points * [1, 0, 1]) + np.stack([0 * x, 0.15 * y, 0 * x], axis=1)
    low = eased((-0.35 - points[:, 1]) / 0.2)
    fold = (1 - low) * np.tanh(noise.wave(around, 0.17)) + low * np.tanh(other.wave(hanging, 0.2))
    calm = eased((ring - 1.0) / 0.25) * eased(ground.distance(points).astype(np.float64) / 0.02)
    depth = (0.008 + 0.012 * worn.full) * (1 + 0.8 * low) * calm * (fold - 0.2)
    moved = points + depth[:, None] * mesh.vertex_normals
    return Mesh(moved * np.minimum(1, 0.995 / np.linalg.norm(moved, axis=1))[:, None], mesh.faces)


def _smooth_surface(inside: Float32[np.ndarray, "x y z"], grid: Grid) -> Mesh:
    mesh = level_surface(inside / grid.spacing, grid)
    return Mesh(smoothed(mesh.vertices, edges_of(mesh.faces, len(mesh.vertices)), rounds=6), mesh.faces)
