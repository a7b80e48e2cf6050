"""The layers of a view as picture files: image, mask, normals, depth.

On disk normals have the usual camera axes of normal maps (x right, y up, z towards the viewer), so that they look
elsewhere as normal maps look; in memory they have OpenCV's (x right, y down, z forward), as everything here.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float32, UInt8, UInt16
from PIL import Image, ImageOps, UnidentifiedImageError

from headfield.errors import InputError, reading
from headfield.mesh.pictures import DAMAGE, FORMATS
from headfield.units import MILLIMETRES_PER_UNIT

DEPTH_STEP = 0.05
"""How many millimetres one step of a stored depth is: 16 bits reach 3.28 m."""

_COMPRESSION = 2
"""Of PNG: a tenth larger than the default, at a fifth of its time."""

_FLIP = np.array([1, -1, -1], np.float32)
"""Between OpenCV's camera axes and those of normal maps, either way."""


def write_image(path: Path, image: UInt8[np.ndarray, "h w 3"]) -> None:
    """Write an sRGB picture as PNG."""
    _save(path, image)


def read_image(path: Path, *, upright: bool = True) -> UInt8[np.ndarray, "h w 3"]:
    """Any picture as sRGB; what is transparent keeps its colour.

    It is turned as its camera was held, unless it is to stay as it was stored (not ``upright``).
    """
    return read_image_and_alpha(path, upright=upright)[0]


def read_image_and_alpha(
    path: Path, *, upright: bool = True
) -> tuple[UInt8[np.ndarray, "h w 3"], UInt8[np.ndarray, "h w"] | None]:
    """Any picture as :func:`read_image` gives it, and how opaque its pixels are if it says so."""
    picture = _open(path, upright=upright)
    if not _has_alpha(picture):
        return np.asarray(_eight_bits(path, picture).convert("RGB")), None
    pixels = np.asarray(picture.convert("RGBA"))
    return np.ascontiguousarray(pixels[..., :3]), np.ascontiguousarray(pixels[..., 3])


def write_mask(path: Path, mask: UInt8[np.ndarray, "h w"]) -> None:
    """Write how much of each pixel the subject covers as a grey PNG."""
    _save(path, mask)


def read_mask(path: Path) -> UInt8[np.ndarray, "h w"]:
    """How much of each pixel the subject covers: the grey value, from 0 to 255."""
    return np.asarray(_eight_bits(path, _open(path)).convert("L"))


def read_foreign_mask(path: Path, *, upright: bool = True) -> UInt8[np.ndarray, "h w"]:
    """A mask made elsewhere: its alpha where it has one, else its grey value; 0 and 1 alone mean nothing and all."""
    picture = _open(path, upright=upright)
    if _has_alpha(picture):
        return np.ascontiguousarray(np.asarray(picture.convert("RGBA"))[..., 3])
    mask = np.asarray(_eight_bits(path, picture).convert("L"))
    return mask * np.uint8(255) if mask.max() <= 1 else mask


def write_normals(path: Path, normals: Float32[np.ndarray, "h w 3"]) -> None:
    """Write unit normals as a normal map; no normal (zero) becomes middle grey."""
    _save(path, encode_normals(normals))


def read_normals(path: Path) -> Float32[np.ndarray, "h w 3"]:
    """The unit normals of a normal map, zero where it holds none."""
    return decode_normals(read_image(path))


def encode_normals(normals: Float32[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w 3"]:
    """Normals as the colours of a normal map."""
    return np.round(np.clip(normals * _FLIP + 1, 0, 2) * 127.5).astype(np.uint8)


def decode_normals(colours: UInt8[np.ndarray, "h w 3"]) -> Float32[np.ndarray, "h w 3"]:
    """The inverse of :func:`encode_normals`. Colours that are far from any unit vector, as grey and black, are none."""
    normals = (colours.astype(np.float32) / 127.5 - 1) * _FLIP
    length = np.linalg.norm(normals, axis=-1, keepdims=True)
    some = (length > 0.5) & (length < 1.5)
    return np.divide(normals, length, out=np.zeros_like(normals), where=some)


def write_depth(path: Path, depth: Float32[np.ndarray, "h w"]) -> None:
    """Write depths in steps of :data:`DEPTH_STEP` as a 16-bit PNG; 0 means that nothing was measured."""
    steps = np.round(depth.astype(np.float64) * (MILLIMETRES_PER_UNIT / DEPTH_STEP))
    if not ((steps >= 0) & (steps <= 0xFFFF)).all():
        raise InputError(
            f"{path.name}: a depth is negative, not a number or beyond {0xFFFF * DEPTH_STEP / 1000:.2f} m, "
            "which a depth picture cannot hold; set it to 0 where nothing was measured."
        )
    _save(path, steps.astype(np.uint16))


def read_depth(path: Path, step: float = DEPTH_STEP) -> Float32[np.ndarray, "h w"]:
    """Depths in head units from a 16-bit picture with ``step`` millimetres a step."""
    picture = _open(path)
    if picture.mode not in ("I;16", "I;16B", "I"):
        raise InputError(f"{path} is no depth picture: it must be grey with 16 bits, and its mode is {picture.mode}.")
    steps = np.asarray(picture).astype(np.float64)
    return (steps * (step / MILLIMETRES_PER_UNIT)).astype(np.float32)


def _save(path: Path, pixels: UInt8[np.ndarray, "h w *c"] | UInt16[np.ndarray, "h w"]) -> None:
    Image.fromarray(np.ascontiguousarray(pixels)).save(path, format="PNG", compress_level=_COMPRESSION)


def picture_size(path: Path, *, upright: bool = True) -> tuple[int, int]:
    """Width and height of the picture that reading it gives; as it was stored, this is known without decoding it."""
    return _open(path, upright=upright, decode=upright).size


def _open(path: Path, *, upright: bool = True, decode: bool = True) -> Image.Image:
    """The decoded picture; one sentence if there is none."""
    with reading(path), path.open("rb") as file:
        try:
            picture = Image.open(file, formats=FORMATS)
            if picture.width * picture.height > (Image.MAX_IMAGE_PIXELS or float("inf")):
                raise Image.DecompressionBombError
            if decode:
                picture.load()
            if upright:
                ImageOps.exif_transpose(picture, in_place=True)
        except UnidentifiedImageError:
            raise InputError(f"{path} is not a picture that can be read; convert it to PNG or JPEG.") from None
        except Image.DecompressionBombError:
            raise InputError(f"{path} is too large a picture to be safe to open; scale it down.") from None
        except DAMAGE:
            raise InputError(f"{path} is a damaged picture, or it was cut off; make or copy it again.") from None
    return picture


def _has_alpha(picture: Image.Image) -> bool:
    return picture.mode in ("RGBA", "LA", "PA") or (
        picture.mode in ("1", "L", "P", "RGB") and "transparency" in picture.info
    )


def _eight_bits(path: Path, picture: Image.Image) -> Image.Image:
    """Pillow clips grey pictures of 16 bits to 8 where it should scale them."""
    if picture.mode.startswith("I"):
        return Image.fromarray((np.asarray(picture).clip(0, 0xFFFF) >> 8).astype(np.uint8))
    if picture.mode == "F":
        raise InputError(f"{path} holds floating-point pixels of unknown range; convert it to PNG with 8 or 16 bits.")
    return picture
