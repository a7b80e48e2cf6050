"""What pictures show is true: masks, depths, normals, light and shadow agree with closed forms and with each other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from headfield.mesh.distance import closest_points
from headfield.studio.figure import Figure, Part
from headfield.studio.photograph import expose, photograph
from headfield.studio.sitter import Sitter
from headfield.surface import Mesh

from ..shapes import bumpy, cube, plane, sphere
from .scenes import camera, disc, figure, lamp, painted, uniform


@pytest.fixture(scope="module")
def ball() -> Sitter:
    return Sitter.of(figure(painted(sphere(rings=96), 255)))


@pytest.fixture(scope="module")
def bumps() -> Sitter:
    return Sitter.of(figure(bumpy(rings=96)))


def seen_points(view) -> np.ndarray:
    """Where in space each measured pixel's depth says its surface is."""
    rows, columns = np.nonzero(view.depth)
    pixels = torch.from_numpy(np.stack([columns, rows], axis=1) + 0.5)
    return view.camera.unproject(pixels, torch.from_numpy(view.depth[rows, columns].astype(float))).numpy()


def test_unprojected_depth_lies_on_the_surface(bumps):
    view = photograph(bumps.lit(uniform(1.0)), camera((1.0, 0.8, 3.0)))
    points = seen_points(view)
    assert len(points) > 500
    assert closest_points(bumps.surface, points).distances.max() < 1e-5


def test_normals_are_those_of_the_depth(bumps):
    view = photograph(bumps.lit(uniform(1.0)), camera((1.0, 0.8, 3.0), pixels=256))
    points = np.full((256, 256, 3), np.nan)
    points[view.depth > 0] = seen_points(view)
    along = points[1:-1, 2:] - points[1:-1, :-2]
    down = points[2:, 1:-1] - points[:-2, 1:-1]
    crossed = -np.cross(along, down)
    from_depth = crossed / np.linalg.norm(crossed, axis=-1, keepdims=True)
    in_world = view.normals[1:-1, 1:-1] @ view.camera.rotation.numpy()
    cosine = np.sum(from_depth * in_world, axis=-1)
    known = np.isfinite(cosine)
    assert known.sum() > 10_000
    angles = np.degrees(np.arccos(np.clip(cosine[known], -1, 1)))
    assert np.median(angles) < 1.0
    assert np.quantile(angles, 0.95) < 4.0


def test_normals_are_unit_vectors_that_face_the_camera(bumps):
    view = photograph(bumps.lit(uniform(1.0)), camera((0.0, 0.0, 4.0)))
    inside = view.depth > 0
    assert np.allclose(np.linalg.norm(view.normals[inside], axis=1), 1, atol=1e-5)
    assert not view.normals[~inside].any()
    assert view.normals[inside][:, 2].mean() < -0.5
    assert not view.depth[view.mask == 0].any()


def test_the_mask_of_a_ball_has_the_area_of_its_projection(ball):
    distance, size, pixels = 4.0, 2.6, 64
    coverage = expose(
        ball.lit(uniform(1.0)), camera((0.0, 0.0, distance), pixels=pixels, size=size), samples_per_side=4
    )
    focal = pixels * distance / size
    area = np.pi * (focal / np.sqrt(distance**2 - 1)) ** 2
    assert coverage.coverage.sum() == pytest.approx(area, rel=2e-3)


def test_a_pixel_half_covered_is_half_covered():
    wall = plane(4.0)
    wall = Sitter.of(figure(Mesh(wall.vertices + np.array([2.0, 0, 0]), wall.faces)))
    plate = expose(wall.lit(uniform(1.0)), camera((0.0, 0.0, 4.0), pixels=9), samples_per_side=4)
    assert plate.coverage[4] == pytest.approx([0, 0, 0, 0, 0.5, 1, 1, 1, 1])
    assert np.allclose(plate.radiance, plate.radiance.max() * plate.coverage[..., None])


def test_white_in_a_white_world_is_white(ball):
    plate = expose(ball.lit(uniform(0.6)), camera())
    covered = plate.coverage == 1
    assert covered.sum() > 1000
    assert np.allclose(plate.radiance[covered], 0.6, atol=1e-3)


def test_a_disc_above_a_plane_hides_its_share_of_the_sky():
    radius, height = 0.5, 0.4
    sitter = Sitter.of(figure(plane(4.0, cells=32), disc(radius, height)))
    centre = np.argmin(np.linalg.norm(sitter.surface.vertices, axis=1))
    assert sitter.openness[centre] == pytest.approx(1 - radius**2 / (radius**2 + height**2), abs=0.06)
    corner = np.argmax(np.linalg.norm(sitter.surface.vertices, axis=1))
    assert sitter.openness[corner] == pytest.approx(1, abs=0.01)


def test_a_lamp_throws_shadows_away_from_itself():
    sitter = Sitter.of(figure(plane(4.0, cells=64), sphere(0.3, (0, 0, 0.6))))
    lit = sitter.lit(uniform(0.0, lamp((1.0, 0.0, 1.0), irradiance=2.0)))

    def light_at(x: float) -> float:
        nearest = np.argmin(np.linalg.norm(sitter.surface.vertices - [x, 0, 0], axis=1))
        return float(lit.irradiance[nearest, 0])

    assert light_at(-0.6) == pytest.approx(0, abs=1e-6)
    assert light_at(0.6) == pytest.approx(2 * np.sqrt(0.5), rel=1e-4)
    assert light_at(-1.5) == pytest.approx(2 * np.sqrt(0.5), rel=1e-4)


