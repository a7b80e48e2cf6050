from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from headfield.cameras import Camera, CameraCorrection
from headfield.errors import InputError

from .strategies import cameras, point_sets, similarities


def front(distance: float = 4.0, focal: float = 100.0, width: int = 64, height: int = 48) -> Camera:
    """A camera in front of the face: its x is the world's x, its y points down."""
    eye = torch.tensor([0.0, 0.0, distance], dtype=torch.float64)
    return Camera.look_at(eye, torch.zeros(3, dtype=torch.float64), focal=focal, width=width, height=height)


def test_a_camera_in_front_sees_the_subjects_left_on_its_right():
    points = torch.tensor([[0.0, 0, 0], [1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0]], dtype=torch.float64)
    pixels, depth = front().project(points)
    assert_close(pixels, torch.tensor([[32.0, 24], [57, 24], [32, -1], [32, 24]], dtype=torch.float64))
    assert_close(depth, torch.tensor([4.0, 4, 4, 3], dtype=torch.float64))


@given(cameras(), point_sets())
def test_unproject_undoes_project(camera, points):
    assert_close(camera.unproject(*camera.project(points)), points, rtol=1e-7, atol=1e-7)


@given(cameras(), point_sets())
def test_project_undoes_unproject(camera, numbers):
    pixels, depth = 100 * numbers[:, :2], 3 + numbers[:, 2]
    again, depth_again = camera.project(camera.unproject(pixels, depth))
    assert_close(again, pixels, rtol=1e-6, atol=1e-5)
    assert_close(depth_again, depth)


@given(cameras(), point_sets())
def test_rays_pass_through_the_points_they_see(camera, points):
    rays = camera.rays(camera.project(points)[0])
    distance = (points - camera.centre).norm(dim=-1)
    assert_close(rays.at(distance), points, rtol=1e-7, atol=1e-7)
    assert_close(rays.directions.norm(dim=-1), torch.ones(len(points), dtype=torch.float64))


@given(cameras(), point_sets())
def test_intrinsics_and_extrinsics_are_the_textbooks(camera, points):
    homogeneous = (camera.rotation @ points.T + camera.translation[:, None]).T @ camera.intrinsics().T
    assert_close(homogeneous[:, :2] / homogeneous[:, 2:], camera.project(points)[0], rtol=1e-9, atol=1e-6)


@given(cameras())
def test_look_at_makes_proper_level_cameras(camera):
    assert_close(camera.checked().rotation, camera.rotation, rtol=0, atol=1e-9)
    right, down = camera.rotation[0], camera.rotation[1]
    assert abs(right[1]) < 1e-6 or abs(camera.forward[1]) > 0.999
    assert down[1] < 1e-6  # what leans by less counts as straight down or up


@pytest.mark.parametrize("y", [3.0, -3.0])
def test_look_at_straight_down_or_up_is_a_camera_too(y):
    eye = torch.tensor([0.0, y, 0.0], dtype=torch.float64)
    camera = Camera.look_at(eye, torch.zeros(3, dtype=torch.float64), focal=10.0, width=4, height=4).checked()
    assert_close(camera.centre, eye)


def test_a_camera_cannot_look_at_itself():
    with pytest.raises(InputError, match="the place it stands"):
        Camera.look_at(torch.zeros(3), torch.zeros(3), focal=1.0, width=4, height=4)


@given(cameras(), point_sets(), st.integers(1, 900), st.integers(1, 900))
def test_resizing_keeps_places_in_the_picture(camera, points, width, height):
    resized = camera.resize(width, height)
    share = camera.project(points)[0] / torch.tensor([camera.width, camera.height])
    assert_close(resized.project(points)[0] / torch.tensor([width, height]), share, rtol=1e-9, atol=1e-9)


@given(cameras(), point_sets(), st.integers(-50, 50), st.integers(-50, 50))
def test_cropping_shifts_pixels(camera, points, left, top):
    cropped = camera.crop(left, top, 30, 20)
    shift = torch.tensor([left, top], dtype=torch.float64)
    assert_close(cropped.project(points)[0], camera.project(points)[0] - shift, rtol=1e-9, atol=1e-7)
    assert (cropped.width, cropped.height) == (30, 20)


@given(cameras(), point_sets(), similarities())
def test_a_transformed_camera_takes_the_same_picture_of_the_transformed_world(camera, points, similarity):
    pixels, depth = camera.project(points)
    moved_pixels, moved_depth = camera.transformed(similarity).project(similarity.apply(points))
    assert_close(moved_pixels, pixels, rtol=1e-7, atol=1e-6)
    assert_close(moved_depth, similarity.scale * depth, rtol=1e-7, atol=1e-7)
    assert_close(camera.transformed(similarity).centre, similarity.apply(camera.centre[None])[0], rtol=1e-7, atol=1e-7)


def test_pixel_centres_fill_the_picture():
    camera = front()
    centres = camera.pixel_centres()
    assert centres.shape == (48, 64, 2)
    assert_close(centres[0, 0], torch.tensor([0.5, 0.5], dtype=torch.float64))
    assert_close(centres[47, 63], torch.tensor([63.5, 47.5], dtype=torch.float64))
    assert_close(centres.mean(dim=(0, 1)), camera.principal)


