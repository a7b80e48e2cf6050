"""Look: everything that chance decides about a person's appearance, as plain numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headfield.studio.colour import GREY_HAIR, RGB, hair_tone, skin_tone, srgb_of

_Range = tuple[float, float]

LIGHTEST, DARKEST = 60.0, -60.0
"""The range of skin, as typology angles in degrees."""


@dataclass(frozen=True)
class Skin:
    """Skin. Amounts are from 0 to 1 unless they say otherwise."""

    angle: float
    """The individual typology angle in degrees."""
    tone: RGB
    """Its colour on average."""
    flush: float
    """How red cheeks, nose and ears are beside the rest; 1 is usual."""
    unevenness: float
    """How blotchy; 1 is usual."""
    freckles: float
    moles: int
    under_eyes: float
    """How dark the rings under the eyes are."""
    lines: float
    """How lined by age."""
    oil: float
    """How much it shines."""
    lip_blood: float
    lip_melanin: float


@dataclass(frozen=True)
class MakeUp:
    """What is put on: each with its colour and how much of it."""

    lipstick: RGB
    lips: float
    shadow: RGB
    lids: float
    liner: float
    blush: float


@dataclass(frozen=True)
class Eyes:
    """Irises and what surrounds them."""

    kind: str
    outer: RGB
    inner: RGB
    """The colour around the pupil."""
    fibres: float
    """How strong the pattern of the iris is."""
    limbus: float
    """How dark the ring around the iris is."""
    pupil: float
    """The pupil's radius as a share of the iris's."""
    yellowing: float
    veins: float
    lashes: float
    """How dense the lashes are."""


@dataclass(frozen=True)
class Brows:
    """Eyebrows, in shares of the usual unless they say otherwise."""

    density: float
    thickness: float
    arch: float
    length: float
    mess: float
    """How far the hairs stray from their direction, 0 to 1."""
    colour: RGB


@dataclass(frozen=True)
class HairColour:
    """The colour of hair: of most strands, of those that differ, at the tips; and how many strands are grey."""

    kind: str
    base: RGB
    highlight: RGB
    highlights: float
    """The share of strands that take the highlight's colour."""
    tips: float
    """How much lighter the tips are, 0 to 1."""
    grey: float
    """The share of grey strands."""


@dataclass(frozen=True)
class Cloth:
    """What a piece of clothing is made of."""

    pattern: str
    colours: tuple[RGB, RGB]
    scale: float
    """The period of the pattern in millimetres."""


@dataclass(frozen=True)
class Look:
    """One person's appearance."""

    skin: Skin
    make_up: MakeUp
    eyes: Eyes
    brows: Brows
    hair: HairColour
    beard: HairColour
    stubble: float
    """How much of a shaven beard shows, 0 to 1."""
    scalp: float
    """How much hair shows on a head without a hair style, 0 to 1: a shaven shadow."""
    clothes: Cloth
    head_covering: Cloth


def sample_look(rng: np.random.Generator, *, femininity: float = 0.5, age: float = 0.5) -> Look:
    """A random person's appearance. ``femininity`` and ``age`` run from 0 to 1; age from 18 to 80 years."""
    angle = float(rng.uniform(DARKEST, LIGHTEST))
    years = 18 + 62 * age
    man = bool(rng.random() > femininity)
    hair = _sample_hair(rng, angle, years)
    skin = _sample_skin(rng, angle, years, man)
    own = _undyed(rng, hair, skin)
    return Look(
        skin=skin,
        make_up=_sample_make_up(rng, 0.03 if man else 0.55),
        eyes=_sample_eyes(rng, angle, years, man),
        brows=_sample_brows(rng, man, own),
        hair=hair,
        beard=own,
        stubble=_sample_stubble(rng) if man else 0.0,
        scalp=float(rng.uniform(0.0, 0.6)),
        clothes=sample_cloth(rng),
        head_covering=sample_cloth(rng),
    )


def _sample_stubble(rng: np.random.Generator) -> float:
    return float(rng.choice([0.12, 0.35, 0.6, 0.9], p=[0.35, 0.3, 0.2, 0.15]) * rng.uniform(0.6, 1.1))


