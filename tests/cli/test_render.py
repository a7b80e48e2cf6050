from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from headfield.cli import main
from headfield.mesh.files import write_mesh
from headfield.render.paths import ROOM

from ..heads import front, small_head
from ..shapes import sphere


@pytest.fixture(scope="module")
def head(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("heads") / "anna"
    small_head().save(folder)
    return str(folder)


def names(folder) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_four_sides_by_name(head, tmp_path, capsys):
    out = tmp_path / "pictures"
    assert main(["render", head, "-o", str(out), "--size", "32", "--background", "#0000ff"]) == 0
    assert names(out) == {"front.png", "three-quarter.png", "side.png", "back.png"}
    with Image.open(out / "front.png") as picture:
        assert picture.size == (32, 32)
        assert picture.getpixel((0, 0)) == (0, 0, 255)
        assert picture.getpixel((16, 16)) != (0, 0, 255)
    shown = capsys.readouterr()
    assert shown.out.startswith(f"Wrote {out} (files: 4).\nNext: headfield measure {head}/head.glb")
    assert shown.err == ""


def test_all_layers_a_sheet_and_the_photos(head, tmp_path):
    words = ["--views", "front", "side", "--what", "image", "normals", "depth", "mask", "--sheet", "--photos"]
    assert main(["render", head, "-o", str(tmp_path), "--size", "24", *words]) == 0
    layers = ("", "-normals", "-depth", "-mask")
    assert names(tmp_path) == {
        f"{view}{layer}.png" for view in ("front", "side", "photo-photo") for layer in layers
    } | {"sheet.png"}
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == (3 * 24, 4 * 24)
    with Image.open(tmp_path / "photo-photo.png") as picture:
        assert picture.size == (64, 64), "the photo's own"
    with Image.open(tmp_path / "front-mask.png") as mask:
        covered = np.asarray(mask) > 0
    # The ball's disc in a picture that is so much wider than it.
    assert abs(covered.mean() - np.pi / 4 / ROOM**2) < 0.05


@pytest.mark.parametrize("kind", ["mp4", "webp", "gif"])
def test_a_turntable(head, tmp_path, kind):
    if kind == "mp4":
        pytest.importorskip("imageio_ffmpeg")
    words = ["--orbit", "3", "--video", kind, "--frames", "5", "--draw", "mesh"]
    assert main(["render", head, "-o", str(tmp_path), "--size", "24", *words]) == 0
    assert names(tmp_path) == {f"orbit-{i:03d}.png" for i in range(3)} | {f"turntable.{kind}"}
    if kind != "mp4":
        with Image.open(tmp_path / f"turntable.{kind}") as film:
            assert film.size == (24, 24)
            assert film.n_frames > 1


def test_films_of_several_ways(head, tmp_path, capsys):
    words = ["--path", "spiral", "dolly-zoom", "--frames", "6", "--smooth", "--views"]
    assert main(["render", head, "-o", str(tmp_path), "--size", "24", *words]) == 0
    assert names(tmp_path) == {"spiral.webp", "dolly-zoom.webp"}, "and no pictures where none are asked for"
    assert "(files: 2)" in capsys.readouterr().out


def test_films_that_cannot_be_written_are_known_before_pictures_are_taken(head, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    assert main(["render", head, "-o", str(tmp_path / "out"), "--video", "mp4"]) == 2
    assert "headfield[video]" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_mesh_looks_as_the_field_does(head, tmp_path):
    for name, words in (("field", []), ("mesh", ["--draw", "mesh"])):
        assert main(["render", head, "-o", str(tmp_path / name), "--size", "48", "--views", "front", *words]) == 0
    one, other = (np.asarray(Image.open(tmp_path / name / "front.png")).astype(int) for name in ("field", "mesh"))
    assert np.median(np.abs(one - other)) <= 2
    assert (np.abs(one - other).max(axis=-1) > 30).mean() < 0.03


def test_a_head_with_a_texture_is_shown_with_it(tmp_path):
    head = small_head()
    view = replace(head.render(front()), name="photo")
    textured = head.textured([view], size=64)
    red = np.zeros_like(textured.light.texture) + np.array([255, 0, 0], np.uint8)
    replace(textured, light=replace(textured.light, texture=red)).save(tmp_path / "anna")
    for words, is_red in (([], True), (["--draw", "mesh"], True), (["--draw", "field"], False)):
        assert main(["render", str(tmp_path / "anna"), "--size", "24", "--views", "front", *words]) == 0
        with Image.open(tmp_path / "anna" / "pictures" / "front.png") as picture:
            assert (picture.getpixel((12, 12)) == (255, 0, 0)) == is_red, words


def test_smooth_edges_are_the_mean_of_four_rays(head, tmp_path):
    fine, smooth = (["--size", "64"], ["--size", "32", "--smooth"])
    for name, words in (("fine", fine), ("smooth", smooth)):
        words = [*words, "--views", "side", "--what", "image", "mask", "depth", "--draw", "mesh"]
        assert main(["render", head, "-o", str(tmp_path / name), *words]) == 0
    for file in ("side.png", "side-mask.png"):
        one, other = (np.asarray(Image.open(tmp_path / name / file)).astype(float) for name in ("fine", "smooth"))
        blocks = one.reshape(32, 2, 32, 2, -1).mean(axis=(1, 3))
        np.testing.assert_allclose(other.reshape(blocks.shape), blocks, atol=0.5)
    assert set(np.unique(np.asarray(Image.open(tmp_path / "smooth" / "side-mask.png")))) - {0, 255}


def test_a_mesh_can_be_drawn_too(tmp_path):
    write_mesh(sphere(0.5), tmp_path / "ball.stl")
    assert main(["render", str(tmp_path / "ball.stl"), "-o", str(tmp_path / "out"), "--size", "32"]) == 0
    assert len(names(tmp_path / "out")) == 4


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nowhere"], "nowhere is not a folder; a saved head was expected."),
        (["nowhere.glb"], "nowhere.glb does not exist; check the path."),
        (["HEAD", "--size", "0"], "pictures of 0 pixels a side cannot be taken"),
        (["HEAD", "--orbit", "0"], "an orbit of 0 pictures is none"),
        (["HEAD", "--views"], "there is nothing to be drawn"),
        (["HEAD", "--path", "orbit", "--frames", "0"], "a film of 0 pictures is none"),
        (["HEAD", "--background", "bleu"], "'bleu' is no colour"),
        (["HEAD", "-o", "HEAD/head.json/x"], "cannot be written"),
        (["ball.stl", "--photos"], "ball.stl knows no cameras of photos"),
        (["ball.stl", "--draw", "field"], "a mesh has no field that could be drawn"),
    ],
)
def test_what_cannot_be_drawn_is_one_sentence(head, tmp_path, words, sentence, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_mesh(sphere(0.5), tmp_path / "ball.stl")
    words = [word.replace("HEAD", head) for word in words]
    assert (
        main(
            [
                "render",
                *words,
                *([] if "-o" in words else ["-o", "out"]),
                *([] if "--size" in words else ["--size", "16"]),
            ]
        )
        == 2
    )
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()
