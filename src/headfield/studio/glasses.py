"""Glasses: frames of several shapes, clear or with dark lenses. They show in pictures only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float64
from scipy.interpolate import PchipInterpolator

from headfield.studio.model import HeadModel
from headfield.studio.shells import joined
from headfield.studio.sweeps import tube, wrapped
from headfield.surface import Mesh

Frame = Literal["round", "oval", "rectangle", "browline", "aviator"]
FRAMES: tuple[Frame, ...] = get_args(Frame)


@dataclass(frozen=True)
class Glasses:
    """One pair of glasses; numbers run from 0 to 1."""

    frame: Frame
    size: float = 0.5
    thickness: float = 0.5
    dark: bool = False


def sample_glasses(rng: np.random.Generator) -> Glasses:
    """A random pair."""
    frame: Frame = FRAMES[rng.integers(len(FRAMES))]
    return Glasses(frame, float(rng.random()), float(rng.random() ** 1.5), bool(rng.random() < 0.25))


def make_glasses(glasses: Glasses, model: HeadModel) -> Mapping[str, Mesh]:
    """Closed surfaces on the mean head: the frame, and the lenses where they are dark."""
    landmarks = model.mean[model.landmarks]
    left = landmarks[42:48].mean(axis=0)
    front = max(landmarks[27, 2] + 0.035, landmarks[42:48, 2].max() + 0.075)
    radius = 0.004 + 0.009 * glasses.thickness
    rim = _rim(glasses, left, front)
    frame = [tube(rim, np.full(len(rim), radius), np.full(len(rim), radius), loop=True, up=(0, 0, 1))]
    if glasses.frame == "browline":
        upper = rim[(rim[:, 1] > left[1] - 0.005)]
        upper = upper[np.argsort(upper[:, 0])]
        fade = np.sin(np.linspace(0.15, np.pi - 0.15, len(upper))) ** 0.5
        frame.append(tube(upper, 1.6 * radius * fade, (radius + 0.012) * fade, up=(0, 0, 1)))
    frame.append(_arm(rim, landmarks, radius))
    frames = [*frame, *(_mirrored(mesh) for mesh in frame), _bridge(rim, radius)]
    parts = {"glasses": joined(*frames)}
    if glasses.dark:
        lens = _lens(rim)
        parts["lenses"] = joined(lens, _mirrored(lens))
    return parts


def _rim(glasses: Glasses, eye: Float64[np.ndarray, "3"], front: float) -> Float64[np.ndarray, "n 3"]:
    """Around the left eye: a superellipse, bent back towards the temple and tilted a little."""
    wide, high, square, drop = {
        "round": (0.105, 0.1, 2.0, 0.0),
        "oval": (0.115, 0.078, 2.2, 0.0),
        "rectangle": (0.122, 0.078, 4.0, 0.0),
        "browline": (0.12, 0.088, 2.8, 0.1),
        "aviator": (0.125, 0.108, 2.4, 0.25),
    }[glasses.frame]
    scale = 0.9 + 0.25 * glasses.size
    angle = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    cos, sin = np.cos(angle), np.sin(angle)
    x = wide * scale * np.sign(cos) * np.abs(cos) ** (2 / square)
    y = high * scale * np.sign(sin) * np.abs(sin) ** (2 / square)
    x = x * (1 - drop * np.clip(-sin, 0, 1))
    x, y = x + eye[0] + 0.012, y + eye[1] - 0.018
    z = front - 0.35 * np.clip(x - 0.03, 0, 1) ** 2 - 0.35 * (x - 0.03).clip(0) * 0.2 + 0.12 * (y - eye[1])
    return np.stack([x, y, z], axis=1)


def _arm(rim: Float64[np.ndarray, "n 3"], landmarks: Float64[np.ndarray, "68 3"], radius: float) -> Mesh:
    """From the rim's outer corner past the temple, over the ear and down behind it."""
    hinge = rim[np.argmax(rim[:, 0] + 0.5 * rim[:, 1])]
    side = landmarks[16, 0] + 0.03
    over = np.array([side + 0.012, landmarks[16, 1] + 0.015, -0.07])
    ways = np.array([hinge, hinge + np.array([0.03, 0, -0.02]), [side, (hinge[1] + over[1]) / 2 + 0.01, 0.16], over])
    end = over + np.array([-0.03, -0.13, -0.09])
    line = _curve(np.concatenate([ways, [over + np.array([0, -0.03, -0.05]), end]]), 40)
    taper = np.concatenate([np.full(len(line) - 4, 1.0), [0.95, 0.8, 0.6, 0.3]])
    return tube(line, 0.7 * radius * taper, (radius + 0.003) * taper)


def _bridge(rim: Float64[np.ndarray, "n 3"], radius: float) -> Mesh:
    inner = rim[np.argmin(rim[:, 0] - 0.4 * rim[:, 1])]
    right = inner * [-1, 1, 1]
    raised = np.array([0, 0.014, 0.012])
    line = _curve(np.stack([inner, inner * [0.4, 1, 1] + raised, right * [0.4, 1, 1] + raised, right]), 16)
    return tube(line, np.full(16, radius), np.full(16, 1.1 * radius))


def _lens(rim: Float64[np.ndarray, "n 3"]) -> Mesh:
    centre = rim.mean(axis=0)
    shares = np.array([0.99, 0.66, 0.33])
    bulge = 0.012 * (1 - shares**2)
    front = [centre + s * (rim - centre) + [0, 0, b + 0.003] for s, b in zip(shares, bulge, strict=True)]
    back = [centre + s * (rim - centre) + [0, 0, b - 0.003] for s, b in zip(shares, bulge, strict=True)]
    return wrapped(np.stack([*front[::-1], *back]))


def _mirrored(mesh: Mesh) -> Mesh:
    return Mesh(mesh.vertices * [-1, 1, 1], mesh.faces[:, ::-1].copy())


def _curve(points: Float64[np.ndarray, "k 3"], count: int) -> Float64[np.ndarray, "n 3"]:
    """A smooth line through points, evenly sampled."""
    arc = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    return np.asarray(PchipInterpolator(arc, points)(np.linspace(0, arc[-1], count)))
