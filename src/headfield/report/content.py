"""What a report says, as plain data. Whatever is left empty the page leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, UInt8

from headfield.capture import View
from headfield.errors import InputError

Picture = UInt8[np.ndarray, "_ _ 3"] | UInt8[np.ndarray, "_ _ 4"]
"""Colours, perhaps with how opaque each pixel is."""


@dataclass(frozen=True)
class Number:
    """A measured number with its name, and its unit if it has one."""

    name: str
    value: float
    unit: str = ""


@dataclass(frozen=True)
class Written:
    """A file that was written, by its path from the page, and what it is."""

    path: str
    about: str = ""


@dataclass(frozen=True, eq=False)
class Photo:
    """One photo that the head was made from.

    ``landmarks`` were found in it, and ``reprojected`` are the same points of the head where its camera sees them, both
    in pixels and NaN where unknown; ``eye_distance`` is that of the outer corners of the eyes in pixels. ``head`` is
    the head as the photo's camera sees it, with a mask; ``within`` is where the photo shows what a head takes in, and
    not the rest of the person.
    """

    name: str
    picture: UInt8[np.ndarray, "_h _w 3"]
    mask: UInt8[np.ndarray, "_h _w"] | None = None
    landmarks: Float[np.ndarray, "_n 2"] | None = None
    reprojected: Float[np.ndarray, "_n 2"] | None = None
    eye_distance: float | None = None
    head: View | None = None
    numbers: tuple[Number, ...] = ()
    remarks: tuple[str, ...] = ()
    within: Bool[np.ndarray, "_h _w"] | None = None

    def __post_init__(self) -> None:
        if self.head is not None and self.head.image.shape != self.picture.shape:
            raise InputError(f"photo {self.name}: the head is drawn in another size; take its photo's camera.")


@dataclass(frozen=True, eq=False)
class Report:
    """All that a page tells of one head.

    ``turntable`` are pictures of one turn, ``confidence`` and ``normals`` pictures by the side they are taken from;
    ``seconds`` are those of each phase. Settings may hold further settings.
    """

    title: str
    about: str = ""
    remarks: tuple[str, ...] = ()
    turntable: tuple[Picture, ...] = ()
    numbers: tuple[Number, ...] = ()
    photos: tuple[Photo, ...] = ()
    confidence: Mapping[str, Picture] = field(default_factory=dict)
    normals: Mapping[str, Picture] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    settings: Mapping[str, object] = field(default_factory=dict)
    files: tuple[Written, ...] = ()
    commands: tuple[str, ...] = ()
