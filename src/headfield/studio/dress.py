"""Painting a figure: bare parts, hair and clothes become surfaces with colours and gloss, all from one look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from jaxtyping import Float64, UInt8

from headfield.studio.body import Body
from headfield.studio.cloth import clothe
from headfield.studio.eyes import iris_angle, paint_eye
from headfield.studio.facemap import FaceMap, face_map
from headfield.studio.figure import Part
from headfield.studio.hair_colour import colour_hair
from headfield.studio.hairline import Hairline
from headfield.studio.lashes import grow_lashes
from headfield.studio.look import Look
from headfield.studio.model import EYES, SKIN, HeadModel
from headfield.studio.noise import Noise
from headfield.studio.skin import Growth, paint_skin
from headfield.studio.tone import decode, encode
from headfield.surface import Mesh

BEARDS = ("beard", "moustache")
"""The names of hair that grows on a face."""

ROOTS, BEARDED = 0.85, 0.7
"""How densely hair grows where a style or a beard covers the skin."""

HEAD_COVERINGS = ("cap", "headscarf")
"""The names of clothes that are worn on a head."""


def paint_figure(
    model: HeadModel,
    body: Body,
    look: Look,
    rng: np.random.Generator,
    *,
    hair: Mapping[str, Mesh] | None = None,
    clothes: Mapping[str, Mesh] | None = None,
    texture: int = 1024,
) -> tuple[Part, ...]:
    """All parts of a person with their colours, hair and clothes by their names."""
    hair, clothes = hair or {}, clothes or {}
    skin_rng, eye_rng, lash_rng, mouth_rng, hair_rng, cloth_rng = rng.spawn(6)
    face = face_map(model, texture)
    ground = replace(face.surface, vertices=body.vertices[model.layout(SKIN).vertex])
    hairy = {name: face.around_beard if name in BEARDS else face.around_scalp for name in hair}
    hairlines = {name: Hairline.of(mesh, ground, hairy[name]) for name, mesh in hair.items()}
    skin = _skin(model, body, look, skin_rng, hairlines, texture)
    return (
        skin,
        *_eyes(model, body, look, eye_rng, texture // 2),
        _lashes(face, body, look, lash_rng),
        *_mouth(body, look, mouth_rng),
        *(_hair(name, line, look, skin.mesh, hair_rng) for name, line in hairlines.items()),
        *(_cloth(name, mesh, look, cloth_rng) for name, mesh in clothes.items()),
    )


def _skin(
    model: HeadModel,
    body: Body,
    look: Look,
    rng: np.random.Generator,
    hairlines: Mapping[str, Hairline],
    size: int,
) -> Part:
    face = face_map(model, size)
    scalp, beard, way = look.scalp * face.scalp, look.stubble * face.beard, None
    for name, line in hairlines.items():
        if name in BEARDS:
            beard = np.maximum(beard, BEARDED * line.density)
        else:
            scalp, way = ROOTS * line.density, line.way
    growth = Growth(scalp.astype(np.float32), beard.astype(np.float32), way)
    painted = paint_skin(model, look, rng, size, growth)
    oil = look.skin.oil
    return Part("skin", replace(body.skin, texture=painted), gloss=0.08 + 0.16 * oil, roughness=0.55 - 0.1 * oil)


def _eyes(model: HeadModel, body: Body, look: Look, rng: np.random.Generator, size: int) -> tuple[Part, ...]:
    parts = []
    for name, mesh, pupil in zip(EYES, body.eyeballs, model.pupils.tolist(), strict=True):
        painted = paint_eye(look.eyes, iris_angle(model, name, pupil), rng, size)
        parts.append(Part(name, replace(mesh, texture=painted), gloss=0.16, roughness=0.07))
    return tuple(parts)


def _lashes(face: FaceMap, body: Body, look: Look, rng: np.random.Generator) -> Part:
    r, g, b = (0.5 * (1 - 0.5 * look.make_up.liner) * c for c in look.brows.colour)
    density = look.eyes.lashes + 0.4 * look.make_up.liner
    return Part("lashes", grow_lashes(face, body, (r, g, b), density, rng), gloss=0.0, solid=False)


def _mouth(body: Body, look: Look, rng: np.random.Generator) -> tuple[Part, Part]:
    noise = Noise.sample(rng)
    enamel = np.array([0.88, 0.85, 0.77]) * (1 - 0.14 * look.eyes.yellowing * np.array([0.3, 0.6, 1.6]))
    flesh = np.array([0.70, 0.40, 0.40]) * (1 - 0.35 * look.skin.lip_melanin)
    teeth = _deepening(body.teeth, enamel, noise, 0.03)
    gums = _deepening(body.gums, flesh, noise, 0.08)
    return (
        Part("teeth", replace(body.teeth, uv=None, colours=teeth), gloss=0.3, roughness=0.2),
        Part("gums", replace(body.gums, uv=None, colours=gums), gloss=0.15, roughness=0.35),
    )


def _deepening(mesh: Mesh, colour: Float64[np.ndarray, "3"], noise: Noise, uneven: float) -> UInt8[np.ndarray, "v 3"]:
    """A colour that darkens towards the throat, where little light comes."""
    z = mesh.vertices[:, 2]
    depth = np.clip((z.max() - z) / 0.22, 0, 1)
    factor = (1 - 0.5 * depth) * np.exp(uneven * noise.wave(mesh.vertices, 0.02))
    light = np.clip(decode(colour) * factor[:, None], 0, 1)
    return np.rint(encode(light) * 255).astype(np.uint8)


def _hair(name: str, line: Hairline, look: Look, skin: Mesh, rng: np.random.Generator) -> Part:
    hull = colour_hair(line.hull, look.beard if name in BEARDS else look.hair, rng)
    if skin.texture is not None:
        hull = line.softened(hull, skin.texture)
    return Part(name, hull, gloss=0.17, roughness=0.42)


def _cloth(name: str, mesh: Mesh, look: Look, rng: np.random.Generator) -> Part:
    cloth = look.head_covering if name in HEAD_COVERINGS else look.clothes
    return Part(name, clothe(mesh, cloth, rng), gloss=0.06, roughness=0.85)
