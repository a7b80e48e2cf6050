"""Data sets of the built-in people: no outside data, small pictures, few points."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from headfield.cli import main
from headfield.data.store import Dataset
from headfield.errors import InputError
from headfield.studio.ict import load_ict
from headfield.studio.order import SETS, Order
from headfield.studio.production import Job, jobs, produce
from headfield.studio.recipe import load_model

SMALL = Order(subjects=2, rig=("views-1",), size=32, scan_points=300, model="builtin")
WORDS = ["--rig", "views-1", "--size", "32", "--scan-points", "300", "--model", "builtin"]


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """Two people made by one worker."""
    folder = tmp_path_factory.mktemp("alone") / "people"
    assert list(produce(SMALL, folder, workers=1)) == [(0, 2), (1, 2), (2, 2)]
    return folder


def test_the_number_of_workers_changes_no_byte(alone, tmp_path):
    list(produce(SMALL, tmp_path / "people", workers=2))
    assert files(tmp_path / "people") == files(alone)


def test_everything_ordered_is_there(alone):
    dataset = Dataset(alone)
    dataset.verify()
    assert dataset.names == ("p00000000_e00", "p00000001_e00")
    for name in dataset.names:
        subject = dataset.read(name)
        assert len(subject.scan.points) == 300
        assert len(subject.truth.faces) > 1000
        assert len(subject.registration.faces) > len(subject.truth.faces) / 2
        (view,) = subject.capture.views
        assert view.image.shape == (32, 32, 3)
        assert view.mask is not None
        assert view.normals is not None
        assert view.depth is not None
        assert view.landmarks.visible.sum() > 40
        assert subject.expression == "neutral"
        assert subject.facts["seed"] == int(name[1:9])


def test_different_people_differ(alone):
    one, other = (Dataset(alone).read(name) for name in Dataset(alone).names)
    assert np.abs(one.landmarks.points - other.landmarks.points).max() > 0.005
    assert (one.capture.views[0].image != other.capture.views[0].image).any()


def test_what_is_missing_is_made_and_what_is_there_stays(alone, tmp_path):
    folder = tmp_path / "people"
    list(produce(replace(SMALL, subjects=1), folder, workers=1))
    stamp = (folder / "p00000000_e00").stat().st_mtime_ns
    assert list(produce(SMALL, folder, workers=1)) == [(1, 2), (2, 2)]
    assert (folder / "p00000000_e00").stat().st_mtime_ns == stamp
    assert files(folder) == files(alone)


def test_a_kill_in_the_middle_leaves_whole_subjects_and_the_rest_follows(alone, tmp_path):
    folder = tmp_path / "people"
    command = [sys.executable, "-m", "headfield", "studio", str(folder), "--subjects", "2", "--workers", "1", *WORDS]
    worker = subprocess.Popen(command, start_new_session=True)
    try:
        wait_for(lambda: any(folder.glob("p*/subject.json")) or any(folder.glob(".p*")))
    finally:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
    assert len(list(folder.glob("p*"))) == len(Dataset(folder)) < 2
    Dataset(folder).verify()
    list(produce(SMALL, folder, workers=1))
    whole = {path: content for path, content in files(folder).items() if not path.parts[0].startswith(".")}
    assert whole == files(alone)


def wait_for(happened, seconds=60):
    until = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < until, "nothing happened"
        time.sleep(0.01)


def test_expressions_of_one_person_correspond(tmp_path):
    list(produce(replace(SMALL, subjects=1, expressions=2), tmp_path / "people", workers=1))
    still, moved = (Dataset(tmp_path / "people").read(name) for name in ("p00000000_e00", "p00000000_e01"))
    assert still.identity == moved.identity
    assert moved.expression != "neutral"
    np.testing.assert_array_equal(still.registration.faces, moved.registration.faces)
    apart = np.linalg.norm(still.registration.vertices - moved.registration.vertices, axis=1)
    assert 0 < apart.max() < 0.3, "a face moves by millimetres and centimetres, not more"
    assert np.median(apart) < 0.01, "and the back of the head hardly does"


def test_all_movements_alone():
    assert jobs(replace(SMALL, subjects=2, seed=5), 3)[-1] == Job(6, 2)
    assert jobs(replace(SMALL, split="test"), 1)[0].seed > 10_000_000


def test_a_data_set_made_otherwise_is_not_added_to(alone):
    with pytest.raises(InputError, match="was made in another way; choose another folder"):
        list(produce(replace(SMALL, size=64), alone, workers=1))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"rig": ("views-1", "dome")}, "there is no rig 'dome'; there are orbit"),
        ({"rig": ("arc", "arc")}, "a rig is named twice"),
        ({"size": 8}, "pictures 8 pixels wide are not made"),
        ({"expressions": 0}, "0 expressions of a person are none"),
        ({"scan_points": -1}, "a scan cannot have -1 points"),
        ({"subjects": 0}, "at least 1"),
        ({"seed": -1}, "choose another seed"),
    ],
)
def test_an_order_that_cannot_be_met_is_refused_before_anything_is_written(tmp_path, change, sentence):
    with pytest.raises(InputError, match=sentence):
        list(produce(replace(SMALL, **change), tmp_path / "people", workers=1))
    assert not (tmp_path / "people").exists()


def test_the_command_says_what_it_made(tmp_path, capsys):
    assert main(["studio", str(tmp_path / "people"), "--subjects", "1", "--workers", "1", *WORDS]) == 0
    assert capsys.readouterr().out.endswith(f"Next: headfield show {tmp_path / 'people'}\n")


def test_named_sets_are_what_they_are(tmp_path, capsys):
    assert main(["studio", str(tmp_path / "people"), "--set", "studio-test", "--size", "64"]) == 2
    assert "studio-test is what it is" in capsys.readouterr().err
    test = SETS["studio-test"]
    assert (test.subjects, test.split, test.rig, test.size) == (20, "test", ("views-6",), 512)


def test_missing_assets_are_one_sentence(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("HEADFIELD_ASSETS", str(tmp_path))
    load_model.cache_clear()
    load_ict.cache_clear()
    assert main(["studio", str(tmp_path / "people"), "--subjects", "1", "--workers", "1"]) == 2
    message = capsys.readouterr().err
    assert message.startswith("headfield: ")
    assert "ict" in message
