"""What a camera wrote into a photo's EXIF notes: how it was held, and how long its lens was."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headfield.mesh.pictures import DAMAGE

if TYPE_CHECKING:
    from PIL import Image

FILM_DIAGONAL = math.hypot(36, 24)
"""Of the 35 mm film that focal lengths are compared with, in millimetres."""

_ORIENTATION = 0x0112
_DETAILS = 0x8769
_FOCAL_LENGTH = 0x920A
_WIDTH, _HEIGHT = 0xA002, 0xA003
_PIXELS_PER_UNIT, _UNIT = 0xA20E, 0xA210
_FOCAL_LENGTH_ON_FILM = 0xA405

_UNITS = {2: 25.4, 3: 10.0, 4: 1.0, 5: 0.001}
"""What the resolution of the sensor is measured in, in millimetres."""


@dataclass(frozen=True)
class CameraNotes:
    """What is known of how a photo was taken."""

    orientation: int = 1
    """How to turn what is stored, as EXIF numbers it; 1 is upright already."""
    focal: float | None = None
    """In pixels of the picture as it is stored."""
    remarks: tuple[str, ...] = ()


def camera_notes(picture: Image.Image, width: int, height: int) -> CameraNotes:
    """The notes in a picture that is stored with ``width`` x ``height`` pixels. Damaged ones are left out."""
    try:
        exif = picture.getexif()
        orientation = exif.get(_ORIENTATION, 1)
        details = dict(exif.get_ifd(_DETAILS))
    except (*DAMAGE, AttributeError, KeyError, ArithmeticError):
        return CameraNotes(remarks=("the camera's notes in it are damaged and were left out.",))
    focal, remarks = _focal(details, width, height)
    turned = orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1
    return CameraNotes(turned, focal, remarks)


def _focal(details: dict, width: int, height: int) -> tuple[float | None, tuple[str, ...]]:
    """The focal length in pixels if it is written there and can be believed."""
    on_film = _positive(details.get(_FOCAL_LENGTH_ON_FILM))
    length, density = _positive(details.get(_FOCAL_LENGTH)), _positive(details.get(_PIXELS_PER_UNIT))
    unit = _UNITS.get(details.get(_UNIT, 2))
    taken = _positive(details.get(_WIDTH)), _positive(details.get(_HEIGHT))
    if on_film is not None:
        focal = on_film * math.hypot(width, height) / FILM_DIAGONAL
    elif length is not None and density is not None and unit is not None:
        focal = length * density / unit * _smaller(taken, width, height)
    else:
        return None, ()
    if not 0.2 < focal / max(width, height) < 40:
        return None, ()
    if _was_cut(taken, width, height):
        return None, ("it was cut after it was taken, so the focal length that it names was left out.",)
    return focal, ()


def _smaller(taken: tuple[float | None, float | None], width: int, height: int) -> float:
    """How much smaller the picture is than it was taken."""
    if taken[0] is None or taken[1] is None:
        return 1.0
    return max(width, height) / max(taken[0], taken[1])


def _was_cut(taken: tuple[float | None, float | None], width: int, height: int) -> bool:
    """Whether the picture has other proportions than it was taken with, whichever way it lies."""
    if taken[0] is None or taken[1] is None:
        return False
    before, now = (abs(math.log(w / h)) for w, h in ((taken[0], taken[1]), (width, height)))
    return abs(before - now) > 0.02


def _positive(value: object) -> float | None:
    """A number of EXIF as one, if it is one: notes hold fractions over zero and worse."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, ArithmeticError):
        return None
    return number if 0 < number < math.inf else None
