"""The colours of hair: strands that differ from their neighbours, darker roots, lighter tips, grey ones among them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, UInt8
from scipy.stats import rankdata

from headfield.studio.colour import GREY_HAIR, RGB
from headfield.studio.look import HairColour
from headfield.studio.noise import Noise
from headfield.studio.tone import decode, encode
from headfield.surface import Mesh

TEMPLES_FIRST = 0.15
"""How much earlier hair greys at the temples than at the crown."""


def colour_hair(mesh: Mesh, hair: HairColour, rng: np.random.Generator) -> UInt8[np.ndarray, "v 3"]:
    """A colour for each vertex of a hull.

    Its attribute ``strand`` says which strand is seen there (any number that neighbours differ in) and how far along it
    from the root (0) to the tip (1); a hull without it is coloured by place alone.
    """
    noise = Noise.sample(rng)
    places = mesh.vertices.astype(np.float32)
    strand, along = _strands(mesh, noise)
    rank = rankdata(strand) / len(strand)
    base, lighter, grey = (_light(colour) for colour in (hair.base, hair.highlight, GREY_HAIR))

    streaked = _share(hair.highlights, rank)
    tips = hair.tips * np.clip((along - 0.35) / 0.65, 0, 1)
    light = _mix(np.tile(base, (len(rank), 1)), lighter, np.maximum(0.6 * streaked, tips))
    early = TEMPLES_FIRST * 4 * hair.grey * (1 - hair.grey) * _at_temples(mesh.vertices)
    light = _mix(light, grey, _share(hair.grey + early, 1 - rank))

    # Light hair lets light through, so that its locks differ more than those of black hair.
    depth = (0.5 + 0.5 * float(base.max())) * (rank - 0.5)
    depth += 0.10 * noise.wave(places, 0.2) - 0.35 * np.clip(1 - along / 0.25, 0, 1)
    warmth = 0.05 * noise.wave(places + 9, 0.15)
    light *= np.exp(depth)[:, None] * np.exp(warmth[:, None] * np.array([1.0, 0.0, -1.0]))
    return np.rint(encode(np.clip(light, 0, 1)) * 255).astype(np.uint8)


def _light(colour: RGB) -> Float64[np.ndarray, "3"]:
    return decode(np.array(colour))


def _strands(mesh: Mesh, noise: Noise) -> tuple[Float64[np.ndarray, "v"], Float64[np.ndarray, "v"]]:
    values = mesh.attributes.get("strand")
    if values is None:
        return noise.fractal(mesh.vertices, 0.05, 3).astype(np.float64), np.full(len(mesh.vertices), 0.6)
    strand, along = values.astype(np.float64).T
    return strand, along


def _share(share: Float64[np.ndarray, "v"] | float, rank: Float64[np.ndarray, "v"]) -> Float64[np.ndarray, "v"]:
    """How much of each place is strands of another colour, of which there are so many: more where the rank is high.

    A place shows many strands, so that hardly any is all one colour.
    """
    share = np.clip(share, 0, 1)
    return np.clip(share + 1.3 * share * (1 - share) * (2 * rank - 1), 0, 1)


def _mix(
    light: Float64[np.ndarray, "v 3"], other: Float64[np.ndarray, "*v 3"], share: Float64[np.ndarray, "v"]
) -> Float64[np.ndarray, "v 3"]:
    return light + share[:, None] * (other - light)


def _at_temples(places: Float64[np.ndarray, "v 3"]) -> Float64[np.ndarray, "v"]:
    """+1 at the temples, -1 at the crown."""
    side = np.clip(np.abs(places[:, 0]) / 0.38, 0, 1) * np.clip((0.45 - places[:, 1]) / 0.3, 0, 1)
    return 2 * side - 1
