from __future__ import annotations

import numpy as np
import pytest
import torch

from headfield.errors import InputError
from headfield.mesh.distance import SurfaceSearch
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
from headfield.transforms import Similarity, so3_exp

from ..shapes import bumpy, cube, plane, sphere

MILLIMETRE = 1 / 200


def sampled(mesh: Mesh, rng: np.random.Generator, n: int = 4000) -> OrientedPoints:
    return OrientedPoints.of_samples(mesh.sample(n, rng))


def both_ways(prediction: Mesh, truth: Mesh, rng: np.random.Generator, n: int = 4000) -> tuple[OneWay, OneWay]:
    return (
        to_surface(sampled(truth, rng, n), SurfaceSearch(prediction)),
        to_surface(sampled(prediction, rng, n), SurfaceSearch(truth)),
    )


def flipped(mesh: Mesh) -> Mesh:
    return Mesh.of(mesh.vertices, mesh.faces[:, ::-1])


def test_concentric_spheres_are_their_radii_apart(rng):
    # Of 100 mm and 103 mm, both faceted: at 60 rings a facet lies at most 0.07 % of the radius deep.
    forth, back = both_ways(sphere(0.515, rings=60), sphere(0.5, rings=60), rng)
    for way in (forth, back):
        np.testing.assert_allclose(way.millimetres(), 3.0, atol=0.15)
        assert way.cosines.min() > 0.99


def test_a_shifted_plane_is_its_shift_away(rng):
    truth, prediction = plane(side=0.5), plane(side=1.0, height=2.5 * MILLIMETRE)
    way = to_surface(sampled(truth, rng), SurfaceSearch(prediction))
    summary = DistanceSummary.of(way.millimetres())
    for value in (summary.mean, summary.median, summary.rms, summary.p90, summary.p95, summary.max):
        assert value == pytest.approx(2.5)
    assert summary.within == (0.0, 0.0, 1.0, 1.0)
    assert summary.count == 4000


def test_noise_of_known_size_gives_the_known_statistics(rng):
    # Distances to a plane of Gaussian heights are half-normal.
    points = rng.uniform([-0.2, -0.2, 0], [0.2, 0.2, 0], (40000, 3))
    points[:, 2] = rng.normal(scale=2 * MILLIMETRE, size=40000)
    up = np.broadcast_to([0.0, 0, 1], points.shape).copy()
    summary = DistanceSummary.of(to_surface(OrientedPoints(points, up), SurfaceSearch(plane())).millimetres())
    assert summary.mean == pytest.approx(2 * np.sqrt(2 / np.pi), rel=0.02)
    assert summary.median == pytest.approx(2 * 0.6745, rel=0.02)
    assert summary.rms == pytest.approx(2, rel=0.02)
    assert summary.p95 == pytest.approx(2 * 1.96, rel=0.02)
    assert summary.within[0] == pytest.approx(0.3829, abs=0.01)


def test_a_cube_in_a_cube(rng):
    # From the inner cube every point is straight below the outer one's nearest side.
    way = to_surface(sampled(cube(1.0), rng), SurfaceSearch(cube(1.1)))
    np.testing.assert_allclose(way.millimetres(), 10.0, atol=1e-9)
    np.testing.assert_allclose(way.millimetres(norm=1), 10.0, atol=1e-9)
    np.testing.assert_allclose(way.cosines, 1.0)


def test_what_is_missing_and_what_is_invented_are_told_apart(rng):
    whole = bumpy()
    half = Mesh.of(whole.vertices, whole.faces[whole.corners[:, :, 1].mean(axis=1) > 0])
    truth_to_prediction, prediction_to_truth = both_ways(half, whole, rng)
    assert truth_to_prediction.millimetres().max() > 50
    assert prediction_to_truth.millimetres().max() < 1e-6


def test_a_surface_agrees_with_itself(rng):
    ways = both_ways(bumpy(), bumpy(), rng)
    agreement = Agreement.between(*ways)
    assert agreement.chamfer == pytest.approx(0, abs=1e-9)
    assert agreement.normal_consistency == pytest.approx(1)
    assert agreement.f_scores == (1, 1, 1, 1)


def test_a_surface_turned_inside_out_counts_negative(rng):
    ways = both_ways(flipped(bumpy()), bumpy(), rng)
    assert Agreement.between(*ways).normal_consistency == pytest.approx(-1)


