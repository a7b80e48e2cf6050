import numpy as np
import pytest

from headfield.studio.builtin import load_builtin
from headfield.studio.hair.beards import BEARD_KINDS, BeardStyle, grow_beard, sample_beard

from ..closed import assert_closed, assert_within_sphere
from .test_grow import covered

HULLS = ("moustache", "goatee", "short", "full")


@pytest.mark.parametrize("kind", HULLS)
def test_beards_are_closed_and_leave_eyes_and_nose_free(kind):
    model = load_builtin()
    hull = grow_beard(BeardStyle(kind), model, np.random.default_rng(0))
    assert hull is not None
    assert_closed(hull)
    assert_within_sphere(hull)
    assert not covered(hull, model.mean[model.landmarks][[27, 28, 29, 30, *range(36, 48)]]).any()
    assert hull.bounds[1, 1] < 0.1


def test_the_shaved_wear_nothing(rng):
    assert grow_beard(BeardStyle("shaved"), load_builtin(), rng) is None


def test_a_short_beard_is_longer_at_the_chin_the_longer_it_is():
    reach = []
    for length in (0.0, 1.0):
        hull = grow_beard(BeardStyle("short", length=length), load_builtin(), np.random.default_rng(0))
        reach.append(hull.vertices[hull.vertices[:, 1] < -0.35, 2].max())
    assert reach[1] > reach[0] + 0.01


def test_every_kind_of_beard_comes_up_and_none_on_the_womanly_half():
    rng = np.random.default_rng(0)
    assert {sample_beard(rng, femininity=0.2).kind for _ in range(200)} == set(BEARD_KINDS)
    assert {sample_beard(rng, femininity=0.8).kind for _ in range(200)} == {"shaved"}
