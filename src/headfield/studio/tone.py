"""Between light and the numbers in a picture: sRGB's curve, and a film's gentle shoulder."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32, UInt8

SHOULDER = 0.7
"""Up to here a picture is true to the light; above it, brightness bends towards white and never quite burns out."""


def decode(srgb: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
    """Linear light of sRGB values from 0 to 1."""
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4).astype(srgb.dtype)


def encode(light: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
    """sRGB values of linear light from 0 to 1."""
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055).astype(light.dtype)


_LINEAR = decode(np.arange(256, dtype=np.float32) / 255)


def to_light(pixels: UInt8[np.ndarray, "*n"]) -> Float32[np.ndarray, "*n"]:
    """Linear light of 8-bit sRGB values."""
    return _LINEAR[pixels]


def shoulder(light: Float32[np.ndarray, "*n"]) -> Float32[np.ndarray, "*n"]:
    """Light bent into [0, 1): the identity below :data:`SHOULDER`, smooth, and rising for ever."""
    room = np.float32(1 - SHOULDER)
    over = np.maximum(light - np.float32(SHOULDER), 0) / room
    return np.clip(np.minimum(light, np.float32(SHOULDER)) + room * (over / (1 + over)), 0, 1)


def to_pixels(light: Float32[np.ndarray, "*n"]) -> UInt8[np.ndarray, "*n"]:
    """The 8-bit sRGB picture of linear light."""
    return np.rint(encode(shoulder(light)) * 255).astype(np.uint8)
