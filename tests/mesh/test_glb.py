"""GLB as the standard has it, checked with a reader of a page; and scenes as other programs write them."""

from __future__ import annotations

import base64
import io
import json
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headfield.errors import InputError
from headfield.mesh.files import read_mesh, read_points, write_mesh
from headfield.surface import Mesh

from ..shapes import bumpy, cube
from .merging import decorated

WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}
KINDS = {5121: ("B", 1), 5123: ("H", 2), 5125: ("I", 4), 5126: ("f", 4)}


def chunks(path: Path) -> tuple[dict, bytes]:
    """The JSON and the binary chunk, after checking what surrounds them."""
    content = path.read_bytes()
    magic, version, length, json_length, json_kind = struct.unpack_from("<4sIII4s", content)
    assert (magic, version, length, json_kind) == (b"glTF", 2, len(content), b"JSON")
    binary_length, binary_kind = struct.unpack_from("<I4s", content, 20 + json_length)
    assert binary_kind == b"BIN\0"
    assert json_length % 4 == binary_length % 4 == 0
    assert 28 + json_length + binary_length == length
    return json.loads(content[20 : 20 + json_length]), content[28 + json_length :]


def column(document: dict, binary: bytes, accessor: int) -> np.ndarray:
    """What an accessor stands for, number by number."""
    stated = document["accessors"][accessor]
    view = document["bufferViews"][stated["bufferView"]]
    kind, size = KINDS[stated["componentType"]]
    width = WIDTHS[stated["type"]]
    stride = view.get("byteStride", width * size)
    assert view["byteOffset"] % 4 == 0
    assert "target" in view
    rows = [
        struct.unpack_from(f"<{width}{kind}", binary, view["byteOffset"] + row * stride)
        for row in range(stated["count"])
    ]
    return np.array(rows)


def test_coordinates_are_metres_with_y_up_and_the_face_towards_z(tmp_path):
    """A millimetre of a head is a thousandth in the file, and nothing is turned."""
    mesh = replace(cube(), vertices=cube().vertices * [1.0, 2.0, 3.0])
    write_mesh(mesh, tmp_path / "head.glb")
    document, binary = chunks(tmp_path / "head.glb")
    (node,) = document["nodes"]
    assert set(node) == {"mesh", "name"}, "no transform"
    (primitive,) = document["meshes"][0]["primitives"]
    positions = column(document, binary, primitive["attributes"]["POSITION"])
    np.testing.assert_allclose(positions, mesh.vertices * 0.2, rtol=1e-6)
    bounds = document["accessors"][primitive["attributes"]["POSITION"]]
    np.testing.assert_allclose([bounds["min"], bounds["max"]], [positions.min(axis=0), positions.max(axis=0)])
    np.testing.assert_array_equal(column(document, binary, primitive["indices"]).reshape(-1, 3), mesh.faces)


def test_what_the_file_says_of_itself_is_what_the_standard_wants(tmp_path):
    write_mesh(decorated(bumpy()), tmp_path / "head.glb")
    document, binary = chunks(tmp_path / "head.glb")
    assert document["asset"]["version"] == "2.0"
    assert document["buffers"] == [{"byteLength": len(binary)}]
    (primitive,) = document["meshes"][0]["primitives"]
    assert all(name.isupper() for name in primitive["attributes"])
    assert {"_CONFIDENCE", "_PLACE", "_PART"} <= primitive["attributes"].keys()
    normals = column(document, binary, primitive["attributes"]["NORMAL"])
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-6)
    for view in document["bufferViews"]:
        assert view["byteOffset"] + view["byteLength"] <= len(binary)
        assert view.get("byteStride", 4) % 4 == 0


