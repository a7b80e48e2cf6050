import numpy as np
import pytest
from scipy.spatial import cKDTree

from headfield.studio.body import make_body
from headfield.studio.builtin import load_builtin
from headfield.studio.expression import Expression
from headfield.studio.facemap import MM, face_map
from headfield.studio.ict import load_ict
from headfield.studio.identity import Identity
from headfield.studio.lashes import ALONG, grow_lashes


@pytest.fixture(scope="module")
def model():
    return load_builtin()


def lashes(model, weights):
    body = make_body(model, Identity.average(model), Expression("test", weights))
    return body, grow_lashes(face_map(model, 128), body, (0.1, 0.1, 0.1), 0.8, np.random.default_rng(0))


def test_lashes_grow_from_the_lids_and_leave_the_skin(model):
    body, mesh = lashes(model, {})
    strands = mesh.vertices.reshape(-1, len(ALONG), 3)
    to_skin, _ = cKDTree(body.skin.vertices).query(strands.reshape(-1, 3))
    to_skin = to_skin.reshape(-1, len(ALONG))
    assert np.median(to_skin[:, 0]) < 3 * MM
    assert (np.linalg.norm(strands[:, -1] - strands[:, 0], axis=1) < 14 * MM).all()
    for centre in body.eye_centres:
        own = np.linalg.norm(strands[:, 0] - centre, axis=1) < 0.2
        distance = np.linalg.norm(strands[own] - centre, axis=2)
        assert (np.diff(distance, axis=1) > 0).all()


def test_lashes_thin_out_to_nothing(model):
    _, mesh = lashes(model, {})
    opacity = mesh.attributes["opacity"].reshape(-1, len(ALONG))
    assert (opacity[:, -1] == 0).all()
    assert (np.diff(opacity, axis=1) <= 0).all()
    assert 0.3 < opacity.max() <= 1


def test_lashes_go_with_lids_that_close(assets):
    model = load_ict()
    _, opened = lashes(model, {})
    _, closed = lashes(model, {"eyeBlink_L": 1.0, "eyeBlink_R": 1.0})
    heights = [mesh.vertices.reshape(-1, len(ALONG), 3)[:, 0, 1] for mesh in (opened, closed)]
    upper = heights[0] > np.median(heights[0])
    assert np.mean(heights[1][upper]) < np.mean(heights[0][upper]) - 1 * MM