def test_chamfer_is_the_sum_of_both_ways_in_the_norm_asked_for(rng):
    # A plane moved by the vector (d, d, d) / sqrt(3) along its own normal: 1-norm and 2-norm differ by sqrt(3).
    tilt = so3_exp(torch.tensor([-0.61547970867, 0.0, 0.0], dtype=torch.float64)) @ so3_exp(
        torch.tensor([0.0, np.pi / 4, 0.0], dtype=torch.float64)
    )
    turn = Similarity(torch.tensor(1.0, dtype=torch.float64), tilt, torch.zeros(3, dtype=torch.float64))
    truth = plane(side=0.2).transformed(turn)
    prediction = plane(side=0.2, height=0.9 * MILLIMETRE).transformed(turn)
    normal = np.abs(truth.face_normals[0])
    ways = both_ways(prediction, truth, rng)
    straight, taxi = Agreement.between(*ways, norm=2), Agreement.between(*ways, norm=1)
    assert straight.chamfer == pytest.approx(1.8)
    assert taxi.chamfer == pytest.approx(1.8 * normal.sum())
    assert straight.f_scores[0] == 1
    assert taxi.f_scores[0] == (1 if 0.9 * normal.sum() <= 1 else 0)
    assert normal.sum() > 1.2  # or the two norms would tell the same


def test_the_f_score_is_the_harmonic_mean_of_both_shares():
    def way(millimetres: list[float]) -> OneWay:
        offsets = np.zeros((len(millimetres), 3))
        offsets[:, 0] = np.array(millimetres) * MILLIMETRE
        return OneWay(np.zeros_like(offsets), offsets, np.ones(len(millimetres)))

    agreement = Agreement.between(way([0.5, 0.5, 0.5, 9]), way([0.5, 9]), thresholds=(1.0, 10.0, 0.1))
    assert agreement.f_scores == pytest.approx((2 * 0.75 * 0.5 / 1.25, 1.0, 0.0))
    assert agreement.chamfer == pytest.approx((1.5 + 9) / 4 + 9.5 / 2)


def test_distances_between_points_are_never_below_those_to_the_surface(rng):
    truth, prediction = bumpy(), sphere(0.6, rings=20)
    cloud = sampled(truth, rng)
    exact = to_surface(cloud, SurfaceSearch(prediction)).millimetres()
    by_vertices = to_points(cloud, OrientedPoints.of_vertices(prediction)).millimetres()
    assert (by_vertices >= exact - 1e-9).all()
    assert by_vertices.mean() > exact.mean()


def test_points_a_grid_apart_miss_the_surface_by_the_grids_mean_distance(rng):
    # A point of the unit square is 0.3826 from the nearest corner on average.
    truth = plane(side=0.5, height=0.0)
    grid = OrientedPoints.of_vertices(plane(side=1.0, cells=100))
    way = to_points(sampled(truth, rng, 20000), grid)
    assert way.millimetres().mean() == pytest.approx(0.3826 * 200 / 100, rel=0.02)


def test_the_nearest_point_is_nearest_in_the_norm_asked_for():
    source = OrientedPoints(np.zeros((1, 3)), np.eye(3)[:1])
    target = OrientedPoints(np.array([[0.7, 0.7, 0], [0, 0, 1.2]]), np.eye(3)[:2])
    assert to_points(source, target, norm=2).offsets[0].tolist() == [0.7, 0.7, 0]
    assert to_points(source, target, norm=1).offsets[0].tolist() == [0, 0, 1.2]


def test_vertices_without_a_face_stand_for_nothing():
    mesh = Mesh.of(np.concatenate([cube().vertices, [[9.0, 9, 9]]]), cube().faces)
    assert len(OrientedPoints.of_vertices(mesh).points) == 8


def test_the_face_region_is_a_ball_of_95_mm():
    nose = np.array([0.0, 0.0, 0.6])
    points = nose + np.array([[94.9, 0, 0], [0, 0, -94.9], [0, 95.1, 0]]) * MILLIMETRE
    assert in_face_region(points, nose).tolist() == [True, True, False]


def test_refining_undoes_what_the_landmarks_got_wrong(rng):
    truth = bumpy()
    off = Similarity(
        torch.tensor(1.0, dtype=torch.float64),
        so3_exp(torch.tensor([0.05, -0.04, 0.03], dtype=torch.float64)),
        torch.tensor([0.02, 0.01, -0.02], dtype=torch.float64),
    )
    prediction = truth.transformed(off)
    points = truth.sample(1500, rng).points
    nose = truth.vertices[np.argmax(truth.vertices[:, 2])]
    face = points[in_face_region(points, nose)]
    found = refine_alignment(SurfaceSearch(prediction), face, Similarity.identity())
    np.testing.assert_allclose((found @ off).matrix(), np.eye(4), atol=1e-5)


def test_a_region_without_points_is_refused(rng):
    with pytest.raises(InputError, match="no points to measure"):
        DistanceSummary.of(np.zeros(0))
    forth, back = both_ways(cube(), cube(), rng, 10)
    with pytest.raises(InputError, match="no points in this region"):
        Agreement.between(forth, back.only(np.zeros(10, bool)))
