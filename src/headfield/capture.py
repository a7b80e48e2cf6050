"""What was observed of a subject: views, captures, scans. Plain data in canonical head space; pictures are arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

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
    image: UInt8[np.ndarray, "h w 3"]
    mask: UInt8[np.ndarray, "h w"] | None = None
    normals: Float32[np.ndarray, "h w 3"] | None = None
    depth: Float32[np.ndarray, "h w"] | None = None
    landmarks: Landmarks | None = None

    def __post_init__(self) -> None:
        size = (self.camera.height, self.camera.width)
        for layer in ("image", "mask", "normals", "depth"):
            pixels = getattr(self, layer)
            if pixels is not None and pixels.shape[:2] != size:
                raise InputError(
                    f"view {self.name}: the {layer} is {pixels.shape[1]} x {pixels.shape[0]} pixels but its camera is "
                    f"{size[1]} x {size[0]}; they must be the same size."
                )


@dataclass(frozen=True, eq=False)
class Capture:
    """All the views of one subject that a fit may look at."""

    views: tuple[View, ...]

    def __post_init__(self) -> None:
        names = [view.name for view in self.views]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise InputError(f"the view {min(twice)} is there twice; every view needs a name of its own.")


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
    true outer surface, for measuring.
    """

    name: str
    capture: Capture | None = None
    scan: Scan | None = None
    truth: Mesh | None = None
    landmarks: Landmarks | None = None
    identity: str = ""
    expression: str = "neutral"
    facts: Mapping[str, object] = field(default_factory=dict)
    to_head: Similarity = field(default_factory=Similarity.identity)
