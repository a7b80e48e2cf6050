"""What is drawn on a face in the chart of its front: lips, brows hair by hair, lines, moles, made-up lids."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, UInt8
from PIL import Image, ImageDraw, ImageFilter

from headfield.studio.facemap import CHART_SIZE, PIXELS_PER_MM, chart_pixels, curve
from headfield.studio.look import Brows, Skin

_FINER = 2
"""Drawing happens so many times finer, since strokes have hard edges."""

Layer = UInt8[np.ndarray, "h w"]
Landmarks = Float64[np.ndarray, "68 3"]
_Points = Float64[np.ndarray, "n 2"]


class _Sheet:
    """An empty chart to draw in; points are pixels of the chart, widths millimetres, strengths 0 to 1."""

    def __init__(self) -> None:
        self._image = Image.new("L", (CHART_SIZE[0] * _FINER, CHART_SIZE[1] * _FINER))
        self._draw = ImageDraw.Draw(self._image)

    def fill(self, outline: _Points) -> None:
        self._draw.polygon([tuple(p) for p in (outline * _FINER).tolist()], fill=255)

    def stroke(self, points: _Points, width: float, strength: float = 1.0) -> None:
        pixels = max(1, round(width * PIXELS_PER_MM * _FINER))
        self._draw.line((points * _FINER).ravel().tolist(), fill=round(255 * strength), width=pixels, joint="curve")

    def spot(self, centre: Float64[np.ndarray, "2"], radius: float, strength: float) -> None:
        r = radius * PIXELS_PER_MM * _FINER
        x, y = (centre * _FINER).tolist()
        self._draw.ellipse((x - r, y - r, x + r, y + r), fill=round(255 * strength))

    def layer(self, blur: float = 0.0) -> Layer:
        """What was drawn, blurred by so many millimetres."""
        image = self._image.reduce(_FINER)
        if blur:
            image = image.filter(ImageFilter.GaussianBlur(blur * PIXELS_PER_MM))
        return np.asarray(image)


def lips(landmarks: Landmarks, blur: float = 0.8) -> Layer:
    """The red of the lips, the slit of the mouth included."""
    sheet = _Sheet()
    sheet.fill(curve(chart_pixels(landmarks[48:60]), 96, closed=True))
    return sheet.layer(blur)


def lids(landmarks: Landmarks) -> Layer:
    """Where eye shadow goes: the upper lids up to their fold, fading towards the brows."""
    sheet = _Sheet()
    for corner, brow in ((36, 17), (42, 22)):
        upper = chart_pixels(landmarks[corner : corner + 4])
        brows = chart_pixels(landmarks[brow : brow + 5])
        top = curve(brows, 12) * 0.45 + curve(upper, 12) * 0.55
        sheet.fill(np.concatenate([curve(upper, 12), top[::-1]]))
    return sheet.layer(blur=1.8)


def brows(landmarks: Landmarks, brow: Brows, rng: np.random.Generator) -> tuple[Layer, Layer]:
    """The hairs of both brows, and the shade of those too fine to be seen one by one."""
    hairs, shade = _Sheet(), _Sheet()
    for ids in (range(21, 16, -1), range(22, 27)):
        _draw_brow(hairs, shade, chart_pixels(landmarks[list(ids)]), brow, rng)
    return hairs.layer(blur=0.08), shade.layer(blur=1.3)


def _draw_brow(hairs: _Sheet, shade: _Sheet, inner_to_outer: _Points, brow: Brows, rng: np.random.Generator) -> None:
    mm = float(PIXELS_PER_MM)
    spine = curve(inner_to_outer, 64)
    t = np.linspace(0, 1, 64)
    spine[:, 1] -= mm * (
        2.2 * brow.arch * np.exp(-((t - 0.62) ** 2) / 0.05) - 1.0 * brow.arch * np.exp(-((t - 0.1) ** 2) / 0.03)
    )
    centre = spine[0] + (spine - spine[0]) * [brow.length, 1]
    along = np.gradient(centre, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    upward = np.stack([along[:, 1], -along[:, 0]], axis=1) * np.sign(along[:, :1])
    half = mm * brow.thickness * np.interp(t, [0, 0.08, 0.3, 0.6, 1], [2.6, 3.9, 4.2, 3.1, 0.5])

    inset = 0.75 * half[:, None] * upward
    shade.fill(np.concatenate([centre[2:] + inset[2:], (centre[2:] - inset[2:])[::-1]]))
    n = int(700 * brow.density * (0.55 + 0.45 * brow.thickness))
    place = rng.beta(1.05, 1.15, size=n)
    k = (place * 63).astype(int)
    across = np.clip(rng.normal(0, 0.5, size=n), -1.15, 1.15)
    # Hairs stand up at the nose, lie along the brow further out, and lean towards its spine from both sides.
    rise = np.interp(place, [0, 0.1, 0.35, 1], [70, 48, 24, 5]) - 22 * across * np.interp(place, [0, 0.3], [0.2, 1])
    angle = np.radians(rise + rng.normal(0, 5 + 16 * brow.mess, size=n))
    length = mm * np.interp(place, [0, 0.3, 0.7, 1], [5.5, 7.5, 6.5, 3.5]) * rng.uniform(0.6, 1.15, size=n)
    root = centre[k] + (half[k] * across)[:, None] * upward[k] - 0.25 * length[:, None] * along[k]
    for i in np.argsort(rng.random(n)):
        start = np.cos(angle[i]) * along[k[i]] + np.sin(angle[i]) * upward[k[i]]
        bend = np.cos(0.55 * angle[i]) * along[k[i]] + np.sin(0.55 * angle[i]) * upward[k[i]]
        path = root[i] + length[i] * np.array(
            [[0, 0], 0.5 * start, 0.5 * start + 0.3 * bend, 0.5 * start + 0.55 * bend]
        )
        strength = rng.uniform(0.4, 1.0)
        hairs.stroke(path[:3], 0.25, strength)
        hairs.stroke(path[2:], 0.125, strength * 0.8)


def lines(landmarks: Landmarks, skin: Skin, rng: np.random.Generator) -> Layer:
    """The lines of age: across the forehead, beside the eyes and under them, from the nose to the mouth's corners."""
    sheet, folds, mm, amount = _Sheet(), _Sheet(), float(PIXELS_PER_MM), skin.lines
    at = chart_pixels(landmarks)

    def wavering(points: _Points, width: float, strength: float, shake: float = 0.5, on: _Sheet = sheet) -> None:
        path = curve(points + rng.normal(0, shake * mm, size=points.shape), 24)
        for a, b, fade in zip(path[:-1], path[1:], np.sin(np.linspace(0.15, np.pi - 0.1, 23)), strict=True):
            on.stroke(np.stack([a, b]), width, float(np.clip(strength * fade, 0, 1)))

    for side in (-1, 1):
        outer, under, wing, mouth = (at[36], at[40], at[31], at[48]) if side < 0 else (at[45], at[47], at[35], at[54])
        anchors = np.stack([wing, wing, (wing + mouth) / 2, mouth])
        fold = anchors + np.array([[1.5 * side, -4], [7 * side, 2], [7.5 * side, 0], [6.5 * side, 1]]) * mm
        wavering(fold, 2.0, 0.3 + 0.7 * amount, 0.4, folds)
        if rng.random() < amount:
            sag = mouth + np.array([[1.5 * side, 2], [3.5 * side, 8], [5 * side, 15]]) * mm
            wavering(sag, 1.6, 0.6 * amount, 0.5, folds)
        for direction in np.radians(rng.uniform(-35, 40, size=int(rng.poisson(8 * amount)))):
            ray = np.array([side * np.cos(direction), np.sin(direction)])
            steps = np.linspace(4, rng.uniform(9, 17), 4)[:, None] * mm
            wavering(outer + ray * steps + [0, 0.04 * mm] * steps, 0.5, rng.uniform(0.3, 0.9) * amount)
        for k in range(int(rng.poisson(0.6 + 1.5 * amount))):
            start = under + mm * np.array([-8 * side, 4.5 + 3 * k])
            wavering(start + np.array([[0, 0], [side * 7, 3], [side * 15, 2]]) * mm, 0.5, 0.25 + 0.4 * amount)
    brow_height = at[17:27, 1].min()
    for k in range(int(rng.poisson(5 * amount))):
        y = brow_height - (9 + 7 * k + rng.normal(0, 1)) * mm
        reach = rng.uniform(0.5, 1.0) * 38 * mm
        across = np.linspace(-reach, reach, 7) + at[27, 0] + rng.normal(0, 3 * mm)
        wavering(
            np.stack([across, y + 2.0 * mm * np.cos(np.arange(7))], axis=1), 0.7, rng.uniform(0.4, 1.0) * amount, 0.7
        )
    for side in (-1, 1):
        if rng.random() < amount:
            foot = at[27] + [side * rng.uniform(4, 7) * mm, -6 * mm]
            wavering(foot + np.array([[0, 4], [side * 0.5, -2], [side * 2, -8]]) * mm, 0.6, 0.7 * amount, 0.3)
    return np.maximum(sheet.layer(blur=0.3), folds.layer(blur=1.1))


def moles(skin: Skin, rng: np.random.Generator) -> Layer:
    """Moles, anywhere on the face and the front of the neck."""
    sheet = _Sheet()
    for centre in rng.uniform([0.1, 0.15], [0.9, 0.95], size=(skin.moles, 2)) * CHART_SIZE:
        sheet.spot(centre, float(0.45 + 0.5 * rng.gamma(1.5, 0.4)), float(rng.uniform(0.35, 1.0)))
    return sheet.layer(blur=0.25)
