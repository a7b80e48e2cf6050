"""Real heads: where they are placed, and that pictures, landmarks and truth agree."""

import numpy as np
import pytest
import torch

from headfield.canonical import CANONICAL_INDICES, CANONICAL_POINTS
from headfield.cli import main
from headfield.mesh.distance import SurfaceSearch
from headfield.studio.assets import find
from headfield.studio.order import SETS
from headfield.studio.real import make_real, place, real_heads
from headfield.units import MILLIMETRES_PER_UNIT

NAMES = ("leeperrysmith", "hrtf_tub", "demosthenes", "propinnex")


def test_there_are_four_with_all_points_that_define_head_space_marked():
    assert tuple(real_heads()) == NAMES
    for head in real_heads().values():
        assert head.marks.keys() >= set(CANONICAL_INDICES)
        assert find(head.asset).authors


@pytest.mark.parametrize("name", NAMES)
def test_marks_are_about_where_an_average_face_has_them(name):
    head = real_heads()[name]
    to_head, off = place(head)
    assert off * MILLIMETRES_PER_UNIT < 5
    marks = to_head.apply(torch.from_numpy(np.stack([head.marks[k] for k in CANONICAL_INDICES]))).numpy()
    apart = np.linalg.norm(marks - CANONICAL_POINTS, axis=1) * MILLIMETRES_PER_UNIT
    assert apart.max() < 12


def test_what_is_known_to_be_in_millimetres_keeps_its_size():
    scale = {name: float(place(head)[0].scale) * MILLIMETRES_PER_UNIT for name, head in real_heads().items()}
    assert scale["hrtf_tub"] == pytest.approx(1.0, abs=1e-12)
    assert scale["leeperrysmith"] == pytest.approx(50.5, rel=0.03)


@pytest.mark.usefixtures("assets")
def test_pictures_landmarks_and_truth_of_a_real_head_agree():
    subject = make_real("propinnex")
    truth = subject.truth
    assert np.linalg.norm(truth.vertices, axis=1).max() <= 1
    outward = np.sum(truth.face_normals * truth.corners.mean(axis=1), axis=1)
    assert (outward * truth.face_areas).sum() > 0
    search = SurfaceSearch(truth)
    assert search.closest(subject.landmarks.points).distances.max() * MILLIMETRES_PER_UNIT < 0.5

    assert len(subject.capture.views) == 6
    view = subject.capture.views[0]
    camera = view.camera.to(dtype=torch.float64)
    rows, columns = np.nonzero((view.mask == 255) & (view.depth > 0))
    chosen = np.random.default_rng(0).choice(len(rows), 300)
    rows, columns = rows[chosen], columns[chosen]
    pixels = torch.from_numpy(np.stack([columns, rows], axis=1) + 0.5)
    places = camera.unproject(pixels, torch.from_numpy(view.depth[rows, columns].astype(np.float64))).numpy()
    closest = search.closest(places)
    assert closest.distances.max() * MILLIMETRES_PER_UNIT < 0.2
    seen = view.normals[rows, columns] @ camera.rotation.numpy()
    agreement = np.sum(seen * truth.face_normals[closest.faces], axis=1)
    assert np.median(agreement) > 0.99
    assert view.landmarks.visible.sum() > 50
    colours = view.image[rows, columns].astype(float).mean(axis=0)
    assert colours[0] > colours[2], "skin is redder than it is blue"


def test_it_is_a_set_with_a_name_and_the_views_of_the_test_set(tmp_path, capsys):
    assert main(["studio", str(tmp_path / "real"), "--set", "real-dev", "--size", "64"]) == 2
    assert "real-dev is what it is" in capsys.readouterr().err
    assert SETS["real-dev"].split == "test"
    assert SETS["real-dev"].rig == SETS["studio-test"].rig
    assert SETS["real-dev"].size == SETS["studio-test"].size


def test_missing_scans_are_one_sentence_and_nothing_is_written(tmp_path, capsys, monkeypatch):
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("HEADFIELD_ASSETS", str(tmp_path / "empty"))
    assert main(["studio", str(tmp_path / "real"), "--set", "real-dev"]) == 2
    assert "is missing; put it there or unset HEADFIELD_ASSETS" in capsys.readouterr().err
    assert not (tmp_path / "real").exists()
