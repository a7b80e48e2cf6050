"""Eyeballs: iris, pupil and white, painted about the axis of gaze on the white of the eye, which covers all of it."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, Float64, UInt8

from headfield.studio.look import Eyes
from headfield.studio.model import IRIS_UV_PER_RADIAN, HeadModel, sphere_centre
from headfield.studio.noise import Noise
from headfield.studio.tone import decode, encode
from headfield.units import MILLIMETRES_PER_UNIT

IRIS_RADIUS = 6.2 / MILLIMETRES_PER_UNIT
"""Irises hardly differ in size between people."""

SEEN = 1.55
"""Lids hide whatever is further than this from the axis of gaze, in radians."""

WHITE = (0.80, 0.77, 0.75)
YELLOW = (0.77, 0.69, 0.57)
VEIN = (0.72, 0.36, 0.33)


def iris_angle(model: HeadModel, part: str, pupil: int) -> float:
    """How far from the axis of gaze the iris reaches on the model's eyeball, in radians."""
    ball = model.mean[model.parts[part].vertices]
    radius = float(np.linalg.norm(model.mean[pupil] - sphere_centre(ball, model.mean[pupil])))
    return float(np.arcsin(min(IRIS_RADIUS / radius, 0.9)))


def paint_eye(eyes: Eyes, angle: float, rng: np.random.Generator, size: int = 512) -> UInt8[np.ndarray, "s s 3"]:
    """An eyeball's texture with the pupil in the middle, for an iris that reaches ``angle`` from the axis of gaze."""
    noise = Noise.sample(rng)
    rows, columns = np.mgrid[:size, :size]
    x, y = (columns.ravel() + 0.5) / size - 0.5, 0.5 - (rows.ravel() + 0.5) / size
    radius = np.hypot(x, y)
    around = np.stack([x, y], axis=1) / np.maximum(radius, 1e-6)[:, None]
    reach = angle * IRIS_UV_PER_RADIAN
    light = np.broadcast_to(decode(np.array(WHITE)), (len(radius), 3)).copy()
    seen = np.flatnonzero(radius < SEEN * IRIS_UV_PER_RADIAN)
    light[seen] = _white(eyes, noise, np.stack([x[seen], y[seen]], axis=1), radius[seen] / reach)
    near = np.flatnonzero(radius < 1.3 * reach)
    from_pupil = radius[near] / reach
    iris = _iris(eyes, noise, around[near], from_pupil)
    # The iris shades off into the white.
    inside = 1 - _step(from_pupil, 0.93, 1.06)[:, None]
    light[near] += inside * (iris - light[near])
    return np.rint(encode(np.clip(light, 0, 1)) * 255).astype(np.uint8).reshape(size, size, 3)


def _step(values: Float64[np.ndarray, "n"], start: float, end: float) -> Float64[np.ndarray, "n"]:
    t = np.clip((values - start) / (end - start), 0, 1)
    return t * t * (3 - 2 * t)


def _white(
    eyes: Eyes, noise: Noise, at: Float64[np.ndarray, "n 2"], radii: Float64[np.ndarray, "n"]
) -> Float64[np.ndarray, "n 3"]:
    """The white: yellower and redder away from the iris, with fine veins that come from the corners."""
    points = np.concatenate([at, np.zeros((len(at), 1))], axis=1)
    white, yellow, vein = (decode(np.array(colour)) for colour in (WHITE, YELLOW, VEIN))
    patches = np.clip(0.5 + 0.5 * noise.wave(points, 0.2), 0, 1)
    light = white + (eyes.yellowing * (0.35 + 0.4 * patches))[:, None] * (yellow - white)
    # Thin where the field of one wave crosses zero; stretched sideways, since veins run that way.
    winding = points * [0.45, 1.0, 1.0] + 0.012 * noise.wave(points, 0.08)[:, None]
    thread = np.exp(-((noise.wave(winding, 0.14) / 0.10) ** 2)) * np.clip(0.5 + noise.wave(points + 5, 0.12), 0, 1)
    corner = np.clip(np.abs(at[:, 0]) / 0.3, 0, 1) * _step(radii, 1.1, 2.0)
    pink = 0.16 * _step(radii, 1.3, 3.0) + 0.4 * eyes.veins * thread * corner
    light += pink[:, None] * (vein - light)
    return light * (1 - 0.25 * _step(radii, 1.3, 3.4))[:, None]


def _iris(
    eyes: Eyes, noise: Noise, around: Float64[np.ndarray, "n 2"], radii: Float64[np.ndarray, "n"]
) -> Float64[np.ndarray, "n 3"]:
    """Fibres from the pupil outwards, the frill around it, crypts, the dark ring outside, the pupil itself."""
    outer, inner = (decode(np.array(colour)) for colour in (eyes.outer, eyes.inner))

    def fibres(fineness: float, shift: float) -> Float32[np.ndarray, "n"]:
        wobble = 0.04 * noise.wave(np.stack([*around.T, 3 * radii], axis=1) + shift, 0.8)[:, None]
        turned = around + wobble * around[:, ::-1] * [1, -1]
        return noise.wave(np.concatenate([turned * fineness, radii[:, None]], axis=1) + shift, 0.9)

    pattern = eyes.fibres * (0.30 * fibres(5.0, 0.0) + 0.26 * fibres(11.0, 9.0))
    frill = eyes.pupil + (1 - eyes.pupil) * (0.30 + 0.05 * fibres(2.0, 4.0))
    inwards = 1 - _step(radii - frill, -0.10, 0.14)
    light = outer + inwards[:, None] * (inner - outer)
    light *= np.exp(pattern + 0.18 * eyes.fibres * inwards)[:, None]
    crypts = np.clip(noise.wave(np.stack([*(2.2 * around.T), 2.5 * radii], axis=1) + 20, 0.8) - 1.0, 0, 1)
    ring = eyes.limbus * _step(radii, 0.74, 1.0)
    light *= ((1 - 0.5 * eyes.fibres * crypts) * (1 - 0.85 * ring))[:, None]
    pupil = 1 - _step(radii, eyes.pupil - 0.03, eyes.pupil + 0.035)
    return light * (1 - pupil)[:, None] + 0.004 * pupil[:, None]
