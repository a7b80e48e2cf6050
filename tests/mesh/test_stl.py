from __future__ import annotations

import numpy as np
import pytest

from headfield.errors import InputError
from headfield.mesh.files import read_mesh, write_mesh

from ..shapes import bumpy, cube


def text_of(corners: np.ndarray) -> str:
    facets = "".join(
        " facet normal 0 0 0\n  outer loop\n"
        + "".join(f"   vertex {x:.9e} {y:.9e} {z:.9e}\n" for x, y, z in triangle)
        + "  endloop\n endfacet\n"
        for triangle in corners
    )
    return f"solid a head\n{facets}endsolid a head\n"


def test_text_and_binary_are_the_same(tmp_path):
    mesh = bumpy(rings=8)
    (tmp_path / "text.stl").write_text(text_of(mesh.corners))
    write_mesh(mesh, tmp_path / "binary.stl", unit="unit")
    text, binary = (read_mesh(tmp_path / f"{name}.stl", unit="unit") for name in ("text", "binary"))
    np.testing.assert_array_equal(text.faces, binary.faces)
    np.testing.assert_allclose(text.vertices, binary.vertices, atol=1e-6)
    np.testing.assert_allclose(text.corners, mesh.corners, atol=1e-6)


def test_a_binary_file_may_begin_like_text(tmp_path):
    path = tmp_path / "head.stl"
    write_mesh(cube(), path)
    path.write_bytes(b"solid" + path.read_bytes()[5:])
    assert len(read_mesh(path).faces) == 12


def test_normals_in_the_file_point_outwards(tmp_path):
    write_mesh(cube(), tmp_path / "head.stl")
    row = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("extra", "<u2")])
    rows = np.frombuffer((tmp_path / "head.stl").read_bytes(), row, offset=84)
    assert (np.einsum("fk,fk->f", rows["normal"], rows["corners"].mean(axis=1)) > 0).all()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda text: text[:-20], "is not an STL file, or it was cut off"),
        (lambda text: text.replace("   vertex", "   corner", 1), "is not an STL file, or it was cut off"),
        (lambda text: text.replace("e-01", "e-O1", 1), "holds a vertex that is not three numbers"),
    ],
)
def test_broken_text_is_one_sentence(change, sentence, tmp_path):
    (tmp_path / "head.stl").write_text(change(text_of(cube().corners)))
    with pytest.raises(InputError, match=rf"head\.stl {sentence}"):
        read_mesh(tmp_path / "head.stl")
