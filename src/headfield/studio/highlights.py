"""Highlights: the light that surfaces mirror towards the eye, from lamps and from an environment.

Smooth surfaces are dielectrics (Cook and Torrance 1982 with the distribution of Walter et al. 2007, "GGX"); surfaces
that stand for hair are bundles of fibres (Kajiya and Kay 1989, with the two shifted highlights of Marschner et al.
2003). All vectors are unit vectors; all light is linear.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32

from headfield.studio.light import LUMINANCE, Lamp, harmonics

DIELECTRIC = np.float32(0.04)
"""What skin, water, plastic and varnish mirror of light that meets them head-on."""

TILT_OUTER, TILT_INNER = np.float32(0.12), np.float32(-0.18)
"""How far a fibre's two highlights are shifted towards its tip: light from its surface, and through its body."""

STRAY = np.float32(0.12)
"""How far that differs from strand to strand."""

OFF, THROUGH = np.float32(0.45), np.float32(4)
"""How much light is mirrored off a fibre, and goes through one of no colour, beside a dielectric that nothing hides:
fibres hide each other, but see light from all around."""

GLINT, GLINT_RADIUS = 10.0, 9.0
"""How much brighter than its blurred neighbourhood a window is, and its radius in degrees."""

LEVEL = 0.05
"""Light whose first order is a smaller share of its mean than this comes from everywhere alike."""

_BAND = np.array([0] + 3 * [1] + 5 * [2], np.float32)
"""The order of each harmonic."""

Vectors = Float32[np.ndarray, "n 3"]
Numbers = Float32[np.ndarray, "n"]


def dot(a: Float32[np.ndarray, "*n 3"], b: Float32[np.ndarray, "*m 3"]) -> Float32[np.ndarray, "*n"]:
    """The dot products of vectors."""
    return np.einsum("...k,...k->...", a, b)


def halfway(to_eye: Vectors, lamp: Lamp) -> Vectors:
    """The directions halfway between the eye and a lamp."""
    between = to_eye + lamp.direction
    return between / np.maximum(np.linalg.norm(between, axis=1, keepdims=True), 1e-6)


def brightest_place(ambient: Float32[np.ndarray, "9 3"]) -> Lamp | None:
    """The window or the bright sky that an environment's harmonics have blurred: what eyes glint with.

    It stands where the first order points, and is a disc this much brighter than what the harmonics say of that place;
    nowhere if light comes from everywhere alike.
    """
    y, z, x = (ambient[1:4] @ LUMINANCE).astype(np.float32)
    direction = np.array([x, y, z], np.float32)
    strength = float(np.linalg.norm(direction))
    if strength < LEVEL * float(ambient[0] @ LUMINANCE):
        return None
    direction /= np.float32(strength)
    radiance = np.maximum(harmonics(direction).astype(np.float32) @ ambient, 0)
    disc = np.float32(GLINT * np.pi * np.sin(np.radians(GLINT_RADIUS)) ** 2)
    return Lamp(direction, radiance * disc, GLINT_RADIUS)


def lamp_on_surface(normals: Vectors, to_eye: Vectors, roughness: Numbers, lamp: Lamp) -> Numbers:
    """The share of a lamp's light that a dielectric mirrors to the eye (its irradiance times this is radiance)."""
    half = halfway(to_eye, lamp)
    facing = np.maximum(normals @ lamp.direction, 0)
    towards = np.maximum(dot(normals, to_eye), 1e-3)
    # A disc of light looks as if the surface were a little rougher.
    alpha = np.minimum(roughness**2 + np.float32(np.tan(np.radians(lamp.angular_radius)) / 3), 1)
    spread = np.maximum(dot(normals, half), 0) ** 2 * (alpha**2 - 1) + 1
    distribution = alpha**2 / (np.float32(np.pi) * np.maximum(spread, 1e-6) ** 2)
    fresnel = DIELECTRIC + (1 - DIELECTRIC) * (1 - np.clip(dot(half, to_eye), 0, 1)) ** 5
    # Hammon's approximation of Smith's shadowing over 4 (n·l)(n·v).
    masking = np.float32(0.5) / np.maximum(
        (1 - alpha) * 2 * facing * towards + alpha * (facing + towards), np.float32(1e-4)
    )
    return distribution * fresnel * masking * facing


def surroundings_on_surface(
    normals: Vectors,
    to_eye: Vectors,
    roughness: Numbers,
    openness: Numbers,
    outlook: Vectors,
    ambient: Float32[np.ndarray, "9 3"],
) -> Vectors:
    """The radiance a dielectric mirrors to the eye of what ``openness`` and ``outlook`` leave of its surroundings."""
    towards = np.clip(dot(normals, to_eye), 0, 1)
    mirrored = 2 * towards[:, None] * normals - to_eye
    blur = np.exp(-(roughness**2)[:, None] * _BAND * (_BAND + 1) / 2)
    light = np.maximum((harmonics(mirrored).astype(np.float32) * blur) @ ambient, 0)
    # What is open in the mirrored direction, as far as the first order of harmonics can tell; squared, since that
    # order blurs the edge between open and hidden.
    open_there = (openness + 2 * dot(outlook, mirrored)) / (1 + 2 * dot(normals, mirrored))
    return light * (_mirrored_share(towards, roughness) * np.clip(open_there, 0, 1) ** 2)[:, None]


def lamp_on_fibres(
    normals: Vectors,
    to_eye: Vectors,
    flow: Vectors,
    roughness: Numbers,
    colour: Vectors,
    strand: Numbers,
    lamp: Lamp,
) -> Vectors:
    """The share of a lamp's light that fibres along ``flow`` mirror to the eye, white, and let through, coloured.

    ``strand`` tells strands apart (mean 0): no two shine in quite the same place.
    """
    half = halfway(to_eye, lamp)
    # Hair is no opaque surface: light reaches a little around its horizon.
    facing = np.clip((normals @ lamp.direction + np.float32(0.25)) / np.float32(1.25), 0, 1)
    sharpness = 2 / np.maximum(roughness, 0.1) ** 4
    along = flow - dot(flow, normals)[:, None] * normals
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-6)
    outer = _fibre_lobe(normals, along, half, TILT_OUTER + STRAY * strand, sharpness)
    inner = _fibre_lobe(normals, along, half, TILT_INNER + STRAY * strand, sharpness / 4)
    return (facing / 4)[:, None] * DIELECTRIC * (OFF * outer[:, None] + THROUGH * colour * inner[:, None])


def fibre_share(colour: Vectors) -> Vectors:
    """What fibres mirror and let through of a uniform environment."""
    return DIELECTRIC * (OFF + THROUGH * colour)


def _fibre_lobe(normals: Vectors, along: Vectors, half: Vectors, tilt: Numbers, sharpness: Numbers) -> Numbers:
    leaning = (along + tilt[:, None] * normals) / np.sqrt(1 + tilt**2)[:, None]
    sine = np.sqrt(np.maximum(1 - dot(leaning, half) ** 2, 0))
    return np.sqrt(sharpness / np.float32(2 * np.pi)) * sine**sharpness


def _mirrored_share(towards: Numbers, roughness: Numbers) -> Numbers:
    """What a dielectric mirrors of a uniform environment (Karis's fit)."""
    base = 1 - roughness
    rim = np.minimum(base**2, np.exp2(np.float32(-9.28) * towards)) * base
    rim += np.float32(0.0425) - np.float32(0.0275) * roughness
    scale = np.float32(1.04) * (1 - rim) - np.float32(0.572) * roughness
    return DIELECTRIC * scale + np.float32(1.04) * rim - np.float32(0.04) + np.float32(0.022) * roughness
