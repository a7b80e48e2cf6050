"""Scans from the formats of their sources."""

import json

import numpy as np
import pytest

from headfield.errors import InputError
from headfield.mesh.files import read_mesh, write_mesh
from headfield.studio.packing import read_obj
from headfield.studio.scan_packing import pack_gltf, pack_obj, pack_sideways_ply, pack_threejs
from headfield.surface import Mesh

TRIANGLE = Mesh.of(np.array([[1.0, 2, 3], [4, 5, 6], [7, 8, 10]]), np.array([[0, 1, 2]]))


@pytest.fixture
def folders(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    return tmp_path / "in", tmp_path / "out"


def test_a_ply_on_its_side_is_put_upright(folders):
    write_mesh(TRIANGLE, folders[0] / "head.ply", unit="unit")
    pack_sideways_ply(*folders)
    packed = read_mesh(folders[1] / "mesh.obj", unit="unit")
    np.testing.assert_allclose(packed.vertices, [[2, 3, 1], [5, 6, 4], [8, 10, 7]])
    np.testing.assert_array_equal(packed.faces, [[0, 1, 2]])


def test_what_stands_upright_stays_as_it_is(folders):
    write_mesh(TRIANGLE, folders[0] / "a.obj", unit="unit")
    pack_obj(*folders)
    np.testing.assert_allclose(read_mesh(folders[1] / "mesh.obj", unit="unit").vertices, TRIANGLE.vertices)


def test_a_gltf_scene_is_put_as_its_nodes_have_it(folders):
    buffer = TRIANGLE.vertices.astype("<f4").tobytes() + np.arange(3, dtype="<u4").tobytes()
    (folders[0] / "scene.bin").write_bytes(buffer)
    scene = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        # A quarter turn about x that takes +z to +y, and a hundred times larger.
        "nodes": [{"mesh": 0, "matrix": [100, 0, 0, 0, 0, 0, -100, 0, 0, 100, 0, 0, 0, 0, 0, 1]}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3", "min": [1, 2, 3], "max": [7, 8, 10]},
            {"bufferView": 1, "componentType": 5125, "count": 3, "type": "SCALAR"},
        ],
        "bufferViews": [
            {"buffer": 0, "byteOffset": 0, "byteLength": 36},
            {"buffer": 0, "byteOffset": 36, "byteLength": 12},
        ],
        "buffers": [{"uri": "scene.bin", "byteLength": 48}],
    }
    (folders[0] / "scene.gltf").write_text(json.dumps(scene))
    pack_gltf(*folders)
    x, y, z = TRIANGLE.vertices.T
    packed = read_mesh(folders[1] / "mesh.obj", unit="unit")
    np.testing.assert_allclose(packed.vertices, 100 * np.stack([x, z, -y], axis=1), rtol=1e-5)


def test_a_model_of_threejs_keeps_quads_triangles_and_texture_coordinates(folders):
    model = {
        "vertices": [0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 1, 0, 0.5, 2, 0],
        "uvs": [[0, 0, 1, 0, 1, 1, 0, 1, 0.5, 0.25]],
        "faces": [43, 0, 1, 2, 3, 0, 0, 1, 2, 3, 9, 9, 9, 9, 42, 3, 2, 4, 0, 3, 2, 4, 9, 9, 9],
    }
    (folders[0] / "m.js").write_text(f"/* a comment */ var model = {json.dumps(model)};")
    pack_threejs(*folders)
    packed = read_obj(folders[1] / "mesh.obj")
    assert packed.faces.tolist() == packed.corner_uv.tolist() == [[0, 1, 2, 3], [3, 2, 4, -1]]
    assert packed.uv[4].tolist() == [0.5, 0.25]
    assert "albedo.jpg" in (folders[1] / "mesh.mtl").read_text()


def test_a_model_of_threejs_that_was_cut_off_is_named(folders):
    (folders[0] / "m.js").write_text('var model = {"vertices": [0, 0')
    with pytest.raises(InputError, match=r"m.js is no model of three.js, or it was cut off; fetch it again"):
        pack_threejs(*folders)
