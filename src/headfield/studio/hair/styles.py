"""Hair styles: what can be chosen about hair, and a fair choice of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

Family = Literal[
    "bald",
    "buzz",
    "receding",
    "crop",
    "side-part",
    "slicked-back",
    "curls",
    "afro",
    "bob",
    "long-straight",
    "long-wavy",
    "ponytail",
    "bun",
    "braid",
]
FAMILIES: tuple[Family, ...] = get_args(Family)


@dataclass(frozen=True)
class HairStyle:
    """One head of hair. Numbers run from 0 to 1; signed ones from -1 to 1, towards the wearer's left."""

    family: Family
    length: float = 0.5
    """Within what the family allows."""
    volume: float = 0.5
    """How far it stands off the head."""
    part: float = 0.0
    """Where the parting is, from ear to ear; signed."""
    wave: float = 0.0
    """How wavy it is."""
    mess: float = 0.3
    """How much its locks go their own ways."""
    asymmetry: float = 0.0
    """How much more of it is on one side; signed."""
    fringe: float = 0.0
    """How much of it falls over the forehead."""
    height: float = 0.5
    """How high up it is tied."""
    hairline: float = 0.0
    """How much higher than usual it begins; signed."""
    temples: float = 0.0
    """How far the temples have receded."""
    peak: float = 0.0
    """How much of a widow's peak there is."""
    source: str | None = None
    """The groomed strands or hair mesh of the open data that it is shaped after, if any."""


_MANLY = {"buzz": 3, "receding": 3, "crop": 3, "side-part": 2, "slicked-back": 1.5, "bald": 2}
_WOMANLY = {"bob": 2.5, "long-straight": 3, "long-wavy": 3, "ponytail": 2.5, "bun": 2.5, "braid": 2.5}


GROOMED = 0.45
"""How often hair is shaped after a groom of the open data, where there is one of its family."""


def sample_style(
    rng: np.random.Generator,
    *,
    femininity: float = 0.5,
    age: float = 0.5,
    grooms: Mapping[str, Family] | None = None,
) -> HairStyle:
    """A random style: every family for everyone, some oftener on men or on women, hair thinner and higher with age.

    ``femininity`` and ``age`` run from 0 to 1; with both at one half every family is equally likely. ``grooms`` are
    what hair may be shaped after (see :mod:`headfield.studio.hair.library`).
    """
    lean = 2 * femininity - 1
    weights = np.array([_WOMANLY.get(f, 1) ** lean * _MANLY.get(f, 1) ** -lean for f in FAMILIES])
    family: Family = FAMILIES[rng.choice(len(FAMILIES), p=weights / weights.sum())]
    older = np.clip(2 * age - 1, 0, 1) * (1 - femininity)
    u = rng.random(8)
    shaped = rng.random(2)
    alike = [name for name, of in (grooms or {}).items() if of == family]
    return HairStyle(
        family,
        length=float(u[0]),
        volume=float(u[1]),
        part=float(rng.choice([-1, 1]) * (u[2] if family == "side-part" else u[2] * (rng.random() < 0.6))),
        wave=float(u[3] ** 2),
        mess=float(rng.beta(1.5, 2.5)),
        asymmetry=float(np.clip(rng.normal(0, 0.35), -1, 1)),
        fringe=float(u[4] * (rng.random() < 0.4)),
        height=float(u[5]),
        hairline=float(np.clip(rng.normal(0.4 * older, 0.35), -1, 1)),
        temples=float(np.clip(u[6] ** 2 * (0.4 + 0.6 * older) + 0.3 * older, 0, 1)),
        peak=float(u[7] ** 3),
        source=alike[int(shaped[1] * len(alike))] if alike and shaped[0] < GROOMED else None,
    )
