"""What every hull must be, said once for hair, beards, head coverings, glasses and clothes."""

import numpy as np

from headfield.surface import Mesh


def assert_closed(mesh: Mesh) -> None:
    """Every edge is shared by exactly two faces that run along it in opposite directions; nothing is inside out."""
    assert np.isfinite(mesh.vertices).all()
    a, b, c = mesh.faces.T
    assert not np.any((a == b) | (b == c) | (c == a))
    edges = np.concatenate([mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]], mesh.faces[:, [2, 0]]])
    keys = edges[:, 0] * len(mesh.vertices) + edges[:, 1]
    backward = edges[:, 1] * len(mesh.vertices) + edges[:, 0]
    assert len(np.unique(keys)) == len(keys)
    assert np.isin(backward, keys).all()
    corners = mesh.corners
    assert np.einsum("ni,ni->n", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() > 0


def assert_within_sphere(mesh: Mesh) -> None:
    """Nothing reaches beyond the unit sphere, where busts end."""
    assert np.linalg.norm(mesh.vertices, axis=1).max() <= 1
