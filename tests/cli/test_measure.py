from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from headfield.cli import main
from headfield.mesh.files import read_mesh, write_mesh
from headfield.surface import Mesh
from headfield.transforms import Similarity, so3_exp

from ..shapes import bumpy, can, sphere

HEAD = bumpy()
NOSE = HEAD.vertices[np.argmax(HEAD.vertices[:, 2])]
OFF = Similarity(
    torch.tensor(1.0, dtype=torch.float64),
    so3_exp(torch.tensor([0.02, 0.9, -0.03], dtype=torch.float64)),
    torch.tensor([0.4, -0.2, 0.3], dtype=torch.float64),
)
MARKED = {"nose_tip": NOSE}
MARKED |= {
    name: HEAD.vertices[np.argmax(HEAD.vertices @ direction)]
    for name, direction in {
        "chin": (0, -1, 0.2),
        "left_eye_outer": (1, 0.5, 0.5),
        "right_eye_outer": (-1, 0.5, 0.5),
    }.items()
}


def write_marks(path: Path, points: dict[str, np.ndarray], factor: float = 200.0) -> str:
    content = {"scheme": "named", "points": {name: (factor * p).tolist() for name, p in points.items()}}
    path.write_text(json.dumps(content))
    return str(path)


def after(points: dict[str, np.ndarray], move: Similarity) -> dict[str, np.ndarray]:
    return {name: move.apply(torch.from_numpy(p)[None])[0].numpy() for name, p in points.items()}


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """A prediction 2 mm outside a ball, and the ball."""
    write_mesh(sphere(0.51, rings=40), tmp_path / "pred.ply")
    write_mesh(sphere(0.5, rings=40), tmp_path / "gt.ply")
    return str(tmp_path / "pred.ply"), str(tmp_path / "gt.ply")


def measured(tmp_path: Path, *words: str) -> dict:
    assert main(["measure", *words, "--json", str(tmp_path / "out.json"), "--samples", "3000"]) == 0
    return json.loads((tmp_path / "out.json").read_text())


def test_cavities_are_left_out_when_told(tmp_path, capsys):
    for name, mesh in (("pred", can()), ("gt", can(hole=0.1, depth=0.6))):
        write_mesh(mesh, tmp_path / f"{name}.ply")
    files = str(tmp_path / "pred.ply"), str(tmp_path / "gt.ply"), "--align", "none", "--nose", "0", "100", "0"
    whole = measured(tmp_path, *files)["regions"]
    assert set(whole) == {"face", "head"}
    seen = measured(tmp_path, *files, "--no-cavities")["regions"]
    assert set(seen) == {"open face", "open head"}
    assert seen["open head"]["distance"]["max"] < 60 < whole["head"]["distance"]["max"]
    assert set(measured(tmp_path, *files, "--no-cavities", "--region", "face")["regions"]) == {"open face"}
    assert "open face" in capsys.readouterr().out


def refused(capsys: pytest.CaptureFixture, *words: str) -> str:
    """What is said about words that cannot be used."""
    assert main(["measure", *words]) == 2
    said = capsys.readouterr().err
    assert said.startswith("headfield: ")
    assert said.count("\n") == 1
    return said


def test_a_ball_2_mm_outside_a_ball_is_2_mm_off(files, tmp_path, capsys):
    facts = measured(tmp_path, *files, "--align", "none")
    distance = facts["regions"]["head"]["distance"]
    assert distance["mean"] == pytest.approx(2, abs=0.1)
    assert distance["within"] == [0, pytest.approx(0.5, abs=0.5), 1, 1]
    assert facts["prediction_to_truth"] == np.eye(4).tolist()
    said = capsys.readouterr().out
    assert "median" in said
    assert "F-score at 1 mm" in said


def test_the_json_says_what_was_measured_and_how(files, tmp_path):
    words = (*files, "--seed", "3", "--nose", "0", "0", "100", "--align", "none")
    facts = measured(tmp_path, *words)
    assert facts["prediction"]["file"] == files[0]
    assert facts["truth"]["faces"] == len(sphere(rings=40).faces)
    assert facts["settings"]["seed"] == 3
    assert facts["nose"] == pytest.approx([0, 0, 100])
    assert set(facts["regions"]) == {"head", "face"}
    assert facts == measured(tmp_path, *words)


