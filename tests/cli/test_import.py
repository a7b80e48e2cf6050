from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from headfield.capture import Capture, LazyViews, Subject
from headfield.cli import main
from headfield.cli.import_ import run_for
from headfield.data import importers as registry
from headfield.data.importers import Importer
from headfield.data.store import Dataset, write_subject
from headfield.errors import InputError
from headfield.fitting.scans import Scans
from headfield.mesh.files import write_mesh
from headfield.surface import Mesh
from tests.data.subjects import sphere_subject


@pytest.fixture
def balls(monkeypatch) -> dict[str, Subject]:
    """The format ``balls``: whatever subjects a test puts in here."""
    subjects = {"one": sphere_subject("one"), "two": sphere_subject("two")}
    module = ModuleType("balls_format")
    module.read = lambda source: iter(subjects.values())
    monkeypatch.setitem(sys.modules, "balls_format", module)
    monkeypatch.setattr(registry, "OWN", (*registry.OWN, Importer("balls", "balls_format", "Balls.")))
    return subjects


def test_subjects_are_written_and_the_next_command_is_named(balls, tmp_path, capsys):
    out = tmp_path / "set"
    assert main(["import", "balls", "somewhere", str(out)]) == 0
    shown = capsys.readouterr()
    assert shown.out == (f"Wrote {out} (subjects: 2, views: 6, scans: 2, meshes: 2).\nNext: headfield show {out}\n")
    assert shown.err == ""
    dataset = Dataset(out)
    dataset.verify()
    assert dataset.names == ("one", "two")
    assert dataset.read("two").capture.views.names == ("view-0", "view-1", "view-2")


def test_subjects_are_added_and_replaced_only_when_told(balls, tmp_path, capsys):
    out = tmp_path / "set"
    assert main(["import", "balls", "somewhere", str(out)]) == 0
    balls.pop("one")
    assert main(["import", "balls", "somewhere", str(out)]) == 2
    assert f"{out / 'two'} is there already; --replace replaces it" in capsys.readouterr().err
    assert main(["import", "balls", "somewhere", str(out), "--replace"]) == 0
    balls["three"] = Subject("three")
    balls.pop("two")
    assert main(["import", "balls", "somewhere", str(out)]) == 0
    assert Dataset(out).names == ("one", "three", "two")


def test_what_cannot_be_imported_is_one_sentence(balls, tmp_path, capsys):
    out = tmp_path / "set"
    assert main(["import", "polaroid", "somewhere", str(out)]) == 2
    assert "there is no format 'polaroid'; the known ones are nerfstudio" in capsys.readouterr().err
    balls["again"] = Subject("one")
    assert main(["import", "balls", "somewhere", str(out)]) == 2
    assert "somewhere holds two subjects called one" in capsys.readouterr().err
    balls.clear()
    assert main(["import", "balls", "somewhere", str(tmp_path / "none")]) == 2
    assert "somewhere holds no subject in the format balls" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_other_peoples_folders_stay_as_they_are(balls, tmp_path, capsys):
    (tmp_path / "letter.txt").write_text("dear")
    assert main(["import", "balls", "somewhere", str(tmp_path)]) == 2
    assert "is not empty and not a data set" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_a_failure_leaves_whole_subjects_only(balls, tmp_path, capsys):
    def read(source):
        yield balls["one"]
        raise InputError("the second picture is damaged; take it again.")

    sys.modules["balls_format"].read = read
    assert main(["import", "balls", "somewhere", str(tmp_path / "set")]) == 2
    assert capsys.readouterr().err == "headfield: the second picture is damaged; take it again.\n"
    assert Dataset(tmp_path / "set").names == ("one",)
    Dataset(tmp_path / "set").verify()


def test_a_failure_at_the_first_subject_leaves_nothing(balls, tmp_path, capsys):
    def unreadable(index):
        raise InputError("the first picture is damaged; take it again.")

    balls["one"] = Subject("one", capture=Capture(LazyViews(["a"], unreadable)))
    assert main(["import", "balls", "somewhere", str(tmp_path / "set")]) == 2
    assert capsys.readouterr().err == "headfield: the first picture is damaged; take it again.\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["file", "file/set", "n" * 300])
