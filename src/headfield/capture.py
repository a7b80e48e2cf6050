"""What was observed of a subject: views, captures, scans. Plain data in canonical head space; pictures are arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, overload

import numpy as np
from jaxtyping import Bool, Float, Float32, Int64, UInt8

from headfield.cameras import Camera
from headfield.errors import InputError
from headfield.surface import Mesh
from headfield.transforms import Similarity

LandmarkScheme = Literal["multipie68", "mediapipe478", "named"]
"""Which points the landmarks are. ``multipie68`` is the usual 68-point order; ``named`` has its names beside it."""


@dataclass(frozen=True, eq=False)
class Landmarks:
    """Marked points of a face: pixels in a view (d = 2) or places in head space (d = 3)."""

    points: Float[np.ndarray, "n d"]
    visible: Bool[np.ndarray, "n"]
    scheme: LandmarkScheme = "multipie68"
    names: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class View:
    """One picture of a subject.

    Everything beside the image is optional and has the image's size. ``mask`` is how much of a pixel the subject
    covers, from 0 to 255. ``normals`` are unit vectors in the camera's axes (x right, y down, z forward; what faces
    the camera has negative z), zero outside the mask. ``depth`` is measured along the viewing axis in head units, zero
    where nothing was measured.
    """

    name: str
    camera: Camera
    image: UInt8[np.ndarray, "_h _w 3"]
    mask: UInt8[np.ndarray, "_h _w"] | None = None
    normals: Float32[np.ndarray, "_h _w 3"] | None = None
    depth: Float32[np.ndarray, "_h _w"] | None = None
    landmarks: Landmarks | None = None
    estimated: bool = False
    """Whether the normals are no measurement but what a network makes of the image."""

    def __post_init__(self) -> None:
        size = (self.camera.height, self.camera.width)
        for layer in ("image", "mask", "normals", "depth"):
            pixels = getattr(self, layer)
            if pixels is not None and pixels.shape[:2] != size:
                raise InputError(
                    f"view {self.name}: the {layer} is {pixels.shape[1]} x {pixels.shape[0]} pixels but its camera is "
                    f"{size[1]} x {size[0]}; they must be the same size."
                )


class LazyViews(Sequence):
    """Views that are read from disk each time they are asked for, so that a capture of any size fits in memory.

    Not a ``Sequence[View]``, since what checks types at run time would read a view to see whether it is one.
    """

    def __init__(self, names: Sequence[str], read: Callable[[int], View]):
        self.names = tuple(names)
        self._read = read

    def __len__(self) -> int:
        return len(self.names)

    @overload
    def __getitem__(self, index: int) -> View: ...

    @overload
    def __getitem__(self, index: slice) -> LazyViews: ...

    def __getitem__(self, index: int | slice) -> View | LazyViews:
        if isinstance(index, slice):
            chosen = range(len(self))[index]
            return LazyViews([self.names[i] for i in chosen], lambda i: self._read(chosen[i]))
        return self._read(range(len(self))[index])


@dataclass(frozen=True, eq=False)
class Capture:
    """All the views of one subject that a fit may look at: a tuple, or :class:`LazyViews` where they lie on disk."""

    views: tuple[View, ...] | LazyViews
    rough: bool = False
    """Whether the cameras are only roughly known, so that a fit may correct them."""


@dataclass(frozen=True, eq=False)
class Scan:
    """Oriented points on the outer surface, as scanners standing outside see them, and the space they saw through.

    Point i was seen from ``sensors[sensor_of_point[i]]``, so the segment between the two is free. ``free_points`` are
    places known to be outside for another reason, such as rays that met nothing.
    """

    points: Float32[np.ndarray, "n 3"]
    normals: Float32[np.ndarray, "n 3"]
    colours: UInt8[np.ndarray, "n 3"] | None = None
    sensors: Float32[np.ndarray, "s 3"] | None = None
    sensor_of_point: Int64[np.ndarray, "n"] | None = None
    free_points: Float32[np.ndarray, "m 3"] | None = None


@dataclass(frozen=True, eq=False)
class Subject:
    """One person in a data set, in canonical head space.

    ``to_head`` took the data from where it came from into head space. ``identity`` and ``expression`` say who it is
    and with what face; ``facts`` is whatever else is known (numbers, words, lists of them). ``truth`` is the
    true outer surface, for measuring. ``registration`` is a mesh in which vertex i is the same point of the person, or
    of all people, in every subject of the data set that has one: correspondences between expressions.
    """

    name: str
    capture: Capture | None = None
    scan: Scan | None = None
    truth: Mesh | None = None
    registration: Mesh | None = None
    landmarks: Landmarks | None = None
    identity: str = ""
    expression: str = "neutral"
    facts: Mapping[str, object] = field(default_factory=dict)
    to_head: Similarity = field(default_factory=Similarity.identity)
