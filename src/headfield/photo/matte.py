"""The person cut out of a photo: head, hair and the top of the shoulders."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64, UInt8
from PIL import Image
from scipy import ndimage

from headfield.errors import InputError
from headfield.photo.faces import Face, FaceFinder
from headfield.photo.finding import PIXELS, cut_square
from headfield.photo.normals import Region

HEAD = 1.35
"""How high a head with hair is, in heights of its face."""

ACROSS = (3.0, 2.5, 2.0, 1.6)
"""The sides of the squares that are looked at, in heights of the head: what is behind deceives one and not another."""

BEYOND = 1.4
"""Squares that are so many times as wide as the picture are not looked at: most of them would be empty."""

LOWEST = 1.1
"""How far below the chin the person is kept, in heights of the head."""

FINEST = 1024
"""How many pixels wide the square is at most where its edges are."""

_RADIUS, _EVEN = 0.025, 0.02**2
"""How far edges may move, in heights of the head, and how much the picture may vary, squared, where there is none."""

_FADE = 0.08
"""How far into a square what is seen there counts less than in the middle, in its sides."""

_CHIN = 152


def matte(image: UInt8[np.ndarray, "h w 3"], face: Face, finder: FaceFinder) -> UInt8[np.ndarray, "h w"]:
    """How much of each pixel the person with that face covers, from 0 to 255."""
    chin, head = face.landmarks[_CHIN, :2], HEAD * max(face.height, face.size)
    region, person = _person(image, face, finder, [_square(chin, face.down, head, across) for across in ACROSS])
    rough = cut_square(image, region, PIXELS)
    fine = cut_square(image, region, min(FINEST, max(PIXELS, region.side)))
    person, guide = (_continued(layer, region, *image.shape[:2]) for layer in (person, _light(rough)))
    edges = guided(person, guide, _light(fine), radius=_RADIUS * head * PIXELS / region.side, even=_EVEN)
    covered = _put_back(_firm(edges, 0.1), region, *image.shape[:2])
    covered[_below(chin + LOWEST * head * face.down, face.down, *image.shape[:2])] = 0
    return np.round(255 * covered).astype(np.uint8)


def _square(chin: Float64[np.ndarray, "2"], down: Float64[np.ndarray, "2"], head: float, across: float) -> Region:
    """A square so many heads wide; the wider it is, the more of it is below the chin."""
    x, y = chin - (0.8 - 0.2 * across) * head * down
    return Region.around(x, y, across * head)


def _person(
    image: UInt8[np.ndarray, "h w 3"], face: Face, finder: FaceFinder, squares: Sequence[Region]
) -> tuple[Region, Float32[np.ndarray, "s s"]]:
    """The person in the widest square, or in the picture's own where that is smaller: close-ups leave it empty."""
    height, width = image.shape[:2]
    picture = Region.around(width / 2, height / 2, max(width, height))
    looks = [square for square in squares if square.side < BEYOND * picture.side]
    if picture.side < squares[0].side:
        looks.insert(0, picture)
    seen, weight = np.zeros((2, PIXELS, PIXELS), np.float32)
    for look in looks:
        sure = _sure(cut_square(image, look, PIXELS), finder)
        if sure[_pixels(face, look)].mean() > 0.5:
            layer, share = _within(_continued(sure, look, height, width), look, looks[0])
            seen, weight = seen + share * layer, weight + share
    person = _alone(seen / np.maximum(weight, np.float32(1e-6)), _pixels(face, looks[0]))
    if person is None:
        raise InputError("the person cannot be told from what is behind; take a photo in front of something plain.")
    return looks[0], person


def _pixels(face: Face, look: Region) -> tuple[Int64[np.ndarray, "n"], Int64[np.ndarray, "n"]]:
    """The rows and columns of a face's landmarks in a square that is looked at."""
    places = (face.landmarks[:, :2] - (look.left, look.top)) * (PIXELS / look.side)
    columns, rows = np.clip(places.astype(int), 0, PIXELS - 1).T
    return rows, columns


def _within(
    layer: Float32[np.ndarray, "s s"], square: Region, other: Region
) -> tuple[Float32[np.ndarray, "s s"], Float32[np.ndarray, "s s"]]:
    """A square's layer as it lies in another square, and how much it counts there: not beyond its own border."""
    size, step = len(layer), other.side / square.side
    corner = np.array([other.top - square.top, other.left - square.left]) * (size / square.side)
    first = corner + step / 2 - 0.5
    moved = ndimage.affine_transform(layer, np.array([step, step]), first, order=1, mode="nearest")
    down, right = (start + step * np.arange(size) for start in first)
    inside = [np.clip(np.minimum(at + 1, size - at) / (size * _FADE), 0, 1) for at in (down, right)]
    return moved, np.minimum.outer(*inside).astype(np.float32)


