"""Into head space: where the head is in data that came from elsewhere.

Best by landmarks, marked in space or triangulated from pictures (Multi-NeuS, section 4.1); else by an honest guess from
what the cameras look at. ``how`` goes into a subject's facts as ``placement``, so that nobody mistakes one for another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float64

from headfield.cameras import Camera
from headfield.capture import Landmarks
from headfield.data.marks import canonical_places
from headfield.errors import InputError
from headfield.mesh.align import umeyama
from headfield.transforms import Similarity
from headfield.units import MILLIMETRES_PER_UNIT

How = Literal["landmarks", "cameras", "bounds", "given"]
"""``bounds``: by the box or sphere around the object; ``given``: the data were in head space already."""

FEWEST_LANDMARKS = 6
"""As many as Multi-NeuS aligns by; three would do on paper."""

MOST_ROOT_MEAN_SQUARE = 0.075
"""15 mm: real faces are some 5 mm from the average one, mirrored or shuffled landmarks 25 mm."""


@dataclass(frozen=True, eq=False)
class Placement:
    """The transform into head space, and how it was found."""

    to_head: Similarity
    how: How


def by_landmarks(landmarks: Landmarks, *, scale: float | None, what: str) -> Placement:
    """Align landmarks with those of head space; ``scale`` is the head units of one unit of theirs, if known."""
    to_head, distance = fit_landmarks(landmarks, scale=scale, what=what)
    if not distance < MOST_ROOT_MEAN_SQUARE:
        raise InputError(
            f"the landmarks of {what} are {MILLIMETRES_PER_UNIT * distance:.0f} mm off an average face; check their "
            f"order, that left is the subject's left, and the unit."
        )
    return Placement(to_head, "landmarks")


def fit_landmarks(landmarks: Landmarks, *, scale: float | None, what: str) -> tuple[Similarity, float]:
    """The transform that brings landmarks closest to those of head space, and how far off they stay on average."""
    which, places = canonical_places(landmarks)
    if len(which) < FEWEST_LANDMARKS:
        raise InputError(
            f"{what} has {len(which)} landmarks that head space knows; mark at least {FEWEST_LANDMARKS} of them."
        )
    points = landmarks.points[which].astype(np.float64)
    if scale is None:
        to_head = umeyama(points, places)
    else:
        unscaled = umeyama(points * scale, places, with_scale=False)
        to_head = replace(unscaled, scale=unscaled.scale * scale)
    residual = to_head.apply(torch.from_numpy(points)).numpy() - places
    return to_head, float(np.sqrt((residual**2).sum(axis=1).mean()))


def by_cameras(cameras: Sequence[Camera], *, scale: float | None, what: str) -> Placement:
    """Guess: the head is where all cameras look, upright in the pictures, and fills them.

    Head space's front is then where the cameras stand, on average; the middle of the head is what they look at.
    """
    centres = np.stack([_numbers(camera.centre) for camera in cameras])
    axes = np.stack([_numbers(camera.forward) for camera in cameras])
    if len(cameras) == 1:
        # One picture knows no distance: as far away as the unit sphere fills it.
        focus = centres[0] + axes[0] / (_half_sine(cameras[0]) * (scale or 1.0))
    else:
        focus = nearest_to_lines(centres, axes)
    depths = None if focus is None else ((focus - centres) * axes).sum(axis=1)
    if focus is None or depths is None or np.median(depths) <= 0:
        raise InputError(
            f"the cameras of {what} do not look at one place; add a landmarks.json to say where the head is."
        )
    if scale is None:
        radii = [depth * _half_sine(camera) for depth, camera in zip(depths, cameras, strict=True) if depth > 0]
        scale = 1 / float(np.median(radii))
    return Placement(_upright(cameras, focus, scale), "cameras")


def by_sphere(
    cameras: Sequence[Camera], centre: Float64[np.ndarray, "3"], radius: float, *, scale: float | None
) -> Placement:
    """Guess: the sphere known to hold the object is the unit sphere of head space, upright in the pictures."""
    return Placement(_upright(cameras, centre, scale if scale is not None else 1 / radius), "bounds")


def by_bounds(points: Float64[np.ndarray, "n 3"], *, scale: float) -> Placement:
    """Guess: the middle of the bounding box is the origin; +y is up already, and ``scale`` is known."""
    centre = (points.min(axis=0) + points.max(axis=0)) / 2
    one = torch.ones((), dtype=torch.float64)
    return Placement(
        Similarity(one * scale, torch.eye(3, dtype=torch.float64), torch.from_numpy(-scale * centre)), "bounds"
    )


def triangulate(
    cameras: Sequence[Camera], pixels: Float64[np.ndarray, "v n 2"], visible: Bool[np.ndarray, "v n"]
) -> tuple[Float64[np.ndarray, "n 3"], Bool[np.ndarray, "n"]]:
    """Where n points are that v cameras saw at ``pixels``, and which of them could be found.

    Each needs two views in which it is visible. Linear first (the direct linear transform on the planes at depth
    one), then Gauss-Newton steps on the distances in pixels.
    """
    rotations = np.stack([_numbers(camera.rotation) for camera in cameras])
    translations = np.stack([_numbers(camera.translation) for camera in cameras])
    focals = np.stack([_numbers(camera.focal) for camera in cameras])
    principals = np.stack([_numbers(camera.principal) for camera in cameras])
    n = pixels.shape[1]
    points, found = np.zeros((n, 3)), np.zeros(n, dtype=bool)
    for i in range(n):
        v = visible[:, i]
        if v.sum() < 2:
            continue
        poses = rotations[v], translations[v], focals[v]
        point = _triangulate_one(*poses, (pixels[v, i] - principals[v]) / focals[v])
        if point is not None:
            points[i], found[i] = point, True
    return points, found


def nearest_to_lines(
    places: Float64[np.ndarray, "n 3"], directions: Float64[np.ndarray, "n 3"]
) -> Float64[np.ndarray, "3"] | None:
    """The point nearest to all lines in the sense of least squares; None where the lines are parallel."""
    across = np.eye(3) - directions[:, :, None] * directions[:, None, :]
    total = across.sum(axis=0)
    if np.linalg.eigvalsh(total)[0] < 1e-6 * len(places):
        return None
    return np.linalg.solve(total, np.einsum("nij,nj->i", across, places))


def _triangulate_one(
    rotations: Float64[np.ndarray, "v 3 3"],
    translations: Float64[np.ndarray, "v 3"],
    focals: Float64[np.ndarray, "v 2"],
    plane: Float64[np.ndarray, "v 2"],
) -> Float64[np.ndarray, "3"] | None:
    # x = X/Z and y = Y/Z are two linear equations a view: (R₁ - x R₃)·p = x t₃ - t₁, and the same for y.
    rows = rotations[:, :2] - plane[:, :, None] * rotations[:, 2:]
    right = plane * translations[:, 2:] - translations[:, :2]
    matrix, values = rows.reshape(-1, 3), right.reshape(-1)
    if np.linalg.cond(matrix) > 1e6:
        return None
    point = np.linalg.lstsq(matrix, values, rcond=None)[0]
    for _ in range(5):
        local = rotations @ point + translations
        depth = local[:, 2:]
        if (depth <= 0).any():
            return None
        seen = local[:, :2] / depth
        error = ((seen - plane) * focals).reshape(-1)
        slope = (rotations[:, :2] - seen[:, :, None] * rotations[:, 2:]) / depth[:, :, None] * focals[:, :, None]
        point = point - np.linalg.lstsq(slope.reshape(-1, 3), error, rcond=None)[0]
    return point


def _upright(cameras: Sequence[Camera], centre: Float64[np.ndarray, "3"], scale: float) -> Similarity:
    """The similarity with ``scale`` that brings ``centre`` to the origin, up to +y, and the cameras' side to +z."""
    ups = np.stack([-_numbers(camera.rotation)[1] for camera in cameras])
    towards = np.stack([_numbers(camera.centre) for camera in cameras]) - centre
    towards = towards / np.linalg.norm(towards, axis=1, keepdims=True)
    up = _direction(ups.mean(axis=0), ups[0])
    front = _direction(towards.mean(axis=0), towards[0])
    right = np.cross(up, front)
    if np.linalg.norm(right) < 1e-3:  # seen from straight above or below
        right = _numbers(cameras[0].rotation)[0]
    right = right - up * (right @ up)
    right /= np.linalg.norm(right)
    rotation = np.stack([right, up, np.cross(right, up)])
    return Similarity(
        torch.tensor(scale, dtype=torch.float64),
        torch.from_numpy(rotation),
        torch.from_numpy(-scale * (rotation @ centre)),
    )


def _direction(mean: Float64[np.ndarray, "3"], first: Float64[np.ndarray, "3"]) -> Float64[np.ndarray, "3"]:
    """The mean of unit vectors as a unit vector, or the first of them where they point all around."""
    length = np.linalg.norm(mean)
    return mean / length if length > 0.2 else first


def _half_sine(camera: Camera) -> float:
    """The sine of half the angle that the smaller side of the picture spans."""
    half = min(camera.width / 2 / float(camera.focal[0]), camera.height / 2 / float(camera.focal[1]))
    return half / float(np.hypot(1, half))


def _numbers(values: torch.Tensor) -> Float64[np.ndarray, "*n"]:
    return values.detach().cpu().double().numpy()
