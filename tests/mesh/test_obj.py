from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headfield.errors import InputError
from headfield.mesh.files import read_mesh, write_mesh

from ..shapes import cube
from .merging import decorated

SQUARE = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\n"


def read(path: Path, text: str):
    (path / "mesh.obj").write_text(text)
    return read_mesh(path / "mesh.obj", unit="unit")


def texture(path: Path, colour: tuple[int, int, int]) -> None:
    path.parent.mkdir(exist_ok=True)
    Image.new("RGB", (2, 2), colour).save(path)


@pytest.mark.parametrize(
    "faces",
    [
        "f 1 2 3 4",
        "f -4 -3 -2 -1",
        "f 1/ 2/ 3/ 4/",
        "f 1//1 2//1 3//1 4//1",
        "f\t1  2 3\t4 ",
        "f 1 2 \\\n 3 4",
        "f 1 2 3\r\nf 1 3 4\r",
    ],
)
def test_the_ways_to_write_a_square(faces, tmp_path):
    mesh = read(tmp_path, f"# a square\nmtllib\n{SQUARE}vn 0 0 1\ns off\ng side\n{faces}\n")
    np.testing.assert_array_equal(mesh.faces, [[0, 1, 2], [0, 2, 3]])
    np.testing.assert_array_equal(mesh.vertices[:, :2], [[0, 0], [1, 0], [1, 1], [0, 1]])


def test_polygons_become_triangles_of_the_same_area(tmp_path):
    n = 7
    angle = 2 * np.pi * np.arange(n) / n
    vertices = "".join(f"v {x:.12f} {y:.12f} 0\n" for x, y in zip(np.cos(angle), np.sin(angle), strict=True))
    mesh = read(tmp_path, f"{vertices}f {' '.join(map(str, range(1, n + 1)))}\n")
    assert len(mesh.faces) == n - 2
    assert mesh.face_areas.sum() == pytest.approx(n / 2 * np.sin(2 * np.pi / n))
    assert (mesh.face_normals[:, 2] > 0.99).all()


def test_numbers_may_count_backwards_at_any_place(tmp_path):
    mesh = read(tmp_path, "v 0 0 0\nv 1 0 0\nv 0 1 0\nf -3 -2 -1\nv 0 0 1\nf -4 -2 -1\n")
    np.testing.assert_array_equal(mesh.faces, [[0, 1, 2], [0, 2, 3]])


def test_where_texture_coordinates_disagree_vertices_are_doubled_behind_the_others(tmp_path):
    text = SQUARE + "vt 0 0\nvt 1 0\nvt 1 1\nvt 0.5 0.5\n" + "f 1/1 2/2 3/3\nf 1/4 3/3 4/1\n"
    mesh = read(tmp_path, text)
    assert len(mesh.vertices) == 5
    np.testing.assert_array_equal(mesh.vertices[:4, :2], [[0, 0], [1, 0], [1, 1], [0, 1]])
    np.testing.assert_array_equal(mesh.faces, [[0, 1, 2], [4, 2, 3]])
    np.testing.assert_array_equal(mesh.uv, [[0, 0], [1, 0], [1, 1], [0, 0], [0.5, 0.5]])
    np.testing.assert_array_equal(mesh.vertices[4], mesh.vertices[0])


def test_colours_behind_the_coordinates_from_0_to_1_or_to_255(tmp_path):
    for top in (1, 255):
        rows = "".join(f"v {x} {y} 0 {top} {0.2 * top} 0\n" for x, y in ((0, 0), (1, 0), (0, 1)))
        np.testing.assert_array_equal(read(tmp_path, f"{rows}f 1 2 3\n").colours, [[255, 51, 0]] * 3)


def test_three_files_whose_names_have_spaces(tmp_path):
    mesh = replace(decorated(cube()), colours=None)
    write_mesh(mesh, tmp_path / "my head.obj")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["my head.mtl", "my head.obj", "my head.png"]
    assert "mtllib my head.mtl\n" in (tmp_path / "my head.obj").read_text()
    assert "map_Kd my head.png\n" in (tmp_path / "my head.mtl").read_text()
    np.testing.assert_array_equal(read_mesh(tmp_path / "my head.obj").texture, mesh.texture)


def test_without_a_texture_there_is_one_file(tmp_path):
    write_mesh(replace(decorated(cube()), texture=None), tmp_path / "head.obj")
    assert [file.name for file in tmp_path.iterdir()] == ["head.obj"]


TEXTURED = (
    "mtllib {library}\n" + SQUARE + "vt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\nusemtl skin\nf 1/1 2/2 3/3\n{more}f 1/1 3/3 4/4\n"
)


