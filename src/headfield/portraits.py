"""From people's own photos to a capture: the face found in each, the person cut out, the camera posed in head space."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float64, UInt8
from PIL import Image

from headfield.cameras import Camera
from headfield.capture import Capture, Landmarks, View
from headfield.errors import InputError
from headfield.fitting.agreeing import agreeing
from headfield.fitting.poses import FaceSeen, LandmarkModel, Posed, find_poses
from headfield.fitting.prior import ShapePrior
from headfield.photo.faces import FaceFinder, choose_face, face_finder, is_well_seen
from headfield.photo.files import Photo, read_photo
from headfield.photo.likeness import DIFFERENT, DOUBTFUL, complexion, unlike_others
from headfield.photo.matte import matte
from headfield.photo.multipie import multipie68
from headfield.photo.normals import head_region

PIXELS = 512
"""How wide the part of a photo is at most that a fit looks at."""

FAR_OFF = 0.045
"""Landmarks further off than this, as a part of the eyes' distance, are worth a word."""

LEFT_OUT = "{} was left out, since its face does not agree with those of the other photos."

UNLIKE = 8.0
"""Photos show different people where the logarithm says that one is so much less likely: photos of one stay below 7.
Landmarks tell only people apart who differ as no two adults do."""


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
    prior: ShapePrior,
    *,
    face: int | None = None,
    finder: FaceFinder | None = None,
    counted: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[Portrait, ...]:
    """The portraits in photo files of one person; InputError that names the first file that will not do.

    Args:
        paths: The files.
        prior: What is known of heads, and of their landmarks.
        face: Which face to take where there are several, counted from the left; otherwise the largest.
        finder: Who finds faces, instead of what is installed.
        counted: Told how many photos have been looked at, and how many there are.
    """
    if not paths:
        raise InputError("there are no photos; name one or more.")
    photos = [(path, replace(read_photo(path), name=name)) for path, name in _named_apart([Path(it) for it in paths])]
    finder = finder or face_finder()
    found: list[Found] = []
    for path, photo in photos:
        found.append(looked_at(path, photo, finder, face))
        counted(len(found), len(photos))
    model = LandmarkModel.of(prior.codes)
    names = [it.photo.name for it in found]
    posed = find_poses([it.seen for it in found], model)
    _check_one_person([it.seen for it in found], model, posed, names)
    doubts = _doubts([it.complexion for it in found], names)
    kept, left_out = _that_agree(posed.errors, names)
    if left_out:
        found, doubts = [found[i] for i in kept], [doubts[i] for i in kept]
        posed = find_poses([it.seen for it in found], model)
    images, masks = [it.photo.image for it in found], [it.mask for it in found]
    posed = agreeing(posed, [it.seen for it in found], images, masks, model, prior)
    remarks = [(*it.photo.remarks, *it.remarks, *doubt) for it, doubt in zip(found, doubts, strict=True)]
    remarks[0] += left_out
    return tuple(
        Portrait(it.photo, it.marks, camera, it.mask, error, (*said, *_poorly(error)))
        for it, camera, error, said in zip(found, posed.cameras, posed.errors, remarks, strict=True)
    )


def _that_agree(errors: Sequence[float], names: Sequence[str]) -> tuple[list[int], tuple[str, ...]]:
    """Which photos show one head well enough, if any do, and what is to be said of the others."""
    kept = [i for i, error in enumerate(errors) if error <= FAR_OFF]
    if not kept:
        return list(range(len(errors))), ()
    return kept, tuple(LEFT_OUT.format(name) for i, name in enumerate(names) if i not in kept)


def capture_of(portraits: Sequence[Portrait]) -> Capture:
    """What a fit looks at: the parts of the photos that show the head, from cameras that are roughly known."""
    return Capture(tuple(portrait.part for portrait in portraits), rough=True)


@dataclass(frozen=True, eq=False)
class Found:
    """What one photo shows, before the others are looked at."""

    photo: Photo
    marks: Landmarks
    mask: UInt8[np.ndarray, "h w"]
    complexion: Float64[np.ndarray, "parts 3"] | None
    """None where the face is not seen well enough to be compared."""
    remarks: tuple[str, ...]

    @property
    def seen(self) -> FaceSeen:
        """As poses are found from it."""
        height, width = self.mask.shape
        return FaceSeen(self.marks.points, self.marks.visible, width, height, self.photo.focal)


def looked_at(path: Path, photo: Photo, finder: FaceFinder, number: int | None) -> Found:
    """The face and the person found in a photo, with remarks; InputError that names the file where there is none."""
    try:
        face, remarks = choose_face(finder.faces(photo.image), photo.image, number)
        mask = matte(photo.image, face, finder)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    if photo.opacity is not None:
        mask = np.minimum(mask, photo.opacity)
    shown = complexion(photo.image, face) if is_well_seen(face, photo.image) else None
    return Found(photo, multipie68(face), mask, shown, remarks)


def _named_apart(paths: Sequence[Path]) -> list[tuple[Path, str]]:
    """The photos with names that differ."""
    names: list[str] = []
    for path in paths:
        name, twin = path.stem, 2
        while name in names:
            name, twin = f"{path.stem}-{twin}", twin + 1
        names.append(name)
    return list(zip(paths, names, strict=True))


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


def _doubts(
    complexions: Sequence[Float64[np.ndarray, "parts 3"] | None], names: Sequence[str]
) -> list[tuple[str, ...]]:
    """What is to be said of photos that may show another person; InputError where one surely does."""
    unlike = unlike_others(complexions)
    worst = int(np.argmax(unlike))
    if unlike[worst] > DIFFERENT:
        raise InputError(
            f"{names[worst]} seems to show another person than the other photos; give photos of one person."
        )
    doubt = ("it may show another person than the other photos; the head is only right if all show one.",)
    return [doubt if i == worst and unlike[i] > DOUBTFUL else () for i in range(len(names))]


def _poorly(error: float) -> tuple[str, ...]:
    if error <= FAR_OFF:
        return ()
    return ("the face is far from an average one, or makes a face; the head may be off.",)


def _resized(
    layer: UInt8[np.ndarray, "h w *c"], box: tuple[int, int, int, int], size: tuple[int, int]
) -> UInt8[np.ndarray, "a b *c"]:
    part = Image.fromarray(layer).crop(box)
    return np.array(part if part.size == size else part.resize(size, Image.Resampling.LANCZOS))
