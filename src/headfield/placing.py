"""Posed views from elsewhere, brought into head space by the faces that they show (Multi-NeuS, section 4.1).

The landmarks of the faces are triangulated, and the similarity that brings them closest to where head space has them
moves everything. Views with a face keep its landmarks, for the fit to look at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float64

from headfield.cameras import Camera
from headfield.capture import Landmarks, LazyViews, Subject, View
from headfield.data.marks import canonical_places
from headfield.data.placement import FEWEST_LANDMARKS, MOST_ROOT_MEAN_SQUARE, fit_landmarks, triangulate
from headfield.errors import InputError
from headfield.photo.faces import MOST_TURNED, FaceFinder, face_finder
from headfield.photo.multipie import multipie68
from headfield.transforms import Similarity
from headfield.units import MILLIMETRES_PER_UNIT

GUESSES = ("cameras", "bounds")
"""Placements that are no more than guesses."""

MOST_VIEWS = 24
"""In so many views at most, spread evenly, faces are looked for."""

ASTRAY = 0.25
"""How far off, as a part of the eyes' distance, a view's landmarks are in the middle where it shows something else."""

INSTEAD = "add views of the face from the front and both sides, or a landmarks.json that says where it is."

_EYES = ([36, 39], [42, 45])


def in_head_space(
    subject: Subject,
    *,
    finder: FaceFinder | None = None,
    counted: Callable[[int, int], None] = lambda done, total: None,
) -> Subject:
    """The subject with its views in head space: as it is, unless its place there was only guessed.

    InputError where its views do not show enough of a face.

    Args:
        subject: The subject, whose ``placement`` is among its facts if it came from elsewhere.
        finder: Who finds faces, instead of what is installed.
        counted: Told how many views have been looked at, and how many there are to look at.
    """
    if subject.facts.get("placement") not in GUESSES or subject.capture is None:
        return subject
    views = subject.capture.views
    looked = np.unique(np.linspace(0, len(views) - 1, min(len(views), MOST_VIEWS)).round().astype(int))
    marked: dict[str, Landmarks] = {}
    cameras: dict[str, Camera] = {}
    finder = finder or face_finder()
    for done, index in enumerate(looked, 1):
        view = views[int(index)]
        faces = [face for face in finder.faces(view.image) if abs(face.yaw) <= MOST_TURNED]
        if faces:
            marked[view.name] = multipie68(max(faces, key=lambda face: face.size))
            cameras[view.name] = view.camera.to(dtype=torch.float64, device="cpu")
        counted(done, len(looked))
    marks, agreeing = _in_space(cameras, marked, subject.name)
    scale = 1.0 if subject.facts.get("true_size") else None
    further, distance = fit_landmarks(marks, scale=scale, what=subject.name)
    if not distance < MOST_ROOT_MEAN_SQUARE:
        raise InputError(
            f"the faces that {subject.name} shows are {MILLIMETRES_PER_UNIT * distance:.0f} mm off an average one, "
            "so its cameras are wrong, mirrored or of another unit; export them again."
        )
    kept = {name: landmarks for name, landmarks in marked.items() if name in agreeing}
    names = views.names if isinstance(views, LazyViews) else [view.name for view in views]
    return replace(
        subject,
        capture=replace(subject.capture, views=LazyViews(names, _Moved(views, further, kept))),
        landmarks=replace(marks, points=further.apply(torch.from_numpy(marks.points)).numpy()),
        facts={**subject.facts, "placement": "landmarks"},
        to_head=further @ subject.to_head.to(dtype=torch.float64),
    )


def _in_space(
    cameras: Mapping[str, Camera], marked: Mapping[str, Landmarks], what: str
) -> tuple[Landmarks, tuple[str, ...]]:
    """Landmarks where the views' faces have them, and the views that agree on it."""
    names = tuple(marked)
    while len(names) > 1:
        seen = [cameras[name] for name in names]
        pixels = np.stack([marked[name].points for name in names])
        visible = np.stack([marked[name].visible for name in names])
        points, found = triangulate(seen, pixels, visible)
        marks = Landmarks(points, found)
        off = _off(seen, pixels, visible & found, points)
        if off.max() <= ASTRAY:
            known = len(canonical_places(marks)[0])
            if known < FEWEST_LANDMARKS:
                raise InputError(f"{what}: only {known} of {FEWEST_LANDMARKS} landmarks could be placed; {INSTEAD}")
            return marks, names
        names = tuple(name for i, name in enumerate(names) if i != off.argmax())
    raise InputError(f"{what} is not in head space, and fewer than two of its views show the same face; {INSTEAD}")


def _off(
    cameras: Sequence[Camera],
    pixels: Float64[np.ndarray, "v n 2"],
    known: Bool[np.ndarray, "v n"],
    points: Float64[np.ndarray, "n 3"],
) -> Float64[np.ndarray, "v"]:
    """How far each view's landmarks are, in the middle, from where it sees the points; infinite where it knows none."""
    apart = np.full(len(cameras), np.inf)
    for i, camera in enumerate(cameras):
        if known[i].any():
            seen = camera.project(torch.from_numpy(points))[0].numpy()
            eyes = [pixels[i, eye].mean(axis=0) for eye in _EYES]
            distances = np.linalg.norm(seen - pixels[i], axis=1)[known[i]]
            apart[i] = np.median(distances) / max(float(np.linalg.norm(eyes[0] - eyes[1])), 1e-9)
    return apart


@dataclass(frozen=True, eq=False)
class _Moved:
    """Reads views and moves them; a plain object, so that it can go to other processes."""

    views: tuple[View, ...] | LazyViews
    further: Similarity
    marked: Mapping[str, Landmarks]

    def __call__(self, index: int) -> View:
        view = self.views[index]
        further = self.further.to(dtype=view.camera.focal.dtype)
        depth = None if view.depth is None else (view.depth * float(further.scale)).astype(np.float32)
        marks = self.marked.get(view.name, view.landmarks)
        return replace(view, camera=view.camera.transformed(further), depth=depth, landmarks=marks)
