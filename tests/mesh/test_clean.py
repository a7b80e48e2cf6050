from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headfield.errors import InputError
from headfield.mesh.clean import largest_component, tidied, with_faces, without_lumps, without_specks
from headfield.mesh.topology import is_watertight
from headfield.surface import Mesh

from ..shapes import cube, plane, sphere
from .merging import decorated, joined


def assert_data_stayed(mesh: Mesh) -> None:
    """Attribute ``place`` of :func:`decorated` still says where each vertex is."""
    np.testing.assert_allclose(mesh.attributes["place"], mesh.vertices, atol=1e-6)
    assert len(mesh.colours) == len(mesh.uv) == len(mesh.attributes["part"]) == len(mesh.vertices)


def test_a_mesh_whose_core_is_in_one_piece_or_has_its_pieces_higher_up_stays_as_it_is():
    mesh = sphere(1.0)
    assert without_lumps(mesh, sphere(0.9), below=0.0) is mesh
    assert without_lumps(mesh, joined(sphere(0.8), sphere(0.1, (0, 0.95, 0))), below=0.0) is mesh


def test_what_is_nearest_to_a_lower_piece_of_the_core_goes():
    left = without_lumps(sphere(1.0), joined(sphere(0.7), sphere(0.1, (0, -0.95, 0))), below=0.0)
    assert is_watertight(left)
    assert left.vertices[:, 1].min() > -0.99
    assert left.vertices[:, 1].max() > 0.99


def test_the_largest_component_is_the_one_with_the_largest_area():
    many_faces, large = sphere(0.1, (3, 0, 0)), cube(2.0)
    mesh = largest_component(decorated(joined(many_faces, large)))
    assert len(mesh.faces) == 12
    assert len(mesh.vertices) == 8
    assert is_watertight(mesh)
    assert_data_stayed(mesh)


def test_specks_are_what_fits_into_a_small_box():
    small, large = sphere(0.1, (3, 0, 0)), cube(1.0)
    mesh = decorated(joined(large, small, small))
    assert len(without_specks(mesh, diameter=0.4).faces) == 12
    assert len(without_specks(mesh, diameter=0.3).faces) == len(mesh.faces)
    assert_data_stayed(without_specks(mesh, diameter=0.4))
    with pytest.raises(InputError, match="every part of the mesh is smaller"):
        without_specks(mesh, diameter=9.0)


@given(seed=st.integers(0, 1000))
def test_chosen_faces_stay_as_they_are(seed):
    mesh = decorated(sphere(rings=5))
    chosen = np.random.default_rng(seed).random(len(mesh.faces)) < 0.3
    part = with_faces(mesh, chosen)
    np.testing.assert_array_equal(part.corners, mesh.corners[chosen])
    assert len(np.unique(part.faces)) == len(part.vertices)
    assert_data_stayed(part)


def test_tidying_takes_away_all_that_is_too_much_and_nothing_else():
    mesh = decorated(sphere(rings=6))
    n = len(mesh.vertices)
    every = np.arange(n)
    doubled = replace(
        mesh,
        vertices=np.concatenate([mesh.vertices, mesh.vertices, [[5.0, 5.0, 5.0]]]),
        colours=np.concatenate([mesh.colours, mesh.colours, [[0, 0, 0]]]).astype(np.uint8),
        uv=np.concatenate([mesh.uv, mesh.uv, [[0.0, 0.0]]]),
        attributes={name: np.concatenate([a, a, a[:1]]) for name, a in mesh.attributes.items()},
        faces=np.concatenate([mesh.faces, np.roll(mesh.faces, 1, axis=1) + n, [[0, 0, 1], [3, 3 + n, 4]]]),
    )
    tidy = tidied(doubled)
    assert len(tidy.vertices) == len(every)
    np.testing.assert_array_equal(tidy.corners, mesh.corners)
    assert_data_stayed(tidy)


def test_tidying_keeps_seams_and_faces_that_are_turned_over():
    mesh = decorated(plane(cells=2))
    back = replace(mesh, faces=np.concatenate([mesh.faces, mesh.faces[:, ::-1]]))
    assert len(tidied(back).faces) == len(back.faces)
    other_uv = replace(
        mesh,
        vertices=np.concatenate([mesh.vertices, mesh.vertices]),
        faces=np.concatenate([mesh.faces[:4], mesh.faces[4:] + len(mesh.vertices)]),
        colours=None,
        attributes={},
        uv=np.concatenate([mesh.uv, 1 - mesh.uv]),
    )
    assert len(tidied(other_uv).vertices) > len(mesh.vertices)


def test_tidying_a_tidy_mesh_changes_nothing():
    mesh = sphere()
    np.testing.assert_array_equal(tidied(mesh).corners, mesh.corners)
