"""Painting a texture: what views show where they see the surface, and a guess that goes with it where none does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32, Float64

from headfield.capture import View
from headfield.mesh.raycast import RayCaster
from headfield.mesh.texture.atlas import Atlas, smooth_normals
from headfield.mesh.texture.exposure import gains
from headfield.mesh.texture.guessing import Guess, Guesswork
from headfield.mesh.texture.looks import Look, mixed
from headfield.surface import Mesh

SIZE = 2048
SEEN = "seen"
"""The attribute of a baked mesh that says how far each vertex has its colour from views."""

COMPARED = 60_000
"""At about so many texels views are compared, to match their exposures."""


@dataclass(frozen=True, eq=False)
class Baked:
    """A mesh with its texture, and where that is from.

    ``seen`` says of each texel how far its colour is from views (1) and not guessed (0). The mesh has the same for its
    vertices as the attribute ``seen``, and their mean colours. ``gains`` are what the light of each view's channels was
    multiplied by.
    """

    mesh: Mesh
    seen: Float32[np.ndarray, "size size"]
    gains: Float64[np.ndarray, "k 3"]


def baked(mesh: Mesh, views: Iterable[View], guess: Guess, *, size: int = SIZE, mirror: bool = True) -> Baked:
    """An unwrapped mesh with a texture of ``size`` texels a side, painted from the views and, where these end, guessed.

    Each place looks as in the view that sees it most squarely, mixed with the next best. No view paints what it sees
    along the surface, beside an outline, or near its mask's edge. The guess, which is asked for colours from 0 to 1 of
    places with their normals, is smoothed, takes over the tint of what is seen around, and gets strands where hair
    grows, that stand out as seen hair does. With ``mirror`` it gets the detail that a view shows on the other side of
    the head (x to -x), where that is the same stuff.
    """
    atlas, caster = Atlas.of(mesh, size), RayCaster(mesh)
    looks = [Look.of(view, caster, texel=atlas.texel_side) for view in views]
    factors = _gains(atlas, looks)
    looks = [look.exposed(gain) for look, gain in zip(looks, factors, strict=True)]
    colours, seen = np.zeros((len(atlas), 3), np.float32), np.zeros(len(atlas), np.float32)
    for part in atlas.parts():
        samples = atlas.places(part)
        colours[part], seen[part] = mixed(looks, samples.points, smooth_normals(samples))
    work = Guesswork(atlas, colours, seen)
    guessed = work.tinted(guess)
    guessed = work.grained(looks, guessed)
    if mirror and looks:
        guessed = work.mirrored(looks, guessed)
    guessed += seen[:, None] * (colours - guessed)
    texture = atlas.picture(guessed)
    at_vertices = work.at_places(np.column_stack([guessed, seen]))[atlas.place].clip(0, 1)
    mesh = replace(
        mesh,
        colours=np.round(255 * at_vertices[:, :3]).astype(np.uint8),
        texture=texture,
        attributes={**mesh.attributes, SEEN: at_vertices[:, 3].astype(np.float32)},
    )
    return Baked(mesh, atlas.laid_out(seen), factors)


def _gains(atlas: Atlas, looks: Sequence[Look]) -> Float64[np.ndarray, "k 3"]:
    samples = atlas.places(np.arange(0, len(atlas), -(-len(atlas) // COMPARED)))
    shown = [look.at(samples.points, smooth_normals(samples)) for look in looks]
    return gains(shown, len(samples.faces))