@given(st.lists(cameras(), min_size=2, max_size=4), point_sets())
def test_batches_do_what_their_members_do(members, points):
    members = [camera.resize(64, 48) for camera in members]
    batch = Camera.stack(members)
    pixels, depth = batch.project(points.expand(len(members), *points.shape))
    rays = batch.rays(pixels)
    for i, member in enumerate(members):
        assert_close(pixels[i], member.project(points)[0])
        assert_close(depth[i], member.project(points)[1])
        assert_close(rays.directions[i], member.rays(pixels[i]).directions)
        assert_close(batch[i].centre, member.centre)
        assert_close(batch.intrinsics()[i], member.intrinsics())
    assert len(batch) == len(members)


def test_only_cameras_of_one_size_make_a_batch():
    with pytest.raises(InputError, match="2 picture sizes"):
        Camera.stack([front(width=10), front(width=11)])


@given(cameras())
def test_a_correction_changes_nothing_at_first(camera):
    batch = Camera.stack([camera]).to(dtype=torch.float32)
    corrected = CameraCorrection(1)(batch)
    assert_close(corrected.rotation, batch.rotation)
    assert_close(corrected.translation, batch.translation)
    assert_close(corrected.focal, batch.focal)


def test_a_correction_brings_a_disturbed_camera_back():
    """Learning the correction on projected points finds a camera that was off by 2 degrees, 2 % and 40 mm."""
    torch.manual_seed(0)
    true = Camera.stack([front()])
    points = torch.rand(1, 40, 3, dtype=torch.float64) - 0.5
    seen, _ = true.project(points)
    off = CameraCorrection(1).double()
    with torch.no_grad():
        off.rotation += math.radians(2)
        off.translation += 0.2
        off.log_focal += 0.02
        disturbed = off(true)
    correction = CameraCorrection(1).double()
    optimiser = torch.optim.LBFGS(correction.parameters(), max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        value = (correction(disturbed).project(points)[0] - seen).square().mean()
        value.backward()
        return value

    before = loss().item()
    optimiser.step(loss)
    assert loss().item() < 1e-4 * before


def test_projection_has_exact_gradients_by_points_and_corrections():
    torch.manual_seed(0)
    points = torch.rand(1, 3, 3, dtype=torch.float64, requires_grad=True)
    camera = Camera.stack([front()])

    def pixels(points, rotation, translation, log_focal):
        parameters = {"rotation": rotation, "translation": translation, "log_focal": log_focal}
        return torch.func.functional_call(CameraCorrection(1), parameters, (camera,)).project(points)

    zeros = [torch.zeros(s, dtype=torch.float64, requires_grad=True) for s in ((1, 3), (1, 3), (1,))]
    assert torch.autograd.gradcheck(pixels, (points, *zeros))


def test_rays_have_exact_gradients():
    torch.manual_seed(0)
    camera = front()
    at = torch.rand(5, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda p: camera.rays(p).directions, at)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"focal": torch.tensor([0.0, 5.0])}, "focal length of 0; it must be positive"),
        ({"focal": torch.tensor([5.0, -2.0])}, "focal length of -2; it must be positive"),
        ({"focal": torch.tensor([5.0, float("nan")])}, "focal that is not finite"),
        ({"translation": torch.tensor([0.0, 0.0, float("inf")])}, "translation that is not finite"),
        ({"rotation": torch.diag(torch.tensor([1.0, 1.0, -1.0]))}, "mirrors"),
        ({"rotation": torch.ones(3, 3)}, "not orthonormal"),
        ({"width": 0}, "0 x 48 pixels"),
    ],
)
def test_what_is_no_camera_is_refused(change, sentence):
    plain = {
        "rotation": torch.eye(3),
        "translation": torch.zeros(3),
        "focal": torch.ones(2),
        "principal": torch.zeros(2),
        "width": 64,
        "height": 48,
    }
    with pytest.raises(InputError, match=rf"frame_7\.png.*{sentence}"):
        Camera(**{**plain, **change}).checked("frame_7.png")


def test_one_camera_is_no_list():
    with pytest.raises(TypeError):
        len(front())
    with pytest.raises(IndexError):
        front()[0]


def test_a_batch_can_be_walked_through():
    batch = Camera.stack([front(4.0), front(5.0)])
    assert [camera.centre[2].item() for camera in batch] == pytest.approx([4.0, 5.0])


def test_rays_are_as_exact_where_networks_are_asked_in_half_precision():
    camera = front(distance=7.0).to(dtype=torch.float32)
    correction, batch = CameraCorrection(1), Camera.stack([camera])
    pixels = camera.pixel_centres().reshape(-1, 2)
    alone, points = camera.rays(pixels), torch.rand(5, 3)
    with torch.autocast("cpu", torch.bfloat16):
        among, places, corrected = camera.rays(pixels), camera.to_camera(points), correction(batch)
    assert torch.equal(among.directions, alone.directions)
    assert torch.equal(among.origins, alone.origins)
    assert torch.equal(places, camera.to_camera(points))
    assert torch.equal(corrected.rotation[0], camera.rotation)
