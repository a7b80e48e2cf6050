"""How far a reconstructed surface is from the true one, by the protocols of the published systems.

Two surfaces are compared one way at a time: points of one, and for each its counterpart on the other. From the truth
to the prediction it says what the prediction misses; from the prediction to the truth, what it invents.

*The scan protocol* (InstantAvatar section 4.2, SIRA++ section IV, H3DS): the prediction is aligned by landmarks, the
alignment refined by ICP of the true face region, and the distance is measured one way, truth to prediction, in
millimetres, over the face region and over the whole head. :class:`DistanceSummary` has the numbers.

*The parametric-model protocol* (neural parametric head model with 2D adversarial objectives, section 5.3): L1-Chamfer,
normal consistency and F-score, both ways. :class:`Agreement` has them, with the formulas.

The counterpart of a point is the closest point of the other *surface*, exact to rounding. The published code looks for
it among points instead (vertices, or samples), which adds about half their spacing to every distance and makes the
result depend on the triangulation; :func:`to_points` does the same, for comparison.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float64
from scipy.spatial import cKDTree

from headfield.errors import InputError
from headfield.mesh.align import icp
from headfield.mesh.distance import SurfaceSearch
from headfield.surface import Mesh, SurfaceSamples
from headfield.transforms import Similarity
from headfield.units import MILLIMETRES_PER_UNIT

FACE_RADIUS = 95 / MILLIMETRES_PER_UNIT
"""The face region is what lies in a sphere of this radius around the tip of the nose."""

THRESHOLDS = (1.0, 2.0, 3.0, 5.0)
"""Distances in millimetres of which shares and F-scores are told."""

Norm = Literal[1, 2]
"""How an offset becomes a distance: 1 adds its coordinates' absolute values, 2 is the straight line."""


@dataclass(frozen=True, eq=False)
class OrientedPoints:
    """Points that stand for a surface, with its unit normals there."""

    points: Float64[np.ndarray, "n 3"]
    normals: Float64[np.ndarray, "n 3"]

    @staticmethod
    def of_samples(samples: SurfaceSamples) -> OrientedPoints:
        """Points on a mesh, each with the normal of its face."""
        return OrientedPoints(samples.points, samples.normals)

    @staticmethod
    def of_vertices(mesh: Mesh) -> OrientedPoints:
        """The vertices that have a face."""
        used = np.unique(mesh.faces)
        return OrientedPoints(mesh.vertices[used], mesh.vertex_normals[used])


@dataclass(frozen=True, eq=False)
class OneWay:
    """Points of one surface, the way from each to its counterpart, and the cosine between the normals at the two."""

    points: Float64[np.ndarray, "n 3"]
    offsets: Float64[np.ndarray, "n 3"]
    cosines: Float64[np.ndarray, "n"]

    def millimetres(self, norm: Norm = 2) -> Float64[np.ndarray, "n"]:
        """How far each point is from its counterpart."""
        return np.linalg.norm(self.offsets, ord=norm, axis=1) * MILLIMETRES_PER_UNIT

    def only(self, chosen: Bool[np.ndarray, "n"]) -> OneWay:
        """The chosen points alone."""
        return OneWay(self.points[chosen], self.offsets[chosen], self.cosines[chosen])


def to_surface(source: OrientedPoints, target: SurfaceSearch) -> OneWay:
    """From points to the closest point of a surface."""
    closest = target.closest(source.points)
    normals = target.mesh.face_normals[closest.faces]
    return OneWay(source.points, closest.points - source.points, np.einsum("nk,nk->n", source.normals, normals))


def to_points(source: OrientedPoints, target: OrientedPoints, *, norm: Norm = 2) -> OneWay:
    """From points to the closest one of other points, by the given norm."""
    _, nearest = cKDTree(target.points).query(source.points, p=norm, workers=-1)
    cosines = np.einsum("nk,nk->n", source.normals, target.normals[nearest])
    return OneWay(source.points, target.points[nearest] - source.points, cosines)


