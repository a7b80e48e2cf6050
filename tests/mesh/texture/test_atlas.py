from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from headfield.errors import InputError
from headfield.mesh.pictures import sample_texture
from headfield.mesh.texture.atlas import Atlas, covered, smooth_normals
from headfield.surface import Mesh

from ...shapes import plane, sphere


def square(cells: int = 4) -> Mesh:
    """A square of side 1 whose texture coordinates are its own."""
    mesh = plane(1.0, cells=cells)
    return replace(mesh, uv=mesh.vertices[:, :2] + 0.5)


def two_charts() -> Mesh:
    """A red and a green triangle far from each other in the texture."""
    uv = np.array([[0.1, 0.1], [0.4, 0.1], [0.1, 0.6], [0.9, 0.9], [0.6, 0.9], [0.9, 0.4]])
    vertices = np.concatenate([uv, np.arange(6)[:, None] // 3], axis=1)
    return replace(Mesh.of(vertices, np.array([[0, 1, 2], [3, 4, 5]])), uv=uv)


def test_every_texel_lies_where_its_middle_is():
    atlas = Atlas.of(square(), 32)
    assert len(atlas) == 32 * 32
    points = atlas.places().points.reshape(32, 32, 3)
    middles = (np.arange(32) + 0.5) / 32 - 0.5
    np.testing.assert_allclose(points[..., 0], np.broadcast_to(middles, (32, 32)), atol=1e-12)
    np.testing.assert_allclose(points[..., 1], np.broadcast_to(-middles[:, None], (32, 32)), atol=1e-12)
    assert atlas.texel_side == pytest.approx(1 / 32)


@given(arrays.arrays(float, (5, 2), elements=st.floats(-2, 18, width=32)))
def test_faces_around_a_vertex_share_no_texel_and_leave_none_out(points):
    """Triangles from a point to the sides of a square cover it once, whichever way their corners are listed."""
    corners = np.array([[0.0, 0], [16, 0], [16, 16], [0, 16]])
    centre = points[0].clip(0.25, 15.75)
    fan = np.array([[corners[k], corners[(k + 1) % 4], centre] for k in range(4)])
    fan[1], fan[2] = fan[1][[2, 1, 0]], fan[2][[1, 2, 0]]
    texels, faces = covered(fan, 16)
    np.testing.assert_array_equal(np.sort(texels), np.arange(256))
    assert set(np.unique(faces)) <= {0, 1, 2, 3}


def test_texels_of_one_triangle_are_those_whose_middles_are_inside(rng):
    for corners in rng.uniform(-5, 25, (20, 3, 2)):
        texels, _ = covered(corners[None], 20)
        middles = np.stack(np.meshgrid(np.arange(20), np.arange(20)), -1).reshape(-1, 2) + 0.5
        sides = np.roll(corners, -1, axis=0) - corners
        offset = middles[:, None] - corners
        turn = sides[:, 0] * offset[..., 1] - sides[:, 1] * offset[..., 0]
        inside = (turn > 0).all(axis=1) | (turn < 0).all(axis=1)
        np.testing.assert_array_equal(np.sort(texels), np.flatnonzero(inside))


def test_even_a_face_smaller_than_a_texel_has_one():
    tiny = replace(two_charts(), uv=two_charts().uv * 0.001 + np.repeat([[0.2], [0.7]], 3, axis=0))
    atlas = Atlas.of(tiny, 16)
    assert atlas.faces.tolist() == [1, 0], "from the top"
    places = atlas.places()
    assert (places.weights >= 0).all()
    np.testing.assert_allclose(places.weights.sum(axis=1), 1)


def test_a_face_without_area_has_no_texels():
    assert len(covered(np.array([[[1.0, 1], [5, 5], [9, 9]], [[3, 3], [3, 3], [3, 3]]]), 16)[0]) == 0


def test_beside_a_chart_the_texture_goes_on_in_its_colour():
    """What lies within eight texels of a chart has its colour, and so has anything interpolated at its edge."""
    mesh, size = two_charts(), 64
    atlas = Atlas.of(mesh, size)
    colours = np.array([[1.0, 0, 0], [0, 1, 0]])
    texture = atlas.picture(colours[atlas.faces])
    assert (texture.reshape(-1, 3).sum(axis=1) == 255).all(), "nothing is left blank"
    for face in (0, 1):
        a, b, c = mesh.uv[mesh.faces[face]]
        weights = np.random.default_rng(0).dirichlet([0.3, 0.3, 0.3], 500)
        edge = weights @ np.stack([a, b, c])
        middle = (a + b + c) / 3
        outside = edge + 8 / size * (edge - middle) / np.linalg.norm(edge - middle, axis=1, keepdims=True)
        for uv in (edge, outside[((outside > 0.01) & (outside < 0.99)).all(axis=1)]):
            assert (sample_texture(texture, uv) == 255 * colours[face]).all()


def test_doubled_vertices_are_one_place():
    ball = sphere(0.5, rings=8)
    doubled = Mesh(
        ball.vertices[ball.faces].reshape(-1, 3),
        np.arange(ball.faces.size).reshape(-1, 3),
        uv=np.tile([[0.0, 0], [1, 0], [0, 1]], (len(ball.faces), 1)),
    )
    atlas = Atlas.of(doubled, 16)
    assert len(atlas.surface.vertices) == len(ball.vertices)
    np.testing.assert_array_equal(atlas.surface.vertices[atlas.place], doubled.vertices)
    samples = atlas.places()
    np.testing.assert_allclose(
        smooth_normals(samples), samples.points / np.linalg.norm(samples.points, axis=1)[:, None], atol=0.05
    )


def test_parts_are_all_texels(monkeypatch):
    monkeypatch.setattr("headfield.mesh.texture.atlas.PART", 100)
    atlas = Atlas.of(square(), 16)
    np.testing.assert_array_equal(np.concatenate([atlas.texels[part] for part in atlas.parts()]), atlas.texels)


def test_what_cannot_be_painted_is_one_sentence():
    with pytest.raises(InputError, match="no texture coordinates, so nothing can be painted on it; unwrap it first"):
        Atlas.of(plane(), 64)
    for size in (0, 100_000):
        with pytest.raises(InputError, match=f"a texture of {size} texels a side cannot be made"):
            Atlas.of(square(), size)
