"""A figure: one synthetic person as surfaces with materials, ready to be photographed and scanned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float64

from headfield.surface import Mesh


@dataclass(frozen=True, eq=False)
class Part:
    """One surface of a figure, in head space.

    Its albedo (sRGB) is the mesh's texture where it has one, and its vertex colours otherwise. ``gloss`` is the
    strength of the highlight (0 to 1) and ``roughness`` its width. What is not ``solid`` (glasses) shows in pictures
    only: no scanner and no truth knows it.
    """

    name: str
    mesh: Mesh
    gloss: float = 0.05
    roughness: float = 0.6
    solid: bool = True


@dataclass(frozen=True, eq=False)
class Figure:
    """One person with one expression, hair and clothes; 68 landmarks on the skin; and the facts it was made from."""

    parts: tuple[Part, ...]
    landmarks: Float64[np.ndarray, "68 3"]
    facts: Mapping[str, object] = field(default_factory=dict)