def test_light_spreads_beneath_the_skin_but_is_not_lost():
    ball = sphere(rings=64)
    light = uniform(0.0, lamp((1.0, 0.0, 0.0)))
    skin = Figure((Part("skin", Mesh(ball.vertices * 0.2, ball.faces)),), np.zeros((68, 3)))
    dry = Figure((replace(skin.parts[0], name="plaster"),), np.zeros((68, 3)))
    sitter = Sitter.of(skin)
    under, on = sitter.lit(light).irradiance, Sitter.of(dry).lit(light).irradiance
    shadow = on[:, 0] == 0
    assert np.all(np.diff(under[shadow].mean(axis=0)) < 0)
    assert under.mean(axis=0) == pytest.approx(on.mean(axis=0), rel=0.02)


def test_a_bright_spot_lies_where_the_lamp_is_mirrored():
    glossy = Sitter.of(figure(painted(sphere(rings=96), 0), gloss=0.5))
    plate = expose(glossy.lit(uniform(0.0, lamp((1.0, 0.0, 1.0)))), camera((0.0, 0.0, 40.0), pixels=101))
    row, column = np.unravel_index(np.argmax(plate.radiance[..., 0]), plate.coverage.shape)
    focal_widths = 2.6 / 101
    assert (column - 50) * focal_widths == pytest.approx(np.sin(np.radians(22.5)), abs=0.04)
    assert row == pytest.approx(50, abs=1)


def test_seams_of_a_texture_show_in_no_normal():
    ball = sphere(rings=24)
    doubled = Mesh(ball.corners.reshape(-1, 3), np.arange(3 * len(ball.faces)).reshape(-1, 3))
    one, other = (photograph(Sitter.of(figure(mesh)).lit(uniform(1.0)), camera()) for mesh in (ball, doubled))
    assert np.allclose(one.normals, other.normals, atol=1e-5)


def test_glasses_show_in_the_picture_but_in_no_depth():
    ball = painted(sphere(rings=48), 255)
    pane = disc(0.5, 1.5)
    lens = replace(painted(pane, 0), attributes={"opacity": np.full(len(pane.vertices), 0.25)})
    worn = Figure((Part("glasses", lens, gloss=0, solid=False), Part("skin", ball, gloss=0)), np.zeros((68, 3)))
    bare = Figure((worn.parts[1],), np.zeros((68, 3)))
    with_glasses, without = (expose(Sitter.of(each).lit(uniform(1.0)), camera(pixels=65)) for each in (worn, bare))
    assert np.allclose(with_glasses.depth, without.depth, atol=1e-5)
    assert np.allclose(with_glasses.normals, without.normals, atol=1e-4)
    assert with_glasses.radiance[32, 32] == pytest.approx([0.75] * 3, abs=2e-3)
    assert with_glasses.coverage[32, 32] == 1


def test_a_lens_alone_covers_as_much_as_it_hides():
    pane = disc(0.8, 0.0)
    lens = replace(painted(pane, 255), attributes={"opacity": np.full(len(pane.vertices), 0.25)})
    hidden = painted(sphere(0.1, (0, 0, -0.5)), 255)
    parts = (Part("skin", hidden, gloss=0), Part("glasses", lens, gloss=0, solid=False))
    plate = expose(Sitter.of(Figure(parts, np.zeros((68, 3)))).lit(uniform(1.0)), camera(pixels=65))
    at = 32, 32 + 10
    assert plate.coverage[at] == pytest.approx(0.25, abs=1e-6)
    assert plate.radiance[at] == pytest.approx([0.25] * 3, abs=1e-3)
    assert not plate.depth[at]


def test_the_background_shows_where_the_subject_does_not(ball):
    picture = np.zeros((64, 64, 3), np.float32)
    picture[..., 1] = 0.5
    view = photograph(ball.lit(uniform(0.4)), camera(), background=picture)
    assert (view.image[view.mask == 0] == [0, 188, 0]).all()
    assert (view.image[view.mask == 255][:, 0] > 150).all()


def test_a_subject_outside_the_picture_leaves_it_empty(ball):
    away = replace(camera(), principal=torch.tensor([1e4, 1e4], dtype=torch.float64))
    view = photograph(ball.lit(uniform(1.0)), away)
    assert not view.mask.any()
    assert not view.depth.any()


def test_a_camera_inside_sees_the_inside():
    box = Sitter.of(figure(cube(2.0)))
    view = photograph(box.lit(uniform(1.0)), camera((0.0, 0.0, 0.5), pixels=16, size=0.5))
    assert (view.mask == 255).all()
    assert np.allclose(view.normals[8, 8], [0, 0, -1], atol=0.3)


def test_the_same_picture_twice_is_the_same(bumps):
    light = uniform(0.5, lamp((1.0, 1.0, 1.0), angular_radius=8.0))
    one, other = (photograph(Sitter.of(figure(bumpy(rings=96))).lit(light), camera()) for _ in range(2))
    assert np.array_equal(one.image, other.image)
    assert np.array_equal(one.normals, other.normals)


def test_eyes_glint_where_the_light_comes_from():
    ambient = uniform(1.0).ambient
    ambient[3] = 0.8
    side = replace(uniform(1.0), ambient=ambient)
    eye = Figure((Part("eye", painted(sphere(rings=96), 0), gloss=0.25, roughness=0.07),), np.zeros((68, 3)))
    plate = expose(Sitter.of(eye).lit(side), camera((0.0, 0.0, 40.0), pixels=101))
    middle = plate.radiance[40:61, 20:81, 0]
    column = 20 + np.unravel_index(np.argmax(middle), middle.shape)[1]
    assert (column - 50) * 2.6 / 101 == pytest.approx(np.sin(np.radians(45)), abs=0.06)
    even = expose(Sitter.of(eye).lit(uniform(1.0)), camera((0.0, 0.0, 40.0), pixels=101)).radiance[40:61, 20:81, 0]
    assert middle.max() > 3 * even.max()
