import numpy as np

from headfield.studio.builtin import load_builtin
from headfield.studio.hair.ground import ground_of
from headfield.studio.hair.growth import before_the_face, beside_the_face, roots_in
from headfield.studio.hair.relief import edges_of, smoothed, streaks
from headfield.studio.hair.strands import Strands, frames, respaced
from headfield.studio.refine import refined
from headfield.studio.regions import SCALP
from headfield.surface import Mesh


def straight(n=3, k=11, length=1.0):
    down = np.linspace(0, -length, k, dtype=np.float32)
    points = np.zeros((n, k, 3), np.float32)
    points[..., 1] = down
    points[..., 0] = np.arange(n)[:, None]
    return Strands(points, np.arange(n))


def test_cut_strands_keep_a_share_of_their_length():
    cut = straight().cut(np.array([1.0, 0.5, 0.25]))
    np.testing.assert_allclose(cut.lengths, [1, 0.5, 0.25], rtol=1e-5)


def test_hemmed_strands_end_at_their_heights():
    hemmed = straight(k=41).hemmed(np.array([-0.3, -0.62, -2.0]))
    np.testing.assert_allclose(hemmed.points[:, -1, 1], [-0.3, -0.62, -1], atol=0.026)


def test_clumped_strands_meet_their_leader_where_the_strength_is_one():
    strands = straight()
    clumped = strands.clumped(np.array([1, 1, 1]), strands.way)
    np.testing.assert_allclose(clumped.points[:, -1], np.broadcast_to(strands.points[1, -1], (3, 3)), atol=1e-6)
    np.testing.assert_allclose(clumped.points[:, 0], strands.points[:, 0])


def test_respaced_points_are_evenly_apart_on_the_same_line():
    uneven = straight().points[:, [0, 1, 2, 9, 10, 10]]
    steps = np.diff(respaced(uneven, 21)[..., 1], axis=1)
    np.testing.assert_allclose(steps, -0.05, atol=1e-5)


def test_even_points_are_close_enough_for_a_grid():
    points, way = straight().evenly(0.05)
    assert np.linalg.norm(np.diff(points, axis=1), axis=2).max() <= 0.0501
    assert way[0] == 0
    assert way[-1] == 1


def test_frames_are_orthonormal(rng):
    points = np.cumsum(rng.normal(size=(5, 20, 3)) * 0.2 + [0, 1, 0], axis=1).astype(np.float32)
    tangents = Strands(points, np.arange(5)).tangents
    one, other = frames(tangents, np.tile(np.float32([1, 0, 0]), (5, 1)))
    for a, b, expected in ((one, one, 1), (other, other, 1), (one, other, 0), (one, tangents, 0), (other, tangents, 0)):
        np.testing.assert_allclose(np.sum(a * b, axis=-1), expected, atol=1e-4)


def test_the_ground_knows_how_far_off_the_skin_places_are():
    ground = ground_of(load_builtin())
    samples = ground.skin.sample(500, np.random.default_rng(0))
    top = samples.points[:, 1] > 0.2
    points, normals = samples.points[top].astype(np.float32), samples.normals[top].astype(np.float32)
    for height in (-0.03, 0.0, 0.05):
        np.testing.assert_allclose(ground.distance(points + height * normals), height, atol=0.012)
    lifted = ground.lifted(points, np.full(len(points), 0.04, np.float32))
    assert ground.distance(lifted).min() > 0.03


def test_roots_lie_on_the_skin_of_their_region(rng):
    ground = ground_of(load_builtin())
    roots = roots_in(ground, SCALP, 400, rng)
    assert len(roots) == 400
    assert np.abs(ground.distance(roots.points)).max() < 0.02
    assert roots.inside.min() > -0.03


def test_nothing_stays_before_the_face(rng):
    points = rng.uniform([-0.2, -0.3, 0.2], [0.2, 0.3, 0.7], (500, 3)).astype(np.float32)
    assert before_the_face(points).any()
    moved = beside_the_face(points, 1.0)
    inside = np.linalg.norm((moved - [0, -0.03, 0.38]) / [0.31, 0.46, 0.42], axis=1)
    assert np.quantile(inside, 0.05) > 0.9
    np.testing.assert_array_equal(np.sign(moved[:, 0]), np.sign(points[:, 0]))


def sheet():
    corners = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], float)
    return Mesh.of(*refined(corners, np.array([[0, 1, 2], [0, 2, 3]]), 0.03))


def test_streaks_run_along_the_flow(rng):
    mesh = sheet()
    edges = edges_of(mesh.faces, len(mesh.vertices))
    value = streaks(mesh, edges, np.tile([0.0, 1, 0], (len(mesh.vertices), 1)), rng)
    np.testing.assert_allclose([value.mean(), value.std()], [0, 1], atol=1e-9)
    way = mesh.vertices[edges[:, 1]] - mesh.vertices[edges[:, 0]]
    change = np.abs(value[edges[:, 1]] - value[edges[:, 0]])
    along = np.abs(way[:, 1]) > 5 * np.abs(way[:, 0])
    across = np.abs(way[:, 0]) > 5 * np.abs(way[:, 1])
    assert change[across].mean() > 2 * change[along].mean()


def test_smoothing_takes_stairs_away_and_keeps_what_is_flat(rng):
    mesh = sheet()
    edges = edges_of(mesh.faces, len(mesh.vertices))
    bumpy = mesh.vertices + rng.normal(0, 0.01, (len(mesh.vertices), 1)) * [0, 0, 1]
    assert smoothed(bumpy, edges)[:, 2].std() < 0.6 * bumpy[:, 2].std()
    assert np.abs(smoothed(mesh.vertices, edges)[:, 2]).max() == 0