def test_the_texture_is_a_png_inside_and_its_first_row_the_top(tmp_path):
    mesh = decorated(cube())
    write_mesh(mesh, tmp_path / "head.glb")
    document, binary = chunks(tmp_path / "head.glb")
    assert document["images"] == [{"bufferView": document["images"][0]["bufferView"], "mimeType": "image/png"}]
    view = document["bufferViews"][document["images"][0]["bufferView"]]
    picture = Image.open(io.BytesIO(binary[view["byteOffset"] : view["byteOffset"] + view["byteLength"]]))
    np.testing.assert_array_equal(np.asarray(picture), mesh.texture)
    (primitive,) = document["meshes"][0]["primitives"]
    uv = column(document, binary, primitive["attributes"]["TEXCOORD_0"])
    np.testing.assert_allclose(uv, np.stack([mesh.uv[:, 0], 1 - mesh.uv[:, 1]], axis=1), atol=1e-6)
    assert "COLOR_0" not in primitive["attributes"], "glTF would multiply them"


def test_vertex_colours_are_linear_as_the_standard_wants(tmp_path):
    """sRGB 188 is about half the light of 255."""
    grey = np.full((8, 3), 188, np.uint8)
    write_mesh(replace(cube(), colours=grey), tmp_path / "head.glb")
    document, binary = chunks(tmp_path / "head.glb")
    accessor = document["meshes"][0]["primitives"][0]["attributes"]["COLOR_0"]
    assert document["accessors"][accessor]["normalized"] is True
    np.testing.assert_allclose(column(document, binary, accessor)[:, :3] / 65535, 0.503, atol=0.001)


def test_shading_does_not_show_the_seams_of_the_texture(tmp_path):
    mesh = bumpy()
    doubled = Mesh(
        mesh.vertices[mesh.faces].reshape(-1, 3),
        np.arange(mesh.faces.size).reshape(-1, 3),
        uv=np.zeros((mesh.faces.size, 2)),
    )
    write_mesh(doubled, tmp_path / "head.glb")
    document, binary = chunks(tmp_path / "head.glb")
    normals = column(document, binary, document["meshes"][0]["primitives"][0]["attributes"]["NORMAL"])
    np.testing.assert_allclose(normals, mesh.vertex_normals[mesh.faces.ravel()], atol=1e-5)


def test_an_attribute_too_wide_for_gltf_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match="the attribute features has 7 numbers a vertex, but GLB has room for up to 4"):
        write_mesh(replace(cube(), attributes={"features": np.zeros((8, 7))}), tmp_path / "head.glb")
    assert list(tmp_path.iterdir()) == []


# Scenes of other programs.


class Scene:
    """A glTF document under construction."""

    def __init__(self) -> None:
        self.binary = b""
        self.json: dict = {"asset": {"version": "2.0"}, "scene": 0, "bufferViews": [], "accessors": [], "meshes": []}

    def array(self, values: np.ndarray, **facts: object) -> int:
        kinds = {"f4": 5126, "u4": 5125, "u2": 5123, "u1": 5121, "i2": 5122}
        rows = values.reshape(len(values), -1)
        self.json["bufferViews"].append({"buffer": 0, "byteOffset": len(self.binary), "byteLength": values.nbytes})
        self.binary += values.tobytes() + bytes(-values.nbytes % 4)
        self.json["accessors"].append(
            {
                "bufferView": len(self.json["bufferViews"]) - 1,
                "componentType": kinds[values.dtype.str[1:]],
                "count": len(rows),
                "type": ("SCALAR", "VEC2", "VEC3", "VEC4")[rows.shape[1] - 1],
                **facts,
            }
        )
        return len(self.json["accessors"]) - 1

    def mesh(self, mesh: Mesh, material: int | None = None, **attributes: int) -> int:
        primitive: dict = {
            "attributes": {"POSITION": self.array(mesh.vertices.astype("<f4")), **attributes},
            "indices": self.array(mesh.faces.ravel().astype("<u2")),
        }
        if material is not None:
            primitive["material"] = material
        self.json["meshes"].append({"primitives": [primitive]})
        return len(self.json["meshes"]) - 1

    def nodes(self, *nodes: dict, roots: list[int]) -> None:
        self.json["nodes"] = list(nodes)
        self.json["scenes"] = [{"nodes": roots}]

    def picture(self, colour: tuple[int, int, int]) -> dict:
        buffer = io.BytesIO()
        Image.new("RGB", (4, 4), colour).save(buffer, format="PNG")
        return {"uri": "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()}

    def glb(self, path: Path) -> Path:
        self.json["buffers"] = [{"byteLength": len(self.binary)}]
        text = json.dumps(self.json).encode()
        text += b" " * (-len(text) % 4)
        body = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(self.binary), b"BIN\0")
        path.write_bytes(struct.pack("<4sII", b"glTF", 2, 12 + len(body) + len(self.binary)) + body + self.binary)
        return path

    def gltf(self, path: Path, uri: str | None) -> Path:
        inside = "data:application/octet-stream;base64," + base64.b64encode(self.binary).decode()
        self.json["buffers"] = [{"byteLength": len(self.binary), "uri": uri or inside}]
        path.write_text(json.dumps(self.json))
        return path


