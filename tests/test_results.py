from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from headfield.head import MESH, SURFACE, Head
from headfield.mesh.files import read_mesh
from headfield.reconstruction import Made, Progress
from headfield.results import REPORT, Wishes, write_results

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


def test_everything_wished_for_is_written_and_named_on_the_page(made, tmp_path):
    phases = []
    write_results(made, tmp_path / "out", Wishes(also=("ply",), films=(".gif",)), Progress(phases.append))
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert {MESH, SURFACE, REPORT, "head.ply", "turntable.gif", "head.json", "cameras.json"} <= written
    page = (tmp_path / "out" / REPORT).read_text(encoding="utf-8")
    assert all(name in page for name in (MESH, "head.ply", "turntable.gif", "the photo is dim"))
    assert phases == ["saving", "film", "report"]


def test_without_wishes_there_is_the_head_alone(made, tmp_path):
    write_results(made, tmp_path / "out", Wishes(films=(), report=False))
    assert not {REPORT, "turntable.gif"} & {path.name for path in (tmp_path / "out").iterdir()}
