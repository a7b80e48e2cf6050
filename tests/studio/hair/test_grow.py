from dataclasses import replace

import numpy as np
import pytest

from headfield.studio.builtin import load_builtin
from headfield.studio.hair.grow import grow
from headfield.studio.hair.styles import FAMILIES, HairStyle, sample_style

from ..closed import assert_closed, assert_within_sphere

GROWN = [family for family in FAMILIES if family != "bald"]
FACE = [*range(27, 48), *range(48, 68)]


def covered(hull, points):
    """Which points have hull between them and a camera straight ahead."""
    hidden = np.zeros(len(points), bool)
    for k, (x, y, z) in enumerate(points):
        near = (np.abs(hull.vertices[:, 0] - x) < 0.012) & (np.abs(hull.vertices[:, 1] - y) < 0.012)
        hidden[k] = (hull.vertices[near, 2] > z).any()
    return hidden


@pytest.mark.parametrize("family", GROWN)
def test_hulls_are_closed_and_leave_the_face_free(family):
    model = load_builtin()
    rng = np.random.default_rng(1)
    style = replace(sample_style(rng), family=family, fringe=0.0)
    hull = grow(style, model, rng)
    assert hull is not None
    assert_closed(hull)
    assert_within_sphere(hull)
    assert 5_000 < len(hull.vertices) < 90_000
    assert not covered(hull, model.mean[model.landmarks][FACE]).any()
    strand, flow = hull.attributes["strand"], hull.attributes["flow"]
    assert strand.dtype == flow.dtype == np.float32
    assert strand.min() >= 0
    assert strand.max() <= 1
    np.testing.assert_allclose(np.linalg.norm(flow, axis=1), 1, atol=1e-3)


def test_the_bald_wear_nothing(rng):
    assert grow(HairStyle("bald"), load_builtin(), rng) is None


@pytest.mark.parametrize("family", ["buzz", "curls"])
def test_the_same_seed_grows_the_same_bytes(family):
    one, other = (grow(HairStyle(family), load_builtin(), np.random.default_rng(5)) for _ in range(2))
    assert one.vertices.tobytes() == other.vertices.tobytes()
    assert one.faces.tobytes() == other.faces.tobytes()
    assert one.attributes["strand"].tobytes() == other.attributes["strand"].tobytes()


def test_longer_hair_hangs_lower():
    lowest = [
        grow(HairStyle("bob", length=length), load_builtin(), np.random.default_rng(0)).bounds[0, 1]
        for length in (0.0, 1.0)
    ]
    assert lowest[1] < lowest[0] - 0.2