def placed_cube(path: Path, *nodes: dict, roots: list[int]) -> Mesh:
    scene = Scene()
    scene.mesh(cube())
    scene.nodes(*nodes, roots=roots)
    return read_mesh(scene.glb(path / "scene.glb"), unit="unit")


def test_nodes_put_their_meshes_in_place(tmp_path):
    quarter = [0.0, np.sin(np.pi / 4), 0.0, np.cos(np.pi / 4)]  # about y: z goes to x
    mesh = placed_cube(
        tmp_path,
        {"children": [1, 2], "translation": [10, 0, 0], "rotation": quarter, "scale": [2, 2, 2]},
        {"mesh": 0, "translation": [0, 0, 1]},
        {"mesh": 0, "matrix": [1, 0, 0, 0, 0, 3, 0, 0, 0, 0, 1, 0, 0, 5, 0, 1]},
        {"mesh": 0, "translation": [99, 0, 0]},
        roots=[0],
    )
    assert len(mesh.faces) == 24, "the last node is in no scene"
    first, second = mesh.vertices[:8], mesh.vertices[8:]
    np.testing.assert_allclose(first.mean(axis=0), [12, 0, 0], atol=1e-6)
    np.testing.assert_allclose(np.ptp(second, axis=0), [2, 6, 2], atol=1e-6)
    np.testing.assert_allclose(second.mean(axis=0), [10, 10, 0], atol=1e-6)


def test_a_node_that_mirrors_does_not_turn_the_surface_inside_out(tmp_path):
    mesh = placed_cube(tmp_path, {"mesh": 0, "scale": [-1, 1, 1]}, roots=[0])
    outward = np.einsum("fk,fk->f", mesh.face_normals, mesh.corners.mean(axis=1))
    assert (outward > 0).all()


def test_nodes_in_a_circle_are_one_sentence(tmp_path):
    with pytest.raises(InputError, match=r"scene\.glb is not a proper glTF file"):
        placed_cube(tmp_path, {"children": [1]}, {"children": [0], "mesh": 0}, roots=[0])


def test_strips_and_fans(tmp_path):
    corners = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]], "<f4")
    for mode, indices in ((5, [0, 1, 2, 3]), (6, [0, 1, 3, 2])):
        scene = Scene()
        attributes = {"POSITION": scene.array(corners)}
        indices = scene.array(np.array(indices, "<u1"))
        scene.json["meshes"] = [{"primitives": [{"attributes": attributes, "indices": indices, "mode": mode}]}]
        scene.nodes({"mesh": 0}, roots=[0])
        mesh = read_mesh(scene.glb(tmp_path / "scene.glb"))
        assert len(mesh.faces) == 2
        np.testing.assert_allclose(mesh.face_normals, [[0, 0, 1], [0, 0, 1]])


