"""Faces in a picture: what is known of one, who finds them, and which of them a head is made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, Float64, UInt8
from PIL import Image
from scipy import ndimage

from headfield.errors import InputError

SMALLEST, SMALLISH = 64, 110
"""How many pixels wide a face is at least, and should be."""

MOST_TURNED, TURNED = 53.0, 35.0
"""How far a face is turned to the side at most, and should be, in degrees: what looks like 53 is about 62."""

DARKEST, DIM = 40.0, 90.0
"""How bright the brightest places of a face are at least, and should be, from 0 to 255."""

BLURRED = 0.028
"""Which part of a face's contrast is between neighbouring pixels at least, where it is :data:`_LOOK` pixels wide.

Sharp photos have 0.1 and more; when they are blurred by 2 % of the face's width it is below 0.035.
"""

_LOOK = 128

_RIGHT_EAR, _LEFT_EAR = 234, 454
_RIGHT_IRIS, _LEFT_IRIS = 468, 473
_TOP, _CHIN = 10, 152


@dataclass(frozen=True, eq=False)
class Face:
    """MediaPipe's 478 landmarks of a face: x and y in pixels, the middle of the picture's first pixel at (0.5, 0.5).

    The third number is how much deeper a point lies than others, about in pixels too; it is a guess.
    """

    landmarks: Float64[np.ndarray, "478 3"]

    @property
    def centre(self) -> Float64[np.ndarray, "2"]:
        """The middle of the face."""
        return self.landmarks[:468, :2].mean(axis=0)

    @property
    def size(self) -> float:
        """From ear to ear in pixels, however the face is turned."""
        return float(np.linalg.norm(self._across))

    @property
    def height(self) -> float:
        """From where the hair begins to the chin in pixels, however the face is turned."""
        return float(np.linalg.norm(self.landmarks[_CHIN] - self.landmarks[_TOP]))

    @property
    def eye_distance(self) -> float:
        """From iris to iris in pixels, however the face is turned."""
        return float(np.linalg.norm(self.landmarks[_LEFT_IRIS] - self.landmarks[_RIGHT_IRIS]))

    @property
    def yaw(self) -> float:
        """How far the face is turned to the person's left, in degrees: about right."""
        across = self._across
        return float(np.degrees(np.arctan2(across[2], np.hypot(across[0], across[1]))))

    @property
    def down(self) -> Float64[np.ndarray, "2"]:
        """The way from the forehead to the chin in the picture, as a unit vector."""
        way = self.landmarks[_CHIN, :2] - self.landmarks[_TOP, :2]
        return way / max(float(np.linalg.norm(way)), 1e-9)

    @property
    def left(self) -> Float64[np.ndarray, "2"]:
        """The way to the person's left in the picture: a unit vector, the shorter the more the face is turned."""
        return self._across[:2] / max(self.size, 1e-9)

    @property
    def _across(self) -> Float64[np.ndarray, "3"]:
        return self.landmarks[_LEFT_EAR] - self.landmarks[_RIGHT_EAR]


@runtime_checkable
class FaceFinder(Protocol):
    """Who finds faces and people in pictures."""

    def faces(self, image: UInt8[np.ndarray, "h w 3"]) -> tuple[Face, ...]:
        """The faces in a picture, from left to right."""

    def person(self, image: UInt8[np.ndarray, "h w 3"]) -> Float32[np.ndarray, "h w"]:
        """How sure it is that a pixel shows a person, from 0 to 1."""


def face_finder(models: Path | None = None) -> FaceFinder:
    """A finder made from what is installed: MediaPipe with its models inside, or one that reads them from a folder.

    ``models`` is that folder, instead of the usual one. InputError says what to install where there is nothing.
    """
    from headfield.photo.finding import Finder

    try:
        from headfield.photo.mediapipe_solutions import Solutions, solutions

        solutions()
        return Finder(Solutions())
    except ImportError:
        pass
    try:
        from headfield.photo.mediapipe_tasks import Tasks, tasks

        tasks()
    except ImportError:
        raise InputError(
            "nothing that finds faces in photos is installed; "
            '`pip install "headfield[photo]"` and `pip install --no-deps mediapipe==0.10.21` bring it.'
        ) from None
    return Finder(Tasks(models))


def choose_face(
    faces: tuple[Face, ...], image: UInt8[np.ndarray, "h w 3"], number: int | None = None
) -> tuple[Face, tuple[str, ...]]:
    """The face to make a head of, and what should be known of it: the largest, or the one with that number.

    Faces are counted from the left as the picture shows them; the first is number 1. InputError says why none will do.
    """
    if not faces:
        raise InputError(
            "no face that looks towards the camera was found; take a photo that shows one upright and in good light."
        )
    in_order = sorted(faces, key=lambda face: face.centre[0])
    if number is None:
        face = max(in_order, key=lambda face: face.size)
    elif 1 <= number <= len(in_order):
        face = in_order[number - 1]
    else:
        shown = "one face was" if len(in_order) == 1 else f"{len(in_order)} faces were"
        raise InputError(f"{shown} found, so there is no face {number}; count from the left, beginning with 1.")
    remarks = _refused_or_remarked(face, image)
    if number is None and len(in_order) > 1:
        place = next(i for i, other in enumerate(in_order, start=1) if other is face)
        remarks = (f"{len(in_order)} faces were found; the largest was taken, number {place} from the left.", *remarks)
    return face, remarks


def is_well_seen(face: Face, image: UInt8[np.ndarray, "h w 3"]) -> bool:
    """Whether a face looks at the camera and is in the light."""
    return abs(face.yaw) <= TURNED and _light(face, image)[0] >= DIM


def _refused_or_remarked(face: Face, image: UInt8[np.ndarray, "h w 3"]) -> tuple[str, ...]:
    """What makes a face hard to see; InputError where nothing could be made of it."""
    if face.size < SMALLEST:
        raise InputError(
            f"the face is only {face.size:.0f} pixels wide; take a photo where it has {SMALLISH} at least."
        )
    if abs(face.yaw) > MOST_TURNED:
        raise InputError("the face is seen from the side; take a photo that shows both eyes.")
    brightness, sharpness = _light(face, image)
    if brightness < DARKEST:
        raise InputError("the photo is too dark to see the face; take one in better light.")
    remarks = []
    if face.size < SMALLISH:
        remarks.append(f"the face is only {face.size:.0f} pixels wide, so the head will have few details.")
    if abs(face.yaw) > TURNED:
        remarks.append(f"the face is turned to the side by some {abs(face.yaw):.0f}°, so its other side is a guess.")
    if brightness < DIM:
        remarks.append("the photo is dim, which makes shapes harder to see.")
    if sharpness < BLURRED:
        remarks.append("the face is blurred, which makes shapes harder to see.")
    return tuple(remarks)


def _light(face: Face, image: UInt8[np.ndarray, "h w 3"]) -> tuple[float, float]:
    """How bright the brightest places of a face are, and which part of its contrast is between neighbouring pixels."""
    (x, y), half = face.centre, face.size / 2
    box = (round(x - half), round(y - half), round(x + half), round(y + half))
    square = Image.fromarray(image).crop(box).resize((_LOOK, _LOOK), Image.Resampling.BICUBIC)
    grey = np.asarray(square.convert("L"), float)
    fine = grey - ndimage.gaussian_filter(grey, 1.0)
    return float(np.percentile(grey, 95)), float(fine.std() / max(grey.std(), 1e-6))
