"""Colours for a real head that has none: the studio's skin, eyes and hair, by way of the head model laid over it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Float32, Float64, UInt8

from headfield.mesh.clean import with_faces
from headfield.mesh.distance import Closest, SurfaceSearch
from headfield.studio import regions
from headfield.studio.eyes import iris_angle, paint_eye
from headfield.studio.facemap import face_map
from headfield.studio.figure import Part
from headfield.studio.hair_colour import colour_hair
from headfield.studio.look import HairColour, Look
from headfield.studio.model import EYES, HeadModel
from headfield.studio.skin import Growth, paint_skin
from headfield.studio.texture import Pyramid
from headfield.studio.tone import encode
from headfield.surface import Mesh, unit
from headfield.units import MILLIMETRES_PER_UNIT

OUTSIDE = 1.5 / MILLIMETRES_PER_UNIT
"""Places look for the model from this far outside, so that they find lips and lids rather than what is behind them."""

SKIN = ("face", "head")
"""Of the model's skin, what can be seen from outside."""

HAIRY = 0.2
"""What is hairier than this is hair; all else is skin, in which some grows."""

SHARP = 1.5
"""How many texels a place takes its colour from, across."""

CROWN = (0.0, 0.55, -0.22)
"""Where hair comes from on an average head: from here it goes all ways."""

TEXTURE = 1024


def paint_real(
    model: HeadModel,
    vertices: Float64[np.ndarray, "m 3"],
    head: Mesh,
    look: Look,
    rng: np.random.Generator,
    *,
    eyes: bool,
    hair: bool,
    beard: bool,
) -> tuple[Part, ...]:
    """A real head in parts with colours; as it is if it has a texture.

    ``vertices`` are the model's, laid over it. Its ``eyes`` may be open; ``hair`` and ``beard`` say what is part of the
    shape: where they grow, the surface then is theirs.
    """
    gloss, roughness = 0.08 + 0.16 * look.skin.oil, 0.55 - 0.1 * look.skin.oil
    if head.texture is not None:
        return (Part("skin", head, gloss, roughness),)
    skin_rng, eye_rng, *hair_rngs = rng.spawn(4)
    over = _Over.of(model, vertices, SKIN, head)
    rest = over.carried(model.mean[model.layout(SKIN).vertex])
    face = face_map(model, TEXTURE)
    # Under hair that is part of the shape the skin stays bare: what shows of it at the edge is skin.
    growth = Growth((not hair) * look.scalp * face.scalp, (not beard) * look.stubble * face.beard)
    light = over.read(paint_skin(model, look, skin_rng, TEXTURE, growth))
    if eyes:
        _look_out(model, vertices, head, over, look, eye_rng, light)
    scalp = regions.scalp(rest) * hair
    whiskers = np.maximum(regions.beard(rest), regions.moustache(rest)) * beard
    bare = replace(head, uv=None, colours=np.rint(encode(np.clip(light, 0, 1)) * 255).astype(np.uint8))
    weights = np.stack([np.full(len(rest), HAIRY), scalp, whiskers], axis=1)
    kind = weights[head.faces].mean(axis=1).argmax(axis=1)
    # Light spreads in what is named skin as if nothing lay beside it: only a whole head's may.
    parts = [Part("face" if kind.any() else "skin", with_faces(bare, kind == 0), gloss, roughness)]
    away = {"hair": rest - CROWN, "beard": np.tile([0.0, -1.0, 0.3], (len(rest), 1))}
    colours = {"hair": look.hair, "beard": look.beard}
    for k, name in enumerate(away, 1):
        if (kind == k).any():
            inside = np.clip((weights[:, k] - HAIRY) / (1 - HAIRY), 0, 1)
            grown = _hairy(bare, light, away[name], inside, colours[name], hair_rngs[k - 1])
            parts.append(Part(name, with_faces(grown, kind == k), gloss=0.17, roughness=0.42))
    return tuple(parts)


@dataclass(frozen=True, eq=False)
class _Over:
    """Some parts of the laid over model, and where on them each vertex of the real head is."""

    surface: Mesh
    closest: Closest
    weights: Float64[np.ndarray, "v 3"]

    @staticmethod
    def of(model: HeadModel, vertices: Float64[np.ndarray, "m 3"], parts: Sequence[str], head: Mesh) -> _Over:
        surface = model.surface(vertices, parts)
        closest = SurfaceSearch(surface).closest(head.vertices + OUTSIDE * head.vertex_normals)
        return _Over(surface, closest, _barycentric(closest.points, surface.corners[closest.faces]))

    def carried(self, values: Float[np.ndarray, "s c"]) -> Float64[np.ndarray, "v c"]:
        """What the model's vertices know, at the real ones."""
        return np.einsum("vk,vkc->vc", self.weights, values[self.surface.faces[self.closest.faces]])

    def read(self, texture: UInt8[np.ndarray, "h w 3"]) -> Float32[np.ndarray, "v 3"]:
        """A texture of the model's, in linear light, at the real vertices."""
        assert self.surface.uv is not None
        uv = self.carried(self.surface.uv)
        return Pyramid.of(texture).read(uv, np.full(len(uv), SHARP))


def _barycentric(
    points: Float64[np.ndarray, "n 3"], corners: Float64[np.ndarray, "n 3 3"]
) -> Float64[np.ndarray, "n 3"]:
    """The weights of the corners that make each point of a triangle."""
    to_corners = corners - points[:, None]
    opposite = np.cross(np.roll(to_corners, -1, axis=1), np.roll(to_corners, -2, axis=1))
    areas = np.linalg.norm(opposite, axis=2)
    total = areas.sum(axis=1, keepdims=True)
    return np.divide(areas, total, out=np.full_like(areas, 1 / 3), where=total > 0)


def _look_out(
    model: HeadModel,
    vertices: Float64[np.ndarray, "m 3"],
    head: Mesh,
    skin: _Over,
    look: Look,
    rng: np.random.Generator,
    light: Float32[np.ndarray, "v 3"],
) -> None:
    """Paint the eyes where the model's eyeballs are closer than its skin, in place."""
    for name, pupil in zip(EYES, model.pupils.tolist(), strict=True):
        ball = _Over.of(model, vertices, (name,), head)
        seen = ball.closest.distances < skin.closest.distances
        light[seen] = ball.read(paint_eye(look.eyes, iris_angle(model, name, pupil), rng, TEXTURE // 2))[seen]


def _hairy(
    head: Mesh,
    skin: Float32[np.ndarray, "v 3"],
    away: Float64[np.ndarray, "v 3"],
    inside: Float64[np.ndarray, "v"],
    colour: HairColour,
    rng: np.random.Generator,
) -> Mesh:
    """The surface as hair that lies on it and heads ``away``; skin shows through at its edge."""
    normals = head.vertex_normals
    flow = unit(away - np.sum(away * normals, axis=1, keepdims=True) * normals)
    beside = np.concatenate([skin, inside[:, None]], axis=1)
    attributes = {"flow": flow.astype(np.float32), "skin": beside.astype(np.float32)}
    return colour_hair(replace(head, attributes=attributes), colour, rng)
