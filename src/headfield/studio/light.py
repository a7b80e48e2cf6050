"""Light: a soft environment as spherical harmonics, and up to two lamps that throw shadows.

Everything is linear RGB. What a matt surface of albedo a sends out is ``a / pi`` times the light that falls on it, and
lights are scaled so that a face turned to +z appears about as bright as its albedo.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32, Float64

from headfield.surface import unit

COSINE_LOBE = np.array([np.pi] + 3 * [2 * np.pi / 3] + 5 * [np.pi / 4])
"""What the cosine of matt reflection does to each harmonic of the light around it."""

LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
"""How bright each linear primary looks."""


@dataclass(frozen=True, eq=False)
class Lamp:
    """A far disc of light, by the unit vector towards it and what falls on a surface that faces it (``colour``)."""

    direction: Float32[np.ndarray, "3"]
    colour: Float32[np.ndarray, "3"]
    angular_radius: float
    """In degrees: how soft its shadows are."""


@dataclass(frozen=True, eq=False)
class Light:
    """All the light of one picture: where in the world it was taken, its environment's radiance, and its lamps.

    The rows of ``ambient`` belong to the columns of :func:`harmonics`.
    """

    setting: str
    ambient: Float32[np.ndarray, "9 3"]
    lamps: tuple[Lamp, ...] = ()

    def irradiance(self, normals: Float[np.ndarray, "*n 3"]) -> Float32[np.ndarray, "*n 3"]:
        """What the environment alone lets fall on surfaces with these unit normals, were nothing in its way."""
        return (harmonics(normals) @ (COSINE_LOBE[:, None] * self.ambient)).astype(np.float32)

    def scaled(self, factors: Float[np.ndarray, "3"]) -> Light:
        """The same light with each primary multiplied: another exposure or white balance."""
        gains = factors.astype(np.float32)
        lamps = tuple(Lamp(lamp.direction, lamp.colour * gains, lamp.angular_radius) for lamp in self.lamps)
        return Light(self.setting, self.ambient * gains, lamps)


def harmonics(directions: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 9"]:
    """The real, orthonormal spherical harmonics up to the second order at unit directions."""
    x, y, z = np.moveaxis(directions, -1, 0)
    first, second = np.sqrt(3 / (4 * np.pi)), np.sqrt(15 / (4 * np.pi))
    columns = [
        np.full_like(x, np.sqrt(1 / (4 * np.pi))),
        *(first * y, first * z, first * x),
        *(second * x * y, second * y * z, second / np.sqrt(12) * (3 * z * z - 1), second * x * z),
        second / 2 * (x * x - y * y),
    ]
    return np.stack(columns, axis=-1)


def _sphere_lattice(n: int) -> Float64[np.ndarray, "n 3"]:
    k = np.arange(n)
    y = 1 - (2 * k + 1) / n
    angle = np.pi * (1 + 5**0.5) * k
    return np.stack([np.sqrt(1 - y * y) * np.cos(angle), y, np.sqrt(1 - y * y) * np.sin(angle)], axis=1)


_LATTICE = _sphere_lattice(2048)

Radiance = Callable[[Float64[np.ndarray, "n 3"]], Float64[np.ndarray, "n 3"]]
"""The light that comes from each direction."""


def project(radiance: Radiance) -> Float32[np.ndarray, "9 3"]:
    """The harmonics of an environment."""
    weights = harmonics(_LATTICE) * (4 * np.pi / len(_LATTICE))
    return (weights.T @ radiance(_LATTICE)).astype(np.float32)


class _Patch(NamedTuple):
    """A bright place of an environment: a window, a soft box, a lit wall."""

    direction: Float64[np.ndarray, "3"]
    colour: Float64[np.ndarray, "3"]
    width: float


class _Scene(NamedTuple):
    """An environment before it is measured: what shines from above, from the sides and from below, patches, lamps."""

    above: Float64[np.ndarray, "3"]
    around: Float64[np.ndarray, "3"]
    below: Float64[np.ndarray, "3"]
    patches: tuple[_Patch, ...] = ()
    lamps: tuple[Lamp, ...] = ()

    def radiance(self, directions: Float64[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n 3"]:
        height = directions[:, 1:2]
        light = self.around + np.where(
            height > 0, (self.above - self.around) * height, (self.around - self.below) * height
        )
        for patch in self.patches:
            nearness = np.exp((directions @ patch.direction - 1) / patch.width**2)
            light = light + nearness[:, None] * patch.colour
        return light


def _towards(azimuth: float, elevation: float) -> Float64[np.ndarray, "3"]:
    """The direction so many degrees to the subject's left of +z and so many up."""
    a, e = np.radians([azimuth, elevation])
    return np.array([np.sin(a) * np.cos(e), np.sin(e), np.cos(a) * np.cos(e)])


def _warm(strength: float) -> Float64[np.ndarray, "3"]:
    """White that leans to candlelight (positive) or to the blue sky (negative), equally bright."""
    colour = np.array([1 + 0.45 * strength, 1.0, 1 - 0.6 * strength])
    return colour / (colour @ LUMINANCE)


def _lamp(direction: Float64[np.ndarray, "3"], colour: Float64[np.ndarray, "3"], degrees: float) -> Lamp:
    """A lamp that alone shows a white surface turned to it in this colour."""
    return Lamp(direction.astype(np.float32), (np.pi * colour).astype(np.float32), degrees)


