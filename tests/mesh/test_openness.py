from __future__ import annotations

import numpy as np
import pytest

from headfield.mesh import openness
from headfield.mesh.raycast import RayCaster

from ..shapes import can, sphere


def test_of_a_ball_everything_is_open():
    ball = sphere(0.5)
    samples = ball.sample(200, np.random.default_rng(0))
    assert (openness.openness(RayCaster(ball), samples.points, samples.normals) == 1).all()


@pytest.mark.parametrize("depth", [0.05, 0.2, 0.6])
def test_the_bottom_of_a_well_sees_the_cone_that_its_rim_leaves(monkeypatch, depth):
    monkeypatch.setattr(openness, "DIRECTIONS", 4000)
    well, radius = can(hole=0.1, depth=depth), 0.1
    found = openness.openness(RayCaster(well), np.array([[0.003, 0.5 - depth, 0.002]]), np.array([[0.0, 1.0, 0.0]]))
    cone = 1 - depth / np.hypot(depth, radius)
    assert found[0] == pytest.approx(cone / (1 - openness.GRAZING), abs=0.02)


def test_what_lies_deep_in_a_well_is_not_outside():
    well = can(hole=0.1, depth=0.6)
    samples = well.sample(3000, np.random.default_rng(0))
    outside = openness.outside(RayCaster(well), samples.points, samples.normals)
    within = np.hypot(samples.points[:, 0], samples.points[:, 2]) < 0.11
    deeper_than_wide = within & (np.abs(samples.points[:, 1]) < 0.2)
    assert deeper_than_wide.sum() > 50
    assert not outside[deeper_than_wide].any()
    assert outside[~within].all()
