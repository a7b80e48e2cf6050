from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from headfield.cameras import Camera
from headfield.capture import Capture, View
from headfield.fitting.comparing import roughly_shaped
from headfield.fitting.pose import pose_of
from headfield.fitting.statistics import CodeStatistics
from headfield.fitting.steadying import RoughPoses, outline_shift, pairs_of, steadied, turned_to
from headfield.mesh.raycast import RayCaster
from headfield.rigs import fibonacci
from headfield.transforms import so3_exp

from .painted_balls import ball_marks, ball_prior, painted


@pytest.fixture(scope="module")
def prior():
    """Balls that know where landmarks would be."""
    prior, model = ball_prior(), ball_marks()
    codes = CodeStatistics(prior.codes.settings)
    codes.load_state_dict(prior.codes.state_dict())
    codes.landmark_mean.copy_(torch.from_numpy(model.mean))
    codes.landmark_basis.copy_(torch.from_numpy(model.basis))
    return replace(prior, codes=codes)


def camera_at(turn: float, *, width: int = 320, height: int = 240, distance: float = 6.0) -> Camera:
    angle = np.radians(turn)
    eye = distance * torch.tensor([np.sin(angle), 0.0, np.cos(angle)], dtype=torch.float64)
    middle = torch.zeros(3, dtype=torch.float64)
    return Camera.look_at(eye, middle, focal=2.2 * width, width=width, height=height)


def off(camera: Camera, turn: tuple[float, float, float]) -> Camera:
    """The camera turned where it stands, in degrees."""
    rotation = so3_exp(torch.tensor(turn, dtype=torch.float64).deg2rad()) @ camera.rotation
    return replace(camera, rotation=rotation, translation=-rotation @ camera.centre)


def photographed(cameras, given) -> Capture:
    """What cameras photograph, said to be from others."""
    views = []
    for number, (camera, said) in enumerate(zip(cameras, given, strict=True)):
        image, mask = painted(camera)
        views.append(View(f"view-{number}", said, image, mask=mask))
    return Capture(tuple(views), rough=True)


def gap(cameras, true) -> float:
    """How far apart, on average, the rays are that cameras send to what true ones see as one point."""
    points = 0.5 * fibonacci(50)
    points = points[points[:, 2] > 0.3]
    to_rays = torch.zeros(len(points), 3, 3, dtype=torch.float64)
    rays = []
    for camera, right in zip(cameras, true, strict=True):
        rays.append(camera.rays(right.project(points)[0]))
        to_rays += torch.eye(3).double() - rays[-1].directions[:, :, None] * rays[-1].directions[:, None, :]
    meeting = sum(
        torch.einsum(
            "nij,nj->ni", torch.eye(3).double() - it.directions[:, :, None] * it.directions[:, None, :], it.origins
        )
        for it in rays
    )
    places = torch.linalg.solve(to_rays, meeting)
    return float(
        torch.stack([torch.linalg.cross(places - it.origins, it.directions).norm(dim=-1) for it in rays]).mean()
    )


@pytest.mark.parametrize("turns", [(-30.0, 0.0, 35.0), (-60.0, -30.0, 0.0, 30.0, 60.0)])
def test_what_views_show_puts_roughly_known_cameras_right(prior, turns):
    true = [camera_at(turn) for turn in turns]
    chance = np.random.default_rng(0)
    given = [off(camera, tuple(chance.normal(0, 0.8, 3))) for camera in true]
    capture = photographed(true, given)
    found = [view.camera for view in steadied(capture, prior).views]
    assert gap(given, true) > 0.03
    assert gap(found, true) < 0.05 * gap(given, true)
    for camera, said in zip(found, given, strict=True):  # they are about where they were said to be
        assert (camera.centre - said.centre).norm() < 0.03


