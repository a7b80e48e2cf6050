"""The colours of hair: strands that differ from their neighbours, darker roots, lighter tips, grey ones among them.

A vertex has the mean colour of the strands around it. What is finer is a pattern that pictures add (:mod:`.fibre`): the
attribute ``streaks`` says how much of which light one standard deviation of it is.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float64

from headfield.studio.colour import GREY_HAIR, RGB
from headfield.studio.look import HairColour
from headfield.studio.noise import Noise
from headfield.studio.tone import decode, encode
from headfield.surface import Mesh

TEMPLES_FIRST = 0.15
"""How much earlier hair greys at the temples than at the crown."""

STREAKED, SPRINKLED = 1.3, 0.5
"""How much highlights and grey strands keep to some locks, beside being spread evenly."""

SINGLED = 0.3
"""How far the share of a rarer colour strays from strand to strand, beside what it would if each had one colour."""

SHORT = -0.45
"""Hair that ends above this height, the level of the chin, is short."""


def colour_hair(mesh: Mesh, hair: HairColour, rng: np.random.Generator) -> Mesh:
    """The hull with a colour for each vertex, and with its ``streaks``, in linear light.

    Its attribute ``strand`` says which strand is seen there (any number that neighbours differ in) and how far along it
    from the root (0) to the tip (1); a hull without it is coloured by place alone.
    """
    noise = Noise.sample(rng)
    strand, along = _strands(mesh, noise)
    rank = np.searchsorted(np.sort(strand), strand, side="right") / len(strand)
    base, lighter, grey = (_light(colour) for colour in (hair.base, hair.highlight, GREY_HAIR))

    light, streaks = np.tile(base, (len(rank), 1)), np.zeros((len(rank), 3))
    light, streaks = _mixed_in(light, streaks, lighter, _in_locks(0.8 * hair.highlights, STREAKED, rank))
    greyed = _in_locks(_greying(hair.grey, mesh.vertices), SPRINKLED, 1 - rank)
    light, streaks = _mixed_in(light, streaks, grey, greyed)
    # Short hair is cut before its tips have seen much sun, and shows as much of its roots everywhere.
    hanging = np.clip((SHORT - mesh.vertices[:, 1].min()) / 0.25, 0.1, 1)
    tips = hanging * hair.tips * np.clip((along - 0.35) / 0.65, 0, 1)
    light = light + tips[:, None] * np.maximum(lighter - light, 0)

    # Light hair lets light through, so that its locks differ more than those of black hair.
    depth = (0.25 + 0.2 * float(base.max())) * (rank - 0.5) - 0.3 * hanging * np.clip(1 - along / 0.3, 0, 1)
    warmth = 0.02 * noise.wave(mesh.vertices.astype(np.float32) + 9, 0.15)
    shade = np.exp(depth)[:, None] * np.exp(warmth[:, None] * np.array([1.0, 0.0, -1.0]))
    colours = np.rint(encode(np.clip(light * shade, 0, 1)) * 255).astype(np.uint8)
    return replace(
        mesh, colours=colours, attributes={**mesh.attributes, "streaks": (streaks * shade).astype(np.float32)}
    )


def _light(colour: RGB) -> Float64[np.ndarray, "3"]:
    return decode(np.array(colour))


def _strands(mesh: Mesh, noise: Noise) -> tuple[Float64[np.ndarray, "v"], Float64[np.ndarray, "v"]]:
    values = mesh.attributes.get("strand")
    if values is None:
        return noise.fractal(mesh.vertices, 0.05, 3).astype(np.float64), np.full(len(mesh.vertices), 0.6)
    strand, along = values.astype(np.float64).T
    return strand, along


def _greying(grey: float, places: Float64[np.ndarray, "v 3"]) -> Float64[np.ndarray, "v"]:
    """The share of grey strands from place to place."""
    return np.clip(grey + TEMPLES_FIRST * 4 * grey * (1 - grey) * _at_temples(places), 0, 1)


def _in_locks(
    share: Float64[np.ndarray, "v"] | float, together: float, rank: Float64[np.ndarray, "v"]
) -> Float64[np.ndarray, "v"]:
    """How much of each place is strands of another colour, of which there are so many: more where the rank is high."""
    return np.clip(share + together * share * (1 - share) * (2 * rank - 1), 0, 1)


def _mixed_in(
    light: Float64[np.ndarray, "v 3"],
    streaks: Float64[np.ndarray, "v 3"],
    other: Float64[np.ndarray, "3"],
    share: Float64[np.ndarray, "v"],
) -> tuple[Float64[np.ndarray, "v 3"], Float64[np.ndarray, "v 3"]]:
    """Some strands replaced by others: the mean, and what one standard deviation of their share makes."""
    differ = other - light
    strays = SINGLED * np.sqrt(share * (1 - share))
    return light + share[:, None] * differ, (1 - share)[:, None] * streaks + strays[:, None] * differ


def _at_temples(places: Float64[np.ndarray, "v 3"]) -> Float64[np.ndarray, "v"]:
    """+1 at the temples, -1 at the crown."""
    side = np.clip(np.abs(places[:, 0]) / 0.38, 0, 1) * np.clip((0.45 - places[:, 1]) / 0.3, 0, 1)
    return 2 * side - 1
