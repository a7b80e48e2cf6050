"""How far a view shows a coloured mesh as it is: what stands before it, or lies in the wrong place, looks otherwise."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from headfield.mesh.pictures import linear_intensities, srgb_values
from headfield.mesh.texture.looks import Look, eased

COARSE = 0.03
"""Colours are compared over about this length, 6 mm: finer detail is not expected of a mesh."""

SAME, OTHER = 0.08, 0.24
"""Differences of colour (root mean square of channels from 0 to 1) up to which a place looks the same, and from which
on it looks like something else."""

DARK = 0.01
"""Added to light before ratios are taken, since what is black has none."""


def agreement(look: Look, normals: Float64[np.ndarray, "v 3"]) -> Float64[np.ndarray, "v"]:
    """How far the look shows each vertex of its mesh in the mesh's colours, from 0 to 1; 1 where it cannot tell.

    How bright and tinted the whole view is does not count. The look should be as coarse as :data:`COARSE`.
    """
    mesh = look.caster.mesh
    assert mesh.colours is not None
    shown = look.at(mesh.vertices, normals)
    agreed = np.ones(len(mesh.vertices))
    if not len(shown.which):
        return agreed
    own, light = mesh.colours[shown.which] / 255.0, linear_intensities(shown.colours)
    ratios = np.log(linear_intensities(own) + DARK) - np.log(light + DARK)
    exposed = srgb_values(light * np.exp([_densest(ratio) for ratio in ratios.T]))
    apart = np.sqrt(np.square(exposed - own).mean(axis=1))
    agreed[shown.which] = 1 - shown.trust * eased((apart - SAME) / (OTHER - SAME))
    return agreed


def _densest(values: Float64[np.ndarray, "n"]) -> float:
    """The mean of the half of the values that lie closest together: the other half may be anything."""
    ordered = np.sort(values)
    half = (len(ordered) + 1) // 2
    first = int(np.argmin(ordered[half - 1 :] - ordered[: len(ordered) - half + 1]))
    return float(ordered[first : first + half].mean())
