from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest

from headfield.errors import InputError, MissingExtraError
from headfield.mesh.simplify import simplified
from headfield.mesh.topology import euler_number, is_watertight

from ..shapes import sphere
from .merging import decorated


def test_a_sphere_stays_a_closed_sphere_of_about_as_many_faces_as_asked_for():
    pytest.importorskip("fast_simplification")
    result = simplified(sphere(rings=40), faces=1000)
    assert len(result.faces) == pytest.approx(1000, rel=0.02)
    assert is_watertight(result)
    assert euler_number(result) == 2
    np.testing.assert_allclose(np.linalg.norm(result.vertices, axis=1), 1, atol=0.01)


def test_colours_and_attributes_are_those_of_the_same_place():
    pytest.importorskip("fast_simplification")
    mesh = replace(decorated(sphere(rings=40)), uv=None, texture=None)
    result = simplified(mesh, faces=1500)
    assert result.attributes["place"].dtype == np.float32
    np.testing.assert_allclose(result.attributes["place"], result.vertices, atol=0.01)
    np.testing.assert_allclose(result.colours, 255 * (result.vertices + 1) / 2, atol=2.5)
    assert set(np.unique(result.attributes["part"])) == {0, 1}
    away = np.abs(result.vertices[:, 1]) > 0.1
    np.testing.assert_array_equal(result.attributes["part"][away], result.vertices[away, 1] > 0)


def test_a_texture_becomes_colours():
    pytest.importorskip("fast_simplification")
    result = simplified(decorated(sphere(rings=30)), faces=800)
    assert result.uv is None
    assert result.texture is None
    # The texture of ``decorated`` grows redder with u, which grows with x.
    inner = np.abs(result.vertices[:, 0]) < 0.8
    expected = 16 * (16 * (result.vertices[inner, 0] + 1) / 2 - 0.5)
    np.testing.assert_allclose(result.colours[inner, 0], expected, atol=8)


def test_a_mesh_with_few_faces_is_left_alone():
    mesh = sphere(rings=5)
    assert simplified(mesh, faces=10_000) is mesh


def test_too_few_faces_is_one_sentence():
    with pytest.raises(InputError, match="cannot be simplified to 3 faces"):
        simplified(sphere(), faces=3)


def test_without_the_package_a_sentence_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "fast_simplification", None)
    with pytest.raises(MissingExtraError, match=r'pip install "headfield\[fast\]"'):
        simplified(sphere(), faces=100)
