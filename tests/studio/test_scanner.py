"""A scan lies on the outer surface, evenly, looks outwards, and knows what is free."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from headfield.errors import InputError
from headfield.studio.figure import Figure, Part
from headfield.studio.scanner import scan
from headfield.studio.sitter import Sitter
from headfield.surface import Mesh

from ..shapes import bumpy, cube, sphere
from .scenes import disc, figure, painted


def turned_inside_out(mesh: Mesh) -> Mesh:
    return Mesh(mesh.vertices, mesh.faces[:, ::-1])


def test_of_nested_balls_only_the_outer_one_is_seen(rng):
    sitter = Sitter.of(figure(painted(sphere(0.5), 10), painted(sphere(0.8, rings=48), 200)))
    scanned = scan(sitter, rng, points=5000)
    radii = np.linalg.norm(scanned.points, axis=1)
    assert len(radii) == 5000
    assert radii.min() > 0.79
    assert (scanned.colours == 200).all()


def test_points_are_spread_evenly_over_the_area(rng):
    scanned = scan(Sitter.of(figure(sphere(0.9, rings=64))), rng, points=20_000)
    # By Archimedes, equal bands of height are equal areas of a sphere; so are equal sectors.
    heights = np.histogram(scanned.points[:, 1] / 0.9, bins=20, range=(-1, 1))[0]
    sectors = np.histogram(np.arctan2(scanned.points[:, 0], scanned.points[:, 2]), bins=20, range=(-np.pi, np.pi))[0]
    for counts in (heights, sectors):
        chi_square = np.sum((counts - 1000.0) ** 2 / 1000.0)
        assert chi_square < 45


def test_points_lie_on_the_surface_and_normals_look_outwards(rng):
    scanned = scan(Sitter.of_mesh(sphere(0.9, rings=64)), rng, points=2000)
    outward = scanned.points / np.linalg.norm(scanned.points, axis=1, keepdims=True)
    assert np.abs(np.linalg.norm(scanned.points, axis=1) - 0.9).max() < 2e-3
    assert np.sum(outward * scanned.normals, axis=1).min() > 0.999


def test_each_point_is_seen_by_its_sensor(rng):
    sitter = Sitter.of(figure(bumpy(rings=48)))
    scanned = scan(sitter, rng, points=3000)
    sensors = scanned.sensors[scanned.sensor_of_point].astype(float)
    way = scanned.points - sensors
    assert not sitter.solids.occluded(sensors, way, max_distance=1 - 1e-3).any()
    assert np.all(np.sum(way * scanned.normals, axis=1) < 0)
    assert len(np.unique(scanned.sensor_of_point)) > 40


def test_free_points_are_outside_and_everywhere_outside(rng):
    free = scan(Sitter.of(figure(sphere(0.7, rings=48))), rng, points=100, free_points=4000).free_points
    radii = np.linalg.norm(free, axis=1)
    assert len(free) == 4000
    assert radii.min() > 0.69
    assert radii.max() <= 1
    # Even over the shell between 0.7 and 1: half of it lies within the radius that halves its volume.
    assert np.mean(radii < (0.5 * (1 + 0.7**3)) ** (1 / 3)) == pytest.approx(0.5, abs=0.03)


def test_the_inside_of_an_open_bust_is_neither_seen_nor_free(rng):
    ball = sphere(0.8, rings=48)
    open_below = Mesh(ball.vertices, ball.faces[ball.corners[:, :, 1].max(axis=1) > -0.5])
    scanned = scan(Sitter.of_mesh(open_below), rng, points=3000, free_points=3000)
    assert np.sum(scanned.points * scanned.normals, axis=1).min() > 0
    inside = (np.linalg.norm(scanned.free_points, axis=1) < 0.79) & (scanned.free_points[:, 1] > -0.45)
    assert not inside.any()


def test_what_is_not_solid_is_not_scanned(rng):
    parts = (Part("glasses", disc(2.0, 0.95), solid=False), Part("skin", sphere(0.9, rings=48)))
    scanned = scan(Sitter.of(Figure(parts, np.zeros((68, 3)))), rng, points=2000)
    assert np.linalg.norm(scanned.points, axis=1).max() < 0.901


def test_colours_are_the_albedo_at_the_points(rng):
    ball = sphere(0.9, rings=64)
    left = np.where(ball.vertices[:, :1] > 0, [[250, 10, 10]], [[10, 250, 10]]).astype(np.uint8)
    scanned = scan(Sitter.of_mesh(replace(ball, colours=left)), rng, points=2000)
    clear = np.abs(scanned.points[:, 0]) > 0.1
    assert np.array_equal(scanned.colours[clear, 0] > 128, scanned.points[clear, 0] > 0)


def test_a_bare_mesh_gives_no_colours(rng):
    assert scan(Sitter.of_mesh(cube(1.0)), rng, points=100).colours is None


def test_the_same_seed_scans_the_same_points():
    sitter = Sitter.of(figure(bumpy()))
    one, other = (scan(sitter, np.random.default_rng(7), points=500) for _ in range(2))
    assert np.array_equal(one.points, other.points)
    assert np.array_equal(one.free_points, other.free_points)


def test_a_mesh_inside_out_is_refused(rng):
    with pytest.raises(InputError, match="turns its back to every scanner"):
        scan(Sitter.of_mesh(turned_inside_out(sphere(0.9))), rng, points=100)
