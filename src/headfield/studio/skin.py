"""Skin: its texture, from melanin, blood and shade on a head of one tone, and what is drawn and grows on it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from jaxtyping import Float32, Int64, UInt8

from headfield.studio import features
from headfield.studio.colour import GREY_HAIR, RGB
from headfield.studio.facemap import MM, PIXELS_PER_MM, FaceMap, face_map
from headfield.studio.fibre import strands
from headfield.studio.look import HairColour, Look
from headfield.studio.model import HeadModel
from headfield.studio.noise import Noise
from headfield.studio.tone import decode, encode

MELANIN = np.array([0.40, 0.62, 0.86], np.float32)
"""How much of each primary one unit of melanin takes away (optical density)."""

BLOOD = np.array([0.10, 0.66, 0.52], np.float32)
"""The same for blood."""

FINEST = np.float32(0.5 * MM)
"""About how wide a texel is: what is finer cannot be painted."""

CATCHES = round(0.9 * PIXELS_PER_MM)
"""How far below a furrow its lower side is, in pixels of the chart."""


@dataclass(frozen=True, eq=False)
class Growth:
    """How densely (0 to 1) hair of the head and of the beard grows out of each vertex of the mean skin."""

    scalp: Float32[np.ndarray, "v"]
    beard: Float32[np.ndarray, "v"]
    way: Float32[np.ndarray, "v 3"] | None = None
    """Where the hair of the head is heading, if it is long enough to show."""


def paint_skin(
    model: HeadModel, look: Look, rng: np.random.Generator, size: int = 1024, growth: Growth | None = None
) -> UInt8[np.ndarray, "s s 3"]:
    """The texture of a person's skin: shaven and bald as the look has it, unless told what grows on it."""
    face = face_map(model, size)
    growth = growth or Growth(look.scalp * face.scalp, look.stubble * face.beard)
    noise = Noise.sample(rng)
    light = _flesh(face, look, noise)
    _draw(face, look, light, rng)
    roots = replace(look.beard, grey=look.hair.grey)
    for hair, density, way in ((roots, growth.scalp, growth.way), (look.beard, growth.beard, None)):
        _grow(face, hair, light, density, way, noise)
    _line_cavities(face, light)
    return face.canvas.texture(_pixels(light))


def _pixels(light: Float32[np.ndarray, "n 3"]) -> UInt8[np.ndarray, "n 3"]:
    return _encoding()[(np.clip(light, 0, 1) * 16383).astype(np.int32)]


@lru_cache(maxsize=1)
def _encoding() -> UInt8[np.ndarray, "k"]:
    return np.rint(encode(np.linspace(0, 1, 16384)) * 255).astype(np.uint8)


def _light(colour: RGB) -> Float32[np.ndarray, "3"]:
    return decode(np.array(colour, np.float32))


def _flesh(face: FaceMap, look: Look, noise: Noise) -> Float32[np.ndarray, "n 3"]:
    """Living skin, in linear light: its tone, less what melanin, blood and shade take away from place to place."""
    melanin, blood, shade = _pigments(face, look, noise).T
    places, skin = face.canvas.positions, look.skin
    blood += 0.045 * skin.unevenness * noise.fractal(places, 14 * MM, 3, gain=0.8)
    melanin += 0.028 * skin.unevenness * noise.fractal(places[:, [1, 2, 0]], 8 * MM, 3, gain=0.8)
    shade += 0.032 * noise.fractal(places[:, [2, 0, 1]], 4 * MM, 3, gain=0.85)
    near_eye = np.exp(-((face.lid_edge / (1.6 * MM)) ** 2))
    blood += 0.18 * near_eye
    melanin += 0.10 * near_eye
    if skin.freckles > 0.02:
        melanin += _freckles(face, look, noise)
    _redden_lips(face, look, melanin, blood, shade)
    density = melanin[:, None] * MELANIN + blood[:, None] * (BLOOD * _blood_shows(look)) + shade[:, None]
    return np.exp(np.log(_light(skin.tone)) - density)


def _blood_shows(look: Look) -> np.float32:
    """Dark skin hides most of the blood beneath it."""
    return np.float32(np.interp(look.skin.angle, [-60, 40], [0.55, 1.0]))