def test_textures_in_folders_below_and_options_before_their_names(tmp_path):
    texture(tmp_path / "maps" / "skin.png", (9, 8, 7))
    (tmp_path / "some.mtl").write_text("newmtl skin\nKd 1 1 1\nmap_Kd -s 1 1 1 maps\\skin.png\n")
    mesh = read(tmp_path, TEXTURED.format(library="some.mtl", more=""))
    np.testing.assert_array_equal(mesh.texture, np.full((2, 2, 3), (9, 8, 7)))


def test_several_textures_become_vertex_colours(tmp_path):
    texture(tmp_path / "skin.png", (200, 10, 20))
    texture(tmp_path / "hair.png", (30, 20, 10))
    (tmp_path / "two.mtl").write_text("newmtl skin\nmap_Kd skin.png\nnewmtl hair\nmap_Kd hair.png\n")
    mesh = read(tmp_path, TEXTURED.format(library="two.mtl", more="usemtl hair\n"))
    assert mesh.texture is None
    np.testing.assert_array_equal(mesh.colours[1], [200, 10, 20])
    np.testing.assert_array_equal(mesh.colours[3], [30, 20, 10])


@pytest.mark.parametrize("name", ["../skin.png", "/etc/hostname", "maps/../../skin.png", "http://example.com/skin.png"])
def test_nothing_outside_the_folder_is_opened(name, tmp_path):
    texture(tmp_path / "skin.png", (1, 2, 3))
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "some.mtl").write_text(f"newmtl skin\nmap_Kd {name}\n")
    with pytest.warns(UserWarning, match=r"names .*, which is outside its folder and was left out"):
        mesh = read(folder, TEXTURED.format(library="some.mtl", more=""))
    assert mesh.texture is None
    with pytest.warns(UserWarning, match="outside its folder"):
        read(folder, TEXTURED.format(library="../some.mtl", more=""))


def test_a_link_that_leads_out_of_the_folder_is_not_followed(tmp_path):
    texture(tmp_path / "skin.png", (1, 2, 3))
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "skin.png").symlink_to(tmp_path / "skin.png")
    (folder / "some.mtl").write_text("newmtl skin\nmap_Kd skin.png\n")
    with pytest.warns(UserWarning, match="outside its folder"):
        assert read(folder, TEXTURED.format(library="some.mtl", more="")).texture is None


def test_a_missing_texture_is_said_and_the_mesh_read(tmp_path):
    (tmp_path / "some.mtl").write_text("newmtl skin\nmap_Kd skin.png\n")
    with pytest.warns(UserWarning, match=r"names skin\.png, which is not there"):
        assert read(tmp_path, TEXTURED.format(library="some.mtl", more="")).uv is not None


def test_a_broken_texture_is_one_sentence(tmp_path):
    (tmp_path / "skin.png").write_bytes(b"not a picture")
    (tmp_path / "some.mtl").write_text("newmtl skin\nmap_Kd skin.png\n")
    with pytest.raises(InputError, match=r"skin\.png is not a picture, or it was cut off"):
        read(tmp_path, TEXTURED.format(library="some.mtl", more=""))


def test_no_program_is_run_for_a_texture(tmp_path):
    """PostScript is a language; Pillow would call an interpreter for it."""
    (tmp_path / "skin.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n")
    (tmp_path / "some.mtl").write_text("newmtl skin\nmap_Kd skin.png\n")
    with pytest.raises(InputError, match=r"skin\.png is not a picture"):
        read(tmp_path, TEXTURED.format(library="some.mtl", more=""))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("v 0 0\nv 1 0\nv 0 1\nf 1 2 3\n", "has vertices that are not 3 numbers each"),
        ("v 0 0 zero\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", "has vertices that are not 3 numbers each"),
        (SQUARE + "f 1 2\n", "has a face with fewer than three corners"),
        (SQUARE + "f 1 2 three\n", "has a face with the corner 'three'"),
        (SQUARE + "f 0 1 2\n", "has faces between vertices that do not exist"),
        (SQUARE + "f -9 1 2\n", "has faces between vertices that do not exist"),
        (SQUARE + f"f 1 2 {10**30}\n", "has faces between vertices that do not exist"),
        (SQUARE + f"f 1 2 -{10**30}\n", "has faces between vertices that do not exist"),
        (SQUARE + "v # none\nf 1 2 3\n", "has vertices that are not 3 numbers each"),
        ("v\nv\nf 1 2 3\n", "has vertices that are not 3 numbers each"),
        (SQUARE + "vt 0 0\nf 1/1 2/2 3/1\n", "has faces with texture coordinates that do not exist"),
        (SQUARE + "vt x y\nf 1/1 2/1 3/1\n", "has texture coordinates that are not 2 numbers each"),
        (SQUARE + "vt nan 0\nf 1/1 2/1 3/1\n", "has texture coordinates that are not finite"),
        ("usemtl skin\n", "holds no vertices; it may not be an OBJ file"),
    ],
)
def test_broken_lines_are_one_sentence(text, sentence, tmp_path):
    with pytest.raises(InputError, match=rf"mesh\.obj {sentence}"):
        read(tmp_path, text)
