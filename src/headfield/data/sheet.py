"""The contact sheet of a data set: for each subject its name, what there is of it, and how that looks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image, ImageDraw, ImageFont

from headfield.capture import Subject, View
from headfield.data import splat
from headfield.data.pictures import encode_normals
from headfield.data.store import Dataset
from headfield.errors import InputError

PIXELS = 8_000_000
"""How many all tiles together may have."""
LARGEST_TILE, SMALLEST_TILE = 256, 48
_TILES_BESIDE_VIEWS = 4
_SHAPE = 1.5
"""How much wider than high a sheet likes to be."""

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_GAP = 3
_PAPER, _INK, _PALE = (250, 250, 248), (32, 33, 36), (110, 112, 116)


@dataclass(frozen=True, eq=False)
class Card:
    """What the sheet shows of one subject: a line of text and square pictures, each with a word on it or none."""

    name: str
    about: str
    tiles: list[tuple[str, Image.Image]]


def contact_sheet(
    dataset: Dataset, *, subjects: int = 20, views: int = 4, done: Callable[[], None] = lambda: None
) -> UInt8[np.ndarray, "h w 3"]:
    """A picture of the first ``subjects`` of a data set, with up to ``views`` images of each; ``done`` after each."""
    names = dataset.names[:subjects]
    if not names:
        raise InputError(f"{dataset.folder} has no subjects to show; import or make some first.")
    pixels = math.isqrt(PIXELS // (len(names) * (views + _TILES_BESIDE_VIEWS)))
    if pixels < SMALLEST_TILE:
        raise InputError(f"{len(names)} subjects with {views} views do not fit on one sheet; ask for fewer.")
    pixels = min(pixels, LARGEST_TILE)
    cards = []
    for card in dataset.map(lambda name: make_card(dataset, name, views, pixels), subjects=len(names)):
        cards.append(card)
        done()
    return _lay_out(cards, pixels)


def make_card(dataset: Dataset, name: str, views: int, pixels: int) -> Card:
    """Read one subject and draw it."""
    subject = dataset.read(name, truth=False)
    if subject.capture is None:
        subject = dataset.read(name)
    tiles = [(word, Image.fromarray(tile)) for word, tile in _tiles(subject, views, pixels)]
    return Card(name, _about(subject), tiles)


def _about(subject: Subject) -> str:
    parts = [subject.expression]
    if subject.identity and subject.identity != subject.name:
        parts.insert(0, subject.identity)
    if subject.capture is not None:
        n = len(subject.capture.views)
        parts.append(f"{n} views" if n != 1 else "1 view")
    if subject.scan is not None:
        parts.append(f"{len(subject.scan.points):,} points")
    if subject.truth is not None:
        parts.append(f"{len(subject.truth.faces):,} faces")
    return "  ·  ".join(parts)


def _tiles(subject: Subject, views: int, pixels: int) -> Iterator[tuple[str, np.ndarray]]:
    first = None
    if subject.capture is not None and views:
        among = subject.capture.views
        chosen = sorted({round(i) for i in np.linspace(0, len(among) - 1, min(views, len(among)))})
        for index in chosen:
            view = among[index]
            first = first or view
            yield "", _image_tile(view, pixels)
    if first is not None and first.normals is not None:
        yield "normals", _fitted(_coloured_normals(first.normals), pixels)
    if first is not None and first.depth is not None and subject.scan is None:
        yield "depth", _fitted(_grey_depth(first.depth), pixels)
    for look, side in ((splat.FRONT, "front"), (splat.SIDE, "side")):
        if subject.scan is not None:
            yield f"scan, {side}", splat.draw_scan(subject.scan, look, pixels)
    for look, side in ((splat.FRONT, "front"), (splat.SIDE, "side")):
        if subject.truth is not None:
            yield f"truth, {side}", splat.draw_mesh(subject.truth, look, pixels)


def _image_tile(view: View, pixels: int) -> np.ndarray:
    """The image, what is masked out of it replaced by grey."""
    image = view.image
    if view.mask is not None:
        cover = view.mask[..., None] / np.float32(255)
        image = np.round(image * cover + splat.BACKGROUND * (1 - cover)).astype(np.uint8)
    return _fitted(image, pixels)


def _coloured_normals(normals: Float32[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w 3"]:
    some = np.any(normals != 0, axis=-1, keepdims=True)
    return np.where(some, encode_normals(normals), np.uint8(splat.BACKGROUND))


def _grey_depth(depth: Float32[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w 3"]:
    """The nearest white, the farthest dark."""
    some = depth > 0
    grey = np.full(depth.shape, splat.BACKGROUND, np.uint8)
    if some.any():
        near, far = depth[some].min(), depth[some].max()
        grey[some] = np.round(255 - 215 * (depth[some] - near) / max(far - near, 1e-6))
    return np.repeat(grey[..., None], 3, axis=-1)


def _fitted(picture: UInt8[np.ndarray, "h w 3"], pixels: int) -> UInt8[np.ndarray, "p p 3"]:
    """The whole picture in a square tile."""
    height, width = picture.shape[:2]
    scale = pixels / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS, reducing_gap=3)
    tile = Image.new("RGB", (pixels, pixels), (splat.BACKGROUND,) * 3)
    tile.paste(small, ((pixels - size[0]) // 2, (pixels - size[1]) // 2))
    return np.asarray(tile)


def _lay_out(cards: list[Card], pixels: int) -> UInt8[np.ndarray, "h w 3"]:
    text = round(np.clip(pixels / 13, 10, 18))
    title, small = ImageFont.load_default(text), ImageFont.load_default(max(9, text * 0.7))
    margin, line = text, round(1.7 * text)
    width = max(1, max(len(card.tiles) for card in cards)) * (pixels + _GAP) - _GAP + margin
    height = line + pixels + margin
    columns = min(range(1, len(cards) + 1), key=lambda n: _misshape(n * width, math.ceil(len(cards) / n) * height))
    rows = math.ceil(len(cards) / columns)
    sheet = Image.new("RGB", (columns * width + margin, rows * height + margin), _PAPER)
    pen = ImageDraw.Draw(sheet)
    for i, card in enumerate(cards):
        row, column = divmod(i, columns)
        x, y = margin + column * width, margin + row * height
        _write_line(pen, (x, y), card, title, width - margin)
        for word, tile in card.tiles:
            sheet.paste(tile, (x, y + line))
            pen.text((x + text // 3, y + line + pixels - text // 3), word, fill=_INK, font=small, anchor="ls")
            x += pixels + _GAP
    return np.asarray(sheet)


def _misshape(width: float, height: float) -> float:
    return abs(math.log(width / height / _SHAPE))


def _write_line(pen: ImageDraw.ImageDraw, at: tuple[int, int], card: Card, font: Font, width: float) -> None:
    """The name in ink and the rest pale, cut off where the card ends."""
    x, y = at
    for words, ink in ((card.name, _INK), (f"   {card.about}", _PALE)):
        while words and x + pen.textlength(words, font) > at[0] + width:
            words = words[:-2].rstrip() + "…" if len(words) > 2 else ""
        pen.text((x, y), words, fill=ink, font=font)
        x += round(pen.textlength(words, font))
