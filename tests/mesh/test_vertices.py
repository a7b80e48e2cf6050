from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headfield.mesh.pictures import linear_to_srgb, sample_texture, srgb_to_linear
from headfield.mesh.polygons import fan
from headfield.mesh.vertices import gather, merge_equal, split_at_seams

from ..shapes import cube
from .merging import decorated


@given(rows=st.lists(st.tuples(st.integers(-2, 2), st.sampled_from([0.0, -0.0, 1.5])), max_size=30))
def test_equal_rows_are_merged_in_the_order_in_which_they_first_appear(rows):
    table = np.array(rows, float).reshape(-1, 2)
    first, which = merge_equal(table)
    assert [rows[i] for i in first] == list(dict.fromkeys(rows))
    assert [rows[first[k]] for k in which] == rows


def test_whole_rows_are_compared_whatever_their_shape(rng):
    table = rng.integers(0, 2, (40, 2, 2))
    first, which = merge_equal(table)
    np.testing.assert_array_equal(table[first][which], table)
    assert len(first) == len({row.tobytes() for row in table})


def test_what_is_known_of_vertices_goes_with_them():
    mesh = decorated(cube())
    twice = gather(mesh, np.array([3, 3, 5]), np.array([[0, 1, 2]]))
    for before, after in ((mesh.vertices, twice.vertices), (mesh.colours, twice.colours), (mesh.uv, twice.uv)):
        np.testing.assert_array_equal(after, before[[3, 3, 5]])
    np.testing.assert_array_equal(twice.attributes["place"], mesh.attributes["place"][[3, 3, 5]])


@given(seed=st.integers(0, 1000), kinds=st.integers(1, 5))
def test_after_splitting_each_corner_has_its_own_texture_coordinates(seed, kinds):
    rng = np.random.default_rng(seed)
    mesh, uv = cube(), rng.random((kinds, 2))
    uv_faces = rng.integers(0, kinds, mesh.faces.shape)
    split = split_at_seams(mesh, mesh.faces, uv, uv_faces)
    np.testing.assert_array_equal(split.corners, mesh.corners)
    np.testing.assert_array_equal(split.uv[split.faces], uv[uv_faces])
    np.testing.assert_array_equal(split.vertices[:8], mesh.vertices)
    pairs = {(v, t) for v, t in zip(mesh.faces.ravel().tolist(), uv_faces.ravel().tolist(), strict=True)}
    assert len(split.vertices) == len(pairs)


@given(lengths=st.lists(st.integers(0, 7), max_size=8))
def test_a_polygon_of_n_corners_is_a_fan_of_n_minus_2_triangles(lengths):
    triangles = fan(np.array(lengths, np.int64))
    expected, start = [], 0
    for n in lengths:
        expected += [(start, start + k, start + k + 1) for k in range(1, n - 1)]
        start += n
    assert [tuple(row) for row in triangles.tolist()] == expected


def test_texture_coordinates_begin_at_the_bottom_left():
    texture = np.array([[[10, 0, 0], [20, 0, 0]], [[30, 0, 0], [40, 0, 0]]], np.uint8)
    uv = np.array([[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75], [0.5, 0.5], [1.25, -0.75]])
    np.testing.assert_array_equal(sample_texture(texture, uv)[:, 0], [30, 40, 10, 20, 25, 30])


def test_srgb_there_and_back_is_exact_and_monotonous():
    every = np.arange(256, dtype=np.uint8)
    linear = srgb_to_linear(every)
    np.testing.assert_array_equal(linear_to_srgb(linear), every)
    assert (np.diff(linear) > 0).all()
    assert (linear[0], linear[-1]) == (0, 1)
    assert linear_to_srgb(np.array([0.5])) == 188
