from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given

from headfield.cameras import Camera
from headfield.canonical import CANONICAL_INDICES, CANONICAL_POINTS
from headfield.capture import Landmarks
from headfield.data.marks import MEDIAPIPE
from headfield.data.placement import by_bounds, by_cameras, by_landmarks, by_sphere, nearest_to_lines, triangulate
from headfield.errors import InputError
from headfield.rigs import arc, around, fibonacci, orbit
from headfield.transforms import Similarity
from tests.strategies import similarities


def face(world: Similarity) -> Landmarks:
    """The canonical points in a world, as 68 landmarks of which only they are visible."""
    points, visible = np.full((68, 3), 99.0), np.zeros(68, dtype=bool)
    points[list(CANONICAL_INDICES)] = world.apply(torch.from_numpy(CANONICAL_POINTS)).numpy()
    visible[list(CANONICAL_INDICES)] = True
    return Landmarks(points, visible)


def singles(cameras: Camera) -> list[Camera]:
    return [cameras[i] for i in range(len(cameras))]


def in_world(cameras: Camera, world: Similarity) -> list[Camera]:
    return [camera.transformed(world) for camera in singles(cameras)]


def assert_same(one: Similarity, other: Similarity):
    torch.testing.assert_close(one.matrix(), other.matrix(), atol=1e-8, rtol=1e-8)


@given(similarities())
def test_landmarks_undo_any_world(world):
    placement = by_landmarks(face(world), scale=None, what="it")
    assert placement.how == "landmarks"
    assert_same(placement.to_head @ world, Similarity.identity())


def test_other_schemes_say_the_same():
    mediapipe = np.zeros((478, 3))
    mediapipe[list(MEDIAPIPE.values())] = CANONICAL_POINTS * 7
    placement = by_landmarks(Landmarks(mediapipe, np.ones(478, bool), "mediapipe478"), scale=None, what="it")
    assert float(placement.to_head.scale) == pytest.approx(1 / 7)
    eyes = np.stack([CANONICAL_POINTS[4:6].mean(axis=0), CANONICAL_POINTS[6:8].mean(axis=0)])
    points = np.concatenate([eyes, CANONICAL_POINTS[[2, 3, 8, 9]]]) + np.arange(1, 4)
    names = ("right_eye", "left_eye", "nose_tip", "nose_base", "right_lips", "left_lips")
    placement = by_landmarks(Landmarks(points, np.ones(6, bool), "named", names), scale=None, what="it")
    np.testing.assert_allclose(placement.to_head.translation, [-1, -2, -3], atol=1e-12)


def test_a_known_scale_is_kept():
    # A head 10 % larger than average, in millimetres.
    world = Similarity(torch.tensor(220.0).double(), torch.eye(3).double(), torch.tensor([5.0, 6.0, 7.0]).double())
    to_head = by_landmarks(face(world), scale=1 / 200, what="it").to_head
    assert float(to_head.scale) == pytest.approx(1 / 200)
    assert float(by_landmarks(face(world), scale=None, what="it").to_head.scale) == pytest.approx(1 / 220)


def test_too_few_landmarks():
    marks = face(Similarity.identity())
    marks.visible[list(CANONICAL_INDICES)[:5]] = False
    with pytest.raises(InputError, match=r"^a\.json has 5 landmarks that head space knows; mark at least 6"):
        by_landmarks(marks, scale=None, what="a.json")


def test_mirrored_landmarks():
    marks = face(Similarity.identity())
    marks.points[:, 0] *= -1
    with pytest.raises(InputError, match=r"^the landmarks of a.json are \d+ mm off an average face"):
        by_landmarks(marks, scale=None, what="a.json")


@given(similarities())
def test_triangulation_finds_points(world):
    cameras = in_world(around(arc(5), distance=4.0), world)
    points = world.apply(torch.from_numpy(CANONICAL_POINTS))
    pixels = np.stack([camera.project(points)[0].numpy() for camera in cameras])
    visible = np.ones(pixels.shape[:2], dtype=bool)
    visible[0, :4] = visible[1, 3] = visible[2:, 0] = False
    pixels[~visible] = 1e9
    found_points, found = triangulate(cameras, pixels, visible)
    assert found.tolist() == [False] + [True] * 9  # the first is seen once
    np.testing.assert_allclose(found_points[1:], points[1:], atol=1e-7 * float(world.scale))


