"""A subject whose every pixel is known: a coloured sphere, seen and scanned exactly."""

from __future__ import annotations

import numpy as np
import torch

from headfield.cameras import Camera
from headfield.capture import Capture, Landmarks, Scan, Subject, View
from headfield.rigs import around, orbit
from headfield.transforms import Similarity, so3_exp
from tests.shapes import sphere

RADIUS = 0.5


def colour(points: np.ndarray) -> np.ndarray:
    """Red to the left, green upwards, blue to the front."""
    return np.round(np.clip(points / RADIUS * 0.5 + 0.5, 0, 1) * 255).astype(np.uint8)


def sphere_view(name: str, camera: Camera) -> View:
    camera = camera.to(dtype=torch.float64)
    rays = camera.rays(camera.pixel_centres().reshape(-1, 2))
    along = (rays.origins * rays.directions).sum(-1)
    inside = along**2 - (rays.origins**2).sum(-1) + RADIUS**2
    hit = inside > 0
    points = rays.at(-along - inside.clamp(min=0).sqrt())
    shape = (camera.height, camera.width)
    mask = hit.reshape(shape).numpy()
    normals = (points / RADIUS @ camera.rotation.T).reshape(*shape, 3).numpy() * mask[..., None]
    return View(
        name,
        camera,
        image=np.where(mask[..., None], colour(points.numpy()).reshape(*shape, 3), np.uint8(40)),
        mask=mask.astype(np.uint8) * 255,
        normals=normals.astype(np.float32),
        depth=(camera.to_camera(points)[:, 2].reshape(shape).numpy() * mask).astype(np.float32),
        landmarks=Landmarks(camera.project(torch.eye(3, dtype=torch.float64) * RADIUS)[0].numpy(), np.ones(3, bool)),
    )


def sphere_scan(n: int, rng: np.random.Generator) -> Scan:
    normals = rng.normal(size=(n, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return Scan(
        points=(RADIUS * normals).astype(np.float32),
        normals=normals.astype(np.float32),
        colours=colour(RADIUS * normals),
        sensors=rng.normal(size=(4, 3)).astype(np.float32),
        sensor_of_point=rng.integers(0, 4, n),
        free_points=(normals * 0.9).astype(np.float32),
    )


def sphere_subject(name: str = "ball", *, views: int = 3, pixels: int = 48, points: int = 500) -> Subject:
    rng = np.random.default_rng(0)
    cameras = around(orbit(views), distance=4.0, size=1.4, pixels=pixels)
    return Subject(
        name,
        capture=Capture(tuple(sphere_view(f"view-{i}", cameras[i]) for i in range(views))),
        scan=sphere_scan(points, rng),
        truth=sphere(RADIUS, rings=8),
        registration=sphere(0.9 * RADIUS, rings=5),
        landmarks=Landmarks(np.eye(3) * RADIUS, np.array([True, False, True]), "named", ("left", "top", "front")),
        identity="a ball",
        expression="smile",
        facts={"seed": 7, "numbers": np.array([0.1, 0.2]), "hair": "none"},
        to_head=Similarity(
            torch.tensor(0.005, dtype=torch.float64),
            so3_exp(torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64)),
            torch.tensor([0.1, -0.2, 0.3], dtype=torch.float64),
        ),
    )
