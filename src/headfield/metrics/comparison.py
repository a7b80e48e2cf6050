"""The whole comparison of a head with the truth: alignment, then every number for the face and for the head."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float64

from headfield.errors import InputError
from headfield.mesh.distance import SurfaceSearch
from headfield.mesh.openness import outside
from headfield.mesh.raycast import RayCaster
from headfield.metrics.surfaces import (
    Agreement,
    DistanceSummary,
    OneWay,
    OrientedPoints,
    in_face_region,
    refine_alignment,
    to_points,
    to_surface,
)
from headfield.surface import Mesh
from headfield.transforms import Similarity

Region = Literal["face", "head", "open face", "open head"]
"""All of the face or of the head, or what of it lies open, and not in a cavity such as the inside of a nose."""

Between = Literal["surfaces", "vertices"]

ALIGNMENT_POINTS = 5000
"""More points of the truth make ICP slower and hardly better."""


@dataclass(frozen=True)
class RegionResult:
    """The scan protocol's distances, truth to prediction, and the parametric-model protocol's agreement."""

    distance: DistanceSummary
    agreement: Agreement


def align(
    prediction: Mesh,
    truth: Mesh,
    start: Similarity,
    *,
    nose: Float64[np.ndarray, "3"] | None,
    with_scale: bool,
    rng: np.random.Generator,
) -> Similarity:
    """The transform of the prediction to the truth, refined by ICP: on the face if the nose is known, else on all."""
    part = truth if nose is None else _face(truth, nose)
    points = part.sample(ALIGNMENT_POINTS, rng).points
    return refine_alignment(SurfaceSearch(prediction), points, start, with_scale=with_scale)


def compare(
    prediction: Mesh,
    truth: Mesh,
    *,
    nose: Float64[np.ndarray, "3"] | None,
    between: Between,
    samples: int,
    rng: np.random.Generator,
    open_too: bool = False,
) -> dict[Region, RegionResult]:
    """Every number for two meshes that are aligned; for the face only where the tip of the true nose is known.

    Between surfaces, ``samples`` points are spread evenly over each and go to the other's surface. Between vertices,
    as the public evaluation code has it, each vertex goes to the nearest one of the other. ``open_too`` tells the same
    without places that cannot be seen from around, too; others may still be nearest to them.
    """
    if between == "vertices":
        true, predicted = OrientedPoints.of_vertices(truth), OrientedPoints.of_vertices(prediction)
        ways = to_points(true, predicted), to_points(predicted, true)
    else:
        true, predicted = (OrientedPoints.of_samples(mesh.sample(samples, rng)) for mesh in (truth, prediction))
        ways = to_surface(true, SurfaceSearch(prediction)), to_surface(predicted, SurfaceSearch(truth))
    results: dict[Region, RegionResult] = {"head": _result(*ways)}
    if nose is not None:
        results["face"] = _result(*_in_face(ways, nose))
    if open_too:
        seen = ways[0].only(_open(truth, true, "truth")), ways[1].only(_open(prediction, predicted, "prediction"))
        results["open head"] = _result(*seen)
        if nose is not None:
            results["open face"] = _result(*_in_face(seen, nose))
    return results


def _in_face(ways: tuple[OneWay, OneWay], nose: Float64[np.ndarray, "3"]) -> Iterator[OneWay]:
    return (way.only(in_face_region(way.points, nose)) for way in ways)


def _open(mesh: Mesh, places: OrientedPoints, name: str) -> Bool[np.ndarray, "n"]:
    chosen = outside(RayCaster(mesh), places.points, places.normals)
    if not chosen.any():
        raise InputError(f"all of the {name} lies in cavities; turn its faces over, whose fronts seem to be inside.")
    return chosen


def _result(truth_to_prediction: OneWay, prediction_to_truth: OneWay) -> RegionResult:
    return RegionResult(
        DistanceSummary.of(truth_to_prediction.millimetres()),
        Agreement.between(truth_to_prediction, prediction_to_truth),
    )


def _face(truth: Mesh, nose: Float64[np.ndarray, "3"]) -> Mesh:
    inside = in_face_region(truth.corners.mean(axis=1), nose)
    if not inside.any():
        raise InputError("the truth has no surface within 95 mm of the tip of its nose; check the nose and the unit.")
    return Mesh.of(truth.vertices, truth.faces[inside])
