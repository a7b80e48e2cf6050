from __future__ import annotations

import numpy as np
import pytest
import torch

from headfield import rigs
from headfield.mesh.raycast import RayCaster
from headfield.mesh.seen import squareness
from headfield.surface import Mesh

from ..shapes import plane, sphere


def camera_at(azimuth: float, *, distance: float = 5.0, size: float = 2.2):
    direction = rigs.on_sphere(torch.tensor([azimuth]).double(), torch.zeros(1).double())
    return rigs.around(direction, distance=distance, size=size)[0]


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("azimuth", [0.0, 40.0, 120.0])
def test_of_a_ball_the_near_side_is_seen_by_the_cosine(azimuth, fast):
    ball, camera = sphere(0.5), camera_at(azimuth)
    towards = camera.centre.numpy() - ball.vertices
    cosine = np.sum(ball.vertices / 0.5 * towards, axis=1) / np.linalg.norm(towards, axis=1)
    clear = np.abs(cosine) > 0.15
    seen = squareness(RayCaster(ball, fast=fast), camera)
    np.testing.assert_allclose(seen[clear], cosine.clip(0)[clear], atol=5e-3)


def test_what_stands_behind_something_is_not_seen():
    near, far = plane(0.5, height=0.5), plane(1.5, height=-0.5, cells=30)
    both = Mesh(
        np.concatenate([near.vertices, far.vertices]), np.concatenate([near.faces, far.faces + len(near.vertices)])
    )
    seen = squareness(RayCaster(both), camera_at(0.0))
    assert (seen[: len(near.vertices)] > 0.99).all()
    # The near square's shadow on the far one, from 5 away: a little wider than the square.
    reach = np.abs(far.vertices[:, :2]).max(axis=1)
    half = 0.25 * 5.5 / 4.5
    np.testing.assert_array_equal(seen[len(near.vertices) :] > 0, reach > half)


def test_what_the_picture_does_not_show_is_not_seen():
    seen = squareness(RayCaster(plane(2.0, cells=40)), camera_at(0.0, size=1.01))
    inside = np.abs(plane(2.0, cells=40).vertices[:, :2]).max(axis=1) < 0.505
    np.testing.assert_array_equal(seen > 0, inside)
