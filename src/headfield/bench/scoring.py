"""How far a mesh is from a person's true surface: InstantAvatar's protocol (section 4.2) in a few numbers."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from headfield.canonical import NOSE_TIP
from headfield.capture import Subject
from headfield.errors import InputError
from headfield.metrics.comparison import align, compare
from headfield.surface import Mesh
from headfield.transforms import Similarity

Scores = dict[str, dict[str, float]]
"""For the face and for the head, in millimetres: mean, median and 95th percentile, truth to prediction.
``open face`` and ``open head`` are without what is in cavities."""


def scores(mesh: Mesh, subject: Subject, *, samples: int, with_scale: bool = False, in_short: bool = False) -> Scores:
    """Lay the mesh over the true face and measure how far the truth is from it.

    ``with_scale`` leaves it to the alignment how large the mesh is, which photos from unknown cameras do not tell.
    ``in_short`` does without the open regions.
    """
    nose, rng = nose_of(subject), np.random.default_rng(0)
    assert subject.truth is not None
    found = align(mesh, subject.truth, Similarity.identity(), nose=nose, with_scale=with_scale, rng=rng)
    laid, open_too = mesh.transformed(found), not in_short
    regions = compare(laid, subject.truth, nose=nose, between="surfaces", samples=samples, rng=rng, open_too=open_too)
    return {
        region: {name: round(getattr(result.distance, name), 5) for name in ("mean", "median", "p95")}
        for region, result in regions.items()
    }


def nose_of(subject: Subject) -> Float64[np.ndarray, "3"]:
    """The tip of the true nose; InputError where it or the true surface is not known."""
    marks = subject.landmarks
    if subject.truth is None or marks is None or len(marks.points) <= NOSE_TIP or not marks.visible[NOSE_TIP]:
        raise InputError(
            f"{subject.name} has no true surface, or no landmarks that tell where its nose is, so nothing can be "
            "measured on it; make people with the studio, or leave it out."
        )
    return np.asarray(marks.points[NOSE_TIP], np.float64)