def test_points_with_normals_that_a_node_turns(tmp_path):
    scene = Scene()
    attributes = {"POSITION": scene.array(np.eye(3, dtype="<f4")), "NORMAL": scene.array(np.eye(3, dtype="<f4"))}
    scene.json["meshes"] = [{"primitives": [{"attributes": attributes, "mode": 0}]}]
    scene.nodes({"mesh": 0, "rotation": [0, 0, 1, 0], "translation": [0, 0, 1]}, roots=[0])
    cloud = read_points(scene.glb(tmp_path / "scene.glb"), unit="unit")
    np.testing.assert_allclose(cloud.points, [[-1, 0, 1], [0, -1, 1], [0, 0, 2]], atol=1e-6)
    np.testing.assert_allclose(cloud.normals, [[-1, 0, 0], [0, -1, 0], [0, 0, 1]], atol=1e-6)


def test_numbers_that_lie_among_others_and_whole_numbers_that_stand_for_parts(tmp_path):
    scene = Scene()
    table = np.zeros(8, [("position", "<f4", 3), ("colour", "<u1", 4)])
    table["position"], table["colour"] = cube().vertices, [[255, 0, 51, 255]] * 8
    scene.json["bufferViews"] = [{"buffer": 0, "byteOffset": 0, "byteLength": 128, "byteStride": 16}]
    scene.binary = table.tobytes()
    common = {"bufferView": 0, "count": 8}
    scene.json["accessors"] = [
        {**common, "componentType": 5126, "type": "VEC3"},
        {**common, "componentType": 5121, "type": "VEC4", "byteOffset": 12, "normalized": True},
    ]
    indices = scene.array(cube().faces.ravel().astype("<u1"))
    scene.json["meshes"] = [{"primitives": [{"attributes": {"POSITION": 0, "COLOR_0": 1}, "indices": indices}]}]
    scene.nodes({"mesh": 0}, roots=[0])
    mesh = read_mesh(scene.glb(tmp_path / "scene.glb"), unit="unit")
    np.testing.assert_allclose(mesh.corners, cube().corners, atol=1e-6)
    np.testing.assert_array_equal(mesh.colours, [[255, 0, 124]] * 8)


def two_textured_cubes(same: bool) -> Scene:
    scene = Scene()
    for material in (0, 0 if same else 1):
        scene.mesh(cube(), material, TEXCOORD_0=scene.array(np.full((8, 2), 0.5, "<f4")))
    scene.nodes({"mesh": 0}, {"mesh": 1, "translation": [2, 0, 0]}, roots=[0, 1])
    scene.json["images"] = [scene.picture((200, 10, 20)), scene.picture((30, 220, 40))]
    scene.json["textures"] = [{"source": 0}, {"source": 1}]
    scene.json["materials"] = [{"pbrMetallicRoughness": {"baseColorTexture": {"index": i}}} for i in range(2)]
    return scene


def test_one_texture_for_all_parts_stays_a_texture(tmp_path):
    mesh = read_mesh(two_textured_cubes(same=True).glb(tmp_path / "scene.glb"))
    assert mesh.texture.shape == (4, 4, 3)
    np.testing.assert_allclose(mesh.uv, 0.5)
    assert mesh.colours is None


def test_several_textures_become_vertex_colours(tmp_path):
    mesh = read_mesh(two_textured_cubes(same=False).glb(tmp_path / "scene.glb"))
    assert mesh.texture is None
    np.testing.assert_array_equal(mesh.colours, [[200, 10, 20]] * 8 + [[30, 220, 40]] * 8)


def test_the_colour_of_a_material_is_that_of_its_vertices(tmp_path):
    scene = Scene()
    scene.mesh(cube(), 0)
    scene.mesh(cube())
    scene.json["materials"] = [{"pbrMetallicRoughness": {"baseColorFactor": [1.0, 0.5029, 0.0, 1.0]}}]
    scene.nodes({"mesh": 0}, {"mesh": 1}, roots=[0, 1])
    mesh = read_mesh(scene.glb(tmp_path / "scene.glb"))
    np.testing.assert_array_equal(mesh.colours, [[255, 188, 0]] * 8 + [[255, 255, 255]] * 8)


