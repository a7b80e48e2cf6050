"""Where the studio's cameras stand, by name: the set-ups with which the published methods were trained and measured.

Heights, angles and distances come from the papers; where one is silent, the camera takes in head and shoulders.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from headfield import rigs
from headfield.cameras import Camera
from headfield.errors import InputError
from headfield.rigs import around, focal_for, on_sphere
from headfield.units import MILLIMETRES_PER_UNIT

PORTRAIT_DISTANCE = 1500 / MILLIMETRES_PER_UNIT
"""How far a camera stands away for a portrait."""

PORTRAIT_SIZE = 2.2
"""What a portrait takes in, in head units: the unit sphere and a little more."""

FACE = (0.0, -0.05, 0.45)
"""The middle of a face."""

BUST_BOTTOM = -0.65
"""Photos by hand show nothing below this height in front of the face, where the bust ends."""

Rig = Callable[[int, np.random.Generator], Camera]
"""Cameras with square pictures so many pixels wide; chance decides where the rig leaves it to."""


def _portraits(directions: Float[Tensor, "n 3"], pixels: int) -> Camera:
    return around(directions, distance=PORTRAIT_DISTANCE, size=PORTRAIT_SIZE, pixels=pixels)


def _orbit(pixels: int, rng: np.random.Generator) -> Camera:
    """Once around the head at its height, as the pictures of H3DS: 64 of its 60 to 70 (Multi-NeuS, section 4.1)."""
    return _portraits(rigs.orbit(64), pixels)


def _arc(pixels: int, rng: np.random.Generator) -> Camera:
    """A walk with a phone in front of the face, as SmartPortraits: 77 views, ±45°, 1.5 m (Multi-NeuS, section 4.1)."""
    return _portraits(rigs.arc(77, half_angle=45.0), pixels)


def _grid(pixels: int, rng: np.random.Generator) -> Camera:
    """5 x 5 selfies over 15° by 25° at 30 cm with a field of view of 84° (Portrait NeRF, sections 3.1 and 4)."""
    distance = 300 / MILLIMETRES_PER_UNIT
    directions = rigs.grid(5, 5, half_azimuth=7.5, half_elevation=12.5)
    size = 2 * distance * float(np.tan(np.radians(84 / 2)))
    return around(directions, distance=distance, size=size, pixels=pixels, target=FACE)


def _fibonacci(pixels: int, rng: np.random.Generator) -> Camera:
    """128 directions spread evenly over all of the sphere of radius 2.6 (adversarial head model, 5.1.2 and 5.2.2).

    The picture takes in just the unit sphere.
    """
    distance = 2.6
    size = 2 * distance / float(np.sqrt(distance**2 - 1))
    return around(rigs.fibonacci(128), distance=distance, size=size, pixels=pixels)


def _few(pixels: int, count: int) -> Camera:
    azimuth = torch.tensor([0.0, -45.0, 45.0, -90.0, 90.0, 0.0], dtype=torch.float64)
    elevation = torch.tensor([0.0, 0.0, 0.0, 0.0, 0.0, -20.0], dtype=torch.float64)
    return _portraits(on_sphere(azimuth, elevation)[:count], pixels)


def _sphere(pixels: int, rng: np.random.Generator) -> Camera:
    """24 views from everywhere, more of them in front and above than behind and below, for priors to learn from."""
    n = 24
    first, second = (rng.random(2)[:, None] + np.arange(n) * np.array([[0.7548776662], [0.5698402910]])) % 1
    azimuth = np.interp(first, *_cumulative(lambda a: 1 + 0.7 * np.cos(np.radians(a)), -180, 180))
    elevation = np.interp(second, *_cumulative(lambda e: np.exp(-(((e - 8) / 30) ** 2)), -35, 75))
    directions = on_sphere(torch.from_numpy(azimuth), torch.from_numpy(elevation))
    return _portraits(directions, pixels)


def _cumulative(
    density: Callable[[Float64[np.ndarray, "k"]], Float64[np.ndarray, "k"]], low: float, high: float
) -> tuple[Float64[np.ndarray, "k"], Float64[np.ndarray, "k"]]:
    """The share of a density that lies below a place, and the places."""
    places = np.linspace(low, high, 1001)
    below = np.cumsum(density(places))
    return (below - below[0]) / (below[-1] - below[0]), places


def _phone(pixels: int, rng: np.random.Generator) -> Camera:
    """One photo by hand: 0.35 to 2 m from the face, tilted, off-centre, any framing from the face to the shoulders."""
    azimuth, elevation = np.clip(rng.normal([0, 3], [28, 10]), [-80, -30], [80, 35])
    return Camera.stack([_by_hand(azimuth, elevation, rng.uniform(1.0, 2.0), FACE, pixels, rng)])


def _phones(pixels: int, rng: np.random.Generator) -> Camera:
    """Six photos by hand, from the front and both sides, for networks that learn to look at one photo."""
    azimuths = np.linspace(-90, 90, 6) + rng.normal(0, 12, 6)
    elevations = np.clip(rng.normal(2, 14, 6), -35, 40)
    taken = []
    for azimuth, elevation in zip(azimuths, elevations, strict=True):
        # From the side, the middle of the head rather than of the face.
        middle = (0.0, FACE[1], FACE[2] * max(0.0, float(np.cos(np.radians(azimuth)))))
        taken.append(_by_hand(azimuth, elevation, rng.uniform(1.1, 2.3), middle, pixels, rng))
    return Camera.stack(taken)


def _by_hand(
    azimuth: float,
    elevation: float,
    size: float,
    middle: tuple[float, float, float],
    pixels: int,
    rng: np.random.Generator,
) -> Camera:
    """A camera held by hand in some direction that takes in so much around the middle."""
    about = torch.tensor(middle, dtype=torch.float64)
    distance = float(np.exp(rng.uniform(np.log(350), np.log(2000)))) / MILLIMETRES_PER_UNIT
    roll = np.radians(np.clip(rng.normal(0, 6), -20, 20))
    aim = about + torch.from_numpy(rng.normal(0, 0.07 * size, 3))
    aim[1] = max(float(aim[1]), BUST_BOTTOM + size / 2)
    return Camera.look_at(
        about + distance * on_sphere(torch.tensor(azimuth), torch.tensor(elevation)),
        aim,
        focal=focal_for(size, distance=distance, pixels=pixels),
        width=pixels,
        height=pixels,
        up=(float(np.sin(roll)), float(np.cos(roll)), 0.0),
    )


RIGS: dict[str, Rig] = {
    "orbit": _orbit,
    "arc": _arc,
    "grid": _grid,
    "fibonacci": _fibonacci,
    "views-1": lambda pixels, rng: _few(pixels, 1),
    "views-3": lambda pixels, rng: _few(pixels, 3),
    "views-6": lambda pixels, rng: _few(pixels, 6),
    "sphere": _sphere,
    "phone": _phone,
    "phones": _phones,
}
"""Each rig by its name. ``views-1``, ``-3`` and ``-6`` are the few views of InstantAvatar (section 4.4): the front,
±45°, ±90°, and the front from below; each begins with the one before."""


def rig(name: str, *, pixels: int, rng: np.random.Generator) -> Camera:
    """The cameras of a rig, as one batch; InputError if none has that name."""
    if name not in RIGS:
        raise InputError(f"there is no rig {name!r}; there are {', '.join(RIGS)}.")
    return RIGS[name](pixels, rng)