def test_landmarks_and_icp_bring_a_displaced_head_back(tmp_path):
    write_mesh(HEAD.transformed(OFF), tmp_path / "pred.glb")
    write_mesh(HEAD, tmp_path / "gt.obj")
    marks = (
        "--pred-landmarks", write_marks(tmp_path / "pred.json", after(MARKED, OFF), 0.2),
        "--gt-landmarks", write_marks(tmp_path / "gt.json", MARKED),
    )  # fmt: skip
    facts = measured(tmp_path, str(tmp_path / "pred.glb"), str(tmp_path / "gt.obj"), *marks, "--region", "face")
    assert facts["regions"]["face"]["distance"]["max"] < 0.01
    assert facts["nose"] == pytest.approx((200 * NOSE).tolist())
    expected = OFF.inverse().matrix().numpy()
    expected[:3, 3] *= 200
    np.testing.assert_allclose(facts["prediction_to_truth"], expected, atol=0.01)


def test_landmarks_alone_leave_their_own_error(tmp_path):
    write_mesh(HEAD, tmp_path / "head.ply")
    shifted = {name: p + np.array([0.01, 0, 0]) for name, p in MARKED.items()}
    marks = (
        "--pred-landmarks", write_marks(tmp_path / "pred.json", shifted),
        "--gt-landmarks", write_marks(tmp_path / "gt.json", MARKED),
    )  # fmt: skip
    words = (str(tmp_path / "head.ply"), str(tmp_path / "head.ply"), *marks)
    alone = measured(tmp_path, *words, "--align", "landmarks")
    np.testing.assert_allclose(np.array(alone["prediction_to_truth"])[:3, 3], [-2, 0, 0], atol=1e-6)
    assert alone["regions"]["head"]["distance"]["mean"] > 0.5
    assert measured(tmp_path, *words)["regions"]["head"]["distance"]["max"] < 0.01


def test_units_are_what_they_are_said_to_be(tmp_path):
    write_mesh(HEAD, tmp_path / "pred.obj", unit="cm")
    write_mesh(HEAD, tmp_path / "gt.obj", unit="m")
    words = (str(tmp_path / "pred.obj"), str(tmp_path / "gt.obj"), "--unit", "cm", "--gt-unit", "m")
    assert measured(tmp_path, *words)["regions"]["head"]["distance"]["max"] < 0.01


def test_size_changes_only_when_told(tmp_path):
    write_mesh(Mesh.of(0.9 * HEAD.vertices, HEAD.faces), tmp_path / "pred.ply")
    write_mesh(HEAD, tmp_path / "gt.ply")
    words = (str(tmp_path / "pred.ply"), str(tmp_path / "gt.ply"))
    assert measured(tmp_path, *words)["regions"]["head"]["distance"]["mean"] > 2
    assert measured(tmp_path, *words, "--scale")["regions"]["head"]["distance"]["mean"] < 0.01


def test_files_that_were_never_laid_over_each_other_are_remarked_on(tmp_path, capsys):
    write_mesh(sphere(0.5), tmp_path / "ball.ply")
    words = ("measure", str(tmp_path / "ball.ply"), str(tmp_path / "ball.ply"), "--gt-unit", "cm", "--align", "none")
    assert main([*words, "--samples", "100"]) == 0
    assert "lie far apart" in capsys.readouterr().out


def test_the_error_map_is_a_model_and_a_picture(files, tmp_path, capsys):
    measured(tmp_path, *files, "--align", "none", "--map", str(tmp_path / "map.glb"))
    said = capsys.readouterr().out
    assert all(f"Wrote {tmp_path / name}\n" in said for name in ("out.json", "map.glb", "map.png"))
    model = read_mesh(tmp_path / "map.glb")
    distances = model.attributes["distance_mm"]
    np.testing.assert_allclose(distances[distances >= 0], 2, atol=0.1)
    assert model.texture is not None
    with Image.open(tmp_path / "map.png") as picture:
        assert picture.width > 1000


def test_file_names_are_said_as_they_are(files, tmp_path, capsys):
    odd = tmp_path / os.fsdecode(b"a [bold]head[_] \xfc.ply")
    Path(files[0]).rename(odd)
    assert main(["measure", str(odd), files[1], "--align", "none", "--samples", "100"]) == 0
    assert r"a [bold]head[_] \udcfc.ply against" in capsys.readouterr().out