def _pigments(face: FaceMap, look: Look, noise: Noise) -> Float32[np.ndarray, "n 3"]:
    """Melanin, blood and shade beyond the usual, as far as they change slowly."""
    at, skin, places = face.landmarks, look.skin, face.places
    cheek = face.near((at[54] + at[45] + at[14]) / 3 + [0.0, -0.02, 0.0], (17, 15, 30))
    nose = face.near(at[30], (9, 9, 14)) + 0.6 * face.near(at[35], (6, 6, 9))
    chin, brow = face.near(at[8] + [0, 0.07, 0.0], (12, 9, 20)), face.near(at[24] + [0, 0.14, 0], (40, 14, 60))
    under_eye = face.near((at[46] + at[47]) / 2 + [-0.015, -0.045, 0.0], (10, 4.5, 15))
    lid = face.near((at[43] + at[44]) / 2 + [0, 0.03, 0], (12, 4.5, 15))
    around_mouth = face.near((at[33] + at[8]) / 2 + [0, 0.02, 0], (24, 18, 25))
    slow = noise.fractal(places, 45 * MM, 2)
    slower = noise.fractal(places[:, [1, 2, 0]] + 3, 60 * MM, 2)

    blood = skin.flush * (0.22 * cheek + 0.22 * nose + 0.10 * chin + 0.20 * face.ears + 0.07 * lid)
    blood += 0.25 * look.make_up.blush * cheek + 0.12 * under_eye * skin.under_eyes
    blood += 0.07 * skin.unevenness * slow - 0.05 * brow
    melanin = 0.05 * brow - 0.03 * cheek + 0.16 * skin.under_eyes * under_eye + 0.06 * lid + 0.05 * around_mouth
    melanin = melanin + 0.05 * skin.unevenness * slower + 0.05 * (places[:, 1] > 0.2) * 0
    shade = 0.05 * skin.under_eyes * under_eye + 0.02 * slow
    columns = [column.astype(np.float32) for column in (melanin, blood, shade)]
    return face.on_texels(np.stack(columns, axis=1))


def _freckles(face: FaceMap, look: Look, noise: Noise) -> Float32[np.ndarray, "n"]:
    at, amount = face.landmarks, look.skin.freckles
    where = face.near(at[29] * [1, 1, 0.8] + [0.1, 0, 0], (30, 16, 40)) + 0.35 * face.near(
        at[24] + [0, 0.1, 0], (40, 25, 60)
    )
    field = noise.wave(face.canvas.positions[:, [2, 0, 1]] + 7, 3.2 * MM)
    spots = np.clip((field - (1.9 - 0.9 * amount)) / 0.6, 0, 1)
    return (0.55 * amount) * spots * face.on_texels(np.clip(where, 0, 1)[:, None])[:, 0]


@lru_cache(maxsize=2)
def _lips_at(face: FaceMap) -> Float32[np.ndarray, "m"]:
    return face.from_chart(features.lips(face.landmarks))


@lru_cache(maxsize=2)
def _lids_at(face: FaceMap) -> Float32[np.ndarray, "m"]:
    return face.from_chart(features.lids(face.landmarks))


def _redden_lips(
    face: FaceMap,
    look: Look,
    melanin: Float32[np.ndarray, "n"],
    blood: Float32[np.ndarray, "n"],
    shade: Float32[np.ndarray, "n"],
) -> None:
    lips, front, skin = _lips_at(face), face.front, look.skin
    wet = np.flatnonzero(lips > 0.02)
    texels, amount = front[wet], lips[wet]
    creases = Noise(np.eye(3), np.zeros(3)).wave(
        face.canvas.positions[texels] * np.array([1, 0.25, 0.25], np.float32), 1.6 * MM
    )
    blood[texels] += amount * np.float32(skin.lip_blood) + 0.06 * amount * creases
    melanin[texels] += amount * np.float32(0.15 + 0.5 * skin.lip_melanin)
    shade[texels] += 0.05 * amount * creases


def _draw(face: FaceMap, look: Look, light: Float32[np.ndarray, "n 3"], rng: np.random.Generator) -> None:
    """Lines and moles, make-up, brows."""
    front, at = face.front, face.landmarks
    furrows = features.lines(at, look.skin, rng)
    # Light mostly comes from above: a furrow is dark, and its lower side catches the light.
    lines, below = (face.from_chart(layer) for layer in (furrows, np.roll(furrows, CATCHES, axis=0)))
    moles = face.from_chart(features.moles(look.skin, rng))
    shown = light[front]
    relief = (0.75 * lines - 0.25 * below)[:, None]
    shown *= np.exp(-relief * (0.6 + MELANIN / 2) - 1.6 * moles[:, None] * MELANIN)
    _lay(shown, _light(look.make_up.lipstick), look.make_up.lips * _lips_at(face))
    _lay(shown, _light(look.make_up.shadow), look.make_up.lids * _lids_at(face))
    _lay(shown, np.full(3, 0.02, np.float32), _lash_line(face, look))
    hairs, shade = (face.from_chart(layer) for layer in features.brows(at, look.brows, rng))
    colour = _light(look.brows.colour)
    beneath = np.minimum(colour, 0.5 * _light(look.skin.tone))
    _lay(shown, beneath, 0.7 * min(look.brows.density, 1.0) * shade)
    _lay(shown, colour, 0.95 * hairs)
    light[front] = shown


