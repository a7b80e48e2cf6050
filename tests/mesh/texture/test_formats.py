"""Textured heads in files, as an independent reader finds them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from headfield.mesh.files import read_mesh, write_mesh
from headfield.mesh.texture.atlas import Atlas
from headfield.mesh.texture.unwrap import unwrapped
from headfield.surface import Mesh

from ...shapes import bumpy

trimesh = pytest.importorskip("trimesh")
pytest.importorskip("xatlas")


def colours_of(places: np.ndarray) -> np.ndarray:
    return 0.5 + 0.4 * places


@pytest.fixture(scope="module")
def head() -> Mesh:
    mesh = unwrapped(bumpy(rings=12))
    atlas = Atlas.of(mesh, 256)
    confidence = (mesh.vertices[:, 2] * 0.5 + 0.5).astype(np.float32)
    return replace(
        mesh, texture=atlas.picture(colours_of(atlas.places().points)), attributes={"confidence": confidence}
    )


@pytest.mark.parametrize(("suffix", "unit"), [(".glb", 0.2), (".obj", 200.0)])
def test_another_program_finds_each_colour_in_its_place(head, suffix, unit, tmp_path):
    path = tmp_path / f"head{suffix}"
    write_mesh(head, path)
    loaded = trimesh.load(path, process=False, force="mesh")
    np.testing.assert_allclose(loaded.bounds, head.bounds * unit, rtol=1e-5)
    np.testing.assert_allclose(loaded.triangles, head.corners * unit, atol=1e-5 * unit)
    material = loaded.visual.material
    image = getattr(material, "baseColorTexture", None) or material.image
    np.testing.assert_array_equal(np.asarray(image.convert("RGB")), head.texture)
    samples = Mesh.of(loaded.vertices, loaded.faces).sample(500, np.random.default_rng(0))
    found = trimesh.visual.color.uv_to_color(samples.of_vertices(np.asarray(loaded.visual.uv)), image)[:, :3]
    np.testing.assert_allclose(found / 255, colours_of(samples.points / unit), atol=0.03)
    if suffix == ".glb":
        np.testing.assert_array_equal(loaded.vertex_attributes["_CONFIDENCE"].ravel(), head.attributes["confidence"])
        assert {file.name for file in tmp_path.iterdir()} == {"head.glb"}
    else:
        assert {file.name for file in tmp_path.iterdir()} == {"head.obj", "head.mtl", "head.png"}


def test_a_textured_head_comes_back_from_a_glb_file_as_it_was(head, tmp_path):
    write_mesh(head, tmp_path / "head.glb")
    again = read_mesh(tmp_path / "head.glb")
    np.testing.assert_array_equal(again.texture, head.texture)
    np.testing.assert_array_equal(again.faces, head.faces)
    np.testing.assert_allclose(again.uv, head.uv, atol=1e-6)
    np.testing.assert_array_equal(again.attributes["confidence"], head.attributes["confidence"])
