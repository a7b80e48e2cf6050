"""How the places of a stage look to a camera: what they scatter and what they mirror. All in linear light.

A matt surface of albedo a sends out ``a / pi`` times the light that falls on it. Hollows are a little brighter than
their view of the sky, since their walls light each other in the walls' own colour. The highlight comes on top.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int64

from headfield.studio.highlights import dot, lamp_on_fibres, lamp_on_surface, surroundings_on_surface
from headfield.studio.material import Material, interpolate
from headfield.studio.stage import LitStage, Stage


@dataclass(frozen=True, eq=False)
class Seen:
    """Places of a stage as a camera sees them."""

    faces: Int64[np.ndarray, "n"]
    weights: Float32[np.ndarray, "n 3"]
    to_eye: Float32[np.ndarray, "n 3"]
    footprint: Float32[np.ndarray, "n"]
    """How wide a pixel is there, in head units."""


def radiance(lit: LitStage, seen: Seen) -> tuple[Float32[np.ndarray, "n 3"], Float32[np.ndarray, "n"]]:
    """The light that leaves each place towards the eye, and its opacity."""
    stage = lit.stage
    here = interpolate(lit.at_vertices, stage.surface.faces[seen.faces], seen.weights)
    normals = _facing(stage, seen, here[:, :3])
    colour = np.zeros((len(here), 3), np.float32)
    opacity = np.ones(len(here), np.float32)
    parts = stage.part_of(seen.faces)
    for index in np.unique(parts):
        at = np.flatnonzero(parts == index)
        material = stage.materials[index]
        local = Seen(seen.faces[at] - stage.first_faces[index], seen.weights[at], seen.to_eye[at], seen.footprint[at])
        colour[at] = _of_material(lit, material, local, normals[at], here[at, 3:])
        cover = material.attribute("opacity", local.faces, local.weights)
        if cover is not None:
            opacity[at] = np.clip(cover, 0, 1)
    return colour, opacity


def normals(stage: Stage, seen: Seen) -> Float32[np.ndarray, "n 3"]:
    """Unit normals on the side of the surface that the eye sees, never turned away from it."""
    return _facing(stage, seen, interpolate(stage.normals, stage.surface.faces[seen.faces], seen.weights))


def _facing(stage: Stage, seen: Seen, interpolated: Float32[np.ndarray, "n 3"]) -> Float32[np.ndarray, "n 3"]:
    side = np.where(dot(stage.face_normals[seen.faces], seen.to_eye) < 0, np.float32(-1), np.float32(1))
    facing = interpolated * side[:, None]
    facing -= np.minimum(dot(facing, seen.to_eye), 0)[:, None] * seen.to_eye
    return facing / np.maximum(np.linalg.norm(facing, axis=1, keepdims=True), np.float32(1e-9))


def _of_material(
    lit: LitStage,
    material: Material,
    seen: Seen,
    normals: Float32[np.ndarray, "n 3"],
    here: Float32[np.ndarray, "n k"],
) -> Float32[np.ndarray, "n 3"]:
    """``here`` holds irradiance, openness and the visibility of each lamp."""
    irradiance, openness, visibility = here[:, :3], here[:, 3], here[:, 4:]
    albedo = material.albedo(seen.faces, seen.weights, seen.footprint)
    matt = albedo / np.float32(np.pi) * irradiance * _hollow_gain(openness, albedo)
    if not material.part.gloss:
        return matt
    roughness = np.full(len(albedo), material.part.roughness, np.float32)
    flow = material.attribute("flow", seen.faces, seen.weights)
    mirrored = surroundings_on_surface(normals, seen.to_eye, roughness, openness, lit.light.ambient)
    for k, lamp in enumerate(lit.light.lamps):
        if flow is None:
            share = lamp_on_surface(normals, seen.to_eye, roughness, lamp)[:, None]
        else:
            share = lamp_on_fibres(normals, seen.to_eye, flow, roughness, albedo, lamp)
        mirrored += visibility[:, k, None] * share * lamp.colour
    return matt + np.float32(2 * material.part.gloss) * mirrored


def _hollow_gain(openness: Float32[np.ndarray, "n"], albedo: Float32[np.ndarray, "n 3"]) -> Float32[np.ndarray, "n 3"]:
    """How much light going to and fro brightens a hollow (Jimenez et al., "Practical real-time strategies", 2016)."""
    a = np.float32(2.0404) * albedo - np.float32(0.3324)
    b = np.float32(-4.7951) * albedo + np.float32(0.6417)
    c = np.float32(2.7552) * albedo + np.float32(0.6903)
    o = openness[:, None]
    return np.maximum((a * o + b) * o + c, 1)