def test_a_place_that_is_none_is_one_sentence(balls, place, tmp_path, capsys):
    (tmp_path / "file").touch()
    assert main(["import", "balls", "somewhere", str(tmp_path / place)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"headfield: {tmp_path / place}")
    assert said.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_picture_too_large_is_one_sentence(tmp_path, capsys):
    """Pillow has a warning of its own for these."""
    from PIL import Image

    (tmp_path / "images").mkdir()
    Image.new("1", (10_000, 9_000)).save(tmp_path / "images" / "a.png")
    frame = '{"file_path": "images/a.png", "transform_matrix": [[1,0,0,0],[0,1,0,0],[0,0,1,0],[0,0,0,1]]}'
    (tmp_path / "transforms.json").write_text(f'{{"fl_x": 9000, "frames": [{frame}]}}')
    assert main(["import", "nerfstudio", str(tmp_path), str(tmp_path / "set")]) == 2
    said = capsys.readouterr().err
    assert said == f"headfield: {tmp_path}/images/a.png is too large a picture to be safe to open; scale it down.\n"


def test_formats_are_listed_and_their_settings_are_options(capsys):
    with pytest.raises(SystemExit):
        main(["import"])
    listed = capsys.readouterr().out
    assert all(f"  {name} " in listed for name in registry.importers())
    with pytest.raises(SystemExit):
        main(["import", "mesh", "--help"])
    assert "--unit" in capsys.readouterr().out
    assert main(["import", "--replace", "mesh", "a.ply", "b"]) == 2
    assert "there is no format '--replace'" in capsys.readouterr().err


def test_a_mesh_file_becomes_a_subject(tmp_path):
    write_mesh(sphere_subject().truth, tmp_path / "head.ply", unit="m")
    assert main(["import", "mesh", str(tmp_path / "head.ply"), str(tmp_path / "set"), "--unit", "m"]) == 0
    assert Dataset(tmp_path / "set").names == ("head",)


def mesh_imported(mesh: Mesh, folder: Path, *words: str) -> Subject:
    folder.mkdir()
    write_mesh(mesh, folder / "head.ply", unit="m")
    assert main(["import", "mesh", str(folder / "head.ply"), str(folder / "set"), "--unit", "m", *words]) == 0
    return Dataset(folder / "set").read("head")


def test_shapes_can_be_learned_from_a_mesh(tmp_path, capsys):
    mesh = sphere_subject().truth
    subject = mesh_imported(mesh, tmp_path / "new", "--scan-points", "500")
    radius = np.linalg.norm(subject.truth.vertices, axis=1).mean()
    assert np.abs(np.linalg.norm(subject.scan.points, axis=1) - radius).max() < 0.05 * radius  # faces are flat
    assert (np.linalg.norm(subject.scan.free_points, axis=1) > 0.95 * radius).all()
    assert len(Scans.read(Dataset(tmp_path / "new" / "set"), kept=100)) == 1
    assert mesh_imported(mesh, tmp_path / "bare", "--scan-points", "0").scan is None
    inwards = mesh_imported(replace(mesh, faces=mesh.faces[:, ::-1]), tmp_path / "inwards")
    assert "warning: head comes without a scan: the mesh turns its back to every scanner" in capsys.readouterr().err
    assert inwards.scan is None
    assert inwards.truth is not None
    with pytest.raises(InputError, match="scan-points are 0"):
        run_for("mesh")(tmp_path / "new" / "head.ply", tmp_path / "more", None, scan_points=-1)


def test_importing_writes_what_write_subject_writes(balls, tmp_path):
    assert main(["import", "balls", "somewhere", str(tmp_path / "set")]) == 0
    direct = write_subject(sphere_subject("one"), tmp_path)
    assert (tmp_path / "set" / "one" / "SHA256SUMS").read_bytes() == (direct / "SHA256SUMS").read_bytes()
