from __future__ import annotations

import sys

import numpy as np
import pytest

from headfield.errors import InputError
from headfield.mesh.raycast import RayCaster
from headfield.surface import Mesh, SurfaceSamples, unit

from ..shapes import cube, plane, soup, sphere

BOTH = pytest.mark.parametrize("fast", [True, False], ids=["embree", "plain"])


def rays_through(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    origins = 2 * rng.normal(size=(n, 3))
    return origins, 0.5 * rng.normal(size=(n, 3)) - origins


@BOTH
def test_a_plane_is_hit_where_algebra_says(fast, rng):
    origins = rng.uniform([-0.4, -0.4, 2], [0.4, 0.4, 2.5], (500, 3))
    directions = rng.uniform([-0.03, -0.03, -3], [0.03, 0.03, -2], (500, 3))
    hits = RayCaster(plane(side=1.0, height=0.25), fast=fast).first_hits(origins, directions)
    assert hits.hit.all()
    np.testing.assert_allclose(hits.distance, (0.25 - origins[:, 2]) / directions[:, 2], atol=1e-12)


@BOTH
def test_weights_and_distance_name_the_same_point(fast, rng):
    mesh = sphere(0.7, centre=(0.1, 0.2, 0.3))
    origins, directions = rays_through(2000, rng)
    hits = RayCaster(mesh, fast=fast).first_hits(origins, directions)
    hit = hits.hit
    points = SurfaceSamples(mesh, hits.faces[hit], hits.weights[hit]).points
    np.testing.assert_allclose(points, origins[hit] + hits.distance[hit, None] * directions[hit], atol=1e-12)


@BOTH
def test_misses_are_marked(fast):
    hits = RayCaster(cube(), fast=fast).first_hits(np.array([[0.0, 0, 5]]), np.array([[0.0, 0, 1]]))
    assert not hits.hit[0]
    assert hits.faces[0] == -1
    assert hits.distance[0] == np.inf
    assert not hits.weights[0].any()


@BOTH
def test_both_sides_stop_rays_and_the_first_one_counts(fast):
    caster = RayCaster(cube(side=2.0), fast=fast)
    origins = np.array([[0.1, 0.2, 5], [0.1, 0.2, 0]])
    hits = caster.first_hits(origins, np.array([[0.0, 0, -1], [0, 0, -1]]))
    np.testing.assert_allclose(hits.distance, [4, 1])
    np.testing.assert_allclose(np.abs(caster.mesh.face_normals[hits.faces]), [[0, 0, 1]] * 2, atol=1e-12)


@BOTH
@pytest.mark.parametrize("distance", [1.0, 1e3, 1e6])
def test_rays_from_far_away_stay_exact(fast, distance, rng):
    centre = np.array([5.0, -3.0, 8.0])
    directions = unit(rng.normal(size=(300, 3)))
    hits = RayCaster(sphere(0.01, tuple(centre)), fast=fast).first_hits(centre - distance * directions, directions)
    assert hits.hit.all()
    np.testing.assert_allclose(distance - hits.distance, 0.01, atol=1e-4 + 1e-15 * distance, rtol=5e-3)


@BOTH
def test_no_ray_leaves_a_closed_mesh_not_even_through_vertices_and_edges(fast):
    mesh = sphere(rings=20)
    edges = mesh.vertices[mesh.faces[:, :2]].mean(axis=1)
    targets = np.concatenate([mesh.vertices, edges])
    inside = np.full_like(targets, 0.123)
    caster = RayCaster(mesh, fast=fast)
    assert caster.first_hits(inside, targets - inside).hit.all()


@pytest.mark.parametrize("make", [lambda rng: sphere(rings=16), lambda rng: soup(300, rng), lambda rng: cube()])
def test_the_plain_path_agrees_with_embree(make, rng):
    mesh = make(rng)
    origins, directions = rays_through(2000, rng)
    fast, plain = (RayCaster(mesh, fast=fast) for fast in (True, False))
    one, other = fast.first_hits(origins, directions), plain.first_hits(origins, directions)
    same = one.faces == other.faces
    assert same.mean() > 0.995  # single precision may decide otherwise at borders
    np.testing.assert_allclose(one.distance[same], other.distance[same])
    limits = rng.uniform(0, 2, len(origins))
    shadows = [c.occluded(origins, directions, max_distance=limits) for c in (fast, plain)]
    assert np.mean(shadows[0] == shadows[1]) > 0.995


def test_the_plain_path_agrees_with_trying_every_face(rng):
    mesh = soup(60, rng)
    origins, directions = rays_through(200, rng)
    hits = RayCaster(mesh, fast=False).first_hits(origins, directions)
    alone = [RayCaster(Mesh.of(mesh.vertices, mesh.faces[[f]]), fast=False) for f in range(len(mesh.faces))]
    distances = np.stack([one.first_hits(origins, directions).distance for one in alone])
    np.testing.assert_allclose(hits.distance, distances.min(axis=0))


@BOTH
def test_only_what_stands_between_two_points_occludes(fast):
    caster = RayCaster(plane(height=0.5), fast=fast)
    start = np.zeros((3, 3))
    direction = np.array([[0.001, 0.002, 2.0]] * 3)
    assert caster.occluded(start, direction, max_distance=np.array([0.24, 0.26, 1.0])).tolist() == [False, True, True]
    assert caster.occluded(start, -direction).tolist() == [False] * 3
    assert caster.occluded(start - [[0, 0, 100.0]], direction, max_distance=50).tolist() == [False] * 3
    assert caster.occluded(start - [[0, 0, 100.0]], direction, max_distance=51).tolist() == [True] * 3


def test_every_search_is_bounded_in_memory(monkeypatch, rng):
    origins, directions = rays_through(500, rng)
    whole = RayCaster(sphere(), fast=False).first_hits(origins, directions)
    monkeypatch.setattr("headfield.mesh.boxtree.PAIRS_AT_ONCE", 16)
    parts = RayCaster(sphere(), fast=False).first_hits(origins[:50], directions[:50])
    np.testing.assert_array_equal(parts.faces, whole.faces[:50])


def test_no_rays_are_no_hits():
    assert len(RayCaster(cube()).first_hits(np.zeros((0, 3)), np.zeros((0, 3))).faces) == 0
    assert len(RayCaster(cube(), fast=False).first_hits(np.zeros((0, 3)), np.zeros((0, 3))).faces) == 0


def test_a_mesh_without_faces_cannot_be_hit():
    with pytest.raises(InputError, match="has no faces"):
        RayCaster(Mesh.of(np.zeros((3, 3)), np.zeros((0, 3), int)))


def test_without_embree_rays_are_cast_all_the_same(monkeypatch):
    for module in ("embreex", "embreex.mesh_construction", "embreex.rtcore_scene"):
        monkeypatch.setitem(sys.modules, module, None)
    hits = RayCaster(cube(side=2.0)).first_hits(np.array([[0.1, 0.2, 5.0]]), np.array([[0.0, 0, -1]]))
    np.testing.assert_allclose(hits.distance, [4])
