"""What every format must do: round trips, units, and one sentence for what cannot be read or written."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headfield.errors import InputError
from headfield.mesh.files import PointCloud, read_mesh, read_mesh_or_points, read_points, write_mesh
from headfield.mesh.topology import is_watertight
from headfield.surface import Mesh

from ..shapes import bumpy, cube
from .merging import decorated

WRITABLE = (".glb", ".obj", ".ply", ".stl")
INDEXED = (".glb", ".obj", ".ply")
every_format = pytest.mark.parametrize("suffix", WRITABLE)
indexed_formats = pytest.mark.parametrize("suffix", INDEXED)


def round_trip(mesh: Mesh, path: Path) -> Mesh:
    write_mesh(mesh, path)
    return read_mesh(path)


@indexed_formats
def test_vertices_keep_their_order_and_faces_their_corners(suffix, tmp_path):
    mesh = bumpy()
    again = round_trip(mesh, tmp_path / f"head{suffix}")
    np.testing.assert_allclose(again.vertices, mesh.vertices, atol=1e-6)
    np.testing.assert_array_equal(again.faces, mesh.faces)
    assert again.colours is None
    assert again.uv is None
    assert again.texture is None
    assert again.attributes == {}


def test_stl_keeps_the_triangles_and_joins_them(tmp_path):
    mesh = bumpy()
    again = round_trip(mesh, tmp_path / "head.stl")
    np.testing.assert_allclose(again.corners, mesh.corners, atol=1e-6)
    assert len(again.vertices) == len(mesh.vertices)
    assert is_watertight(again)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), suffix=st.sampled_from(WRITABLE), exponent=st.integers(-3, 3))
def test_any_triangles_survive(seed, suffix, exponent, tmp_path):
    """Also vertices that no face needs, vertices in the same place and faces without area."""
    rng = np.random.default_rng(seed)
    vertices = rng.normal(size=(rng.integers(3, 30), 3)).round(1) * 10.0**exponent
    mesh = Mesh(vertices, rng.integers(0, len(vertices), (rng.integers(1, 50), 3)))
    again = round_trip(mesh, tmp_path / f"any{suffix}")
    np.testing.assert_allclose(again.corners, mesh.corners, rtol=1e-6, atol=1e-30)
    if suffix != ".stl":
        np.testing.assert_array_equal(again.faces, mesh.faces)


@indexed_formats
def test_vertex_colours_survive_to_the_last_bit(suffix, tmp_path, rng):
    mesh = replace(cube(), colours=rng.integers(0, 256, (8, 3), dtype=np.uint8))
    np.testing.assert_array_equal(round_trip(mesh, tmp_path / f"head{suffix}").colours, mesh.colours)


@pytest.mark.parametrize("suffix", [".glb", ".obj"])
def test_textures_survive_to_the_last_bit(suffix, tmp_path):
    mesh = replace(decorated(bumpy()), colours=None)
    again = round_trip(mesh, tmp_path / f"a head{suffix}")
    np.testing.assert_array_equal(again.texture, mesh.texture)
    np.testing.assert_allclose(again.uv, mesh.uv, atol=1e-6)
    np.testing.assert_array_equal(again.faces, mesh.faces)


@pytest.mark.parametrize("suffix", [".glb", ".ply"])
def test_attributes_survive_with_their_kinds_of_number(suffix, tmp_path):
    mesh = decorated(bumpy())
    again = round_trip(mesh, tmp_path / f"head{suffix}")
    assert again.attributes.keys() == mesh.attributes.keys()
    for name, values in mesh.attributes.items():
        np.testing.assert_array_equal(again.attributes[name], values)
        assert again.attributes[name].dtype == values.dtype


@pytest.mark.parametrize("suffix", [".glb", ".ply"])
@pytest.mark.parametrize("kind", [bool, np.int8, np.uint16, np.int32, np.int64, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(8,), (8, 1), (8, 2), (8, 4)])
def test_attributes_of_any_kind_keep_their_values(suffix, kind, shape, tmp_path):
    values = (np.arange(np.prod(shape)).reshape(shape) % 2).astype(kind)
    again = round_trip(replace(cube(), attributes={"some": values}), tmp_path / f"head{suffix}").attributes["some"]
    np.testing.assert_array_equal(again.reshape(shape), values)


def test_ply_without_colours_of_its_own_takes_those_of_the_texture(tmp_path):
    mesh = replace(decorated(bumpy()), colours=None)
    again = round_trip(mesh, tmp_path / "head.ply")
    np.testing.assert_allclose(again.uv, mesh.uv, atol=1e-6)
    assert again.colours is not None
    inner = np.abs(mesh.uv - 0.5).max(axis=1) < 0.4
    np.testing.assert_allclose(again.colours[inner, 0], 16 * (16 * mesh.uv[inner, 0] - 0.5), atol=1)


@every_format
@pytest.mark.parametrize(
    ("unit", "factor"), [(None, 1), ("unit", 1), ("mm", 200), ("cm", 20), ("m", 0.2), ("in", 200 / 25.4)]
)
def test_the_unit_names_what_the_numbers_in_the_file_are(suffix, unit, factor, tmp_path):
    path = tmp_path / f"head{suffix}"
    write_mesh(cube(1.0), path, unit=unit)
    np.testing.assert_allclose(read_mesh(path, unit=unit).bounds, cube(1.0).bounds, rtol=1e-6)
    stated = read_mesh(path, unit="unit").bounds[1] * 2
    usual = {".glb": 0.2}.get(suffix, 200.0)
    np.testing.assert_allclose(stated, factor if unit else usual, rtol=1e-6)


@indexed_formats
def test_points_are_read_with_what_is_known_about_them(suffix, tmp_path):
    mesh = decorated(bumpy())
    path = tmp_path / f"head{suffix}"
    write_mesh(replace(mesh, uv=None, texture=None), path)
    cloud = read_points(path)
    np.testing.assert_allclose(cloud.points, mesh.vertices, atol=1e-6)
    np.testing.assert_array_equal(cloud.colours, mesh.colours)
    np.testing.assert_allclose(cloud.normals, mesh.vertex_normals, atol=1e-5)
    assert isinstance(read_mesh_or_points(path), Mesh)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (
            "points.ply",
            "ply\nformat ascii 1.0\nelement vertex 2\nproperty float x\nproperty float y\nproperty float z\n"
            "property float nx\nproperty float ny\nproperty float nz\nend_header\n0 0 200 0 0 2\n0 400 0 0 1 0\n",
        ),
        ("points.obj", "v 0 0 200\nv 0 400 0\n"),
    ],
)
def test_bare_points(name, content, tmp_path):
    path = tmp_path / name
    path.write_text(content)
    cloud = read_mesh_or_points(path)
    assert isinstance(cloud, PointCloud)
    np.testing.assert_allclose(cloud.points, [[0, 0, 1], [0, 2, 0]])
    if name.endswith(".ply"):
        np.testing.assert_allclose(cloud.normals, [[0, 0, 1], [0, 1, 0]])
    with pytest.raises(InputError, match=rf"{name} has no faces, only 2 points; a mesh was expected"):
        read_mesh(path)


# What cannot be read.


@every_format
def test_a_missing_file(suffix, tmp_path):
    path = tmp_path / f"none{suffix}"
    with pytest.raises(InputError, match=rf"none\{suffix} does not exist"):
        read_mesh(path)


@every_format
def test_an_empty_file(suffix, tmp_path):
    path = tmp_path / f"empty{suffix}"
    path.touch()
    with pytest.raises(InputError, match=rf"empty\{suffix} is empty"):
        read_mesh(path)


@every_format
def test_a_folder(suffix, tmp_path):
    path = tmp_path / f"folder{suffix}"
    path.mkdir()
    with pytest.raises(InputError, match=rf"folder\{suffix} is a folder where a file was expected"):
        read_mesh(path)


def test_an_unknown_suffix_names_the_known_ones(tmp_path):
    path = tmp_path / "head.fbx"
    path.write_bytes(b"Kaydara FBX Binary")
    with pytest.raises(InputError, match=r"head.fbx has a suffix that is not known; use one of .glb, .gltf, .obj"):
        read_mesh(path)
    with pytest.raises(InputError, match=r"head.xyz has a suffix that is not known; use one of .glb, .obj, .ply"):
        write_mesh(cube(), tmp_path / "head.xyz")
    with pytest.raises(InputError, match=r"reads glTF but writes GLB; call it head.glb"):
        write_mesh(cube(), tmp_path / "head.gltf")


@pytest.mark.parametrize("suffix", [".glb", ".ply", ".stl"])
def test_a_file_cut_off_anywhere_is_never_read(suffix, tmp_path):
    whole, cut = tmp_path / f"whole{suffix}", tmp_path / f"cut{suffix}"
    write_mesh(decorated(cube()), whole)
    content = whole.read_bytes()
    for end in {1, 3, 10, 60, 79, 83, 90, 200, *np.linspace(200, len(content) - 1, 40, dtype=int).tolist()}:
        if end < len(content):
            cut.write_bytes(content[:end])
            with pytest.raises(InputError, match=rf"cut\{suffix} .*(cut off|is not a|broken)"):
                read_mesh(cut)


def test_a_text_file_cut_off_within_a_line_or_before_its_faces(tmp_path):
    path = tmp_path / "cut.obj"
    write_mesh(cube(), path)
    text = path.read_text()
    for end in (text.index("f "), text.index("f ") - 8, len(text) - 4, text.rindex("f ") + 1, 4):
        path.write_text(text[:end])
        with pytest.raises(InputError, match=r"cut\.obj"):
            read_mesh(path)


@every_format
@pytest.mark.parametrize("other", WRITABLE)
def test_another_format_behind_the_suffix(suffix, other, tmp_path):
    if suffix == other:
        return
    path = tmp_path / f"true{other}"
    write_mesh(cube(), path)
    wrong = path.rename(tmp_path / f"wrong{suffix}")
    with pytest.raises(InputError, match=rf"wrong\{suffix} (is not|holds no vertices)"):
        read_mesh(wrong)


@every_format
def test_noise_behind_the_suffix(suffix, tmp_path, rng):
    path = tmp_path / f"noise{suffix}"
    for _ in range(20):
        path.write_bytes(rng.bytes(500))
        with pytest.raises(InputError, match=rf"noise\{suffix} "):
            read_mesh(path)


@pytest.mark.parametrize("suffix", [".glb", ".ply", ".obj"])
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.floats(0, 1), byte=st.integers(0, 255))
def test_a_file_with_one_wrong_byte_is_read_or_refused_in_one_sentence(suffix, tmp_path, position, byte):
    path = tmp_path / f"head{suffix}"
    write_mesh(replace(cube(), attributes={"part": np.zeros(8, np.uint8)}), path)
    content = bytearray(path.read_bytes())
    content[int(position * (len(content) - 1))] = byte
    path.write_bytes(content)
    try:
        mesh = read_mesh(path)
    except InputError as error:
        assert "head" in str(error)  # noqa: PT017
    else:
        assert np.isfinite(mesh.vertices).all()
        assert mesh.faces.max() < len(mesh.vertices)


@pytest.mark.parametrize("suffix", [".glb", ".ply", ".obj"])
@pytest.mark.parametrize("number", ["nan", "inf"])
def test_vertices_that_are_no_numbers(suffix, number, tmp_path):
    path = tmp_path / f"broken{suffix}"
    vertices = cube().vertices.copy()
    vertices[[2, 5], 1] = float(number)
    with pytest.raises(
        InputError, match=rf"mesh for .*broken\{suffix} has 2 vertices whose coordinates are not finite"
    ):
        write_mesh(replace(cube(), vertices=vertices), path)
    write_past_the_checks(replace(cube(), vertices=vertices), path)
    with pytest.raises(InputError, match=rf"broken\{suffix} has 2 vertices whose coordinates are not finite"):
        read_mesh(path)


@pytest.mark.parametrize("suffix", [".glb", ".ply", ".obj"])
@pytest.mark.parametrize("wrong", [8, 2**31 - 2])
def test_faces_between_vertices_that_do_not_exist(suffix, wrong, tmp_path):
    path = tmp_path / f"broken{suffix}"
    write_past_the_checks(replace(cube(), faces=np.where(cube().faces == 7, wrong, cube().faces)), path)
    with pytest.raises(InputError, match=rf"broken\{suffix} has faces between vertices that do not exist"):
        read_mesh(path)


@pytest.mark.parametrize("suffix", [".glb", ".ply", ".obj"])
def test_faces_without_any_area(suffix, tmp_path):
    path = tmp_path / f"flat{suffix}"
    flat = replace(cube(), vertices=cube().vertices * [1, 0, 0])
    with pytest.raises(InputError, match=rf"mesh for .*flat\{suffix} has faces but no surface"):
        write_mesh(flat, path)
    write_past_the_checks(flat, path)
    with pytest.raises(InputError, match=rf"flat\{suffix} has faces but no surface"):
        read_mesh(path)


@pytest.mark.parametrize("suffix", [".glb", ".ply", ".obj"])
def test_vertices_beyond_the_moon(suffix, tmp_path):
    path = tmp_path / f"far{suffix}"
    far = replace(cube(), vertices=cube().vertices * 1e30)
    write_past_the_checks(far, path)
    with pytest.raises(InputError, match=rf"far\{suffix} reaches 5e\+\d\d km far; it is no head, or in another unit"):
        read_mesh(path, unit="m" if suffix == ".glb" else "mm")


@pytest.mark.parametrize("suffix", [".ply", ".obj"])
def test_a_single_point(suffix, tmp_path):
    path = tmp_path / f"point{suffix}"
    content = {
        ".obj": "v 1 2 3\n",
        ".ply": "ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nproperty float y\nproperty float z\n"
        "element face 0\nproperty list uchar int vertex_indices\nend_header\n1 2 3\n",
    }
    path.write_text(content[suffix])
    with pytest.raises(InputError, match=rf"point\{suffix} has no faces, only a single point"):
        read_mesh(path)


def test_no_points_at_all(tmp_path):
    path = tmp_path / "nothing.ply"
    path.write_text(
        "ply\nformat ascii 1.0\nelement vertex 0\nproperty float x\nproperty float y\nproperty float z\nend_header\n"
    )
    with pytest.raises(InputError, match=r"nothing\.ply has no faces, only 0 points"):
        read_mesh(path)
    with pytest.raises(InputError, match=r"nothing\.ply holds no points"):
        read_points(path)


# What cannot be written.


@every_format
def test_a_mesh_without_faces_is_not_written(suffix, tmp_path):
    path = tmp_path / f"head{suffix}"
    with pytest.raises(InputError, match=rf"head\{suffix} was not written: the mesh has no faces"):
        write_mesh(replace(cube(), faces=np.empty((0, 3), np.int64)), path)
    assert list(tmp_path.iterdir()) == []


@every_format
def test_an_output_in_a_place_that_is_a_file(suffix, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=rf"head\{suffix} cannot be written"):
        write_mesh(decorated(cube()), tmp_path / "file" / f"head{suffix}")


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing stops root from writing")
@every_format
def test_an_output_folder_that_may_not_be_written(suffix, tmp_path):
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    with pytest.raises(InputError, match=rf"head\{suffix} cannot be written \(Permission denied\)"):
        write_mesh(decorated(cube()), folder / f"head{suffix}")


def test_an_interrupted_obj_leaves_the_old_files(tmp_path, monkeypatch):
    path = tmp_path / "head.obj"
    write_mesh(replace(decorated(cube()), colours=None), path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert before.keys() == {"head.obj", "head.mtl", "head.png"}

    def full(_: np.ndarray) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("headfield.mesh.obj.encode_png", full)
    with pytest.raises(InputError, match=r"head\.png cannot be written \(No space left on device\)"):
        write_mesh(replace(decorated(cube(2.0)), colours=None), path)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def write_past_the_checks(mesh: Mesh, path: Path) -> None:
    """Write what write_mesh refuses, as a broken program would."""
    from headfield.mesh import obj, ply_mesh

    if path.suffix == ".glb":
        # Through a mesh that can be written: the numbers are replaced in the file.
        write_mesh(cube(), path, unit="unit")
        content = path.read_bytes()
        content = content.replace(cube().vertices.astype("<f4").tobytes(), mesh.vertices.astype("<f4").tobytes())
        path.write_bytes(content.replace(cube().faces.astype("<u4").tobytes(), mesh.faces.astype("<u4").tobytes()))
    else:
        {".obj": obj, ".ply": ply_mesh}[path.suffix].write(mesh, path)
