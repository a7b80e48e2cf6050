from __future__ import annotations

import math

import numpy as np
import torch
from hypothesis import given, settings

from headfield.cameras import Camera
from headfield.render.parallel_samples import ParallelSamples
from headfield.render.pictures import render_view
from headfield.render.proxy import Proxy
from headfield.render.sphere_tracing import SphereTracing
from headfield.render.views import ViewOnDevice, all_pixels

from ..strategies import cameras
from .solids import bust, sphere


def by_normal(points: torch.Tensor, normals: torch.Tensor, directions: torch.Tensor) -> torch.Tensor:
    return (normals + 1) / 2


def portrait(size: int = 48, dtype: torch.dtype = torch.float32) -> Camera:
    eye = torch.tensor([0.6, 0.3, 4.0], dtype=dtype)
    return Camera.look_at(eye, torch.zeros(3, dtype=dtype), focal=1.7 * size, width=size, height=size)


def test_a_ball_covers_the_disc_that_geometry_says():
    camera = portrait(200)
    mask = render_view(sphere(0.5), camera, by_normal, SphereTracing()).mask
    assert mask is not None
    distance = camera.centre.norm().item()
    radius = 1.7 * 200 * 0.5 / math.sqrt(distance**2 - 0.25)
    assert set(np.unique(mask)) == {0, 255}
    # The disc is an ellipse when the ball is off the middle of the picture; here it is not.
    assert abs((mask > 0).sum() / (math.pi * radius**2) - 1) < 0.005


@settings(max_examples=15)
@given(cameras())
def test_depth_and_normals_of_a_ball_are_its_own_from_any_camera(camera):
    camera = camera.resize(24, 20)
    view = render_view(sphere(0.6), camera, by_normal, SphereTracing())
    seen = view.mask > 0
    assert (view.depth[~seen] == 0).all()
    assert not view.normals[~seen].any()
    assert (view.image[~seen] == 255).all()
    pixels = camera.pixel_centres()[torch.from_numpy(seen)]
    points = camera.unproject(pixels, torch.from_numpy(view.depth[seen]).double())
    np.testing.assert_allclose(points.norm(dim=-1), 0.6, atol=1e-4)
    outwards = points / points.norm(dim=-1, keepdim=True)
    np.testing.assert_allclose(view.normals[seen], outwards @ camera.rotation.T, atol=1e-3)
    np.testing.assert_allclose(view.image[seen], (outwards + 1) / 2 * 255, atol=0.6)


def test_a_view_shows_in_head_space_what_was_rendered():
    camera = portrait()
    view = render_view(bust, camera, by_normal, ParallelSamples())
    seen = ViewOnDevice.of(view).at(all_pixels(camera))
    inside = seen.coverage == 1
    assert 0.2 < inside.float().mean() < 0.8
    torch.testing.assert_close((seen.normals[inside] + 1) / 2, seen.colours[inside], atol=3e-3, rtol=0)
    facing = (seen.normals * seen.rays.directions).sum(-1)[inside]
    assert (facing < 1e-3).all()


def test_pictures_do_not_depend_on_how_many_pixels_are_done_at_once():
    whole, parts = (
        render_view(bust, portrait(), by_normal, ParallelSamples(), chunk=chunk) for chunk in (48 * 48, 100)
    )
    for layer in ("image", "mask", "normals", "depth"):
        np.testing.assert_allclose(getattr(whole, layer), getattr(parts, layer), atol=1e-5)


def test_the_ways_give_the_same_picture():
    pictures = [render_view(bust, portrait(), by_normal, find) for find in (SphereTracing(), Proxy())]
    one, other = (picture.image.astype(int) for picture in pictures)
    assert (np.abs(one - other).max(axis=-1) > 2).mean() < 0.005


def test_colour_gets_points_on_the_surface_unit_normals_and_the_directions_of_the_rays():
    def colour(points: torch.Tensor, normals: torch.Tensor, directions: torch.Tensor) -> torch.Tensor:
        torch.testing.assert_close(points.norm(dim=-1), torch.full((len(points),), 0.5), atol=1e-4, rtol=0)
        torch.testing.assert_close(normals, points / 0.5, atol=1e-3, rtol=0)
        towards = points - camera.centre
        torch.testing.assert_close(directions, towards / towards.norm(dim=-1, keepdim=True))
        return torch.full_like(points, 2.0)  # too bright: cut off

    camera = portrait()
    view = render_view(lambda x: 3 * sphere(0.5)(x), camera, colour, SphereTracing(safety=3), background=(0, 0.5, 0))
    assert np.unique(view.image.reshape(-1, 3), axis=0).tolist() == [[0, 128, 0], [255, 255, 255]]


def test_an_empty_picture_is_background():
    view = render_view(sphere(-1.0), portrait(), by_normal, SphereTracing())
    assert not view.mask.any()
    assert (view.image == 255).all()
