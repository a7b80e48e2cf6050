"""How the places of a sitter look to a camera: what they scatter and what they mirror. All in linear light.

A matt surface of albedo a sends out ``a / pi`` times the light that falls on it. Hollows are a little brighter than
their view of the sky, since their walls light each other in the walls' own colour. The highlight comes on top.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Int64

from headfield.studio.fibre import strands
from headfield.studio.highlights import (
    brightest_place,
    dot,
    fibre_share,
    lamp_on_fibres,
    lamp_on_surface,
    surroundings_on_surface,
)
from headfield.studio.light import COSINE_LOBE, Lamp
from headfield.studio.material import Material, interpolate
from headfield.studio.sitter import LitSitter, Sitter
from headfield.units import MILLIMETRES_PER_UNIT

BARE_GLOSS = 0.25
"""The gloss with which a surface mirrors as much as wet skin, varnish or a clean strand of hair; cloth has less."""

SHARP = 0.3
"""Less rough surfaces than this mirror single things, so that one ray a pixel is too few: eyes, teeth, lenses."""

SHADES = np.float32(0.36)
"""How much dark strands differ in brightness: the logarithm of one standard deviation."""

LEAN = np.float32(0.45)
"""How far the round sides of strands turn away from the surface they lie in: the slope's standard deviation."""

FIRST, EDGE, RAGGED = np.float32(0.25), np.float32(1.1), np.float32(0.5)
"""How much of the skin hair covers at its very edge, how fast that grows, and how much strands differ in that."""

WRAP = np.float32(0.25)
"""Light reaches around hair as if it faced it more by this much of a cosine."""

_FIRST_ORDER = np.float32(COSINE_LOBE[1] * np.sqrt(3 / (4 * np.pi)))
"""What an environment's first order lets fall on a surface, for each unit of its normal."""

FREE_PATH = np.float32(0.9 / MILLIMETRES_PER_UNIT)
"""How far one sees into hair on average before a strand is in the way."""


@dataclass(frozen=True, eq=False)
class Seen:
    """Places of a sitter as a camera sees them."""

    faces: Int64[np.ndarray, "n"]
    weights: Float32[np.ndarray, "n 3"]
    to_eye: Float32[np.ndarray, "n 3"]
    footprint: Float32[np.ndarray, "n"]
    """How wide a pixel is there, in head units."""
    thickness: Float32[np.ndarray, "n"]
    """How far the ray flies on until it meets the next surface; for what hides everything behind it, anything."""

    def taken(self, which: Int64[np.ndarray, "m"], *, first_face: int = 0) -> Seen:
        """Some of the places, their faces counted from ``first_face``."""
        return Seen(
            self.faces[which] - first_face,
            self.weights[which],
            self.to_eye[which],
            self.footprint[which],
            self.thickness[which],
        )


def radiance(lit: LitSitter, seen: Seen) -> tuple[Float32[np.ndarray, "n 3"], Float32[np.ndarray, "n"]]:
    """The light that leaves each place towards the eye, and its opacity."""
    sitter = lit.sitter
    here = interpolate(lit.at_vertices, sitter.surface.faces[seen.faces], seen.weights)
    normals = _facing(sitter, seen, here[:, :3])
    colour = np.zeros((len(here), 3), np.float32)
    opacity = np.ones(len(here), np.float32)
    parts = sitter.part_of(seen.faces)
    for index in np.unique(parts):
        at = np.flatnonzero(parts == index)
        material, local = sitter.materials[index], seen.taken(at, first_face=int(sitter.first_faces[index]))
        look = _fibres if material.fibrous else _surface
        colour[at], opacity[at] = look(lit, material, local, normals[at], _Falling.of(here[at, 3:]))
    from_behind = dot(sitter.face_normals[seen.faces], seen.to_eye) < 0
    opacity[from_behind & sitter.fibrous[parts]] = 0
    return colour, opacity


