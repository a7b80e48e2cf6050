"""Growing a style: from what was chosen to the hull that is worn, in the space of the mean head."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from headfield.studio.hair import cuts, falling, tied
from headfield.studio.hair.fields import whorl
from headfield.studio.hair.groomed import groomed
from headfield.studio.hair.ground import Ground, ground_of
from headfield.studio.hair.layer import layer
from headfield.studio.hair.strands import Strands
from headfield.studio.hair.styles import Family, HairStyle
from headfield.studio.hair.volume import hull
from headfield.studio.model import HeadModel
from headfield.surface import Mesh

Cut = Callable[[HairStyle, Ground, np.random.Generator], Strands]


@dataclass(frozen=True)
class Make:
    """How a family's strands are made, and how its hull is taken from them."""

    cut: Cut
    spacing: float
    relief: float = 0.6
    thin: float = 0.12
    grooves: float = 0.004
    fill: float = 1.0


MAKES: dict[Family, Make] = {
    "receding": Make(cuts.receding, 0.0095, relief=0.3, thin=0.05, grooves=0.002),
    "crop": Make(cuts.crop, 0.0105, relief=0.5, thin=0.15, grooves=0.004),
    "side-part": Make(cuts.side_part, 0.0105),
    "slicked-back": Make(cuts.slicked_back, 0.0105),
    "curls": Make(cuts.curls, 0.0115, relief=0.75, grooves=0.002),
    "afro": Make(cuts.afro, 0.0145, relief=0.75, grooves=0.002),
    "bob": Make(falling.bob, 0.0115),
    "long-straight": Make(falling.long_straight, 0.013),
    "long-wavy": Make(falling.long_wavy, 0.0135, relief=0.7),
    "ponytail": Make(tied.ponytail, 0.0115, fill=0.5),
    "bun": Make(tied.bun, 0.0105, fill=0.5),
    "braid": Make(tied.braid, 0.0105, relief=0.85, fill=0.1),
}


COARSEST = 0.0132
"""The spacing for groomed hair, whose sheets and strands are sparser than what grows here."""


def grow(style: HairStyle, model: HeadModel, rng: np.random.Generator) -> Mesh | None:
    """The hull of a style on the model's mean head, closed and within the unit sphere; none for the bald.

    Its vertices know their ``strand`` (a shade from 0 to 1 that differs from lock to lock and streaks along the hair;
    the way from root, 0, to tip, 1) and its ``flow``, the unit direction the hair runs in.
    """
    if style.family == "bald":
        return None
    ground = ground_of(model)
    if style.family == "buzz":
        return _buzz(style, ground, rng)
    make = MAKES[style.family]
    strands = groomed(style, ground, rng) if style.source else make.cut(style, ground, rng)
    spacing = max(make.spacing, COARSEST) if style.source else make.spacing
    return hull(
        strands,
        ground,
        spacing,
        rng,
        relief=make.relief,
        thin=make.thin,
        grooves=make.grooves,
        fill=1.0 if style.source else make.fill,
    )


def _buzz(style: HairStyle, ground: Ground, rng: np.random.Generator) -> Mesh:
    """Clipped to 1 to 9 mm, shorter at the sides where it fades."""
    region = cuts.region_of(style)
    longest = 0.005 + 0.04 * style.length**2
    fade = rng.random() ** 2

    def thickness(points: np.ndarray) -> np.ndarray:
        low = np.clip((0.3 - points[:, 1]) / 0.3, 0, 1)
        return longest * (1 - (0.75 * fade + 0.1) * low)

    field = whorl((0.04, 0.6, -0.22), swirl=0.8, stand=0.0, sink=0.0)

    def flow(points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        return field(points.astype(np.float32), normals.astype(np.float32), np.zeros(len(points), np.float32))

    return layer(ground, region.distance, thickness, flow, rng, edge=0.016, taper=0.035 + longest, rough=0.35)
