"""People who are balls: subjects, pictures and priors small enough to learn and fit in a second, and known exactly."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import torch
from torch import Tensor

from headfield.cameras import Camera
from headfield.capture import Capture, Landmarks, Scan, Subject, View
from headfield.fields.appearance import AppearanceSettings, PlaceSettings
from headfield.fields.deformation import DeformedSettings
from headfield.fields.geometry import GeometrySettings
from headfield.fields.grid import GridSettings
from headfield.fields.mlp import MLPSettings
from headfield.fitting.coloured import ColouredPoints, coloured_points
from headfield.fitting.prior import ShapePrior
from headfield.fitting.scans import PointsASubject, Scans
from headfield.fitting.scenes import Scenes
from headfield.fitting.shape_learning import Batch
from headfield.fitting.shape_training import Lessons, ShapeTraining
from headfield.fitting.surface_fit import FitOptions, RaysAStep
from headfield.fitting.training import train_prior
from headfield.methods import sira
from headfield.render.proxy import ProxySettings
from headfield.rigs import around, fibonacci, on_sphere

RADII = (0.4, 0.45, 0.5, 0.55, 0.6)

MARKS = fibonacci(68).numpy()
"""In which directions from its middle a ball has its landmarks."""

GEOMETRY = GeometrySettings(MLPSettings(width=32, depth=2), frequencies=2, grid=GridSettings((1, 2), 2), code=4)

APPEARANCE = AppearanceSettings(
    PlaceSettings(MLPSettings(16, 2), frequencies=1, size=4), MLPSettings(16, 1, activation="relu"), frequencies=1
)

BENT = DeformedSettings(
    GeometrySettings(MLPSettings(width=32, depth=2), frequencies=2, grid=None, code=0),
    MLPSettings(width=32, depth=2),
    frequencies=1,
    code=4,
    features=2,
)

LOOKS = AppearanceSettings(None, MLPSettings(32, 2, activation="relu"), frequencies=1, features=2, code=3)

OPTIONS = FitOptions(
    rays=RaysAStep(inside=96, past=48, held=32, held_anywhere=16), proxy=ProxySettings(resolution=24, uses=10)
)

TRAINING = ShapeTraining(
    geometry=GEOMETRY,
    steps=(200, 60),
    batch=Batch(5, PointsASubject(surface=64, near=32, anywhere=16, free=16)),
    rate=2e-3,
    code_rate=5e-3,
    spread=0.1,
    precision="float32",
)


def scan(radius: float, points: int = 1000, seed: int = 0) -> Scan:
    """A ball as four scanners around it see it."""
    normals = np.random.default_rng(seed).normal(size=(points, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    sensors = 3 * np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3)
    return Scan(
        points=(radius * normals).astype(np.float32),
        normals=normals.astype(np.float32),
        sensors=sensors.astype(np.float32),
        sensor_of_point=(normals @ sensors.T).argmax(axis=1),
    )


def subject(radius: float, seed: int = 0) -> Subject:
    """A ball with a scan and landmarks."""
    landmarks = Landmarks(radius * MARKS, np.ones(68, bool))
    return Subject(f"ball-{radius}", scan=scan(radius, seed=seed), landmarks=landmarks)


def lessons(radii: tuple[float, ...] = RADII, *, marked: bool = True) -> Lessons:
    """What there is to learn from some balls."""
    subjects = [subject(radius, seed=i) for i, radius in enumerate(radii)]
    landmarks = torch.stack([torch.from_numpy(radius * MARKS).float() for radius in radii])
    return Lessons(Scans.of(subjects, kept=1000), landmarks, torch.full((len(radii), 68), marked))


def scenes(radii: tuple[float, ...] = RADII, pixels: int = 32) -> Scenes:
    """Pictures of some balls from all around, to learn from without scans."""
    around = tuple(range(0, 360, 60))
    return Scenes.of([Subject(f"ball-{it}", capture(it, around)) for it in radii], pixels=pixels)


def tint(number: int) -> np.ndarray:
    """The colour of one ball among :func:`coloured_lessons`."""
    return np.random.default_rng(number).integers(0, 256, 3).astype(np.uint8)


def coloured_lessons(radii: tuple[float, ...] = RADII) -> Lessons:
    """The same, every ball in a colour of its own."""
    scans = [scan(radius, seed=i) for i, radius in enumerate(radii)]
    painted = [replace(it, colours=np.broadcast_to(tint(i), it.points.shape).copy()) for i, it in enumerate(scans)]
    colours = [coloured_points(Subject(f"ball-{i}", scan=it), 500) for i, it in enumerate(painted)]
    return replace(lessons(radii), coloured=ColouredPoints.joined(colours))


SIRA = sira.Training(
    BENT,
    LOOKS,
    steps=300,
    batch=TRAINING.batch,
    colours=32,
    rate=5e-3,
    code_rate=1e-2,
    precision="float32",
)


@cache
def head_family() -> ShapePrior:
    """A prior of coloured balls with a bent reference; learned once, not to be changed."""
    return train_prior("sira", coloured_lessons(), SIRA)


@cache
def family(marked: bool = True) -> ShapePrior:
    """A prior of balls; learned once, not to be changed."""
    return train_prior("instant-avatar", lessons(marked=marked), TRAINING)


def camera(azimuth: float = 0.0, pixels: int = 48, elevation: float = 0.0) -> Camera:
    direction = on_sphere(torch.tensor([azimuth]).double(), torch.tensor([elevation]).double())
    return around(direction, distance=4.0, size=1.8, pixels=pixels)[0]


def view(radius: float, camera: Camera, name: str = "front", *, normals: bool = True, marked: bool = False) -> View:
    """A picture of a ball, coloured by its normals."""
    rays = camera.rays(camera.pixel_centres().reshape(-1, 2))
    along = -(rays.origins * rays.directions).sum(-1)
    inside = radius**2 - (rays.origins.square().sum(-1) - along**2)
    hit = (inside > 0).reshape(camera.height, camera.width).numpy()
    outwards = rays.at(along - inside.clamp(min=0).sqrt()) / radius
    colours = ((outwards + 1) / 2 * 255).round().reshape(*hit.shape, 3).numpy()
    facing = (outwards @ camera.rotation.T).reshape(*hit.shape, 3).numpy() * hit[..., None]
    pixels, _ = camera.project(torch.from_numpy(radius * MARKS))
    towards = camera.centre.numpy() - radius * MARKS
    return View(
        name,
        camera,
        image=np.where(hit[..., None], colours, 40).astype(np.uint8),
        mask=hit.astype(np.uint8) * 255,
        normals=facing.astype(np.float32) if normals else None,
        landmarks=Landmarks(pixels.numpy(), (towards * MARKS).sum(axis=1) > 0) if marked else None,
    )


def capture(radius: float, azimuths: tuple[float, ...] = (0.0,), **kind: bool) -> Capture:
    """Pictures of a ball from around it."""
    return Capture(tuple(view(radius, camera(azimuth), f"at-{azimuth:g}", **kind) for azimuth in azimuths))


def radii_of(distance, n: int = 200) -> Tensor:
    """How far from the origin the zero level lies in directions all around; as a column of samples says."""
    directions = fibonacci(n).float()
    lengths = torch.linspace(0.1, 0.95, 341)
    with torch.no_grad():
        along = torch.stack([distance(length * directions) for length in lengths])
    return lengths[(along > 0).float().argmax(dim=0)] - 0.00125
