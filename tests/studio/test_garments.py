import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from headfield.mesh.vertices import merge_equal
from headfield.studio.builtin import load_builtin
from headfield.studio.cut import cut_at_sphere
from headfield.studio.garments import KINDS, Garment, make_garment, sample_garment
from headfield.studio.hair.ground import ground_of
from headfield.studio.ict import load_ict
from headfield.surface import Mesh

from .closed import assert_closed


@pytest.mark.parametrize("kind", KINDS)
def test_clothes_are_closed_once_cut_at_the_sphere(kind):
    for mesh in make_garment(Garment(kind), load_builtin(), np.random.default_rng(0)).values():
        bust = cut_at_sphere(mesh)
        first, which = merge_equal(bust.vertices)
        assert_closed(Mesh(bust.vertices[first], which[bust.faces]))
        assert np.linalg.norm(bust.vertices, axis=1).max() < 1 + 1e-9


@pytest.mark.parametrize("kind", KINDS)
def test_clothes_cover_the_shoulders_and_leave_the_head_free(kind):
    model = load_builtin()
    ground = ground_of(model)
    parts = make_garment(Garment(kind), model, np.random.default_rng(0)).values()
    points = np.concatenate([mesh.vertices for mesh in parts])
    chin = model.mean[model.landmarks[8]]
    assert points[np.linalg.norm(points, axis=1) < 1, 1].max() < chin[1] + 0.12
    before = (points[:, 2] > 0.25) & (np.abs(points[:, 0]) < 0.2) & (ground.distance(points) > 0.002)
    assert points[before, 1].max(initial=-1) < chin[1]
    shoulders = (np.abs(points[:, 0]) > 0.4) & (np.linalg.norm(points, axis=1) < 0.95)
    outside = ground.distance(points[shoulders])
    assert outside.max() > 0.008
    assert outside.min() > 0.004


def test_every_kind_is_worn(rng):
    assert {sample_garment(rng).kind for _ in range(200)} == set(KINDS)


def test_looser_clothes_stand_off_farther():
    model = load_builtin()
    ground = ground_of(model)
    off = []
    for loose in (0.0, 1.0):
        (shirt,) = make_garment(Garment("t-shirt", loose=loose), model, np.random.default_rng(0)).values()
        off.append(ground.distance(shirt.vertices).mean())
    assert off[1] > off[0] + 0.005


def test_the_same_seed_makes_the_same_bytes():
    one, other = (make_garment(Garment("hoodie"), load_builtin(), np.random.default_rng(3)) for _ in range(2))
    for name, mesh in one.items():
        assert mesh.vertices.tobytes() == other[name].vertices.tobytes()


@pytest.mark.parametrize("neckline", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_worn_on_the_chin(kind, neckline, assets):
    """On the open head, whose chin juts out as far as the shoulders."""
    for mesh in make_garment(Garment(kind, neckline=neckline), load_ict(), np.random.default_rng(0)).values():
        # What the fan under the skin of the neck joins is one border, not also another around the tip of the chin.
        closing = np.argmax(np.bincount(mesh.faces.ravel()))
        fan = mesh.faces[(mesh.faces == closing).any(axis=1)]
        ring = fan[fan != closing].reshape(-1, 2)
        n = len(mesh.vertices)
        _, label = connected_components(coo_array((np.ones(len(ring)), ring.T), shape=(n, n)), directed=False)
        assert len(np.unique(label[ring])) == 1