def test_without_libigl_the_numbers_are_the_same(files, tmp_path, monkeypatch):
    words = (*files, "--nose", "0", "0", "100", "--align", "none")
    fast = measured(tmp_path, *words)
    monkeypatch.setattr("headfield.mesh.distance._igl_tree", lambda mesh: None)
    plain = measured(tmp_path, *words)
    for region in ("face", "head"):
        one, other = (facts["regions"][region]["distance"] for facts in (fast, plain))
        assert one["mean"] == pytest.approx(other["mean"], rel=1e-6)


def test_an_unknown_nose_is_asked_for(files, capsys):
    said = refused(capsys, *files, "--region", "face")
    assert files[1] in said
    assert "--nose X Y Z" in said
    assert main(["measure", *files, "--region", "face", "--head-space", "--samples", "2000", "--align", "none"]) == 0


def test_landmarks_that_do_not_fit_are_refused(files, tmp_path, capsys):
    named = write_marks(tmp_path / "named.json", MARKED)
    other = write_marks(tmp_path / "other.json", {"left_ear": NOSE, "right_ear": NOSE})
    line = write_marks(tmp_path / "line.json", {name: k * NOSE for k, name in enumerate(MARKED)})
    text = tmp_path / "51.txt"
    text.write_text("1 2 3\n" * 51)

    def said(pred: str, gt: str) -> str:
        return refused(capsys, *files, "--pred-landmarks", pred, "--gt-landmarks", gt)

    assert "needs both --pred-landmarks and --gt-landmarks" in refused(capsys, *files, "--align", "landmarks")
    assert f"{named} and {other} have 0 visible landmarks in common" in said(named, other)
    assert f"{line} has all its points on one line" in said(line, named)
    assert str(text) in said(named, str(text))
    text.write_text("1 2 3\n" * 68)
    assert "must be of the same kind" in said(named, str(text))
    assert f"{tmp_path / 'none.json'} does not exist" in said(str(tmp_path / "none.json"), named)


def test_meshes_that_cannot_be_measured_are_refused(files, tmp_path, capsys):
    missing, empty, text, points, nan, line, moon, folder = (
        tmp_path / n
        for n in ("no.ply", "empty.obj", "head.txt", "points.obj", "nan.obj", "line.obj", "moon.obj", "folder.obj")
    )
    folder.mkdir()
    empty.touch()
    text.write_text("a head")
    points.write_text("v 0 0 0\nv 1 0 0\n")
    line.write_text("v 0 0 0\nv 1 0 0\nv 2 0 0\nf 1 2 3\n")
    moon.write_text("v 0 0 384e9\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    nan.write_text("v 0 0 nan\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    for path, words in (
        (missing, "does not exist"),
        (empty, "empty"),
        (text, "suffix"),
        (points, "no faces"),
        (nan, "not finite"),
        (line, "faces but no surface"),
        (moon, "reaches 3.84e+05 km far"),
        (folder, "is a folder where a file was expected"),
    ):
        for order in ((str(path), files[1]), (files[0], str(path))):
            said = refused(capsys, *order)
            assert str(path) in said
            assert words in said


def test_places_that_cannot_be_written_are_refused(files, tmp_path, capsys):
    (tmp_path / "file").touch()
    few = (*files, "--samples", "10", "--align", "none")
    assert "cannot be written" in refused(capsys, *few, "--json", str(tmp_path / "file" / "out.json"))
    assert "cannot be written" in refused(capsys, *few, "--map", str(tmp_path / "file" / "map.glb"))
    (tmp_path / "file").rename(tmp_path / "map.png")
    (tmp_path / "map.png").unlink()
    (tmp_path / "map.png").mkdir()
    assert "map.png cannot be written" in refused(capsys, *few, "--map", str(tmp_path / "map.glb"))
    assert "ends in .glb" in refused(capsys, *few, "--map", str(tmp_path / "map.obj"))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["gt.ply", "map.png", "pred.ply"]


def test_numbers_that_make_no_sense_are_refused(files, capsys):
    assert "more than zero" in refused(capsys, *files, "--samples", "0")
    assert "more than zero" in refused(capsys, *files, "--map-limit", "-1")
    assert "more than zero" in refused(capsys, *files, "--map-limit", "nan")
    assert "from 1 to 100,000,000" in refused(capsys, *files, "--samples", "10000000000000")
    assert "not negative" in refused(capsys, *files, "--seed", "-1")


def test_an_unknown_unit_is_refused(files, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["measure", *files, "--unit", "furlong"])
    assert stop.value.code == 2
    assert "furlong" in capsys.readouterr().err
