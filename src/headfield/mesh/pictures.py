"""Textures: read from files that may hold anything, written as PNG, looked up."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float64, UInt8

from headfield.errors import InputError, reading
from headfield.files import lies_within

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "TGA")
"""What a texture may be. Other decoders of Pillow are not for files of unknown origin: one of them runs a program."""

DAMAGE = (OSError, SyntaxError, TypeError, ValueError, EOFError, struct.error, zlib.error)
"""What Pillow raises at files that are no pictures or were cut off."""


def decode_picture(content: bytes, what: str) -> UInt8[np.ndarray, "h w 3"]:
    """The pixels of an encoded picture; InputError that names ``what`` where there are none."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as picture:
            return np.array(picture.convert("RGB"))
    except DAMAGE:
        raise InputError(f"{what} is not a picture, or it was cut off; export it again.") from None
    except Image.DecompressionBombError:
        raise InputError(f"{what} has more pixels than any texture should; scale it down.") from None


def encode_png(pixels: UInt8[np.ndarray, "h w 3"]) -> bytes:
    """The picture as the content of a PNG file."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


def beside(path: Path, name: str) -> bytes | None:
    """What is in the file that ``path`` calls ``name``; a warning and None if it is absent or outside the folder."""
    candidate = path.parent / name.replace("\\", "/")
    if not lies_within(candidate, path.parent) or "://" in name:
        warnings.warn(f"{path} names {name}, which is outside its folder and was left out.", stacklevel=2)
        return None
    if not candidate.is_file():
        warnings.warn(f"{path} names {name}, which is not there and was left out.", stacklevel=2)
        return None
    with reading(candidate):
        return candidate.read_bytes()


def read_beside(path: Path, name: str) -> UInt8[np.ndarray, "h w 3"] | None:
    """The picture that the mesh ``path`` calls ``name``, if it may be had."""
    content = beside(path, name)
    return None if content is None else decode_picture(content, f"{path.parent / name}")


def sample_texture(texture: UInt8[np.ndarray, "h w 3"], uv: Float[np.ndarray, "n 2"]) -> UInt8[np.ndarray, "n 3"]:
    """The texture's colours at texture coordinates, bilinear; beyond the edges it repeats."""
    height, width = texture.shape[:2]
    x = uv[:, 0] * width - 0.5
    y = (1 - uv[:, 1]) * height - 0.5
    left, top = np.floor(x), np.floor(y)
    colours = np.zeros((len(uv), 3))
    for dx in (0, 1):
        for dy in (0, 1):
            weight = (1 - abs(x - left - dx)) * (1 - abs(y - top - dy))
            column = (left + dx).astype(np.int64) % width
            row = (top + dy).astype(np.int64) % height
            colours += weight[:, None] * texture[row, column]
    return np.round(colours).astype(np.uint8)


def srgb_to_linear(colours: UInt8[np.ndarray, "*n"]) -> Float64[np.ndarray, "*n"]:
    """The intensities, from 0 to 1, that sRGB bytes stand for."""
    return _LINEAR[colours]


def linear_to_srgb(intensities: Float[np.ndarray, "*n"]) -> UInt8[np.ndarray, "*n"]:
    """The sRGB bytes closest to intensities from 0 to 1."""
    return np.round(255 * srgb_values(intensities)).astype(np.uint8)


def linear_intensities(values: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
    """The intensities that sRGB values stand for, both from 0 to 1."""
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def srgb_values(intensities: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
    """The sRGB values, from 0 to 1, that stand for intensities; what is brighter than 1 is cut off."""
    x = np.clip(intensities, 0, 1)
    return np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055)


_LINEAR = linear_intensities(np.arange(256) / 255)
