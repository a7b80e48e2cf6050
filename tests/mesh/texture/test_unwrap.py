from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest

from headfield.errors import InputError, MissingExtraError
from headfield.mesh.simplify import simplified
from headfield.mesh.texture import unwrap
from headfield.mesh.texture.atlas import covered
from headfield.mesh.texture.unwrap import light, unwrapped
from headfield.mesh.topology import is_watertight
from headfield.surface import Mesh

from ...shapes import bumpy, cube, plane, sphere
from ..merging import decorated

pytest.importorskip("xatlas")


def head(rings: int = 30) -> Mesh:
    """An egg as high and as deep as a head, with a nose that hangs over."""
    ball = sphere(rings=rings)
    x, y, z = ball.vertices.T
    nose = 0.25 * np.exp(-40 * (x**2 + y**2)) * (z > 0)
    return Mesh.of(np.stack([0.4 * x, 0.6 * y - 0.15 * nose, 0.5 * z + nose], axis=1), ball.faces)


def uv_areas(mesh: Mesh) -> np.ndarray:
    a, b, c = np.moveaxis(mesh.uv[mesh.faces], 1, 0)
    (ux, uy), (vx, vy) = (b - a).T, (c - a).T
    return (ux * vy - uy * vx) / 2


def charts(mesh: Mesh) -> np.ndarray:
    """Which chart each face is in: faces hang together where they share vertices, which are doubled at seams."""
    label = np.arange(len(mesh.vertices))
    while True:
        lowest = label[mesh.faces].min(axis=1)
        before = label.copy()
        np.minimum.at(label, mesh.faces.ravel(), np.repeat(lowest, 3))
        if (before == label).all():
            return label[mesh.faces[:, 0]]


@pytest.mark.parametrize(
    "mesh", [bumpy(), head(), cube(), plane(), sphere(0.5)], ids=str.split("bumpy head cube plane ball")
)
def test_the_surface_stays_and_its_charts_lie_side_by_side(mesh):
    result = unwrapped(mesh)
    np.testing.assert_array_equal(result.corners, mesh.corners)
    assert is_watertight(result) == is_watertight(mesh)
    assert result.uv.min() >= 0
    assert result.uv.max() <= 1
    areas = uv_areas(result)
    assert (areas > 0).all(), "no chart is turned over"
    texels, _ = covered(np.stack([result.uv[:, 0], 1 - result.uv[:, 1]], axis=1)[result.faces] * 1024, 1024)
    assert len(np.unique(texels)) == len(texels), "each texel has one face"
    assert len(texels) / 1024**2 == pytest.approx(areas.sum(), rel=0.01)
    assert areas.sum() > 0.35, "and most of the texture is used"


def test_texels_have_the_same_size_nearly_everywhere():
    result = unwrapped(head())
    scale = uv_areas(result) / result.face_areas
    assert np.mean(np.abs(np.log(scale / np.median(scale))) < np.log(2)) > 0.95


def test_the_face_is_one_chart():
    result = unwrapped(head())
    x, y, z = result.corners.mean(axis=1).T
    face = (np.abs(np.degrees(np.arctan2(x, z))) < 70) & (np.abs(y) < 0.3)
    hangs_over = result.face_normals[:, 1] < -0.7
    assert len(np.unique(charts(result)[face & ~hangs_over])) == 1


def test_charts_keep_their_distance():
    """Between any two lie at least three texels of a texture 1024 across, so smaller versions do not mix them."""
    size, mesh = 1024, unwrapped(bumpy())
    texels, faces = covered(np.stack([mesh.uv[:, 0], 1 - mesh.uv[:, 1]], axis=1)[mesh.faces] * size, size)
    owner = np.full((size, size), -1)
    owner[np.divmod(texels, size)] = charts(mesh)[faces]
    for axis in (0, 1):
        for step in (1, 2, 3):
            one, other = np.split(owner, [size - step], axis=axis)[0], np.split(owner, [step], axis=axis)[1]
            both = (one >= 0) & (other >= 0)
            assert (one[both] == other[both]).all()


def test_what_is_known_of_the_vertices_goes_along():
    mesh = replace(decorated(sphere(rings=20)), uv=None, texture=None)
    result = unwrapped(mesh)
    np.testing.assert_array_equal(result.colours[result.faces], mesh.colours[mesh.faces])
    for name, values in mesh.attributes.items():
        np.testing.assert_array_equal(result.attributes[name][result.faces], values[mesh.faces])


def test_a_dense_mesh_becomes_light_and_keeps_what_it_knows():
    pytest.importorskip("fast_simplification")
    mesh = replace(decorated(sphere(rings=40)), uv=None, texture=None)
    result = light(mesh, faces=1000)
    assert len(result.faces) == pytest.approx(1000, rel=0.02)
    np.testing.assert_allclose(result.attributes["place"], result.vertices, atol=0.02)
    np.testing.assert_array_equal(result.corners, simplified(mesh, faces=1000).corners)


def test_the_same_mesh_is_unwrapped_the_same_way():
    one, other = unwrapped(bumpy()), unwrapped(bumpy())
    np.testing.assert_array_equal(one.uv, other.uv)
    np.testing.assert_array_equal(one.faces, other.faces)


def test_too_many_faces_are_one_sentence(monkeypatch):
    monkeypatch.setattr(unwrap, "MOST", 100)
    with pytest.raises(
        InputError, match=r"a mesh of 2208 faces takes too long to unwrap; simplify it to 100 or fewer\."
    ):
        unwrapped(sphere())


def test_without_the_package_a_sentence_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "xatlas", None)
    with pytest.raises(MissingExtraError, match=r'pip install "headfield\[texture\]"'):
        unwrapped(cube())
