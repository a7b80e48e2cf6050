"""What a phone makes of light: a photograph with its lens's, its sensor's and its software's imperfections.

In the order in which they come about: vignetting, shake and defocus in the light; exposure and white balance; shot and
read noise; the software's contrast, saturation and sharpening; JPEG.
"""

from __future__ import annotations

import io

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image
from scipy import ndimage

from headfield.capture import View
from headfield.studio.light import LUMINANCE
from headfield.studio.photograph import Plate
from headfield.studio.tone import encode, shoulder

USUAL_WIDTH = 512
"""Blurs are given in pixels of a picture this wide."""

Picture = Float32[np.ndarray, "h w 3"]


def phone_photo(
    plate: Plate, background: Float32[np.ndarray, "*h_w 3"], rng: np.random.Generator, *, name: str = ""
) -> View:
    """The view a phone would have taken. Mask, normals and depth stay those of the plate: nothing moves."""
    light = _through_lens(plate.over(background), rng)
    light = light * np.exp2(rng.normal(0, 0.3)) * _white_balance(rng)
    picture = _processed(_with_noise(light.astype(np.float32), rng), rng)
    return plate.showing(name, _through_jpeg(picture, rng))


def _through_lens(light: Picture, rng: np.random.Generator) -> Picture:
    """Darker corners, a little out of focus, a little shaken."""
    height, width = light.shape[:2]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    light = light * (1 - rng.uniform(0, 0.35) * (x**2 + y**2)[..., None] / 2)
    scale = width / USUAL_WIDTH
    defocus = scale * rng.gamma(1.5, 0.4)
    light = ndimage.gaussian_filter(light, (defocus, defocus, 0))
    if rng.random() < 0.3:
        light = ndimage.convolve(light, _shake(scale * rng.uniform(1, 4), rng)[..., None], mode="nearest")
    return light.astype(np.float32)


def _shake(length: float, rng: np.random.Generator) -> Float32[np.ndarray, "k k"]:
    """The path a point of light takes while the shutter is open: a straight line of ``length`` pixels."""
    half, angle = int(np.ceil(length / 2)), rng.uniform(0, np.pi)
    kernel = np.zeros((2 * half + 1, 2 * half + 1), np.float32)
    along = np.linspace(-length / 2, length / 2, 8 * half + 1)
    rows, columns = along * np.sin(angle) + half, along * np.cos(angle) + half
    np.add.at(kernel, (np.rint(rows).astype(int), np.rint(columns).astype(int)), 1)
    return kernel / kernel.sum()


def _white_balance(rng: np.random.Generator) -> Float32[np.ndarray, "3"]:
    """Gains that err along the colours of daylight, and a little towards green or magenta."""
    warmth, tint = rng.normal(0, 0.08), rng.normal(0, 0.02)
    gains = np.exp([warmth, tint, -warmth])
    return (gains / (gains @ LUMINANCE)).astype(np.float32)


def _with_noise(light: Picture, rng: np.random.Generator) -> Picture:
    """Shot noise, whose variance grows with the light, and read noise; coarser than a pixel, as phones smooth it."""
    shot, read = 10 ** rng.uniform(-4.5, -2.6), 10 ** rng.uniform(-3.2, -2.0)
    noise = ndimage.gaussian_filter(rng.normal(size=light.shape).astype(np.float32), (0.5, 0.5, 0))
    return np.maximum(light + noise * np.sqrt(shot * np.maximum(light, 0) + read**2), 0).astype(np.float32)


def _processed(light: Picture, rng: np.random.Generator) -> UInt8[np.ndarray, "h w 3"]:
    """Tone, contrast, saturation and sharpening, as the phone's software likes them."""
    picture = encode(shoulder(light))
    picture = picture + rng.uniform(-0.05, 0.12) * np.sin(2 * np.pi * (picture - 0.5)) / 2
    grey = (picture @ LUMINANCE)[..., None]
    picture = grey + rng.uniform(0.8, 1.2) * (picture - grey)
    if rng.random() < 0.5:
        radius = rng.uniform(0.6, 1.5)
        picture = picture + rng.uniform(0.2, 0.8) * (picture - ndimage.gaussian_filter(picture, (radius, radius, 0)))
    return np.rint(255 * np.clip(picture, 0, 1)).astype(np.uint8)


def _through_jpeg(picture: UInt8[np.ndarray, "h w 3"], rng: np.random.Generator) -> UInt8[np.ndarray, "h w 3"]:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=int(rng.integers(55, 97)))
    return np.asarray(Image.open(file))
