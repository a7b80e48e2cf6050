from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import torch

from headfield.fitting.agreeing import agreeing
from headfield.fitting.comparing import _Places, equations_at
from headfield.fitting.poses import JointPoses, find_poses

from .painted_balls import RADIUS, SPREAD, ball_marks, ball_prior, painted
from .test_poses import angle_between, seen_from


@pytest.fixture(scope="module")
def prior():
    return ball_prior()


@pytest.fixture(scope="module")
def model():
    return ball_marks()


def test_what_photos_show_puts_cameras_right_that_landmarks_have_wrong(prior, model):
    turns, biases = (-20.0, 0.0, 15.0), (3.0, -4.0, 2.0)
    cameras = [seen_from(model, np.zeros(1), turn)[1] for turn in turns]
    # Each photo's landmarks are found together as if the head were turned some degrees further.
    faces = [seen_from(model, np.zeros(1), turn + bias)[0] for turn, bias in zip(turns, biases, strict=True)]
    photos = [painted(camera, gain) for camera, gain in zip(cameras, (1.0, 0.6, 0.8), strict=True)]
    before = find_poses(faces, model)
    after = agreeing(before, faces, *zip(*photos, strict=True), model, prior)

    def off(posed):
        """How far cameras are turned against the first one, compared with how far they should be."""
        return [
            angle_between(
                replace(it, rotation=it.rotation @ posed.cameras[0].rotation.T),
                replace(truth, rotation=truth.rotation @ cameras[0].rotation.T),
            )
            for it, truth in zip(posed.cameras[1:], cameras[1:], strict=True)
        ]

    def size(posed):
        return np.mean([np.log(float(it.translation[2] / it.focal[0])) for it in posed.cameras])

    assert size(after) == pytest.approx(size(before), abs=1e-9)
    assert min(off(before)) > 0.8
    assert max(off(after)) < 0.25 * max(off(before))


def test_photos_that_show_nothing_leave_it_to_the_landmarks(prior, model):
    faces, cameras = zip(*(seen_from(model, np.zeros(1), turn) for turn in (-15.0, 10.0)), strict=True)
    posed = find_poses(faces, model)
    photos = zip(*(painted(it, plain=True) for it in cameras), strict=True)
    same = agreeing(posed, faces, *photos, model, prior)
    for one, other in zip(posed.cameras, same.cameras, strict=True):
        assert angle_between(one, other) < 0.1


def test_a_single_photo_has_nothing_to_agree_with(prior, model):
    face, camera = seen_from(model, np.zeros(1), 10.0)
    posed = find_poses([face], model)
    image, mask = painted(camera)
    assert agreeing(posed, [face], [image], [mask], model, prior) is posed


def test_places_move_with_the_surface(prior, model):
    faces = [seen_from(model, np.zeros(1), turn)[0] for turn in (-15.0, 10.0)]
    joint = JointPoses(faces, model)
    places = _Places.of(joint, joint.joined(find_poses(faces, model)), prior)
    small, large = (places.on_surface(np.array([u])) for u in (0.0, 0.1))
    for u, surface in ((0.0, small), (0.1, large)):
        radii = np.linalg.norm(surface.points, axis=1)
        np.testing.assert_allclose(radii, RADIUS + SPREAD * u, atol=1e-5)
    np.testing.assert_allclose(large.points - small.points, 0.1 * small.by_u[..., 0], atol=1e-5)
    assert (small.points[:, 2] > 0).all()


def test_a_camera_within_the_head_is_impossible_and_not_a_crash(prior, model):
    faces = [seen_from(model, np.zeros(1), turn)[0] for turn in (-15.0, 10.0)]
    joint = JointPoses(faces, model)
    x = joint.joined(find_poses(faces, model))
    places = _Places.of(joint, x, prior)
    for nonsense in (-1.0, np.nan):
        wrong = x.copy()
        wrong[joint.own_part(1).start + 5] = nonsense
        assert equations_at(joint, places, [], [(0, 1)], wrong).cost == np.inf


def test_memory_grows_with_the_photos_and_not_with_their_pairs(prior, model, monkeypatch):
    monkeypatch.setattr("headfield.fitting.agreeing.BLURS", (3.0,))
    monkeypatch.setattr("headfield.fitting.comparing.STEPS", 1)
    turns = np.linspace(-25, 25, 12)
    faces, cameras = zip(*(seen_from(model, np.zeros(1), turn) for turn in turns), strict=True)
    images, masks = zip(*(painted(it) for it in cameras), strict=True)

    def most(count):
        posed = find_poses(faces[:count], model)
        tracemalloc.start()
        agreeing(posed, faces[:count], images[:count], masks[:count], model, prior)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak

    assert most(12) < 2.5 * most(6)  # 66 pairs beside 15


def test_derivatives_of_what_cameras_see_are_right(model):
    face = seen_from(model, np.zeros(1), 20.0)[0]
    joint = JointPoses([face], model)
    pose = joint.parted(joint.start())[1][0]
    place = np.array([[0.1, -0.2, 0.5]])
    _, by_place, by_pose = joint.views[0].projected(pose, place)
    step = 1e-6
    for number in range(3):
        moved = step * np.eye(3)[number]
        there, back = (joint.views[0].projected(pose, place + sign * moved)[0] for sign in (1, -1))
        np.testing.assert_allclose(by_place[0, :, number], (there - back)[0] / (2 * step), rtol=1e-5, atol=1e-4)
    for number in range(7):
        moved = step * np.eye(7)[number]
        there, back = (joint.views[0].projected(pose + sign * moved, place)[0] for sign in (1, -1))
        np.testing.assert_allclose(by_pose[0, :, number], (there - back)[0] / (2 * step), rtol=1e-5, atol=1e-3)


def test_what_was_found_and_the_vector_of_it_are_the_same(model):
    u = np.array([0.3])
    faces = [seen_from(model, u, turn)[0] for turn in (-15.0, 10.0)]
    joint, posed = JointPoses(faces, model), find_poses(faces, model)
    again = joint.posed(joint.joined(posed))
    for one, other in zip(posed.cameras, again.cameras, strict=True):
        torch.testing.assert_close(one.rotation, other.rotation)
        torch.testing.assert_close(one.translation, other.translation)
    assert again.cost == pytest.approx(posed.cost)
    assert again.errors == pytest.approx(posed.errors)
