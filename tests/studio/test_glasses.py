import numpy as np
import pytest

from headfield.studio.builtin import load_builtin
from headfield.studio.glasses import FRAMES, Glasses, make_glasses, sample_glasses
from headfield.studio.hair.ground import ground_of

from .closed import assert_closed, assert_within_sphere


@pytest.mark.parametrize("frame", FRAMES)
def test_glasses_are_closed_symmetric_and_before_the_eyes(frame):
    model = load_builtin()
    parts = make_glasses(Glasses(frame, dark=True), model)
    assert set(parts) == {"glasses", "lenses"}
    for mesh in parts.values():
        assert_closed(mesh)
        assert_within_sphere(mesh)
        np.testing.assert_allclose(mesh.bounds[0, 0], -mesh.bounds[1, 0], atol=1e-9)
    eyes = model.mean[model.landmarks[36:48]]
    low, high = parts["lenses"].bounds
    assert low[1] < eyes[:, 1].min()
    assert high[1] > eyes[:, 1].max()
    assert ground_of(model).distance(parts["lenses"].vertices).min() > 0


def test_clear_glasses_have_no_lenses():
    assert set(make_glasses(Glasses("round"), load_builtin())) == {"glasses"}


def test_every_frame_is_worn(rng):
    assert {sample_glasses(rng).frame for _ in range(100)} == set(FRAMES)
