from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from headfield.capture import Landmarks, View
from headfield.head import MESH, SURFACE, Head
from headfield.mesh.files import read_mesh
from headfield.reconstruction import Made, Progress
from headfield.report.content import Photo
from headfield.results import REPORT, SEEN, Wishes, reprojected, write_results

from .heads import front, small_head


@pytest.fixture(scope="module")
def made() -> Made:
    head = small_head(facts={"seconds": {"fit": 1.0}})
    view = replace(head.render(front()), name="photo")
    return Made(head.textured([view], size=128), (view,), ("photo: the photo is dim.",))


def test_a_textured_head_comes_back_with_both_its_meshes(made, tmp_path):
    made.head.save(tmp_path / "head")
    again = Head.load(tmp_path / "head")
    np.testing.assert_array_equal(again.mesh.vertices, made.head.mesh.vertices)
    np.testing.assert_array_equal(again.shown.texture, made.head.light.texture)
    assert len(again.light.faces) == len(made.head.light.faces)
    made.head.save(tmp_path / "alone.glb")
    assert read_mesh(tmp_path / "alone.glb").texture is not None
    replace(made.head, light=None).save(tmp_path / "head")
    assert not (tmp_path / "head" / SURFACE).exists()
    assert Head.load(tmp_path / "head").light is None


def test_another_program_finds_the_head_upright_in_metres_with_all_it_knows(made, tmp_path):
    """The nose that the ball is given must point where glTF wants the front of things to be."""
    trimesh = pytest.importorskip("trimesh")
    light = made.head.light
    nose = light.vertices @ (0.0, 0.3, 1.0) / np.hypot(0.3, 1.0) > 0.97 * np.linalg.norm(light.vertices, axis=1)
    pulled = replace(light, vertices=np.where(nose[:, None], 1.2 * light.vertices, light.vertices))
    replace(made.head, light=pulled).save(tmp_path / "head")
    scene = trimesh.load(tmp_path / "head" / MESH)
    assert scene.units in (None, "meters")
    (node,) = scene.graph.nodes_geometry
    np.testing.assert_array_equal(scene.graph[node][0], np.eye(4))
    (found,) = scene.geometry.values()
    np.testing.assert_allclose(found.extents, np.ptp(pulled.vertices, axis=0) * 0.2, rtol=1e-5)
    assert 0.15 < found.extents[1] < 0.25, "a ball of half a unit's radius is a fifth of a metre high"
    tip = found.vertices[np.linalg.norm(found.vertices, axis=1).argmax()]
    assert tip[2] > 3 * abs(tip[0])
    assert tip[2] > tip[1] > 0
    assert found.visual.material.baseColorTexture.size == (128, 128)
    assert found.visual.material.metallicFactor == 0
    for name in ("confidence", "seen"):
        np.testing.assert_array_equal(found.vertex_attributes[f"_{name.upper()}"].ravel(), pulled.attributes[name])
    volume = trimesh.load(tmp_path / "head" / SURFACE, force="mesh").volume
    assert volume == pytest.approx(4 / 3 * np.pi * 0.1**3, rel=0.1), "closed, and its faces look outwards"


def test_everything_wished_for_is_written_and_named_on_the_page(made, tmp_path):
    phases = []
    write_results(made, tmp_path / "out", Wishes(also=("ply",), films=(".gif",)), Progress(phases.append))
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert {MESH, SURFACE, REPORT, "head.ply", "turntable.gif", "head.json", "cameras.json"} <= written
    page = (tmp_path / "out" / REPORT).read_text(encoding="utf-8")
    assert all(name in page for name in (MESH, "head.ply", "turntable.gif", "the photo is dim"))
    assert phases == ["saving", "film", "report"]


def test_without_wishes_there_is_the_head_alone_and_what_was_seen_of_it(made, tmp_path):
    write_results(made, tmp_path / "out", Wishes(films=(), report=False))
    assert not {REPORT, "turntable.gif"} & {path.name for path in (tmp_path / "out").iterdir()}
    with Image.open(tmp_path / "out" / SEEN) as picture:
        strip = np.asarray(picture).astype(int)
    front, back = strip[:, : strip.shape[0]], strip[:, -strip.shape[0] :]
    assert np.abs(front - back).max() > 50, "the camera stands in front"


def test_who_interrupts_the_saving_has_the_head_all_the_same(made, tmp_path, monkeypatch):
    calls, save = [], Head.save

    def interrupted(head: Head, path: Path) -> None:
        calls.append(path)
        if len(calls) == 1:
            raise KeyboardInterrupt
        save(head, path)

    monkeypatch.setattr(Head, "save", interrupted)
    *_, remark = write_results(made, tmp_path / "out", Wishes())
    assert remark == "writing was interrupted: the head is there, but no films and no page."
    assert Head.load(tmp_path / "out").light is not None


def test_landmarks_are_compared_as_the_expression_of_their_photo_moves_them():
    picture, marks = np.zeros((64, 64, 3), np.uint8), Landmarks(np.zeros((68, 2)), np.ones(68, bool))
    view = View("photo", front(), picture, landmarks=marks)
    rest = np.random.default_rng(0).uniform(-0.3, 0.3, (68, 3))
    facts = {"landmarks": rest.tolist(), "landmarks_in_views": {view.name: (rest + 0.05).tolist()}}
    head = replace(small_head(), facts=facts)
    photo = Photo(view.name, view.image)
    for name, places in ((view.name, rest + 0.05), ("another", rest)):
        expected, _ = view.camera.project(torch.from_numpy(places).to(view.camera.focal))
        np.testing.assert_allclose(reprojected(photo, replace(view, name=name), head).reprojected, expected)
