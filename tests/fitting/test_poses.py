from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from headfield.cameras import Camera
from headfield.errors import InputError
from headfield.fitting.poses import PORTRAIT, FaceSeen, LandmarkModel, LandmarkResiduals, find_poses
from headfield.fitting.prior import ShapePrior


@pytest.fixture(scope="module")
def model():
    codes = ShapePrior.shipped("instant-avatar").codes
    model = LandmarkModel.of(codes)
    return replace(model, basis=model.basis[..., :10])


def seen_from(
    model, u, turn, *, e=None, distance=PORTRAIT, roll=0.0, up=0.0, focal=1500.0, size=(640, 480), offset=(0, 0)
):
    """What a camera sees of a head that is turned and nods, and that camera."""
    rotation = (
        Rotation.from_euler("z", roll, degrees=True)
        * Rotation.from_euler("x", up, degrees=True)
        * Rotation.from_euler("y", turn, degrees=True)
        * Rotation.from_euler("x", 180, degrees=True)
    )
    width, height = size
    camera = Camera(
        rotation=torch.from_numpy(rotation.as_matrix()),
        translation=torch.tensor([*offset, distance], dtype=torch.float64),
        focal=torch.full((2,), focal, dtype=torch.float64),
        principal=torch.tensor([width / 2, height / 2], dtype=torch.float64),
        width=width,
        height=height,
    )
    pixels, _ = camera.project(torch.from_numpy(model.places(u, e)))
    return FaceSeen(pixels.numpy(), np.ones(68, bool), width, height, focal), camera


def angle_between(first, second):
    return np.degrees(Rotation.from_matrix((first.rotation @ second.rotation.T).numpy()).magnitude())


@settings(max_examples=15, deadline=None)
@given(
    turn=st.floats(-55, 55),
    up=st.floats(-20, 20),
    roll=st.floats(-180, 180),
    distance=st.floats(2.5, 15),
    seed=st.integers(0, 99),
)
def test_the_pose_of_exact_landmarks_is_found(model, turn, up, roll, distance, seed):
    u = 0.5 * np.random.default_rng(seed).standard_normal(10)
    face, camera = seen_from(model, u, turn, up=up, roll=roll, distance=distance, offset=(0.1, -0.2))
    posed = find_poses([face], model)
    assert posed.errors[0] < 0.02
    assert angle_between(posed.cameras[0], camera) < 4
    assert posed.cameras[0].focal[0] == pytest.approx(1500, rel=0.05)


def test_a_larger_picture_of_the_same_means_the_same_pose(model):
    face, _ = seen_from(model, np.zeros(10), 20.0)
    twice = FaceSeen(2 * face.landmarks, face.known, 1280, 960, 2 * face.focal)
    small, large = (find_poses([it], model).cameras[0] for it in (face, twice))
    torch.testing.assert_close(small.rotation, large.rotation, atol=1e-4, rtol=0)
    torch.testing.assert_close(small.translation, large.translation, atol=1e-3, rtol=0)


def test_a_photo_that_does_not_tell_its_focal_length_was_taken_as_portraits_are(model):
    face, camera = seen_from(model, np.zeros(10), 10.0)
    posed = find_poses([replace(face, focal=None)], model)
    assert posed.cameras[0].translation[2] == pytest.approx(PORTRAIT, rel=0.15)
    assert angle_between(posed.cameras[0], camera) < 3
    assert posed.errors[0] < 0.01


def test_a_few_landmarks_that_are_far_off_hardly_matter(model):
    face, camera = seen_from(model, np.zeros(10), -15.0)
    wrong = face.landmarks.copy()
    wrong[[31, 39, 60]] += 40
    found = find_poses([replace(face, landmarks=wrong)], model).cameras[0]
    assert angle_between(found, camera) < 4


def test_photos_of_one_person_share_one_shape(model):
    u = 0.7 * np.random.default_rng(3).standard_normal(10)
    faces = [seen_from(model, u, turn)[0] for turn in (-40, 0, 40)]
    one, three = find_poses(faces[1:2], model), find_poses(faces, model)
    truth = model.places(u)
    # Where the camera stands and how large the head is are one for a single photo, so shapes are compared.
    one_off, three_off = (np.linalg.norm(model.places(it.u) - truth, axis=1).mean() for it in (one, three))
    assert three_off < one_off
    assert max(three.errors) < 0.01


def test_a_smile_is_no_other_person(model):
    u, e = 0.7 * np.random.default_rng(3).standard_normal((2, 12))
    u = u[:10]
    rest, smiling = (seen_from(model, u, 10.0, e=its)[0] for its in (None, e))
    still = replace(model, expressions=model.expressions[..., :0])
    expected = find_poses([rest], still)
    # Jaws that open and faces that are longer look alike in one picture, so much of it is found, not all.
    allowed, blamed = (
        np.linalg.norm(it.places(find_poses([smiling], it).u) - model.places(expected.u), axis=1).mean()
        for it in (model, still)
    )
    assert allowed < 0.5 * blamed


def test_two_faces_of_one_person_share_their_shape_and_have_each_its_own_expression(model):
    u, first, second = 0.6 * np.random.default_rng(4).standard_normal((3, 12))
    u = u[:10]
    faces = [seen_from(model, u, turn, e=e)[0] for turn, e in ((-30, first), (0, second), (30, -first))]
    found = find_poses(faces, model)
    assert max(found.errors) < 0.012
    truth, moved = (np.stack([model.expressions @ e for e in them]) for them in ((first, second, -first), found.e))
    apart = np.linalg.norm(moved[:, None] - truth, axis=3).mean(axis=2)
    assert (apart.argmin(axis=1) == range(3)).all()


def test_a_face_at_rest_is_found_as_if_there_were_no_expressions(model):
    face, camera = seen_from(model, np.zeros(10), 15.0)
    for it in (model, replace(model, expressions=model.expressions[..., :0])):
        found = find_poses([face], it)
        assert angle_between(found.cameras[0], camera) < 0.1
        assert not np.round(found.u, 2).any()
        assert not np.round(found.e, 2).any()


@pytest.mark.parametrize("focal", [1500.0, None])
def test_the_slopes_of_how_unlikely_a_pose_is_are_those_of_finite_differences(model, focal):
    rng = np.random.default_rng(5)
    face, _ = seen_from(model, rng.standard_normal(10), 25.0)
    view = LandmarkResiduals(replace(face, focal=focal), model)
    x = np.concatenate([rng.standard_normal(10), view.start(), rng.standard_normal(12)])

    def residuals(x):
        return view(x[10:17], model.places(x[:10], x[17:]))

    exact = np.concatenate(view.slopes(x[10:17], model.places(x[:10], x[17:])), axis=1)
    steps = 1e-6 * np.eye(len(x))
    finite = np.stack([(residuals(x + step) - residuals(x - step)) / 2e-6 for step in steps], axis=1)
    np.testing.assert_allclose(exact, finite, atol=1e-5 * np.abs(finite).max())


def test_too_few_landmarks_are_said_in_one_sentence(model):
    face, _ = seen_from(model, np.zeros(10), 0.0)
    with pytest.raises(InputError, match="too few landmarks"):
        find_poses([replace(face, known=np.arange(68) < 5)], model)
