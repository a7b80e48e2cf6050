from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from headfield.errors import InputError
from headfield.mesh.files import read_mesh, read_points, write_mesh
from headfield.mesh.ply import Lists, read_elements, write_elements

from ..shapes import bumpy, cube

SQUARE = ((0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0))


def header(order: str, *lines: str) -> bytes:
    return "\n".join(["ply", f"format {order} 1.0", *lines, "end_header", ""]).encode()


def vertex_lines(count: int, kind: str = "float") -> list[str]:
    return [f"element vertex {count}", *(f"property {kind} {axis}" for axis in "xyz")]


def faces_lines(count: int) -> list[str]:
    return [f"element face {count}", "property list uchar int vertex_index"]


def written(path: Path, content: bytes) -> Path:
    (path / "mesh.ply").write_bytes(content)
    return path / "mesh.ply"


@pytest.mark.parametrize("order", ["ascii", "binary_little_endian", "binary_big_endian"])
@pytest.mark.parametrize("kind", ["float", "double", "int16"])
def test_triangles_and_quads_in_every_order_of_bytes(order, kind, tmp_path):
    """A mesh with polygons of different sizes has rows of different length."""
    polygons = [[0, 1, 2], [0, 1, 2, 3], [2, 3, 0]]
    content = header(order, "comment by hand", *vertex_lines(4, kind), *faces_lines(3))
    if order == "ascii":
        content += "".join(" ".join(map(str, row)) + "\n" for row in SQUARE).encode()
        content += "".join(f"{len(p)} {' '.join(map(str, p))}\n" for p in polygons).encode()
    else:
        end = "<" if "little" in order else ">"
        content += np.array(SQUARE, end + {"float": "f4", "double": "f8", "int16": "i2"}[kind]).tobytes()
        for polygon in polygons:
            content += bytes([len(polygon)]) + np.array(polygon, end + "i4").tobytes()
    mesh = read_mesh(written(tmp_path, content), unit="unit")
    np.testing.assert_array_equal(mesh.vertices, SQUARE)
    np.testing.assert_array_equal(mesh.faces, [[0, 1, 2], [0, 1, 2], [0, 2, 3], [2, 3, 0]])


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000))
def test_any_elements_survive(seed, tmp_path):
    rng = np.random.default_rng(seed)
    kinds = ["i1", "u1", "i2", "u2", "i4", "u4", "f4", "f8"]
    elements = {}
    for e in range(rng.integers(1, 4)):
        rows = int(rng.integers(0, 6))
        columns = {f"p{k}": rng.integers(0, 100, rows).astype(rng.choice(kinds)) for k in range(rng.integers(1, 4))}
        width = int(rng.integers(0, 5))
        if rng.random() < 0.5 and rows:
            columns["list"] = Lists(np.full(rows, width), rng.normal(size=rows * width).astype("f8"))
        elements[f"e{e}"] = columns
    write_elements(tmp_path / "any.ply", elements, comments=["first", "second one"])
    again = read_elements(tmp_path / "any.ply")
    assert again.keys() == elements.keys()
    for name, columns in elements.items():
        for key, column in columns.items():
            found = again[name][key]
            if isinstance(column, Lists):
                np.testing.assert_array_equal(found.lengths, column.lengths)
                column, found = column.values, found.values
            np.testing.assert_array_equal(found, column)
            assert found.dtype == column.dtype


def test_texture_coordinates_of_corners_and_a_texture_named_in_a_comment(tmp_path):
    """As MeshLab writes them."""
    Image.new("RGB", (2, 2), (9, 8, 7)).save(tmp_path / "the skin.png")
    content = header(
        "ascii",
        "comment TextureFile the skin.png",
        *vertex_lines(4),
        *faces_lines(2),
        "property list uchar float texcoord",
    )
    content += "".join(" ".join(map(str, row)) + "\n" for row in SQUARE).encode()
    content += b"3 0 1 2 6 0 0 1 0 1 1\n3 0 2 3 6 0.5 0.5 1 1 0 1\n"
    mesh = read_mesh(written(tmp_path, content), unit="unit")
    np.testing.assert_array_equal(mesh.faces, [[0, 1, 2], [4, 2, 3]])
    np.testing.assert_array_equal(mesh.uv, [[0, 0], [1, 0], [1, 1], [0, 1], [0.5, 0.5]])
    np.testing.assert_array_equal(mesh.texture, np.full((2, 2, 3), (9, 8, 7)))


