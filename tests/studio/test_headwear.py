import numpy as np
import pytest

from headfield.studio.builtin import load_builtin
from headfield.studio.hair.ground import ground_of
from headfield.studio.hair.grow import grow
from headfield.studio.hair.styles import HairStyle
from headfield.studio.headwear import COVERINGS, Headwear, make_headwear, sample_headwear, tucked

from .closed import assert_closed, assert_within_sphere
from .hair.test_grow import FACE, covered


@pytest.mark.parametrize("kind", COVERINGS)
@pytest.mark.parametrize("much", [0.0, 1.0])
def test_coverings_are_closed_and_leave_the_face_free(kind, much):
    model = load_builtin()
    (mesh,) = make_headwear(Headwear(kind, low=much, full=much), model, np.random.default_rng(0)).values()
    assert_closed(mesh)
    assert_within_sphere(mesh)
    assert not covered(mesh, model.mean[model.landmarks][FACE]).any()


@pytest.mark.parametrize("kind", COVERINGS)
def test_the_top_of_the_head_is_under_them(kind):
    model = load_builtin()
    (mesh,) = make_headwear(Headwear(kind), model, np.random.default_rng(0)).values()
    top = model.mean[model.mean[:, 1].argmax()]
    near = np.linalg.norm((mesh.vertices - top)[:, [0, 2]], axis=1) < 0.05
    assert mesh.vertices[near, 1].max() > top[1] + 0.01


def test_hair_under_a_hat_lies_flat_and_hangs_out_below():
    model, worn = load_builtin(), Headwear("beanie")
    hair = grow(HairStyle("bob", volume=1.0), model, np.random.default_rng(0))
    flat = tucked(hair, worn, model)
    assert_closed(flat)
    top = hair.vertices[:, 1] > 0.55
    assert ground_of(model).distance(hair.vertices[top]).max() > 0.04
    assert ground_of(model).distance(flat.vertices[top]).max() < 0.015
    low = hair.vertices[:, 1] < -0.3
    np.testing.assert_array_equal(flat.vertices[low], hair.vertices[low])


def test_no_hair_shows_under_a_headscarf():
    model = load_builtin()
    hair = grow(HairStyle("buzz"), model, np.random.default_rng(0))
    assert tucked(hair, Headwear("headscarf"), model) is None


def test_every_covering_is_worn(rng):
    assert {sample_headwear(rng).kind for _ in range(100)} == set(COVERINGS)