def _side(rng: np.random.Generator) -> float:
    return float(rng.choice([-1.0, 1.0]))


def _studio(rng: np.random.Generator) -> _Scene:
    side, wall = _side(rng), rng.uniform(0.25, 0.7)
    key = _lamp(_towards(side * rng.uniform(15, 60), rng.uniform(15, 45)), _warm(0.0) * rng.uniform(0.4, 1.0), 8.0)
    rim = _lamp(_towards(-side * rng.uniform(110, 150), rng.uniform(10, 40)), _warm(0.0) * rng.uniform(0.2, 0.8), 5.0)
    fill = _Patch(_towards(-side * rng.uniform(20, 60), rng.uniform(-10, 25)), _warm(0.0) * rng.uniform(0.4, 1.5), 0.5)
    grey = _warm(rng.normal(0, 0.03)) * wall
    return _Scene(grey, grey, grey * 0.7, (fill,), (key, rim) if rng.random() < 0.5 else (key,))


def _window(rng: np.random.Generator) -> _Scene:
    side = _side(rng)
    sky = _warm(rng.uniform(-0.25, 0.05))
    window = _Patch(_towards(side * rng.uniform(25, 85), rng.uniform(0, 30)), sky * rng.uniform(3, 6), 0.45)
    room = _warm(rng.uniform(0, 0.3)) * rng.uniform(0.25, 0.5)
    soft = _lamp(window.direction, sky * rng.uniform(0.15, 0.6), 14.0)
    return _Scene(room * 1.1, room, room * 0.7, (window,), (soft,))


def _overcast(rng: np.random.Generator) -> _Scene:
    sky = _warm(rng.uniform(-0.2, 0.0)) * rng.uniform(0.9, 1.3)
    ground = _warm(rng.uniform(0, 0.2)) * rng.uniform(0.25, 0.45)
    bright = _Patch(_towards(rng.uniform(-180, 180), rng.uniform(35, 80)), sky * rng.uniform(0.2, 0.8), 0.6)
    return _Scene(sky, sky * rng.uniform(0.6, 0.9), ground, (bright,))


def _sunny(rng: np.random.Generator) -> _Scene:
    sun = _lamp(_towards(rng.uniform(-110, 110), rng.uniform(25, 65)), _warm(0.12) * rng.uniform(0.7, 1.6), 0.6)
    sky = _warm(-0.45) * rng.uniform(0.45, 0.7)
    ground = _warm(0.15) * rng.uniform(0.4, 0.7)
    return _Scene(sky, sky * 1.2 + 0.1, ground, (), (sun,))


def _sunset(rng: np.random.Generator) -> _Scene:
    azimuth = rng.uniform(-120, 120)
    sun = _lamp(_towards(azimuth, rng.uniform(4, 14)), _warm(0.75) * rng.uniform(0.4, 1.0), 1.5)
    glow = _Patch(_towards(azimuth, 5.0), _warm(0.5) * rng.uniform(0.8, 1.6), 0.6)
    sky = _warm(rng.uniform(-0.3, 0.0)) * rng.uniform(0.4, 0.6)
    return _Scene(sky, sky, sky * 0.6, (glow,), (sun,))


def _office(rng: np.random.Generator) -> _Scene:
    tube = _warm(rng.uniform(-0.1, 0.25)) * np.array([0.98, 1.02, 0.98])
    panels = tuple(
        _Patch(_towards(rng.uniform(-180, 180), rng.uniform(40, 85)), tube * rng.uniform(0.5, 1.5), 0.4)
        for _ in range(rng.integers(2, 5))
    )
    wall = tube * rng.uniform(0.4, 0.6)
    above_front = _lamp(_towards(rng.uniform(-50, 50), rng.uniform(40, 65)), tube * rng.uniform(0.15, 0.5), 10.0)
    return _Scene(wall * 1.2, wall, wall * 0.6, panels, (above_front,) if rng.random() < 0.6 else ())


_SETTINGS: dict[str, Callable[[np.random.Generator], _Scene]] = {
    "studio": _studio,
    "window": _window,
    "overcast": _overcast,
    "sunny": _sunny,
    "sunset": _sunset,
    "office": _office,
}

SETTINGS: tuple[str, ...] = tuple(_SETTINGS)
"""The kinds of places where light is sampled."""


def sample_light(rng: np.random.Generator) -> Light:
    """The light of a random place, as a camera that sets its own white balance and exposure sees it."""
    setting = str(rng.choice(SETTINGS))
    scene = _SETTINGS[setting](rng)
    light = Light(setting, project(scene.radiance), scene.lamps)
    balance = _seen(light) / (_seen(light) @ LUMINANCE)
    exposure = np.pi * np.exp(rng.normal(0, 0.1)) / (_seen(light) @ LUMINANCE)
    return light.scaled(exposure * balance ** -rng.uniform(0.5, 0.95))


def _seen(light: Light) -> Float64[np.ndarray, "3"]:
    """The light on the lit parts of a face that looks to +z: more than the mean, since highlights must not burn out."""
    normals = unit(np.array([[0.0, 0, 1], [-0.5, 0, 1], [0.5, 0, 1], [0, 0.4, 1], [0, -0.3, 1]]))
    light_on = light.irradiance(normals).astype(np.float64)
    for lamp in light.lamps:
        light_on += np.clip(normals @ lamp.direction, 0, None)[:, None] * lamp.colour
    return (light_on.mean(axis=0) + light_on.max(axis=0)) / 2
