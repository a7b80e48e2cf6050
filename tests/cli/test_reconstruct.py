from __future__ import annotations

import signal
from dataclasses import replace

import numpy as np
import pytest
import torch

from headfield.capture import Subject
from headfield.cli import main
from headfield.data.store import create_dataset, read_subject, write_subject
from headfield.fitting.surface_fit import SurfaceObjectives
from headfield.head import Head
from headfield.mesh.files import read_mesh
from headfield.optim.step import StepInfo

from ..balls import capture, family

QUICK = [
    *("--resolution", "32", "--fit.latent-steps", "10", "--fit.grid-steps", "2", "--fit.decoder-steps", "2"),
    *("--fit.colour-steps", "2", "--fit.options.proxy.resolution", "24"),
    *("--fit.options.rays.inside", "64", "--fit.options.rays.past", "32"),
]


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "people"
    create_dataset(folder)
    write_subject(Subject("ball", capture=capture(0.5, (0.0, 60.0), marked=True)), folder)
    return folder


@pytest.fixture(scope="module")
def prior_file(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("prior") / "prior.safetensors"
    replace(family(), method="instant-avatar").save(path)
    return str(path)


def test_a_head_from_one_view(people, prior_file, tmp_path, capsys):
    out = tmp_path / "head"
    words = ["reconstruct", str(people / "ball"), "-o", str(out), "--views", "1", "--prior", prior_file, *QUICK]
    assert main(words) == 0
    head = Head.load(out)
    assert set(head.cameras) == {"at-0"}
    assert head.facts["method"] == "instant-avatar"
    assert set(head.facts["seconds"]) == {"cues", "fit", "mesh"}
    assert abs(np.linalg.norm(head.mesh.vertices, axis=1).mean() - 0.5) < 0.05
    told = capsys.readouterr().out
    assert f"Next: headfield render {out}" in told
    assert f"headfield measure {out}" in told


def test_without_photos_it_says_what_it_takes(capsys):
    assert main(["reconstruct"]) == 2
    sentence = "headfield: no photo is named; name photo files of one person, or the folder of a capture.\n"
    assert capsys.readouterr().err == sentence


def test_cameras_move_where_they_are_said_to_be_rough(people, prior_file, tmp_path):
    ball, out = people / "ball", tmp_path / "head"
    given = {view.name: view.camera for view in read_subject(ball).capture.views}
    for words, moved in (((), False), (("--rough-cameras",), True)):
        assert main(["reconstruct", str(ball), "-o", str(out), "--prior", prior_file, *words, *QUICK]) == 0
        head = Head.load(out)
        same = [torch.allclose(camera.rotation, given[name].rotation) for name, camera in head.cameras.items()]
        assert any(same) is not moved
        assert ("cameras" in head.facts["seconds"]) is moved


@pytest.mark.usefixtures("interruptible")
def test_an_interrupted_fit_is_saved_as_far_as_it_came(people, prior_file, tmp_path, capsys, monkeypatch):
    steps, step = [], SurfaceObjectives.__call__

    def impatient(objectives: SurfaceObjectives, info: StepInfo) -> dict:
        steps.append(info)
        if len(steps) == 5:
            signal.raise_signal(signal.SIGINT)
        return step(objectives, info)

    monkeypatch.setattr(SurfaceObjectives, "__call__", impatient)
    out = tmp_path / "head"
    assert main(["reconstruct", str(people / "ball"), "-o", str(out), "--prior", prior_file, *QUICK]) == 0
    assert len(steps) == 5
    head = Head.load(out)
    assert head.facts["interrupted"] is True
    assert abs(np.linalg.norm(head.mesh.vertices, axis=1).mean() - 0.5) < 0.05
    remark = "the fit was interrupted, so this is the head as far as it came."
    assert f"Note: {remark}\n" in capsys.readouterr().out
    assert head.facts["remarks"] == [remark]


def test_a_mesh_alone_and_a_folder_of_another_program(people, prior_file, tmp_path):
    out = tmp_path / "head.glb"
    folder = people / "ball"
    assert main(["reconstruct", str(folder), "-o", str(out), "--prior", prior_file, *QUICK]) == 0
    assert len(read_mesh(out).faces) > 100


def test_a_method_without_prior_has_settings_of_its_own(people, tmp_path):
    words = ["--method", "idr", "--fit.steps", "2", "--fit.colour-steps", "1", "--resolution", "16"]
    small = ["--fit.geometry.decoder.width", "16", "--fit.options.proxy.resolution", "16"]
    assert main(["reconstruct", str(people / "ball"), "-o", str(tmp_path / "head"), *words, *small]) == 0
    assert Head.load(tmp_path / "head").facts["prior"] is None


def test_what_cannot_be_used_is_said_in_a_sentence(people, prior_file, tmp_path, capsys):
    ball, out = str(people / "ball"), str(tmp_path / "head")
    for words, sentence in (
        ([str(tmp_path / "none"), "-o", out], "does not exist; a capture was expected."),
        ([str(tmp_path), "-o", out], "is no posed capture"),
        ([ball, "-o", out, "--views", "3"], "has 2 views, so the first 3 cannot be had"),
        ([ball, "-o", out, "--method", "magic"], "there is no method 'magic'; the known ones are instant-avatar"),
        ([ball, "-o", out, "--method", "h3d-net", "--prior", prior_file], "the prior was learned by instant-avatar"),
        ([ball, "-o", out, "--prior", str(people / "dataset.json")], "dataset.json"),
        ([ball, "-o", str(tmp_path / "head.xyz"), "--prior", prior_file], ".xyz is no format of meshes"),
        ([ball, "-o", out, "--prior", prior_file, "--fit.grid-steps", "0"], "grid-steps is 0; a stage has at least 1"),
        ([ball, "-o", out, "--resolution", "4000"], "a mesh of 4000 cells a side is not made"),
        (["one.jpg", "two.jpg", "-o", out, "--views", "-1"], "--views are 1 or more."),
    ):
        assert main(["reconstruct", *words]) == 2, words
        shown = capsys.readouterr()
        assert shown.out == ""
        assert sentence in shown.err, shown.err
        assert shown.err.count("\n") == 1
    assert not (tmp_path / "head").exists()


def test_a_place_that_cannot_be_written_to_is_told_before_anything_is_done(people, tmp_path, capsys):
    (tmp_path / "file").write_text("not a folder")
    out = tmp_path / "file" / "head"
    assert main(["reconstruct", str(people / "ball"), "-o", str(out)]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_photos_that_show_nothing_are_told_in_one_sentence(tmp_path, capsys):
    empty = tmp_path / "empty.jpg"
    empty.touch()
    for words, sentence in (
        ([str(empty)], "is empty"),
        ([str(tmp_path / "none.jpg")], "does not exist"),
        ([str(empty), str(tmp_path)], "is a folder"),
    ):
        assert main(["reconstruct", *words, "-o", str(tmp_path / "head")]) == 2
        assert sentence in capsys.readouterr().err
