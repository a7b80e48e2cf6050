"""The whole comparison of a head with the truth: alignment, then every number for the face and for the head."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float64

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

Region = Literal["face", "head"]
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
    cavities: bool = True,
) -> Mapping[Region, RegionResult]:
    """Every number for two meshes that are aligned; for the face only where the tip of the true nose is known.

    Between surfaces, ``samples`` points are spread evenly over each and go to the other's surface. Between vertices,
    as the public evaluation code has it, each vertex goes to the nearest one of the other. Without ``cavities``,
    places that cannot be seen from around go nowhere; others may still be nearest to them.
    """
    by_vertices = between == "vertices"

    def of(mesh: Mesh) -> OrientedPoints:
        return OrientedPoints.of_vertices(mesh) if by_vertices else OrientedPoints.of_samples(mesh.sample(samples, rng))

    true, predicted = of(truth), of(prediction)
    seen_true, seen_predicted = (true, predicted) if cavities else (_open(truth, true), _open(prediction, predicted))
    if by_vertices:
        ways = to_points(seen_true, predicted), to_points(seen_predicted, true)
    else:
        ways = to_surface(seen_true, SurfaceSearch(prediction)), to_surface(seen_predicted, SurfaceSearch(truth))
    results: dict[Region, RegionResult] = {"head": _result(*ways)}
    if nose is not None:
        results["face"] = _result(*(way.only(in_face_region(way.points, nose)) for way in ways))
    return results


def _open(mesh: Mesh, places: OrientedPoints) -> OrientedPoints:
    chosen = outside(RayCaster(mesh), places.points, places.normals)
    return OrientedPoints(places.points[chosen], places.normals[chosen])


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
