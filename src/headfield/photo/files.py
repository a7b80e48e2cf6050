"""Photo files of any kind that people have, as pictures: upright, in sRGB, not too large."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageCms, JpegImagePlugin, UnidentifiedImageError

from headfield.errors import InputError, MissingExtraError, reading
from headfield.mesh.pictures import DAMAGE
from headfield.photo.exif import camera_notes

SMALLEST = 64
"""How many pixels a photo has at least each way."""

MOST_PIXELS = 90_000_000
"""How many pixels are unpacked at most: some 360 MB."""

MOST_STORED = 400_000_000
"""How many pixels a JPEG may hold: it is made smaller while it is unpacked, and some phones make 200 million."""

_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF")
"""Other decoders of Pillow are not for files of unknown origin: one of them runs a program."""

_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""How a picture comes upright, by the orientation in its EXIF notes."""


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo as it should be looked at."""

    name: str
    image: UInt8[np.ndarray, "_h _w 3"]
    opacity: UInt8[np.ndarray, "_h _w"] | None = None
    """How opaque each pixel is, where the file says that some are not."""
    focal: float | None = None
    """The focal length in pixels of ``image``, where the camera wrote it down."""
    remarks: tuple[str, ...] = ()
    """What whoever took the photo should know: a sentence each."""


def read_photo(path: Path, *, largest: int = 2048) -> Photo:
    """The photo in a file, turned as its camera was held, its longer side at most ``largest`` pixels long.

    JPEG, PNG, WebP, TIFF, BMP, GIF and AVIF are read, and HEIC where pillow-heif is installed.
    """
    with reading(path), path.open("rb") as file, _refusing(path):
        picture = _opened(path, file)
        width, height = picture.size
        _check_size(path, width, height, largest)
        _load(picture, largest)
        notes = camera_notes(picture, width, height)
        remarks = notes.remarks
        if picture.format != "MPO" and getattr(picture, "is_animated", False):
            remarks += ("the file holds several pictures; the first was taken.",)
        profile = picture.info.get("icc_profile")
        picture = _shrunk(_unpacked(path, picture), largest)
    opacity = picture.getchannel("A") if picture.mode == "RGBA" else None
    colours, broken = _srgb(picture.convert("RGB") if opacity else picture, profile)
    return Photo(
        name=path.stem,
        image=np.array(_turned(colours, notes.orientation)),
        opacity=None if opacity is None else _opacity(path, _turned(opacity, notes.orientation)),
        focal=None if notes.focal is None else notes.focal * max(picture.size) / max(width, height),
        remarks=remarks + broken,
    )


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    """Turn what decoders say about a file into one sentence; what they only warn of does not matter here."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except InputError:
        raise
    except UnidentifiedImageError:
        raise InputError(f"{path} is not a picture that can be read; convert it to JPEG or PNG.") from None
    except Image.DecompressionBombError:
        raise InputError(f"{path} has too many pixels to be safe to open; scale it down.") from None
    except DAMAGE:
        raise InputError(f"{path} is a damaged picture, or it was cut off; make or copy it again.") from None


def _opened(path: Path, file: BinaryIO) -> Image.Image:
    """The picture before its pixels are unpacked."""
    start = file.read(32)
    file.seek(0)
    if not start:
        raise InputError(f"{path} is empty; copy it again.")
    if start.startswith(b"\xff\xd8\xff"):
        # Image.open refuses large pictures, which here become small ones while they are unpacked.
        return JpegImagePlugin.jpeg_factory(file)
    if start[4:8] == b"ftyp" and start[8:12] in _HEIC_BRANDS and b"avif" not in start:
        _learn_heic(path)
        return Image.open(file, formats=["HEIF"])
    Image.init()
    return Image.open(file, formats=[name for name in _FORMATS if name in Image.OPEN])


def _learn_heic(path: Path) -> None:
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        raise MissingExtraError(f"pillow-heif, which reads HEIC photos such as {path},", "heic") from None
    register_heif_opener()


def _check_size(path: Path, width: int, height: int, largest: int) -> None:
    scale = min(1.0, largest / max(width, height))
    if scale * min(width, height) < SMALLEST:
        raise InputError(
            f"{path} is {width} x {height} pixels, too small or too narrow to show a face well; take a larger one."
        )


def _load(picture: Image.Image, largest: int) -> None:
    """Unpack the pixels, of large JPEGs only as many as are needed."""
    stored = picture.width * picture.height
    if picture.format in ("JPEG", "MPO"):
        picture.draft(None, _fitted(picture.size, largest))
    # A progressive JPEG is kept whole while it is unpacked, however small it is to become.
    unpacked = stored if picture.info.get("progressive") else picture.width * picture.height
    if stored > MOST_STORED or unpacked > MOST_PIXELS:
        raise Image.DecompressionBombError
    picture.load()


def _unpacked(path: Path, picture: Image.Image) -> Image.Image:
    """The picture as grey, RGB or CMYK with 8 bits each, or as RGBA where some of it is transparent."""
    if picture.mode.startswith("I"):
        # Pillow clips 16 bits to 8 where it should scale them.
        return Image.fromarray((np.asarray(picture).clip(0, 0xFFFF) >> 8).astype(np.uint8))
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        return picture.convert("RGBA")
    if picture.mode in ("L", "RGB", "CMYK"):
        return picture
    if picture.mode in ("1", "P", "YCbCr", "RGBX", "HSV"):
        return picture.convert("RGB")
    raise InputError(f"{path} holds colours of a kind that cannot be read ({picture.mode}); convert it to JPEG or PNG.")


def _shrunk(picture: Image.Image, largest: int) -> Image.Image:
    if max(picture.size) <= largest:
        return picture
    return picture.resize(_fitted(picture.size, largest), Image.Resampling.LANCZOS, reducing_gap=3.0)


def _fitted(size: tuple[int, int], largest: int) -> tuple[int, int]:
    """A size with the same proportions whose longer side is at most ``largest``."""
    scale = min(1.0, largest / max(size))
    return max(1, round(scale * size[0])), max(1, round(scale * size[1]))


def _srgb(picture: Image.Image, profile: bytes | None) -> tuple[Image.Image, tuple[str, ...]]:
    """The picture in sRGB, and a remark if its colour profile was of no use."""
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
        except (ImageCms.PyCMSError, *DAMAGE):
            return picture.convert("RGB"), ("its colour profile is damaged or does not fit and was left out.",)
        assert converted is not None
        return converted, ()
    return picture.convert("RGB"), ()


def _turned(picture: Image.Image, orientation: int) -> Image.Image:
    return picture.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else picture


def _opacity(path: Path, channel: Image.Image) -> UInt8[np.ndarray, "h w"] | None:
    """How opaque the pixels are, unless all are."""
    opacity = np.array(channel)
    if not opacity.any():
        raise InputError(f"{path} shows nothing, since all of it is transparent; take another photo.")
    return None if (opacity == 255).all() else opacity