def test_gltf_finds_its_data_inside_and_beside_it(tmp_path):
    scene = Scene()
    scene.mesh(cube())
    scene.nodes({"mesh": 0}, roots=[0])
    (tmp_path / "my data.bin").write_bytes(scene.binary)
    for uri in (None, "my%20data.bin"):
        mesh = read_mesh(scene.gltf(tmp_path / "scene.gltf", uri), unit="unit")
        np.testing.assert_allclose(mesh.corners, cube().corners)


@pytest.mark.parametrize(
    "uri", ["../secret.bin", "/etc/passwd", "http://example.com/a.bin", "%2e%2e/secret.bin", "none.bin"]
)
def test_gltf_takes_nothing_from_elsewhere(uri, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    scene = Scene()
    scene.mesh(cube())
    scene.nodes({"mesh": 0}, roots=[0])
    (tmp_path / "secret.bin").write_bytes(scene.binary)
    with (
        pytest.warns(UserWarning, match="was left out"),
        pytest.raises(InputError, match=r"scene\.gltf needs .*, which cannot be had; put it into the same folder"),
    ):
        read_mesh(scene.gltf(folder / "scene.gltf", uri))


def test_what_headfield_cannot_read_is_named(tmp_path):
    scene = Scene()
    scene.mesh(cube())
    scene.nodes({"mesh": 0}, roots=[0])
    scene.json["extensionsRequired"] = ["KHR_draco_mesh_compression"]
    with pytest.raises(InputError, match=r"scene\.glb needs the glTF extension KHR_draco_mesh_compression"):
        read_mesh(scene.glb(tmp_path / "scene.glb"))
    scene.json["extensionsRequired"] = []
    scene.json["accessors"][0]["sparse"] = {}
    with pytest.raises(InputError, match=r"scene\.glb holds sparse numbers"):
        read_mesh(scene.glb(tmp_path / "scene.glb"))
    content = bytearray((tmp_path / "scene.glb").read_bytes())
    content[4] = 1
    (tmp_path / "old.glb").write_bytes(content)
    with pytest.raises(InputError, match=r"old\.glb is of a version of glTF other than 2"):
        read_mesh(tmp_path / "old.glb")


@pytest.mark.parametrize(
    "damage",
    [
        lambda j: j["meshes"][0]["primitives"][0]["attributes"].pop("POSITION"),
        lambda j: j["accessors"][0].update(type="VEC9"),
        lambda j: j["accessors"][0].update(count="many"),
        lambda j: j["accessors"][0].update(bufferView=77),
        lambda j: j["nodes"].append([]) or j["scenes"][0]["nodes"].append(len(j["nodes"]) - 1),
        lambda j: j.update(scenes=3),
        lambda j: j["meshes"][0].update(primitives=None),
        lambda j: j["accessors"][1].update(count=35),
    ],
)
def test_json_that_is_not_what_gltf_says_is_one_sentence(damage, tmp_path):
    scene = Scene()
    scene.mesh(cube())
    scene.nodes({"mesh": 0}, roots=[0])
    damage(scene.json)
    with pytest.raises(InputError, match=r"scene\.glb is not a proper glTF file"):
        read_mesh(scene.glb(tmp_path / "scene.glb"))


def test_numbers_beyond_the_end_are_one_sentence(tmp_path):
    for count in (10_000, 10**15):
        scene = Scene()
        scene.mesh(cube())
        scene.nodes({"mesh": 0}, roots=[0])
        scene.json["accessors"][0]["count"] = count
        with pytest.raises(InputError, match=r"scene\.glb refers to data beyond its end"):
            read_mesh(scene.glb(tmp_path / "scene.glb"))


def test_a_broken_texture_is_one_sentence(tmp_path):
    scene = two_textured_cubes(same=True)
    scene.json["images"][0]["uri"] = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n broken").decode()
    with pytest.raises(InputError, match=r"the texture in .*scene\.glb is not a picture"):
        read_mesh(scene.glb(tmp_path / "scene.glb"))