def guided(
    layer: Float32[np.ndarray, "s s"],
    guide: Float32[np.ndarray, "s s c"],
    finer: Float32[np.ndarray, "t t c"],
    *,
    radius: float,
    even: float,
) -> Float32[np.ndarray, "t t"]:
    """The layer with its edges moved to those of the guide (He et al., "Guided image filtering", 2010, section 3.5).

    In each window the layer becomes the mix of the guide's colours, plus a number, that fits it best. Colours that vary
    by less than ``even``, squared, make no edge. The mixes are then used on a ``finer`` guide.
    """
    size = 2 * round(radius) + 1

    def mean(values: Float32[np.ndarray, "s s *n"]) -> Float32[np.ndarray, "s s *n"]:
        return ndimage.uniform_filter(values, size, mode="nearest", axes=(0, 1))

    colour, level = mean(guide), mean(layer)
    spread = mean(guide[..., :, None] * guide[..., None, :]) - colour[..., :, None] * colour[..., None, :]
    along = mean(guide * layer[..., None]) - colour * level[..., None]
    even_out = np.float32(even) * np.eye(guide.shape[2], dtype=np.float32)
    mix = np.linalg.solve(spread + even_out, along[..., None])[..., 0]
    edges = _resized(mean(level - (mix * colour).sum(axis=2)), len(finer))
    for channel, part in zip(np.moveaxis(finer, 2, 0), np.moveaxis(mean(mix), 2, 0), strict=True):
        edges = edges + _resized(part, len(finer)) * channel
    return edges


def _continued(
    layer: Float32[np.ndarray, "s s *c"], region: Region, height: int, width: int
) -> Float32[np.ndarray, "s s *c"]:
    """A layer of a square that goes on beyond the picture as it ends there, so that the picture's border is no edge."""

    def nearest(start: int, length: int) -> Int64[np.ndarray, "s"]:
        first, last = max(0, -start), min(region.side, length - start)
        scale = len(layer) / region.side
        return np.clip(np.arange(len(layer)), int(np.ceil(first * scale)), int(last * scale) - 1)

    return layer[nearest(region.top, height)][:, nearest(region.left, width)]


def _light(picture: UInt8[np.ndarray, "s s 3"]) -> Float32[np.ndarray, "s s 3"]:
    return picture.astype(np.float32) / 255


def _sure(picture: UInt8[np.ndarray, "s s 3"], finder: FaceFinder) -> Float32[np.ndarray, "s s"]:
    """How sure the finder is of a person, in the picture and in a mirror."""
    mirrored = np.ascontiguousarray(picture[:, ::-1])
    return (finder.person(picture) + finder.person(mirrored)[:, ::-1]) / 2


def _firm(sure: Float32[np.ndarray, "s s"], doubt: float) -> Float32[np.ndarray, "s s"]:
    """Nobody where it is surer than ``doubt`` that there is nobody, the person where it is as sure of that."""
    return np.clip((sure - np.float32(doubt)) / np.float32(1 - 2 * doubt), 0, 1)


def _alone(
    sure: Float32[np.ndarray, "s s"], face: tuple[Int64[np.ndarray, "n"], Int64[np.ndarray, "n"]]
) -> Float32[np.ndarray, "s s"] | None:
    """The person whose face that is without anybody else; None where the face is nobody's."""
    labels, count = ndimage.label(sure > 0.5)
    votes = np.bincount(labels[face], minlength=count + 1)[1:]
    if votes.sum() < len(face[0]) / 2:
        return None
    here = labels == 1 + np.argmax(votes)
    others = ndimage.binary_dilation((labels > 0) & ~here, iterations=len(sure) // 64) & ~here
    return np.where(others, 0, np.where(_holes(here), 1, _firm(sure, 0.3))).astype(np.float32)


def _holes(person: Bool[np.ndarray, "s s"]) -> Bool[np.ndarray, "s s"]:
    """The small gaps inside of a person."""
    labels, _ = ndimage.label(ndimage.binary_fill_holes(person) & ~person)
    sizes = np.bincount(labels.ravel())
    return (labels > 0) & (sizes < person.size / 400)[labels]


def _put_back(layer: Float32[np.ndarray, "s s"], region: Region, height: int, width: int) -> Float32[np.ndarray, "h w"]:
    """A layer of a square in the whole picture, 0 beyond it."""
    left, top = max(region.left, 0), max(region.top, 0)
    right, bottom = min(region.left + region.side, width), min(region.top + region.side, height)
    within = np.array([left, top, right, bottom]) - [region.left, region.top] * 2
    box = tuple(within * (len(layer) / region.side))
    whole = np.zeros((height, width), np.float32)
    part = Image.fromarray(layer).resize((right - left, bottom - top), Image.Resampling.BILINEAR, box=box)
    whole[top:bottom, left:right] = np.asarray(part)
    return whole


def _resized(layer: Float32[np.ndarray, "h w"], side: int) -> Float32[np.ndarray, "s s"]:
    return np.array(Image.fromarray(np.ascontiguousarray(layer)).resize((side, side), Image.Resampling.BILINEAR))


def _below(
    place: Float64[np.ndarray, "2"], down: Float64[np.ndarray, "2"], height: int, width: int
) -> Bool[np.ndarray, "h w"]:
    """The pixels that lie further down than a place."""
    y, x = np.mgrid[:height, :width] + 0.5
    return (x - place[0]) * down[0] + (y - place[1]) * down[1] > 0