def normals(sitter: Sitter, seen: Seen) -> Float32[np.ndarray, "n 3"]:
    """Unit normals on the side of the surface that the eye sees, never turned away from it."""
    return _facing(sitter, seen, interpolate(sitter.normals, sitter.surface.faces[seen.faces], seen.weights))


def _facing(sitter: Sitter, seen: Seen, interpolated: Float32[np.ndarray, "n 3"]) -> Float32[np.ndarray, "n 3"]:
    side = np.where(dot(sitter.face_normals[seen.faces], seen.to_eye) < 0, np.float32(-1), np.float32(1))
    facing = interpolated * side[:, None]
    facing -= np.minimum(dot(facing, seen.to_eye), 0)[:, None] * seen.to_eye
    return facing / np.maximum(np.linalg.norm(facing, axis=1, keepdims=True), np.float32(1e-9))


class _Falling(NamedTuple):
    """The light that falls on places: all of it, and how open they are to the sky, towards where, and to each lamp."""

    irradiance: Float32[np.ndarray, "n 3"]
    openness: Float32[np.ndarray, "n"]
    outlook: Float32[np.ndarray, "n 3"]
    visibility: Float32[np.ndarray, "n l"]

    @staticmethod
    def of(interpolated: Float32[np.ndarray, "n k"]) -> _Falling:
        return _Falling(interpolated[:, :3], interpolated[:, 3], interpolated[:, 4:7], interpolated[:, 7:])


Look = tuple[Float32[np.ndarray, "n 3"], Float32[np.ndarray, "n"]]


def _surface(
    lit: LitSitter, material: Material, seen: Seen, normals: Float32[np.ndarray, "n 3"], falling: _Falling
) -> Look:
    """A surface: matt under a dielectric's gloss."""
    albedo = material.albedo(seen.faces, seen.weights, seen.footprint)
    light = albedo / np.float32(np.pi) * falling.irradiance * _hollow_gain(falling.openness, albedo)
    if material.part.gloss:
        roughness = np.full(len(albedo), material.part.roughness, np.float32)
        ambient = lit.light.ambient
        mirrored = surroundings_on_surface(normals, seen.to_eye, roughness, falling.openness, falling.outlook, ambient)
        for k, lamp in enumerate(lit.light.lamps):
            share = falling.visibility[:, k] * lamp_on_surface(normals, seen.to_eye, roughness, lamp)
            mirrored += share[:, None] * lamp.colour
        if material.part.roughness < SHARP and (window := brightest_place(ambient)):
            share = np.minimum(2 * falling.openness, 1) * lamp_on_surface(normals, seen.to_eye, roughness, window)
            mirrored += share[:, None] * window.colour
        light = light + np.float32(material.part.gloss / BARE_GLOSS) * mirrored
    return light, material.opacity(seen.faces, seen.weights)


def _fibres(
    lit: LitSitter, material: Material, seen: Seen, normals: Float32[np.ndarray, "n 3"], falling: _Falling
) -> Look:
    """Hair: strands in all shades of its colour, with a fibre's sheen, that thin out where there is little of it."""
    corners = material.part.mesh.faces[seen.faces]
    flow = _unit(interpolate(material.flow, corners, seen.weights))
    across = _unit(np.cross(normals, flow))
    narrowed = np.sqrt(np.maximum(1 - dot(across, seen.to_eye) ** 2, np.float32(0.01)))
    shade, lean = strands(interpolate(material.points, corners, seen.weights), flow, seen.footprint / narrowed)
    albedo, hair = _strand_colours(material, seen, shade)
    leaning = _unit(normals + (LEAN * _sharp(albedo) * lean)[:, None] * across)

    received = _on_fibres(lit, normals, leaning, flow, falling) / np.float32(np.pi)
    light = albedo * received * _hollow_gain(falling.openness, albedo)
    roughness = np.full(len(albedo), material.part.roughness, np.float32)
    mirrored = fibre_share(albedo) * received * falling.openness[:, None]
    for lamp, visible in _shining(lit, falling):
        share = lamp_on_fibres(leaning, seen.to_eye, flow, roughness, albedo, shade, lamp)
        mirrored += visible[:, None] * share * lamp.colour
    opacity = 1 - np.exp(-seen.thickness / FREE_PATH * np.exp(np.clip(shade, -0.5, 1)))
    light += np.float32(material.part.gloss / BARE_GLOSS) * hair[:, None] * mirrored
    return light, opacity


