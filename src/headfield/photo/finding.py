"""Finding faces of any size in pictures of any size, whatever package knows a face when it fills a picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, Float64, UInt8
from PIL import Image

from headfield.photo.faces import Face
from headfield.photo.normals import Region

PIXELS = 512
"""How large what is looked at is made: packages look at 128 to 256 pixels of it."""

SMALLEST_PART = 128
"""The side of the smallest part of a picture that is looked through by itself, in pixels."""

_ROOMS = (2.0, 1.5, 3.0)
"""How much is shown of what lies around a square, in its sides: some faces are found with one and not another."""

_ROOM = 2.0
"""How much is shown around the landmarks when they are looked at a last time, always the same."""


_MIDLINE = [10, 151, 9, 168, 6, 197, 195, 5, 4, 1, 2, 0, 17, 152]
"""Landmarks on the line from the forehead to the chin."""

_AGREEMENT = 0.075
"""How far the midline may be from the mirrored one, as a part of a face's width: faces stay below 0.05."""


@runtime_checkable
class Package(Protocol):
    """What a package that finds faces and people can do."""

    def squares(self, image: UInt8[np.ndarray, "h w 3"]) -> Float64[np.ndarray, "n 3"]:
        """Where there may be faces: the middle and the side of a square from the brows to the chin, in pixels."""

    def mesh(self, image: UInt8[np.ndarray, "h w 3"]) -> Float64[np.ndarray, "478 3"] | None:
        """The landmarks of the face that fills the middle of a picture, in pixels; None if there is none."""

    def person(self, image: UInt8[np.ndarray, "h w 3"]) -> Float32[np.ndarray, "h w"]:
        """How sure it is that a pixel shows a person, from 0 to 1."""


@dataclass(frozen=True, eq=False)
class Finder:
    """Looks through a picture with a package, ever smaller parts of it until there is a face."""

    package: Package

    def faces(self, image: UInt8[np.ndarray, "h w 3"]) -> tuple[Face, ...]:
        """The faces in a picture, from left to right."""
        for parts in _ways_to_look(*image.shape[:2]):
            found: list[Face] = []
            for square in self._squares(image, parts):
                if not any(_same(square, face) for face in found):
                    face = self._face(image, square)
                    if face is not None and not any(_same(_square(face), other) for other in found):
                        found.append(face)
            if found:
                return tuple(sorted(found, key=lambda face: face.centre[0]))
        return ()

    def person(self, image: UInt8[np.ndarray, "h w 3"]) -> Float32[np.ndarray, "h w"]:
        """How sure it is that a pixel shows a person, from 0 to 1."""
        return self.package.person(image)

    def _squares(self, image: UInt8[np.ndarray, "h w 3"], parts: list[Region]) -> Float64[np.ndarray, "n 3"]:
        """Where there may be faces in parts of a picture, the largest first."""
        found = [
            self.package.squares(cut_square(image, part, PIXELS)) * (part.side / PIXELS) + (part.left, part.top, 0)
            for part in parts
        ]
        squares = np.concatenate(found)
        return squares[np.argsort(-squares[:, 2], kind="stable")]

    def _face(self, image: UInt8[np.ndarray, "h w 3"], square: Float64[np.ndarray, "3"]) -> Face | None:
        """The face in a square, if there is one."""
        for room in _ROOMS:
            rough = self._look(image, square, room)
            if rough is not None and _same(square, rough):
                face = self._look(image, _square(rough), _ROOM)
                return face if face is not None and _same(_square(rough), face) else None
        return None

    def _look(self, image: UInt8[np.ndarray, "h w 3"], square: Float64[np.ndarray, "3"], room: float) -> Face | None:
        """The face in the middle of a square with room around it, if it is there in a mirror too.

        What is found in hair or on the back of a head is not, and profiles often are not.
        """
        x, y, side = square
        region = Region.around(x, y, room * side)
        pixels = cut_square(image, region, PIXELS)
        landmarks, mirrored = self.package.mesh(pixels), self.package.mesh(np.ascontiguousarray(pixels[:, ::-1]))
        if landmarks is None or mirrored is None:
            return None
        apart = landmarks[_MIDLINE, :2] - (mirrored[_MIDLINE, :2] * (-1, 1) + (PIXELS, 0))
        face = Face(landmarks * (region.side / PIXELS) + (region.left, region.top, 0))
        off = np.linalg.norm(apart, axis=1).mean() * (region.side / PIXELS)
        return face if off < _AGREEMENT * face.size else None


def cut_square(image: UInt8[np.ndarray, "h w 3"], region: Region, pixels: int) -> UInt8[np.ndarray, "p p 3"]:
    """A square of a picture at the size wanted, black beyond the picture."""
    box = (region.left, region.top, region.left + region.side, region.top + region.side)
    return np.array(Image.fromarray(image).crop(box).resize((pixels, pixels), Image.Resampling.BICUBIC))


def _ways_to_look(height: int, width: int) -> Iterator[list[Region]]:
    """Parts of a picture to look through: all of it, all with room around it, and ever smaller squares."""
    longer, shorter = max(height, width), min(height, width)
    yield [Region.around(width / 2, height / 2, longer)]
    yield [Region.around(width / 2, height / 2, 1.8 * longer)]
    sides = [side for side in (shorter, longer // 2, longer // 4) if SMALLEST_PART <= side < 0.8 * longer]
    for side in sorted(set(sides), reverse=True):
        yield [Region(left, top, side) for top in _starts(height, side) for left in _starts(width, side)]


def _starts(length: int, side: int) -> list[int]:
    """Where parts begin that overlap by half at least and reach from one end to the other."""
    if side >= length:
        return [(length - side) // 2]
    count = 1 + int(np.ceil(2 * (length - side) / side))
    return [round(start) for start in np.linspace(0, length - side, count)]


def _square(face: Face) -> Float64[np.ndarray, "3"]:
    """The middle and the side of the square around a face."""
    low, high = face.landmarks[:, :2].min(axis=0), face.landmarks[:, :2].max(axis=0)
    return np.array([*(low + high) / 2, (high - low).max()])


def _same(square: Float64[np.ndarray, "3"], face: Face) -> bool:
    """Whether a square and a face are about the same part of the picture."""
    x, y, side = _square(face)
    apart = np.hypot(square[0] - x, square[1] - y)
    return bool(apart < 0.5 * max(side, square[2]) and 0.4 < square[2] / side < 2.5)
