"""What can be told of a head and its views without being asked: most of a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Bool

from headfield.cameras import Camera
from headfield.canonical import SHOULDERS
from headfield.capture import Landmarks, View
from headfield.data.marks import MEDIAPIPE
from headfield.head import Head
from headfield.mesh.raycast import RayCaster
from headfield.render.mesh_view import render_mesh
from headfield.report import stills
from headfield.report.content import Number, Photo, Report
from headfield.units import MILLIMETRES_PER_UNIT

EYES = (36, 45)
"""The outer corners of the eyes in the 68-point order."""


def report_of(head: Head, views: Sequence[View] = (), *, title: str, pixels: int = 360) -> Report:
    """Pictures of the head's mesh, what it was made with, and how it agrees with the views it was fitted to.

    The head's own pictures are ``pixels`` wide and high.
    """
    mesh, seconds, settings = head.mesh, head.facts.get("seconds"), head.facts.get("settings")
    low, high = mesh.bounds
    numbers = [Number("Photos", len(head.cameras))] if head.cameras else []
    if head.confidence is not None:
        numbers.append(Number("Of the surface was seen", 100 * stills.seen_share(mesh, head.confidence), "%"))
    numbers.append(Number("Height", float(high[1] - low[1]) * MILLIMETRES_PER_UNIT, "mm"))
    numbers += [Number("Vertices", len(mesh.vertices)), Number("Faces", len(mesh.faces))]
    caster = RayCaster(mesh)
    normals, confidence = stills.sides(mesh, head.confidence, pixels)
    return Report(
        title=title,
        turntable=stills.turntable(mesh, pixels=pixels),
        numbers=tuple(numbers),
        photos=tuple(photo_of(view, head, caster) for view in views),
        confidence=confidence,
        normals=normals,
        seconds=seconds if isinstance(seconds, Mapping) else {},
        settings=settings if isinstance(settings, Mapping) else {},
    )


def photo_of(view: View, head: Head, caster: RayCaster) -> Photo:
    """A view beside the head's mesh as its camera sees it; the head's own landmarks are left to be filled in."""
    camera = head.cameras.get(view.name, view.camera)
    camera = camera.resize(view.camera.width, view.camera.height)
    drawn = render_mesh(caster, camera, name=view.name)
    marks = view.landmarks
    return Photo(
        view.name,
        view.image,
        mask=view.mask,
        landmarks=None if marks is None else np.where(marks.visible[:, None], marks.points, np.nan),
        eye_distance=None if marks is None else eye_distance(marks),
        head=drawn,
        within=_within(camera),
    )


def _within(camera: Camera) -> Bool[np.ndarray, "h w"]:
    """The pixels that look at the unit sphere of head space above any shoulders, of which a head knows little."""
    exact = camera.to(dtype=torch.float64, device="cpu")
    rays = exact.rays(exact.pixel_centres().reshape(-1, 2))
    closest = rays.at(-(rays.origins * rays.directions).sum(dim=-1))
    within = (closest.norm(dim=-1) < 1) & (closest[:, 1] > SHOULDERS)
    return within.numpy().reshape(camera.height, camera.width)


def eye_distance(landmarks: Landmarks) -> float | None:
    """How far apart the outer corners of the eyes are; None where the landmarks do not say."""
    if landmarks.scheme == "named":
        names = ("right_eye_outer", "left_eye_outer")
        if not set(names) <= set(landmarks.names):
            return None
        places = [landmarks.names.index(name) for name in names]
    else:
        places = [MEDIAPIPE[index] if landmarks.scheme == "mediapipe478" else index for index in EYES]
    if not landmarks.visible[places].all():
        return None
    return float(np.linalg.norm(np.diff(landmarks.points[places], axis=0)))