def in_face_region(points: Float64[np.ndarray, "n 3"], nose: Float64[np.ndarray, "3"]) -> Bool[np.ndarray, "n"]:
    """Which points are in the sphere of 95 mm around the tip of the nose."""
    return np.linalg.norm(points - nose, axis=1) <= FACE_RADIUS


def refine_alignment(
    prediction: SurfaceSearch,
    truth: Float64[np.ndarray, "n 3"],
    start: Similarity,
    *,
    with_scale: bool = False,
) -> Similarity:
    """The transform that takes the prediction to the truth, by ICP of the truth's points to the prediction.

    That way round, since the truth's region is known and the prediction may be more (or less) than a head.
    """
    return icp(truth, prediction, start=start.inverse(), with_scale=with_scale).inverse()


@dataclass(frozen=True)
class DistanceSummary:
    """Distances in a few numbers, in millimetres; ``within[k]`` is the share that is at most ``THRESHOLDS[k]``."""

    mean: float
    median: float
    rms: float
    p90: float
    p95: float
    max: float
    within: tuple[float, ...]
    count: int

    @staticmethod
    def of(millimetres: Float64[np.ndarray, "n"]) -> DistanceSummary:
        """The summary of at least one distance."""
        if not len(millimetres):
            raise InputError(
                "there are no points to measure in this region; check the unit, the nose tip and the mask."
            )
        median, p90, p95 = np.percentile(millimetres, [50, 90, 95])
        return DistanceSummary(
            mean=float(millimetres.mean()),
            median=float(median),
            rms=float(np.sqrt(np.mean(millimetres**2))),
            p90=float(p90),
            p95=float(p95),
            max=float(millimetres.max()),
            within=tuple(float(np.mean(millimetres <= limit)) for limit in THRESHOLDS),
            count=len(millimetres),
        )


@dataclass(frozen=True)
class Agreement:
    """How well two surfaces agree both ways. T are points of the truth, P of the prediction, in millimetres.

    - ``chamfer``: mean over T of ‖t − p(t)‖ + mean over P of ‖p − t(p)‖ (eq. 5.1): the *sum* of both ways. With
      ``norm`` 1, as there, ‖·‖ adds absolute coordinates; it is up to √3 times the straight line, which is norm 2.
      Other authors halve the sum, or call the straight-line version L1 because it is not squared.
    - ``normal_consistency``: the mean of both ways' mean cosine between the normals of counterparts. (Eq. 5.6 writes
      their sum; the published values, all below 1, are the mean.) Turned-over surfaces count negative.
    - ``f_scores[k]``: the harmonic mean of the shares of P and of T whose distance, in the same norm, is at most
      ``thresholds[k]`` (eqs. 5.2 to 5.5).
    """

    chamfer: float
    normal_consistency: float
    f_scores: tuple[float, ...]
    thresholds: tuple[float, ...]
    norm: Norm

    @staticmethod
    def between(
        truth_to_prediction: OneWay,
        prediction_to_truth: OneWay,
        *,
        norm: Norm = 1,
        thresholds: Sequence[float] = THRESHOLDS,
    ) -> Agreement:
        """The agreement of two surfaces that were compared both ways."""
        ways = (truth_to_prediction, prediction_to_truth)
        if not all(len(way.points) for way in ways):
            raise InputError("one of the surfaces has no points in this region; check the unit and the nose tip.")
        distances = [way.millimetres(norm) for way in ways]
        return Agreement(
            chamfer=float(sum(d.mean() for d in distances)),
            normal_consistency=float(np.mean([way.cosines.mean() for way in ways])),
            f_scores=tuple(_harmonic_mean(*(float(np.mean(d <= limit)) for d in distances)) for limit in thresholds),
            thresholds=tuple(thresholds),
            norm=norm,
        )


def _harmonic_mean(a: float, b: float) -> float:
    return 2 * a * b / (a + b) if a + b else 0.0