@pytest.mark.parametrize("names", ["s t", "u v", "texture_u texture_v"])
def test_texture_coordinates_of_vertices_by_their_usual_names(names, tmp_path):
    lines = [f"property float {name}" for name in names.split()]
    content = header("ascii", *vertex_lines(3), *lines, *faces_lines(1)) + b"0 0 0 0 0\n1 0 0 1 0\n0 1 0 0 1\n3 0 1 2\n"
    np.testing.assert_array_equal(read_mesh(written(tmp_path, content)).uv, [[0, 0], [1, 0], [0, 1]])


@pytest.mark.parametrize(("kind", "values"), [("uchar", "255 51 0"), ("float", "1 0.2 0"), ("ushort", "255 51 0")])
def test_colours_of_several_kinds(kind, values, tmp_path):
    lines = [f"property {kind} {name}" for name in ("red", "green", "blue")]
    content = header("ascii", *vertex_lines(1), *lines) + f"0 0 0 {values}\n".encode()
    np.testing.assert_array_equal(read_points(written(tmp_path, content)).colours, [[255, 51, 0]])


def test_numbered_properties_are_one_attribute_and_others_stay_alone(tmp_path):
    lines = [f"property float {name}" for name in ("flow_0", "flow_1", "group_2", "quality")]
    content = (
        header("ascii", *vertex_lines(3), *lines, *faces_lines(1))
        + b"0 0 0 1 2 3 4\n1 0 0 1 2 3 4\n0 1 0 1 2 3 4\n3 0 1 2\n"
    )
    attributes = read_mesh(written(tmp_path, content)).attributes
    assert {name: values[0].tolist() for name, values in attributes.items()} == {
        "flow": [1, 2],
        "group_2": 3,
        "quality": 4,
    }


def test_the_file_is_binary_and_of_single_precision(tmp_path):
    mesh = bumpy()
    write_mesh(mesh, tmp_path / "head.ply")
    content = (tmp_path / "head.ply").read_bytes()
    assert content.startswith(b"ply\nformat binary_little_endian 1.0\nelement vertex ")
    data = content[content.index(b"end_header\n") + 11 :]
    assert len(data) == 12 * len(mesh.vertices) + 13 * len(mesh.faces)
    np.testing.assert_array_equal(np.frombuffer(data[:12], "<f4"), (mesh.vertices[0] * 200).astype("f4"))


@pytest.mark.parametrize("name", ["two words", "", "x"])
def test_an_attribute_that_cannot_be_named_is_one_sentence(name, tmp_path):
    with pytest.raises(InputError, match=r"an attribute of a mesh cannot be called"):
        write_mesh(replace(cube(), attributes={name: np.zeros(8)}), tmp_path / "head.ply")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"ply\nformat ascii 1.0\n", "is not a PLY file, or its head is broken"),
        (header("binary_middle_endian", *vertex_lines(1)), "is not a PLY file, or its head is broken"),
        (header("ascii", "element vertex many"), "is not a PLY file, or its head is broken"),
        (header("ascii", "element vertex 1", "property quaternion x"), "is not a PLY file, or its head is broken"),
        (header("ascii", "property float x"), "is not a PLY file, or its head is broken"),
        (header("ascii", "element face 0"), "holds no vertices with x, y and z"),
        (header("ascii", *vertex_lines(2)) + b"0 0 0\n0 0\n", "ends before all its data are there"),
        (header("ascii", *vertex_lines(2)) + b"0 0 0\n", "ends before all its data are there"),
        (header("ascii", *vertex_lines(1)) + b"0 0 zero\n", "ends before all its data are there"),
        (header("ascii", *vertex_lines(1), *faces_lines(1)) + b"0 0 0\n3 0 0\n", "ends before all its data are there"),
        (header("ascii", "element vertex ²"), "is not a PLY file, or its head is broken"),
        (
            header("ascii", *vertex_lines(1), "property uchar red") + b"0 0 0 nan\n",
            "holds a number that is not of the kind",
        ),
        (header("ascii", *vertex_lines(1), *faces_lines(1)) + b"0 0 0\n3 0 0 1e30\n", "holds a number that is not of"),
        (header("binary_little_endian", *vertex_lines(10**15)) + bytes(60), "ends before all its data are there"),
        (header("binary_little_endian", *faces_lines(10**15)) + b"\xff" * 90, "ends before all its data are there"),
    ],
)
def test_broken_files_are_one_sentence(content, sentence, tmp_path):
    with pytest.raises(InputError, match=rf"mesh\.ply {sentence}"):
        read_mesh(written(tmp_path, content))
