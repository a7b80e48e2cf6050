from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from headfield.cli import main
from headfield.fields.deformed_field import DeformedField
from headfield.fitting.surface_fit import SurfaceFit
from headfield.head import Head
from headfield.mesh.files import read_mesh

from ..balls import LOOKS, head_family
from ..heads import small_head


def ball(u: float, w: float) -> Head:
    prior = head_family()
    fit = SurfaceFit(prior.field(LOOKS), prior)
    with torch.no_grad():
        fit.u += u
        fit.w += w
    field = fit.finished()
    assert isinstance(field, DeformedField)
    return Head.of(field, resolution=24)


@pytest.fixture(scope="module")
def heads(tmp_path_factory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp("heads")
    for name, (u, w) in {"anna": (0.6, -0.5), "ben": (-0.6, 0.5)}.items():
        ball(u, w).save(folder / name)
    return str(folder / "anna"), str(folder / "ben")


SMALL = ["--resolution", "24", "--size", "32", "--steps", "3", "--frames", "3"]


def morph(heads, out, *words: str) -> int:
    return main(["morph", *heads, "-o", str(out), *SMALL, *words])


def width(path) -> float:
    low, high = read_mesh(path).bounds
    return float(np.mean(high - low))


def test_pictures_meshes_and_a_film_of_the_way(heads, tmp_path, capsys):
    out = tmp_path / "way"
    assert morph(heads, out, "--what", "both", "shape", "look") == 0
    glbs = {f"{what}-{number}.glb" for what in ("both", "shape", "look") for number in range(3)}
    assert {path.name for path in out.iterdir()} == {"strip.png", "morph.webp", *glbs}
    with Image.open(out / "strip.png") as strip:
        assert strip.size == (96, 96)
    with Image.open(out / "morph.webp") as film:
        assert film.n_frames == 4  # there and back
    assert f"Wrote {out} (heads: 9).\nNext: headfield render {out / 'both-0.glb'}" in capsys.readouterr().out
    sizes = [width(out / f"shape-{number}.glb") for number in range(3)]
    assert sizes == sorted(sizes) or sizes == sorted(sizes, reverse=True)
    assert abs(sizes[2] - sizes[0]) > 0.02
    assert width(out / "look-2.glb") == pytest.approx(sizes[0], abs=1e-6)
    colours = [read_mesh(out / f"look-{number}.glb").colours for number in (0, 2)]
    assert np.abs(colours[0].astype(int) - colours[1]).max() > 3


def test_the_ends_are_the_heads(heads, tmp_path):
    assert morph(heads, tmp_path / "way", "--video", "none") == 0
    for number, name in ((0, heads[0]), (2, heads[1])):
        found, head = read_mesh(tmp_path / "way" / f"both-{number}.glb"), Head.load(name).mesh
        np.testing.assert_allclose(found.vertices, head.vertices, atol=1e-6)
        assert np.array_equal(found.colours, head.colours)


def test_what_it_made_is_made_anew_and_nothing_else_is_replaced(heads, tmp_path, capsys):
    out = tmp_path / "way"
    for _ in range(2):
        assert morph(heads, out, "--video", "none") == 0
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    assert morph(heads, tmp_path / "mine") == 2
    assert "is there already and holds no heads of this command" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--steps", "1"], "a way has two ends"),
        (["--resolution", "8"], "a mesh of 8 cells a side is not made"),
        (["--size", "1"], "pictures of 1 pixels a side are not made"),
        (["--what", "look", "look"], "each once"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(heads, tmp_path, capsys, words, said):
    assert morph(heads, tmp_path / "way", *words) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_heads_without_a_common_family_are_one_sentence(heads, tmp_path, capsys):
    small_head().save(tmp_path / "other-method")
    assert morph((heads[0], str(tmp_path / "other-method")), tmp_path / "way") == 2
    assert "there is nothing between these heads; make both with --method sira." in capsys.readouterr().err
    stranger = ball(0.1, 0.1)
    field = stranger.field
    assert isinstance(field, DeformedField)
    with torch.no_grad():
        next(field.geometry.get_submodule("reference").parameters()).add_(0.01)
    replace(stranger, field=field).save(tmp_path / "stranger")
    assert morph((heads[0], str(tmp_path / "stranger")), tmp_path / "way") == 2
    assert "these heads are of different families" in capsys.readouterr().err
    assert not (tmp_path / "way").exists()
