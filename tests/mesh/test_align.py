from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from headfield.errors import InputError
from headfield.mesh.align import icp, umeyama
from headfield.surface import Mesh
from headfield.transforms import Similarity, so3_exp

from ..shapes import bumpy, plane, sphere
from ..strategies import similarities

MILLIMETRE = 1 / 200
HEAD = bumpy()


def moved(points: np.ndarray, by: Similarity) -> np.ndarray:
    return by.apply(torch.from_numpy(points)).numpy()


def displaced(seed: int, degrees: float = 10.0, millimetres: float = 10.0) -> Similarity:
    """A rigid motion by that much, about a random axis, in a random direction."""
    axis, direction = torch.from_numpy(np.random.default_rng(seed).normal(size=(2, 3)))
    return Similarity(
        torch.tensor(1.0, dtype=torch.float64),
        so3_exp(axis / axis.norm() * np.radians(degrees)),
        direction / direction.norm() * millimetres * MILLIMETRE,
    )


def furthest(points: np.ndarray, found: Similarity, truth: Similarity) -> float:
    return float(np.linalg.norm(moved(points, found) - moved(points, truth), axis=1).max())


@given(similarities(), st.integers(0, 2**32 - 1))
def test_umeyama_recovers_every_similarity(truth, seed):
    points = np.random.default_rng(seed).normal(size=(6, 3))
    assert_close(umeyama(points, moved(points, truth)).matrix(), truth.matrix(), atol=1e-8, rtol=1e-8)


def test_umeyama_without_scale_keeps_the_size(rng):
    points = rng.normal(size=(10, 3))
    found = umeyama(points, 3 * points + 1, with_scale=False)
    assert found.scale == 1
    assert_close(found.rotation, torch.eye(3, dtype=torch.float64))
    np.testing.assert_allclose(moved(points, found).mean(axis=0), (3 * points + 1).mean(axis=0))


def test_umeyama_never_mirrors(rng):
    points = rng.normal(size=(10, 3))
    found = umeyama(points, points * [-1, 1, 1])
    assert torch.linalg.det(found.rotation) == pytest.approx(1)
    assert found.scale > 0


def test_umeyama_beats_its_neighbours(rng):
    source = rng.normal(size=(8, 3))
    target = source + 0.3 * rng.normal(size=(8, 3))
    best = umeyama(source, target)
    error = np.sum((moved(source, best) - target) ** 2)
    for seed in range(20):
        near = displaced(seed, degrees=0.5, millimetres=1.0) @ best
        assert np.sum((moved(source, near) - target) ** 2) > error


def test_three_points_in_a_plane_are_enough():
    points = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]])
    truth = displaced(0)
    assert furthest(points, umeyama(points, moved(points, truth), with_scale=False), truth) < 1e-12


def test_points_of_weight_zero_are_ignored(rng):
    points = rng.normal(size=(6, 3))
    target = points + 1.0
    target[0] += 5
    found = umeyama(points, target, weights=np.array([0, 1, 1, 1, 1, 1.0]))
    np.testing.assert_allclose(moved(points[1:], found), target[1:], atol=1e-12)


@pytest.mark.parametrize(
    ("points", "sentence"),
    [
        (np.zeros((5, 3)), "all its points on one line or in one place"),
        (np.outer(np.arange(5.0), [1, 2, 3]), "leaves the rotation open"),
        (np.eye(3)[:2], r"too few points to align \(2\)"),
        (np.full((4, 3), np.nan), "not finite"),
    ],
    ids=["one place", "a line", "two points", "NaN"],
)
def test_points_that_determine_no_rotation_are_refused(points, sentence):
    with pytest.raises(InputError, match=sentence):
        umeyama(points, points)
    with pytest.raises(InputError, match=sentence):
        icp(points, HEAD)


@settings(max_examples=8)
@given(st.integers(0, 2**32 - 1))
def test_icp_undoes_ten_degrees_and_ten_millimetres(seed):
    away = displaced(seed)
    points = HEAD.sample(600, np.random.default_rng(seed)).points
    found = icp(moved(points, away.inverse()), HEAD)
    assert found.scale == 1
    assert furthest(moved(points, away.inverse()), found, away) < 0.01 * MILLIMETRE


def test_icp_shrugs_off_a_fifth_of_outliers(rng):
    away = displaced(1)
    points = HEAD.sample(1000, rng).points
    points[:200] += rng.normal(scale=60 * MILLIMETRE, size=(200, 3))
    found = icp(moved(points, away.inverse()), HEAD)
    assert furthest(moved(points[200:], away.inverse()), found, away) < 0.01 * MILLIMETRE


def test_icp_averages_noise_away(rng):
    away = displaced(2)
    points = HEAD.sample(3000, rng).points
    noisy = points + rng.normal(scale=1 * MILLIMETRE, size=points.shape)
    found = icp(moved(noisy, away.inverse()), HEAD)
    assert furthest(moved(points, away.inverse()), found, away) < 0.3 * MILLIMETRE


def test_icp_needs_only_part_of_the_target(rng):
    part = Mesh.of(HEAD.vertices, HEAD.faces[HEAD.corners[:, :, 0].mean(axis=1) > -0.15])
    away = displaced(3, degrees=6, millimetres=6)
    points = HEAD.sample(1500, rng).points  # about a third of them have no counterpart
    found = icp(moved(points, away.inverse()), part)
    assert furthest(moved(points, away.inverse()), found, away) < 0.1 * MILLIMETRE


def test_icp_finds_the_size_only_when_told(rng):
    points = 0.95 * HEAD.sample(1000, rng).points
    assert icp(points, HEAD).scale == 1
    assert icp(points, HEAD, with_scale=True).scale == pytest.approx(1 / 0.95, rel=1e-5)


def test_icp_starts_where_it_is_told_and_keeps_that_size(rng):
    start = Similarity(torch.tensor(2.0, dtype=torch.float64), displaced(5, 120, 0).rotation, torch.zeros(3).double())
    truth = displaced(6, 5, 5) @ start
    points = moved(HEAD.sample(600, rng).points, truth.inverse())
    found = icp(points, HEAD, start=start)
    assert found.scale == 2
    assert furthest(points, found, truth) < 0.01 * MILLIMETRE


def test_what_the_surface_leaves_open_stays_as_it_was(rng):
    above = plane(side=0.5).sample(200, rng).points + np.array([0.1, 0.05, 0.01])
    np.testing.assert_allclose(moved(above, icp(above, plane(side=2.0))), above * [1, 1, 0], atol=1e-9)
    on_ball = sphere(rings=60).sample(500, rng).points
    found = icp(on_ball + 0.02, sphere(rings=60))
    np.testing.assert_allclose(found.translation, [-0.02] * 3, atol=1e-3)
    assert_close(found.rotation, torch.eye(3, dtype=torch.float64), atol=2e-2, rtol=0)
