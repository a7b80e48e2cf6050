from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from headfield.cameras import Camera, CameraCorrection
from headfield.capture import View
from headfield.errors import InputError
from headfield.render.views import ViewOnDevice, all_pixels, pixel_rays, some_of, tiles

from ..strategies import cameras


def frontal(width: int = 12, height: int = 8, focal: float = 20.0) -> Camera:
    return Camera.look_at(
        torch.tensor([0.5, 0.2, 4.0]).double(), torch.zeros(3).double(), focal=focal, width=width, height=height
    )


def numbered(camera: Camera) -> View:
    """A view whose every pixel says which it is."""
    index = np.arange(camera.width * camera.height).reshape(camera.height, camera.width)
    image = np.stack([index % camera.width, index // camera.width, index % 7], axis=-1).astype(np.uint8)
    normals = np.zeros((*index.shape, 3), np.float32)
    normals[:, ::2] = [0, 0, -1]
    return View("numbered", camera, image, mask=(index % 256).astype(np.uint8), normals=normals)


@given(cameras(), st.data())
def test_the_ray_of_a_pixel_goes_through_its_centre(camera, data):
    column = data.draw(st.integers(0, camera.width - 1))
    row = data.draw(st.integers(0, camera.height - 1))
    rays = pixel_rays(camera, torch.tensor([row * camera.width + column]))
    pixels, depth = camera.project(rays.at(torch.tensor([7.0]).double()))
    assert depth.item() > 0
    torch.testing.assert_close(pixels, torch.tensor([[column + 0.5, row + 0.5]]).double(), atol=1e-6, rtol=0)
    torch.testing.assert_close(rays.directions.norm(dim=-1), torch.ones(1).double())


def test_the_numbers_of_pixels_run_as_those_of_the_camera():
    camera = frontal()
    torch.testing.assert_close(
        pixel_rays(camera, all_pixels(camera)).directions, camera.rays(camera.pixel_centres().reshape(-1, 2)).directions
    )


@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 12))
def test_tiles_hold_every_pixel_once(width, height, side):
    parts = list(tiles(frontal(width, height), side))
    assert all(0 < len(part) <= side * side for part in parts)
    assert torch.cat(parts).sort().values.tolist() == list(range(width * height))


def test_tiles_are_squares():
    first = next(tiles(frontal(12, 8), 3))
    assert first.tolist() == [0, 1, 2, 12, 13, 14, 24, 25, 26]


def test_chance_draws_from_the_given_pixels_alone_and_the_same_again():
    pixels = torch.tensor([3, 5, 60])
    draws = [some_of(pixels, 3000, torch.Generator().manual_seed(1)) for _ in range(2)]
    assert torch.equal(*draws)
    assert all(900 < int((draws[0] == pixel).sum()) < 1100 for pixel in pixels)


def test_colours_coverage_and_normals_are_those_of_the_pixels():
    view = numbered(frontal())
    pixels = torch.tensor([0, 13, 30, 95])
    seen = ViewOnDevice.of(view, dtype=torch.float64).at(pixels)
    torch.testing.assert_close(seen.colours * 255, torch.tensor([[0, 0, 0], [1, 1, 6], [6, 2, 2], [11, 7, 4]]).double())
    assert seen.coverage is not None
    torch.testing.assert_close(seen.coverage * 255, pixels.double())
    assert seen.normals is not None
    backwards = -view.camera.forward
    expected = torch.stack([backwards, 0 * backwards, backwards, 0 * backwards])
    torch.testing.assert_close(seen.normals, expected)


def test_what_a_view_does_not_have_is_not_made_up():
    view = numbered(frontal())
    seen = ViewOnDevice.of(View("bare", view.camera, view.image)).at(torch.tensor([0]))
    assert seen.coverage is None
    assert seen.normals is None
    assert seen.colours.dtype == seen.rays.origins.dtype == torch.float32


def test_rays_of_a_corrected_camera_lead_gradients_to_the_correction():
    view = ViewOnDevice.of(numbered(frontal()))
    correction = CameraCorrection(1)
    seen = view.at(torch.tensor([4, 7]), correction(Camera.stack([view.camera]))[0])
    (seen.rays.origins.sum() + seen.rays.directions.sum() * 2).backward()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in correction.parameters())
    assert seen.normals is not None
    assert not seen.normals.requires_grad


def test_a_camera_that_looks_away_is_refused():
    eye = torch.tensor([0.0, 0, 5]).double()
    away = Camera.look_at(eye, 2 * eye, focal=500.0, width=200, height=100)
    with pytest.raises(InputError, match=r"view numbered: its camera looks past the head.*check the camera"):
        ViewOnDevice.of(numbered(away))
