from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from headfield.cameras import Camera
from headfield.fitting.corrections import Corrections
from headfield.fitting.observations import RaysSeen
from headfield.transforms import so3_exp


@pytest.fixture
def cameras():
    eyes = torch.tensor([[0.0, 0.0, 6.0], [3.0, 0.5, 5.0]], dtype=torch.float64)
    return [
        Camera.look_at(eye, torch.zeros(3, dtype=torch.float64), focal=300.0, width=64, height=48 + 8 * i)
        for i, eye in enumerate(eyes)
    ]


def rays_of(cameras, pixels):
    """The rays of all cameras through the same pixels, facing back as normals do."""
    rays = [camera.rays(pixels) for camera in cameras]
    origins, directions = (torch.cat([getattr(it, name) for it in rays]) for name in ("origins", "directions"))
    view = torch.arange(len(cameras)).repeat_interleave(len(pixels))
    one = torch.ones(len(view), dtype=torch.float64)
    return RaysSeen(origins, directions, view, one[:, None].expand(-1, 3), one, -directions, one > 0)


def moved(corrections, seed=0):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in corrections.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype))
    return corrections


PIXELS = torch.tensor([[3.5, 7.5], [60.0, 40.0], [32.0, 24.0]], dtype=torch.float64)


def test_nothing_is_corrected_at_first(cameras):
    corrections, seen = Corrections(cameras).double(), rays_of(cameras, PIXELS)
    after = corrections.taken_along(seen)
    for name in ("origins", "directions", "normals"):
        torch.testing.assert_close(getattr(after, name), getattr(seen, name))
    torch.testing.assert_close(corrections.tinted(seen.colours, seen.view), seen.colours)
    for before, camera in zip(cameras, corrections.corrected(), strict=True):
        torch.testing.assert_close(camera.rotation, before.rotation)
        assert (camera.width, camera.height) == (before.width, before.height)


def test_rays_taken_along_are_those_of_the_corrected_cameras(cameras):
    corrections = moved(Corrections(cameras).double())
    found = corrections.taken_along(rays_of(cameras, PIXELS))
    wanted = rays_of(corrections.corrected(), PIXELS)
    torch.testing.assert_close(found.origins, wanted.origins)
    torch.testing.assert_close(found.directions, wanted.directions)


def test_normals_stay_where_the_camera_saw_them(cameras):
    corrections, seen = moved(Corrections(cameras).double()), rays_of(cameras, PIXELS)
    found = corrections.taken_along(seen)
    for i, (before, after) in enumerate(zip(cameras, corrections.corrected(), strict=True)):
        mine = seen.view == i
        torch.testing.assert_close(
            found.normals[mine] @ after.rotation.T, seen.normals[mine] @ before.rotation.T, atol=1e-9, rtol=0
        )


def test_places_are_projected_as_the_corrected_cameras_do(cameras):
    corrections = moved(Corrections(cameras).double())
    places = 0.3 * torch.randn(5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    wanted = torch.stack([camera.project(places)[0] for camera in corrections.corrected()])
    torch.testing.assert_close(corrections.project(places), wanted)


def test_a_world_that_is_moved_takes_its_cameras_along(cameras):
    """What is moved with the world is seen where it was before, by cameras that stand to each other as they did."""
    corrections = Corrections(cameras).double()
    with torch.no_grad():
        corrections.place.copy_(torch.tensor([0.1, -0.2, 0.05, 0.03, 0.1, -0.07]))
    places = 0.3 * torch.randn(5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    carried = places @ so3_exp(corrections.place[:3]).T + corrections.place[3:]
    for before, after in zip(cameras, corrections.corrected(), strict=True):
        torch.testing.assert_close(after.project(carried)[0], before.project(places)[0])
    apart = [(a.centre - b.centre).norm() for a, b in (cameras, corrections.corrected())]
    torch.testing.assert_close(apart[0], apart[1])


def test_tints_leave_the_mean_brightness_of_all_views_alone(cameras):
    corrections = moved(Corrections(cameras).double())
    tints = corrections.tinted(torch.ones(2, 3, dtype=torch.float64), torch.arange(2))
    torch.testing.assert_close(tints.log().sum(dim=0), torch.zeros(3, dtype=torch.float64), atol=1e-12, rtol=0)


def test_cameras_that_were_moved_find_back_by_what_they_see(cameras):
    turns = so3_exp(torch.tensor([[0.02, -0.01, 0.015], [-0.01, 0.02, 0.0]], dtype=torch.float64))
    wrong = [replace(camera, rotation=turn @ camera.rotation) for camera, turn in zip(cameras, turns, strict=True)]
    corrections = Corrections(wrong).double()
    places = 0.3 * torch.randn(30, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    seen = torch.stack([camera.project(places)[0] for camera in cameras])
    optimiser = torch.optim.Adam([corrections.cameras.rotation], lr=1e-3)
    for _ in range(200):
        optimiser.zero_grad()
        (corrections.project(places) - seen).square().mean().backward()
        optimiser.step()
    assert (corrections.project(places) - seen).abs().max() < 0.05