def _sample_skin(rng: np.random.Generator, angle: float, age: float, man: bool) -> Skin:
    lightness = (angle - DARKEST) / (LIGHTEST - DARKEST)
    freckled = rng.random() < 0.35 * lightness
    return Skin(
        angle=angle,
        tone=skin_tone(angle, warmth=float(rng.normal(0, 1.2)), redness=float(rng.normal(0.8 if man else 0, 1.0))),
        flush=float(np.clip(rng.normal(1, 0.4), 0.2, 2.2)),
        unevenness=float(np.clip(rng.normal(0.8 + 0.006 * (age - 20), 0.25), 0.4, 1.8)),
        freckles=float(rng.uniform(0.2, 1.0)) if freckled else float(rng.uniform(0, 0.08)),
        moles=int(rng.poisson(5)),
        under_eyes=float(np.clip(rng.normal(0.3 + 0.005 * (age - 20), 0.2), 0, 1)),
        lines=float(np.clip((age - 25) / 50 + rng.normal(0, 0.12), 0, 1)),
        oil=float(rng.uniform(0.1, 0.9)),
        lip_blood=float(rng.uniform(0.25, 0.7)),
        lip_melanin=float(np.clip(rng.normal(0.5 - 0.4 * lightness, 0.15), 0, 0.8)),
    )


def _lab(rng: np.random.Generator, light: _Range, a: _Range, b: _Range) -> RGB:
    """A colour somewhere in a box of Lab space."""
    r, g, blue = srgb_of(np.array([rng.uniform(*light), rng.uniform(*a), rng.uniform(*b)]))
    return float(r), float(g), float(blue)


def _sample_make_up(rng: np.random.Generator, chance: float) -> MakeUp:
    worn = rng.random() < chance
    strength = float(rng.uniform(0.2, 1.0)) if worn else 0.0
    return MakeUp(
        lipstick=_lab(rng, (25, 55), (20, 55), (0, 30)),
        lips=strength * float(rng.uniform(0.2, 0.85)) if rng.random() < 0.8 else 0.0,
        shadow=_lab(rng, (25, 60), (0, 15), (-10, 18)),
        lids=strength * float(rng.uniform(0.1, 0.55)) if rng.random() < 0.7 else 0.0,
        liner=strength * float(rng.uniform(0.3, 1.0)),
        blush=strength * float(rng.uniform(0.0, 0.5)),
    )


_IRISES: dict[str, tuple[RGB, RGB]] = {
    "dark brown": ((0.25, 0.15, 0.10), (0.29, 0.17, 0.10)),
    "brown": ((0.34, 0.21, 0.13), (0.39, 0.23, 0.13)),
    "amber": ((0.42, 0.28, 0.15), (0.45, 0.29, 0.14)),
    "hazel": ((0.40, 0.36, 0.24), (0.44, 0.31, 0.18)),
    "green": ((0.40, 0.45, 0.36), (0.46, 0.41, 0.28)),
    "blue": ((0.40, 0.52, 0.63), (0.56, 0.61, 0.63)),
    "grey": ((0.50, 0.55, 0.59), (0.60, 0.61, 0.59)),
}
_IRIS_CHANCES_LIGHT = [0.06, 0.20, 0.06, 0.15, 0.12, 0.28, 0.13]
_IRIS_CHANCES_DARK = [0.68, 0.27, 0.02, 0.02, 0.005, 0.005, 0.0]


def _sample_eyes(rng: np.random.Generator, angle: float, age: float, man: bool) -> Eyes:
    light = float(np.clip((angle - 15) / 40, 0, 1))
    chances = light * np.array(_IRIS_CHANCES_LIGHT) + (1 - light) * np.array(_IRIS_CHANCES_DARK)
    kind = str(rng.choice(list(_IRISES), p=chances / chances.sum()))
    gain, tint = rng.uniform(0.8, 1.2), rng.normal(0, 0.015) * np.array([1.0, 0.3, -1.0])

    def vary(colour: RGB) -> RGB:
        r, g, b = np.clip(np.array(colour) * gain + tint, 0.03, 0.9)
        return float(r), float(g), float(b)

    outer, inner = _IRISES[kind]
    return Eyes(
        kind=kind,
        outer=vary(outer),
        inner=vary(inner),
        fibres=float(rng.uniform(0.4, 1.0)),
        limbus=float(rng.uniform(0.3, 0.9)),
        pupil=float(np.clip(rng.normal(0.36, 0.06), 0.22, 0.55)),
        yellowing=float(np.clip(rng.normal(0.25 + 0.004 * (age - 20) - 0.002 * angle, 0.12), 0, 1)),
        veins=float(rng.uniform(0.1, 0.8)),
        lashes=float(rng.uniform(0.35, 0.75) if man else rng.uniform(0.55, 1.0)),
    )


def _towards(colour: RGB, other: RGB, share: float) -> RGB:
    r, g, b = ((1 - share) * one + share * two for one, two in zip(colour, other, strict=True))
    return r, g, b