def _lay(shown: Float32[np.ndarray, "m 3"], colour: Float32[np.ndarray, "3"], cover: Float32[np.ndarray, "m"]) -> None:
    """Cover part of what is there with a colour."""
    covered = np.flatnonzero(cover > 0.004)
    shown[covered] += cover[covered, None] * (colour - shown[covered])


def _lash_line(face: FaceMap, look: Look) -> Float32[np.ndarray, "m"]:
    """How dark lashes and liner make the edge of the lids, the upper more than the lower."""
    upper, edge = face.on_texels(face.upper_lid[:, None])[face.front, 0], face.lid_edge[face.front]
    width = (0.75 + 0.5 * look.make_up.liner) * MM * (0.6 + 0.8 * upper)
    strength = (0.75 + 0.2 * look.make_up.liner) * (0.35 + 0.65 * upper)
    return strength * np.exp(-((edge / width) ** 2))


def _grow(
    face: FaceMap,
    hair: HairColour,
    light: Float32[np.ndarray, "n 3"],
    density: Float32[np.ndarray, "v"],
    way: Float32[np.ndarray, "v 3"] | None,
    noise: Noise,
) -> None:
    """Short hair in the skin, as it grows: undyed, in dots or, where it begins, in strokes."""
    dense = face.on_texels(density[:, None])[:, 0]
    texels = np.flatnonzero(dense > 0.02)
    dense, places = dense[texels], face.canvas.positions[texels]
    if way is None:
        patches, dots = noise.wave(places + 17, 14 * MM), noise.wave(places[:, [1, 0, 2]] + 11, 0.9 * MM)
        cover = dense * (0.55 + 0.06 * patches + 0.2 * dots)
    else:
        cover = dense * (0.7 + 0.5 * _strokes(face, texels, dense, way))
    cover = np.clip(cover, 0, 0.95)[:, None]
    light[texels] += cover * (_in_skin(hair, light[texels]) - light[texels])


def _strokes(
    face: FaceMap,
    texels: Int64[np.ndarray, "m"],
    dense: Float32[np.ndarray, "m"],
    way: Float32[np.ndarray, "v 3"],
) -> Float32[np.ndarray, "m"]:
    """Single hairs at the edge of hair, by how much darker each texel is than the mean: 0 on average."""
    edge = np.flatnonzero(dense < dense.max(initial=0) - 0.01)
    flow = face.on_texels(way, texels[edge])
    texel = np.full(len(edge), FINEST, np.float32)
    darker = np.zeros(len(texels), np.float32)
    darker[edge] = strands(face.canvas.positions[texels[edge]], flow, texel)[0]
    return darker


def _in_skin(hair: HairColour, skin: Float32[np.ndarray, "m 3"]) -> Float32[np.ndarray, "m 3"]:
    """What the eye makes of dark and grey strands side by side, of which no dark one is lighter than the skin."""
    dark = np.minimum(_light(hair.base) + np.float32(0.02), np.float32(0.8) * skin)
    grey = np.clip(np.float32(0.5) * _light(GREY_HAIR), np.float32(0.85) * skin, np.float32(1.4) * skin)
    return dark + np.float32(hair.grey) * (grey - dark)


def _line_cavities(face: FaceMap, light: Float32[np.ndarray, "n 3"]) -> None:
    """The inside of the mouth is red and dark at any tone; the eye sockets are moist and pink."""
    mouth, sockets = face.inner["mouth"], face.inner["eyes"]
    depth = np.clip((face.landmarks[62, 2] - face.canvas.positions[mouth, 2:]) / 0.15, 0, 1)
    light[mouth] = _light((0.62, 0.32, 0.30)) * (1 - 0.75 * depth)
    light[sockets] = 0.5 * light[sockets] + 0.5 * _light((0.72, 0.45, 0.42))
