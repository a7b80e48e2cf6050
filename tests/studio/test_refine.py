import numpy as np
import pytest

from headfield.studio.refine import refined
from headfield.surface import Mesh

from .closed import assert_closed

TETRAHEDRON = Mesh.of(
    np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], float),
    np.array([[0, 1, 2], [0, 3, 1], [0, 2, 3], [1, 3, 2]]),
)


def longest_edge(mesh):
    return np.linalg.norm(mesh.corners - np.roll(mesh.corners, 1, axis=1), axis=2).max()


@pytest.mark.parametrize("longest", [5.0, 1.5, 0.3])
def test_refined_surfaces_are_the_same_and_as_fine_as_asked_for(longest):
    fine = Mesh.of(*refined(TETRAHEDRON.vertices, TETRAHEDRON.faces, longest))
    assert longest_edge(fine) <= longest
    assert_closed(fine)
    np.testing.assert_allclose(fine.face_areas.sum(), TETRAHEDRON.face_areas.sum())
    np.testing.assert_array_equal(fine.vertices[:4], TETRAHEDRON.vertices)


def test_what_is_fine_in_one_place_only_still_has_no_cracks():
    fine = Mesh.of(*refined(TETRAHEDRON.vertices, TETRAHEDRON.faces, lambda p: np.where(p[:, 0] > 0, 0.2, 2.0)))
    assert_closed(fine)
    right = fine.corners[..., 0].min(axis=1) > 0
    assert longest_edge(Mesh(fine.vertices, fine.faces[right])) <= 0.2
    assert len(fine.faces[right]) > 10 * len(fine.faces[fine.corners[..., 0].max(axis=1) < 0])


def test_a_limit_that_jumps_does_not_halve_for_ever():
    # The long side may stay, since the limit is generous just at its middle, while the sides beside it may not.
    triangle = np.array([[0.0, 0.0, 0.0], [0.025, 0.0, 0.0], [0.0, 0.0152, 0.0]])

    def longest(middles):
        return np.where(np.abs(middles - [0.0125, 0, 0]).max(axis=1) < 1e-9, 0.026, 0.012)

    fine = Mesh.of(*refined(triangle, np.array([[0, 1, 2]]), longest))
    starts, ends = fine.vertices[fine.faces], fine.vertices[np.roll(fine.faces, -1, axis=1)]
    middles = ((starts + ends) / 2).reshape(-1, 3)
    assert (np.linalg.norm(starts - ends, axis=2).ravel() <= longest(middles)).all()
    assert fine.face_areas.sum() == pytest.approx(0.025 * 0.0152 / 2)
