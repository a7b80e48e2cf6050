import numpy as np
import pytest

from headfield.mesh.vertices import merge_equal
from headfield.studio.cut import border_loops, cut_at_sphere
from headfield.surface import Mesh


def cone(*, slope: float, seam: bool = False) -> Mesh:
    """An open cone from (0, 1/2, 0) down to below the unit sphere."""
    n, rows = 40, 12
    turn = 2 * np.pi * np.arange(n + seam) / n
    turn[n:] = 0
    drop = np.linspace(0.1, 2, rows)[:, None]
    ring = np.stack([np.sin(turn), 0 * turn, np.cos(turn)], axis=1)
    apex = np.array([[0, 0.5, 0]])
    sides = (ring * slope - [0, 1, 0]) * drop[..., None]
    points = np.concatenate([apex, apex + sides.reshape(-1, 3)])
    ids = 1 + np.arange(rows * len(turn)).reshape(rows, -1)
    now, after = (ids[:, :-1], ids[:, 1:]) if seam else (ids, np.roll(ids, -1, axis=1))
    faces = np.concatenate(
        [
            np.stack([np.zeros(n, int), now[0], after[0]], axis=-1),
            np.stack([now[:-1], now[1:], after[:-1]], axis=-1).reshape(-1, 3),
            np.stack([after[:-1], now[1:], after[1:]], axis=-1).reshape(-1, 3),
        ]
    )
    return Mesh(points, faces, uv=np.abs(points[:, :2]) / 4, attributes={"rest": 2 * points, "shade": points[:, 1]})


@pytest.mark.parametrize("seam", [False, True])
@pytest.mark.parametrize("slope", [0.3, 1.0])
def test_a_cone_is_cut_and_closed_to_the_solid_it_bounds(slope: float, seam: bool):
    cut = cut_at_sphere(cone(slope=slope, seam=seam))
    _, which = merge_equal(cut.vertices)
    assert not border_loops(which[cut.faces])
    assert np.linalg.norm(cut.vertices, axis=1).max() == pytest.approx(1, abs=1e-12)
    # The solid: a cone down to the rim's plane, and a cap of the ball below it.
    a, b, c = np.moveaxis(cut.corners, 1, 0)
    volume = np.einsum("fk,fk->", a, np.cross(b, c)) / 6
    rim = _rim_height(slope)
    radius = np.sqrt(1 - rim**2)
    height = 1 + rim
    truth = np.pi * radius**2 * (0.5 - rim) / 3 + np.pi * height**2 * (3 - height) / 3
    assert volume == pytest.approx(truth, rel=0.02)


def _rim_height(slope: float) -> float:
    # y with (slope (1/2 - y))² + y² = 1, the lower root
    a, b, c = 1 + slope**2, -(slope**2), slope**2 / 4 - 1
    return (-b - np.sqrt(b * b - 4 * a * c)) / (2 * a)


def test_what_vertices_know_is_kept_and_interpolated():
    cut = cut_at_sphere(cone(slope=0.5))
    radius = np.linalg.norm(cut.vertices, axis=1)
    skin = radius < 1 - 1e-9
    assert cut.uv is not None
    np.testing.assert_allclose(cut.uv[skin], np.abs(cut.vertices[skin, :2]) / 4, atol=2e-3)
    np.testing.assert_allclose(cut.attributes["rest"][skin], 2 * cut.vertices[skin], atol=0.01)
    np.testing.assert_allclose(cut.attributes["shade"][skin], cut.vertices[skin, 1], atol=0.01)


def test_what_is_all_inside_stays_as_it_is():
    corners = np.array([[0, 0, 0], [0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5]])
    faces = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    cut = cut_at_sphere(Mesh(corners, faces))
    np.testing.assert_array_equal(cut.corners, corners[faces])


def test_borders_are_found_in_the_order_that_closes_them():
    square = np.array([[0, 1, 2], [0, 2, 3]])
    (loop,) = border_loops(square)
    assert loop.tolist() == [0, 3, 2, 1]
    assert border_loops(np.array([[0, 1, 2], [0, 2, 3], [0, 3, 1], [1, 3, 2]])) == []


def test_borders_that_meet_in_a_point_are_still_walked_home():
    """Two triangles that share one vertex, and a fin of three faces on one edge: every border edge is in one loop."""
    faces = np.array([[0, 1, 2], [0, 3, 4], [5, 6, 7], [6, 5, 8], [5, 6, 9]])
    loops = border_loops(faces)
    walked = [(int(b), int(a)) for loop in loops for a, b in zip(loop, np.roll(loop, -1), strict=True)]
    edges = {(int(f[k]), int(f[(k + 1) % 3])) for f in faces for k in range(3)}
    assert len(walked) == len(set(walked))
    assert set(walked) <= edges
    assert {(0, 1), (1, 2), (2, 0), (0, 3), (3, 4), (4, 0)} <= set(walked)
