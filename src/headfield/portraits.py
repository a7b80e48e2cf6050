"""From people's own photos to a capture: the face found in each, the person cut out, the camera posed in head space."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from headfield.cameras import Camera
from headfield.capture import Capture, Landmarks, View
from headfield.errors import InputError
from headfield.fitting.poses import FaceSeen, LandmarkModel, Posed, find_poses
from headfield.fitting.statistics import CodeStatistics
from headfield.photo.faces import FaceFinder, choose_face, face_finder
from headfield.photo.files import Photo, read_photo
from headfield.photo.matte import matte
from headfield.photo.multipie import multipie68
from headfield.photo.normals import head_region

PIXELS = 512
"""How wide the part of a photo is at most that a fit looks at."""

FAR_OFF = 0.06
"""Landmarks further off than this, as a part of the eyes' distance, are worth a word."""

UNLIKE = 5.0
"""Photos show different people where the logarithm says that one is so much less likely: photos of one stay below 2.
Landmarks tell only people apart who differ much."""


@dataclass(frozen=True, eq=False)
class Portrait:
    """A photo of the person, and what was found in it; pixels are the whole photo's."""

    photo: Photo
    landmarks: Landmarks
    camera: Camera
    mask: UInt8[np.ndarray, "h w"]
    error: float
    """How far off landmarks are on average, as a part of the distance between the eyes."""
    remarks: tuple[str, ...] = ()

    def whole(self, seen: Camera | None = None) -> View:
        """All of the photo; with the camera that its part was corrected to, if there is one."""
        camera = self.camera
        if seen is not None:
            seen = seen.to(dtype=camera.focal.dtype, device="cpu")
            zoom = seen.focal / self.part.camera.focal
            camera = replace(camera, rotation=seen.rotation, translation=seen.translation, focal=camera.focal * zoom)
        return View(self.photo.name, camera, self.photo.image, mask=self.mask, landmarks=self.landmarks)

    @cached_property
    def part(self) -> View:
        """The part that shows the head, as large as a fit needs it."""
        height, width = self.mask.shape
        region = head_region(self.camera)
        left, top = max(region.left, 0), max(region.top, 0)
        right, bottom = min(region.left + region.side, width), min(region.top + region.side, height)
        if right - left < 2 or bottom - top < 2:
            raise InputError(f"{self.photo.name}: the head lies outside of the picture; take another photo.")
        factor = min(1.0, PIXELS / max(right - left, bottom - top))
        size = (max(1, round(factor * (right - left))), max(1, round(factor * (bottom - top))))
        box = (left, top, right, bottom)
        scale = np.array(size) / (right - left, bottom - top)
        return View(
            self.photo.name,
            self.camera.crop(left, top, right - left, bottom - top).resize(*size),
            _resized(self.photo.image, box, size),
            mask=_resized(self.mask, box, size),
            landmarks=replace(self.landmarks, points=(self.landmarks.points - (left, top)) * scale),
        )


def find_portraits(
    paths: Sequence[Path | str],
    codes: CodeStatistics,
    *,
    face: int | None = None,
    finder: FaceFinder | None = None,
    told: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[Portrait, ...]:
    """The portraits in photo files of one person; InputError that names the first file that will not do.

    Args:
        paths: The files.
        codes: What a prior knows of landmarks.
        face: Which face to take where there are several, counted from the left; otherwise the largest.
        finder: Who finds faces, instead of what is installed.
        told: How many photos have been looked at, and how many there are.
    """
    if not paths:
        raise InputError("there are no photos; name one or more.")
    photos = [(path, replace(read_photo(path), name=name)) for path, name in _named_apart([Path(it) for it in paths])]
    finder = finder or face_finder()
    found = []
    for done, (path, photo) in enumerate(photos, 1):
        found.append(looked_at(path, photo, finder, face))
        told(done, len(photos))
    seen = [face_seen(photo, marks) for photo, marks, _, _ in found]
    model = LandmarkModel.of(codes)
    posed = find_poses(seen, model)
    _check_one_person(seen, model, posed, [photo.name for photo, *_ in found])
    return tuple(
        Portrait(photo, marks, camera, mask, error, (*photo.remarks, *remarks, *_poorly(error)))
        for (photo, marks, mask, remarks), camera, error in zip(found, posed.cameras, posed.errors, strict=True)
    )


def capture_of(portraits: Sequence[Portrait]) -> Capture:
    """What a fit looks at: the parts of the photos that show the head, from cameras that are roughly known."""
    return Capture(tuple(portrait.part for portrait in portraits), rough=True)


def looked_at(
    path: Path, photo: Photo, finder: FaceFinder, number: int | None
) -> tuple[Photo, Landmarks, UInt8[np.ndarray, "h w"], tuple[str, ...]]:
    """The face and the person found in a photo, with remarks; InputError that names the file where there is none."""
    try:
        face, remarks = choose_face(finder.faces(photo.image), photo.image, number)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    mask = matte(photo.image, face, finder)
    if photo.opacity is not None:
        mask = np.minimum(mask, photo.opacity)
    return photo, multipie68(face), mask, remarks


def _named_apart(paths: Sequence[Path]) -> list[tuple[Path, str]]:
    """The photos with names that differ."""
    names: list[str] = []
    for path in paths:
        name, twin = path.stem, 2
        while name in names:
            name, twin = f"{path.stem}-{twin}", twin + 1
        names.append(name)
    return list(zip(paths, names, strict=True))


def face_seen(photo: Photo, marks: Landmarks) -> FaceSeen:
    """The landmarks of a photo as poses are found from."""
    height, width = photo.image.shape[:2]
    return FaceSeen(marks.points, marks.visible, width, height, photo.focal)


def _check_one_person(seen: Sequence[FaceSeen], model: LandmarkModel, posed: Posed, names: Sequence[str]) -> None:
    """InputError where one shape for all is far less likely than one for each."""
    if len(seen) < 2:
        return
    alone = [find_poses([face], model) for face in seen]
    if posed.cost - sum(it.cost for it in alone) > UNLIKE * (len(seen) - 1):
        worse = [error - it.errors[0] for error, it in zip(posed.errors, alone, strict=True)]
        raise InputError(
            f"{names[int(np.argmax(worse))]} seems to show another person than the other photos; "
            "give photos of one person."
        )


def _poorly(error: float) -> tuple[str, ...]:
    if error <= FAR_OFF:
        return ()
    return ("the face is far from an average one, or makes a face; the head may be off.",)


def _resized(
    layer: UInt8[np.ndarray, "h w *c"], box: tuple[int, int, int, int], size: tuple[int, int]
) -> UInt8[np.ndarray, "a b *c"]:
    part = Image.fromarray(layer).crop(box)
    return np.array(part if part.size == size else part.resize(size, Image.Resampling.LANCZOS))
