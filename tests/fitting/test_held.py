from __future__ import annotations

import numpy as np
import pytest
import torch

from headfield.fitting.held import GRAZING, Unseen, seen_vertices

from ..balls import camera
from ..shapes import sphere

CPU = torch.device("cpu")


def cosines(points: np.ndarray, eye: np.ndarray) -> np.ndarray:
    """How squarely a ball around the origin is seen at its points."""
    way = eye - points
    normals = points / np.linalg.norm(points, axis=1, keepdims=True)
    return (way * normals).sum(axis=1) / np.linalg.norm(way, axis=1)


def ball(radius: float = 0.5):
    return lambda points: points.norm(dim=-1) - radius


def test_a_camera_sees_the_cap_of_a_ball_that_faces_it():
    mesh, eye = sphere(0.5), camera(30.0, elevation=10.0)
    cosine = cosines(mesh.vertices, eye.centre.numpy())
    seen = seen_vertices(mesh, [eye])
    sure = np.abs(cosine - GRAZING) > 0.02
    assert np.array_equal(seen[sure], cosine[sure] > GRAZING)
    assert not seen[cosine < 0].any()


def test_two_cameras_see_what_either_sees():
    mesh, eyes = sphere(0.5), [camera(0.0), camera(120.0)]
    both, first, second = seen_vertices(mesh, eyes), seen_vertices(mesh, eyes[:1]), seen_vertices(mesh, eyes[1:])
    assert np.array_equal(both, first | second)
    assert both.sum() > first.sum()
    assert not seen_vertices(mesh, []).any()


def test_what_lies_outside_the_picture_or_behind_the_camera_is_not_seen():
    mesh, eye = sphere(0.5), camera()
    left = seen_vertices(mesh, [eye.crop(0, 0, 24, 48)])
    assert left.any()
    assert (mesh.vertices[left, 0] < 1e-6).all()
    behind = sphere(0.5, centre=(0, 0, 8))
    assert not seen_vertices(behind, [eye]).any()


def test_what_something_stands_before_is_not_seen():
    near, far = sphere(0.3, centre=(0, 0, 0.5)), sphere(0.2, centre=(0, 0, -0.5))
    both = type(near).of(
        np.concatenate([near.vertices, far.vertices]), np.concatenate([near.faces, far.faces + len(near.vertices)])
    )
    assert not seen_vertices(both, [camera()])[len(near.vertices) :].any()
    assert seen_vertices(far, [camera()]).any()


@pytest.fixture(scope="module")
def unseen() -> Unseen:
    return Unseen.of(ball(), [camera()], device=CPU)


def test_the_unseen_is_the_surface_of_the_far_side(unseen):
    points = unseen.vertices.double().numpy()
    assert len(points)
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 0.5, atol=5e-3)
    assert cosines(points, camera().centre.numpy()).max() < GRAZING + 0.05


def test_places_are_drawn_only_where_the_unseen_is_nearest(unseen):
    places = unseen.draw(400, 400, torch.Generator().manual_seed(0)).double().numpy()
    # In the unseen part of space, the ray from the middle meets the ball where it is not seen.
    on_ball = 0.5 * places / np.linalg.norm(places, axis=1, keepdims=True)
    assert cosines(on_ball, camera().centre.numpy()).max() < GRAZING + 0.06
    assert 500 < len(places) < 800


def test_places_close_to_the_surface_are_close_and_the_others_fill_the_cube(unseen):
    close = unseen.draw(500, 0, torch.Generator().manual_seed(0)).norm(dim=-1)
    assert len(close) > 400
    assert float((close - 0.5).abs().max()) < 5 * 0.03 + 0.01
    anywhere = unseen.draw(0, 2000, torch.Generator().manual_seed(0))
    assert 800 < len(anywhere) < 1600
    assert anywhere.abs().max() > 0.95
    assert anywhere[:, 2].max() < 0.8


def test_the_same_seed_draws_the_same(unseen):
    one, other = (unseen.draw(50, 50, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(one, other)


def test_where_everything_is_seen_nothing_is_held():
    eyes = [camera(a) for a in (0.0, 90.0, 180.0, 270.0)] + [camera(0, elevation=e) for e in (88.0, -88.0)]
    unseen = Unseen.of(ball(), eyes, device=CPU)
    assert not len(unseen.vertices)
    assert unseen.draw(20, 20, torch.Generator().manual_seed(0)).shape == (0, 3)
