"""What a person puts on: clothes, something on the head, glasses; chosen, made on the mean head, worn and coloured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64

from headfield.studio.body import BUST
from headfield.studio.cloth import clothe
from headfield.studio.colour import RGB
from headfield.studio.cut import cut_at_sphere
from headfield.studio.deform import Deformation
from headfield.studio.figure import Part
from headfield.studio.garments import Garment, make_garment, sample_garment
from headfield.studio.glasses import Glasses, make_glasses, sample_glasses
from headfield.studio.hair.styles import HairStyle
from headfield.studio.headwear import UNDER_HATS, Headwear, make_headwear, sample_headwear
from headfield.studio.look import Look, sample_cloth
from headfield.studio.model import HeadModel
from headfield.studio.shells import eased
from headfield.surface import Mesh

BARE = 0.1
"""How often shoulders are bare."""

COVERED = 0.14
"""How often a head is covered."""

BESPECTACLED = 0.2
"""How often somebody wears glasses."""

STILL = 0.96
"""As far out as this no expression moves clothes."""

RIMS: tuple[RGB, ...] = ((0.05, 0.05, 0.05), (0.28, 0.16, 0.08), (0.62, 0.6, 0.56), (0.7, 0.55, 0.3), (0.4, 0.08, 0.1))
"""What frames are coloured like: black, tortoise, steel, gold, red."""

TINT: RGB = (0.06, 0.06, 0.07)
SHADE = 0.85
"""How much of the light dark lenses keep back."""


@dataclass(frozen=True)
class Outfit:
    """What somebody wears."""

    garment: Garment | None
    headwear: Headwear | None
    glasses: Glasses | None


def sample_outfit(rng: np.random.Generator, style: HairStyle) -> Outfit:
    """A random outfit; nobody wears a hat on tied hair."""
    bare, covered, bespectacled = rng.random(3) < (BARE, COVERED, BESPECTACLED)
    garment, headwear, glasses = sample_garment(rng), sample_headwear(rng), sample_glasses(rng)
    fits = headwear.kind == "headscarf" or style.family in UNDER_HATS
    return Outfit(
        None if bare else garment,
        headwear if covered and fits else None,
        glasses if bespectacled else None,
    )


def put_on(
    outfit: Outfit,
    model: HeadModel,
    still: Float64[np.ndarray, "v 3"],
    moved: Float64[np.ndarray, "v 3"],
    look: Look,
    rng: np.random.Generator,
) -> tuple[Part, ...]:
    """All parts of an outfit, worn by a person whose vertices are ``still`` without and ``moved`` with an expression.

    It is fitted and cut without one, so that its vertices are the same with every expression.
    """
    follow, settle = Deformation.of(model, still), Deformation.between(model, still, moved)
    make_rng, paint_rng = rng.spawn(2)
    pieces: dict[str, Mesh] = {}
    if outfit.garment is not None:
        pieces.update(make_garment(outfit.garment, model, make_rng))
    if outfit.headwear is not None:
        pieces.update(make_headwear(outfit.headwear, model, make_rng))
    # What is worn over something else comes later and ends a little farther out, so that no two layers share a cap.
    radii = np.linspace(BUST, 1, len(pieces) + 1)[1:]
    worn = {
        name: _settled(settle, cut_at_sphere(worn_by(follow, mesh), float(radius)))
        for (name, mesh), radius in zip(pieces.items(), radii, strict=True)
    }
    parts = [_of_cloth(name, mesh, outfit, look, paint_rng) for name, mesh in worn.items()]
    if outfit.glasses is not None:
        glasses = make_glasses(outfit.glasses, model)
        fitted = {name: _settled(settle, worn_by(follow, mesh)) for name, mesh in glasses.items()}
        parts += _spectacles(fitted, paint_rng)
    return tuple(parts)


def worn_by(follow: Deformation, mesh: Mesh) -> Mesh:
    """What was made on the mean head, on another one."""
    return replace(mesh, vertices=follow.apply(mesh.vertices))


def _settled(settle: Deformation, mesh: Mesh) -> Mesh:
    """What is worn, after the face has moved; where the bust ends nothing moves."""
    free = eased((STILL - np.linalg.norm(mesh.vertices, axis=1)) / 0.2)
    return replace(mesh, vertices=mesh.vertices + free[:, None] * (settle.apply(mesh.vertices) - mesh.vertices))


def _of_cloth(name: str, mesh: Mesh, outfit: Outfit, look: Look, rng: np.random.Generator) -> Part:
    if outfit.headwear is not None and name == outfit.headwear.kind:
        cloth = look.head_covering
    elif outfit.garment is not None and outfit.garment.kind == "jacket" and name != "jacket":
        cloth = sample_cloth(rng)
    else:
        cloth = look.clothes
    return Part(name, clothe(mesh, cloth, rng), gloss=0.06, roughness=0.85)


def _spectacles(pieces: Mapping[str, Mesh], rng: np.random.Generator) -> list[Part]:
    rim = RIMS[rng.integers(len(RIMS))]
    parts = []
    for name, mesh in pieces.items():
        lens = name == "lenses"
        coloured = replace(
            mesh,
            colours=np.tile(np.rint(np.array(TINT if lens else rim) * 255).astype(np.uint8), (len(mesh.vertices), 1)),
            attributes={"opacity": np.full(len(mesh.vertices), SHADE, np.float32)} if lens else {},
        )
        parts.append(Part(name, coloured, gloss=0.3, roughness=0.1 if lens else 0.3, solid=False))
    return parts