def test_triangulation_is_least_squares_in_pixels(rng):
    # No nudge of the answer may bring it closer to the noisy pixels.
    cameras = singles(around(arc(6), distance=4.0))
    point = torch.tensor([[0.1, 0.2, 0.3]], dtype=torch.float64)

    def seen(p):
        return np.stack([camera.project(p)[0].numpy() for camera in cameras])

    pixels = seen(point) + rng.normal(0, 2, (6, 1, 2))
    found, ok = triangulate(cameras, pixels, np.ones((6, 1), bool))
    assert ok.all()
    least = ((seen(torch.from_numpy(found)) - pixels) ** 2).sum()
    for nudge in np.concatenate([np.eye(3), -np.eye(3)]) * 1e-4:
        assert ((seen(torch.from_numpy(found + nudge)) - pixels) ** 2).sum() > least


def test_what_has_no_parallax_is_not_triangulated():
    cameras = singles(around(arc(1), distance=4.0)) * 3
    _, found = triangulate(cameras, np.full((3, 1, 2), 200.0), np.ones((3, 1), bool))
    assert not found.any()


def test_the_point_nearest_to_lines():
    places = np.array([[1.0, 0, 0.5], [0, 1.0, -0.5]])
    np.testing.assert_allclose(nearest_to_lines(places, np.array([[1.0, 0, 0], [0, 1.0, 0]])), 0, atol=1e-12)
    assert nearest_to_lines(places, np.array([[0, 0, 1.0], [0, 0, 1.0]])) is None


@given(similarities())
def test_cameras_that_look_at_the_head_find_head_space(world):
    # Frontal cameras, upright, with the unit sphere filling the picture, are how head space looks.
    cameras = around(arc(5), distance=3.0, size=2 * 3 / np.sqrt(8), pixels=300)
    placement = by_cameras(in_world(cameras, world), scale=None, what="it")
    assert placement.how == "cameras"
    assert_same(placement.to_head @ world, Similarity.identity())


@given(similarities())
def test_a_known_sphere_gives_place_and_size(world):
    cameras = in_world(around(arc(3), distance=3.0), world)
    placement = by_sphere(cameras, world.translation.numpy(), float(world.scale), scale=None)
    assert placement.how == "bounds"
    assert_same(placement.to_head @ world, Similarity.identity())


@pytest.mark.parametrize("directions", [orbit(8), fibonacci(20)])
def test_cameras_all_around_are_upright_too(directions):
    to_head = by_cameras(singles(around(directions, distance=3.0)), scale=None, what="it").to_head
    torch.testing.assert_close(to_head.rotation.T @ to_head.rotation, torch.eye(3).double())
    torch.testing.assert_close(to_head.translation, torch.zeros(3).double(), atol=1e-9, rtol=0)


@pytest.mark.parametrize("scale", [None, 0.02])
def test_one_camera_sees_the_unit_sphere_fill_its_picture(scale):
    (camera,) = singles(around(arc(1, half_angle=30), distance=5.0, size=3.0, pixels=200))
    to_head = by_cameras([camera], scale=scale, what="it").to_head
    placed = camera.transformed(to_head)
    distance = float(placed.centre.norm())
    half_angle = np.arctan(100 / float(camera.focal[0]))
    assert np.arcsin(1 / distance) == pytest.approx(half_angle)
    torch.testing.assert_close(placed.centre / distance, torch.tensor([0.0, 0.0, 1.0]).double())
    assert scale is None or float(to_head.scale) == pytest.approx(scale)


def test_cameras_that_look_nowhere():
    centres = around(arc(5), distance=3.0).centre
    away = Camera.look_at(centres, 2 * centres, focal=100.0, width=64, height=64)
    ahead = centres.new_tensor([0, 0, -1])
    side_by_side = Camera.look_at(centres, centres + ahead, focal=100.0, width=64, height=64)
    for cameras in (away, side_by_side):
        with pytest.raises(InputError, match=r"^the cameras of a do not look at one place; add a landmarks\.json"):
            by_cameras(singles(cameras), scale=None, what="a")


def test_bounds_are_centred(rng):
    points = rng.normal(size=(50, 3)) * [1, 2, 3] + 10
    to_head = by_bounds(points, scale=0.5).to_head
    moved = to_head.apply(torch.from_numpy(points)).numpy()
    np.testing.assert_allclose(moved.min(axis=0), -moved.max(axis=0))
    np.testing.assert_allclose(np.ptp(moved, axis=0), 0.5 * np.ptp(points, axis=0))