def _sample_brows(rng: np.random.Generator, man: bool, hair: HairColour) -> Brows:
    return Brows(
        density=float(rng.uniform(0.55, 1.25)),
        thickness=float(np.clip(rng.normal(1.1 if man else 0.8, 0.2), 0.4, 1.6)),
        arch=float(np.clip(rng.normal(0.0 if man else 0.4, 0.4), -0.6, 1.2)),
        length=float(rng.uniform(0.85, 1.08)),
        mess=float(rng.uniform(0.2, 1.0) if man else rng.uniform(0.05, 0.6)),
        colour=_towards(hair.base, GREY_HAIR, 0.4 * hair.grey),
    )


_DYES: tuple[RGB, ...] = (
    (0.74, 0.66, 0.54),
    (0.72, 0.42, 0.55),
    (0.25, 0.35, 0.62),
    (0.20, 0.45, 0.40),
    (0.42, 0.25, 0.55),
    (0.55, 0.10, 0.10),
    (0.70, 0.55, 0.34),
)


def _sample_hair(rng: np.random.Generator, angle: float, age: float) -> HairColour:
    # Dark hair goes with every skin, the blackest with dark skin; light hair goes with light skin.
    light, warm = float(np.clip(angle / 40, 0, 0.88)), float(np.clip((angle + 40) / 60, 0, 1))
    dark = rng.random() > light
    melanin = 1 - (1 - rng.beta(6 - 4 * warm, 1)) * 0.45 if dark else rng.beta(1.6, 1.5)
    ginger = float(rng.uniform(0.4, 1.0)) if rng.random() < 0.02 + 0.14 * light else float(rng.uniform(0, 0.2))
    base, kind = hair_tone(float(melanin), ginger), _hair_kind(float(melanin), ginger)
    if rng.random() < 0.035:
        base, kind = _DYES[rng.integers(len(_DYES))], "dyed"
    greying = float(np.clip((age - rng.normal(62, 8)) / 20, 0, 1)) if kind != "dyed" else 0.0
    streaked = rng.random() < 0.25
    return HairColour(
        kind="grey" if greying > 0.5 else kind,
        base=base,
        highlight=hair_tone(max(0.0, float(melanin) - float(rng.uniform(0.15, 0.5))), ginger),
        highlights=float(rng.uniform(0.15, 0.45)) if streaked else 0.0,
        tips=float(rng.beta(1.2, 4)),
        grey=greying,
    )


def _hair_kind(melanin: float, ginger: float) -> str:
    if ginger >= 0.4 and melanin < 0.8:
        return "red"
    return "blond" if melanin < 0.4 else "brown" if melanin < 0.85 else "black"


def _undyed(rng: np.random.Generator, hair: HairColour, skin: Skin) -> HairColour:
    """The colour of brows and beard: dyes stay on the head, the hue is a little its own, and it shows on dark skin."""
    base = hair.base
    if hair.kind == "dyed":
        base = hair_tone(float(rng.uniform(0.45, 0.9) if skin.angle > 20 else rng.uniform(0.85, 1.0)))
    shift = np.array([1.14, 0.98, 0.90]) ** rng.uniform(0.2, 1.3) * rng.uniform(0.7, 1.0)
    r, g, b = np.clip(np.minimum(np.array(base) * shift, 0.65 * np.array(skin.tone)), 0.05, 0.85)
    grey = hair.grey * float(rng.uniform(0.5, 1))
    return HairColour("natural", (float(r), float(g), float(b)), hair.highlight, 0.0, 0.1, grey)


PATTERNS = ("plain", "stripes", "checks", "melange", "two-tone")
"""How cloth can look."""


def sample_cloth(rng: np.random.Generator) -> Cloth:
    """Some cloth, as people wear it: more often plain and muted than not."""
    pattern = str(rng.choice(PATTERNS, p=[0.42, 0.14, 0.12, 0.2, 0.12]))
    scale = {"stripes": (6, 40), "checks": (10, 50)}.get(pattern, (2, 8))
    return Cloth(pattern, (_dye(rng), _dye(rng)), float(rng.uniform(*scale)))


def _dye(rng: np.random.Generator) -> RGB:
    kind = rng.choice(["dark", "white", "grey", "blue", "earth", "bright"], p=[0.2, 0.15, 0.15, 0.2, 0.15, 0.15])
    boxes: dict[str, tuple[_Range, _Range, _Range]] = {
        "dark": ((8, 22), (-2, 3), (-6, 2)),
        "white": ((84, 93), (-1, 2), (-2, 8)),
        "grey": ((35, 75), (-2, 2), (-4, 4)),
        "blue": ((18, 60), (-6, 8), (-38, -8)),
        "earth": ((30, 72), (0, 14), (8, 30)),
        "bright": ((30, 65), (-40, 55), (-30, 55)),
    }
    return _lab(rng, *boxes[str(kind)])