def _strand_colours(
    material: Material, seen: Seen, shade: Float32[np.ndarray, "n"]
) -> tuple[Float32[np.ndarray, "n 3"], Float32[np.ndarray, "n"]]:
    """The albedo of single strands: the mean around them, other colours among them, darker between them.

    At the edge of hair skin shows between them. How much is hair comes second.
    """
    mean = material.albedo(seen.faces, seen.weights, seen.footprint)
    other = material.of_vertices("streaks", seen.faces, seen.weights)
    own = mean if other is None else np.maximum(mean + shade[:, None] * other, mean / 4)
    own = np.minimum(own * np.exp(SHADES * _sharp(mean) * shade)[:, None], np.float32(0.95))
    beside = material.of_vertices("skin", seen.faces, seen.weights)
    if beside is None:
        return own, np.ones(len(own), np.float32)
    inside = beside[:, 3]
    hair = np.clip(FIRST + EDGE * inside + RAGGED * (1 - inside**2) * shade, 0, 1)
    return beside[:, :3] + hair[:, None] * (own - beside[:, :3]), hair


def _sharp(albedo: Float32[np.ndarray, "n 3"]) -> Float32[np.ndarray, "n"]:
    """How clearly single strands stand out: light hair scatters light into its own gaps."""
    return 1 - np.float32(0.8) * albedo.max(axis=1)


def _on_fibres(
    lit: LitSitter,
    normals: Float32[np.ndarray, "n 3"],
    leaning: Float32[np.ndarray, "n 3"],
    flow: Float32[np.ndarray, "n 3"],
    falling: _Falling,
) -> Float32[np.ndarray, "n 3"]:
    """What falls on strands, which are round and let light past, instead of the surface that stands for them."""
    tilt = (leaning - normals)[:, [1, 2, 0]]
    received = falling.irradiance + falling.openness[:, None] * (tilt @ lit.light.ambient[1:4]) * _FIRST_ORDER
    for k, lamp in enumerate(lit.light.lamps):
        crossing = np.sqrt(np.maximum(1 - (flow @ lamp.direction) ** 2, 0))
        around = np.clip((leaning @ lamp.direction + WRAP) / (1 + WRAP), 0, 1) * (1 + crossing) / 2
        gain = around - np.maximum(normals @ lamp.direction, 0)
        received += (falling.visibility[:, k] * gain)[:, None] * lamp.colour
    return np.maximum(received, falling.irradiance / 5)


def _shining(lit: LitSitter, falling: _Falling) -> Iterator[tuple[Lamp, Float32[np.ndarray, "n"]]]:
    """What is bright enough for strands to gleam in it, and how much of it each place sees."""
    for k, lamp in enumerate(lit.light.lamps):
        yield lamp, falling.visibility[:, k]
    if window := brightest_place(lit.light.ambient):
        yield window, falling.openness**2


def _unit(vectors: Float32[np.ndarray, "n 3"]) -> Float32[np.ndarray, "n 3"]:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.float32(1e-6))


def _hollow_gain(openness: Float32[np.ndarray, "n"], albedo: Float32[np.ndarray, "n 3"]) -> Float32[np.ndarray, "n 3"]:
    """How much light going to and fro brightens a hollow (Jimenez et al., "Practical real-time strategies", 2016)."""
    a = np.float32(2.0404) * albedo - np.float32(0.3324)
    b = np.float32(-4.7951) * albedo + np.float32(0.6417)
    c = np.float32(2.7552) * albedo + np.float32(0.6903)
    o = openness[:, None]
    return np.maximum((a * o + b) * o + c, 1)