def test_everything_but_the_cameras_stays(prior):
    true = [camera_at(turn) for turn in (0.0, 30.0)]
    capture = photographed(true, true)
    for before, after in zip(capture.views, steadied(capture, prior).views, strict=True):
        assert (before.name, before.image is after.image) == (after.name, True)
        assert after.camera.focal.dtype == before.camera.focal.dtype


def test_cameras_that_are_known_and_a_single_one_stay(prior):
    two = photographed(*2 * [[camera_at(0.0), camera_at(30.0)]])
    assert steadied(replace(two, rough=False), prior).views is two.views
    one = replace(two, views=two.views[:1])
    assert steadied(one, prior) is one


def test_a_view_that_is_there_twice_is_looked_at_once(prior):
    two = photographed(*2 * [[camera_at(0.0), camera_at(30.0)]])
    first, second = two.views
    again = replace(two, views=(first, second, replace(first, name="again")))
    assert [view.name for view in steadied(again, prior).views] == ["view-0", "view-1"]
    alone = replace(two, views=(first, replace(first, name="again")))
    assert steadied(alone, prior) is alone


@pytest.mark.parametrize("shift", [(0, 0), (20, -10), (-35, 5)])
def test_an_outline_is_laid_over_another(prior, shift):
    camera = camera_at(10.0)
    moved = replace(camera, principal=camera.principal + torch.tensor(shift))
    _, mask = painted(moved)
    found = outline_shift(camera, mask, RayCaster(roughly_shaped(prior, np.zeros(1))))
    np.testing.assert_allclose(found, shift, atol=camera.width / 128)


def test_a_camera_is_turned_so_that_the_middle_appears_shifted():
    camera = camera_at(25.0)
    turned = turned_to(camera, np.array([12.0, -7.0]))
    middle = torch.zeros(1, 3, dtype=torch.float64)
    (before,), (after,) = (it.project(middle)[0] for it in (camera, turned))
    np.testing.assert_allclose(after - before, [12.0, -7.0], atol=0.02)
    torch.testing.assert_close(turned.centre, camera.centre)


def test_each_view_is_compared_with_those_that_look_from_closest_by():
    assert pairs_of([camera_at(turn) for turn in (0, 30, -30)]) == [(0, 1), (0, 2), (1, 2)]
    around = [camera_at(turn) for turn in range(0, 360, 10)]
    pairs = pairs_of(around)
    assert {min(b - a, 36 - (b - a)) for a, b in pairs} == {1, 2}
    assert len(pairs) == 72


def test_cameras_as_given_and_a_mean_head_are_likeliest():
    sought = RoughPoses([camera_at(0.0), camera_at(40.0)], ball_marks())
    x = sought.start()
    assert sought.equations(x).cost == pytest.approx(0, abs=1e-12)
    for number, camera in enumerate(sought.cameras(x)):
        np.testing.assert_allclose(pose_of(camera), x[sought.own_part(number)], atol=1e-12)
    there = x + 0.01 * np.random.default_rng(0).normal(size=len(x))
    here = sought.equations(there)
    assert here.cost > 0
    # Near what is likeliest the cost is a square, so one undamped step leads there.
    step = np.linalg.solve(here.left, here.right)
    np.testing.assert_allclose(there - step, x, atol=1e-3)


def test_derivatives_of_what_cameras_with_oblong_pixels_see_are_right():
    camera = replace(camera_at(15.0), focal=torch.tensor([700.0, 770.0], dtype=torch.float64))
    view = RoughPoses([camera], ball_marks()).views[0]
    pose, place = pose_of(camera), np.array([[0.1, -0.2, 0.4]])
    pixels, _, by_pose = view.projected(pose, place)
    np.testing.assert_allclose(pixels, camera.project(torch.from_numpy(place))[0], atol=1e-9)
    for number, moved in enumerate(1e-6 * np.eye(7)):
        there, back = (view.pixels(pose + sign * moved, place) for sign in (1, -1))
        np.testing.assert_allclose(by_pose[0, :, number], (there - back)[0] / 2e-6, rtol=1e-5, atol=1e-3)
