"""Colours of people: CIE Lab, skin by its individual typology angle, hair by its melanin."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float64

from headfield.studio.tone import decode, encode

RGB = tuple[float, float, float]
"""An sRGB colour, each number from 0 to 1."""

_XYZ_OF_RGB = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
_WHITE = _XYZ_OF_RGB.sum(axis=1)


def lab_of(srgb: Float[np.ndarray, "*n 3"]) -> Float64[np.ndarray, "*n 3"]:
    """CIE Lab (D65) of sRGB colours from 0 to 1."""
    t = (decode(np.asarray(srgb, float)) @ _XYZ_OF_RGB.T) / _WHITE
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = np.moveaxis(f, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def srgb_of(lab: Float[np.ndarray, "*n 3"]) -> Float64[np.ndarray, "*n 3"]:
    """sRGB colours from 0 to 1; what no screen can show is clipped."""
    light, a, b = np.moveaxis(np.asarray(lab, float), -1, 0)
    f = np.stack([(light + 16) / 116 + a / 500, (light + 16) / 116, (light + 16) / 116 - b / 200], axis=-1)
    t = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29))
    return encode(np.clip((t * _WHITE) @ np.linalg.inv(_XYZ_OF_RGB).T, 0, 1))


def typology_angle(srgb: Float[np.ndarray, "*n 3"]) -> Float64[np.ndarray, "*n"]:
    """The individual typology angle (ITA) in degrees: above 55 very light skin, below -30 dark."""
    light, _, b = np.moveaxis(lab_of(srgb), -1, 0)
    return np.asarray(np.degrees(np.arctan2(light - 50, b)))


_ANGLES = [-65.0, -30.0, 0.0, 20.0, 40.0, 65.0]
_YELLOW = [11.5, 18.0, 20.0, 20.0, 18.0, 12.5]
_RED = [10.5, 12.5, 12.5, 12.0, 10.5, 8.5]


def skin_tone(angle: float, warmth: float = 0.0, redness: float = 0.0) -> RGB:
    """The colour of skin with this typology angle; ``warmth`` and ``redness`` shift b* and a* (in Lab units)."""
    b = float(np.interp(angle, _ANGLES, _YELLOW)) + warmth
    a = float(np.interp(angle, _ANGLES, _RED)) + redness
    return _rgb(srgb_of(np.array([50 + b * np.tan(np.radians(angle)), a, b])))


_MELANIN = [0.0, 0.15, 0.35, 0.5, 0.65, 0.8, 0.9, 1.0]
_NATURAL = np.array(
    [
        (190, 168, 132),  # very light blond
        (166, 137, 100),
        (136, 107, 75),  # dark blond
        (114, 80, 52),
        (82, 56, 38),  # brown
        (54, 38, 29),
        (36, 28, 24),
        (22, 19, 19),  # black
    ]
)
_GINGER = np.array(
    [
        (214, 168, 122),
        (186, 124, 76),
        (156, 88, 50),
        (126, 64, 36),
        (96, 46, 28),
        (64, 34, 25),
        (42, 26, 22),
        (24, 18, 18),
    ]
)

GREY_HAIR: RGB = (0.70, 0.67, 0.625)
"""A strand without any pigment."""


def hair_tone(melanin: float, ginger: float = 0.0) -> RGB:
    """Natural hair from very light blond (0) to black (1); ``ginger`` (0 to 1) turns it red."""
    table = ((1 - ginger) * _NATURAL + ginger * _GINGER) / 255
    return _rgb(np.array([np.interp(melanin, _MELANIN, column) for column in table.T]))


def _rgb(values: Float64[np.ndarray, "3"]) -> RGB:
    r, g, b = (float(v) for v in values)
    return r, g, b
