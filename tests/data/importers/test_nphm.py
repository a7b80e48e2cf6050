from __future__ import annotations

import numpy as np
import pytest
import torch

from headfield.canonical import CANONICAL_POINTS
from headfield.data.importers.nphm import LANDMARK_VERTICES, Settings, read
from headfield.errors import InputError
from tests.data.importers.scenery import TURN

# NPHM's space: 250 mm a unit, here also moved a little.
SHIFT = np.array([0.02, 0.1, -0.05])


def write_ply(path, vertices, faces):
    header = f"ply\nformat ascii 1.0\nelement vertex {len(vertices)}\nproperty float x\nproperty float y\n"
    header += f"property float z\nelement face {len(faces)}\nproperty list uchar int vertex_indices\nend_header\n"
    rows = [" ".join(map(repr, row)) for row in vertices.tolist()] + [f"3 {a} {b} {c}" for a, b, c in faces]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(header + "\n".join(rows) + "\n")


def registration(n=4000):
    """A template of which only the marked vertices matter."""
    points = np.zeros((n, 3))
    points[list(LANDMARK_VERTICES.values())] = CANONICAL_POINTS * 0.8 + SHIFT
    return points


EYES_AND_MOUTH = [[LANDMARK_VERTICES[name] for name in ("right_eye_outer", "left_eye_outer", "left_lips")]]
SCAN = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1.0]])
FACES = [(0, 2, 1), (0, 1, 3), (0, 3, 2), (1, 2, 3)]


def write(folder, *, raw=None):
    for person, expression in (("017", "000"), ("017", "012"), ("102", "003")):
        here = folder / person / expression
        write_ply(here / "scan.ply", SCAN, FACES)
        write_ply(here / "registration.ply", registration(), EYES_AND_MOUTH)
        if raw is not None:
            np.save(here / "s.npy", np.array([raw]))
            np.save(here / "R.npy", TURN)
            np.save(here / "t.npy", np.array([0.1, 0.2, 0.3]))


def refuses(folder, *words, **settings):
    with pytest.raises(InputError) as caught:
        list(read(folder, settings=Settings(**settings)))
    for word in words:
        assert word in str(caught.value)


def test_every_person_and_expression_is_a_subject(tmp_path):
    write(tmp_path)
    subjects = list(read(tmp_path))
    assert [subject.name for subject in subjects] == ["017_000", "017_012", "102_003"]
    assert [(subject.identity, subject.expression) for subject in subjects][1] == ("017", "012")
    assert len(list(read(tmp_path / "017"))) == 2
    assert [subject.name for subject in read(tmp_path / "017" / "012")] == ["017_012"]


def test_landmarks_lead_into_head_space(tmp_path):
    write(tmp_path)
    subject = next(read(tmp_path))
    assert subject.facts["placement"] == "landmarks"
    assert float(subject.to_head.scale) == pytest.approx(250 / 200)
    np.testing.assert_allclose(subject.landmarks.points, CANONICAL_POINTS, atol=1e-6)
    np.testing.assert_allclose(subject.truth.vertices, (SCAN - SHIFT) * 1.25, atol=1e-6)
    back = subject.to_head.inverse().apply(torch.from_numpy(subject.truth.vertices))
    np.testing.assert_allclose(back, SCAN, atol=1e-6)


@pytest.mark.parametrize("raw", [1 / 240, 1 / 0.24])  # NPHM's units a millimetre, or a metre
def test_the_true_size_follows_from_the_raw_scan(tmp_path, raw):
    write(tmp_path, raw=raw)
    subject = next(read(tmp_path))
    assert subject.facts["true_size"] is True
    assert float(subject.to_head.scale) == pytest.approx(240 / 200)
    matrix = np.array(subject.facts["nphm_from_raw"])
    np.testing.assert_allclose(matrix[:3, :3], raw * TURN)
    np.testing.assert_allclose(matrix[:3, 3], [0.1, 0.2, 0.3])


def test_the_registration_lies_where_the_scan_does(tmp_path):
    write(tmp_path)
    subject = next(read(tmp_path))
    assert len(subject.registration.vertices) == 4000
    marked = subject.registration.vertices[list(LANDMARK_VERTICES.values())]
    np.testing.assert_allclose(marked, subject.landmarks.points, atol=1e-6)
    (tmp_path / "017/000/scan.ply").unlink()
    alone = next(read(tmp_path))
    assert alone.truth is None
    np.testing.assert_allclose(alone.registration.vertices, subject.registration.vertices)


def test_a_choice_of_people_and_expressions(tmp_path):
    write(tmp_path)
    chosen = read(tmp_path, settings=Settings(identities=(17,), expressions=(12, 3)))
    assert [subject.name for subject in chosen] == ["017_012"]
    refuses(tmp_path, str(tmp_path), "no such identity or expression", identities=(5,))


def test_without_a_registration_the_box_is_centred(tmp_path):
    write(tmp_path)
    (tmp_path / "017/000/registration.ply").unlink()
    subject = next(read(tmp_path))
    assert subject.facts["placement"] == "bounds"
    np.testing.assert_allclose(subject.truth.bounds, [[-0.625] * 3, [0.625] * 3], atol=1e-6)


def test_what_is_none(tmp_path):
    refuses(tmp_path, str(tmp_path), "holds nothing of NPHM")
    refuses(tmp_path / "gone", "gone holds nothing of NPHM")
    write(tmp_path, raw=1 / 240)
    np.save(tmp_path / "017/000/R.npy", 2 * TURN @ np.diag([1, 1, -1]))
    refuses(tmp_path, "017/000", "mirrors")
    np.save(tmp_path / "017/000/R.npy", np.eye(4))
    refuses(tmp_path, "017/000 has an s.npy, R.npy or t.npy that is no scale")
    np.save(tmp_path / "017/000/t.npy", np.zeros(3))
    np.save(tmp_path / "017/000/R.npy", TURN)
    np.save(tmp_path / "017/000/s.npy", np.array([np.inf]))
    refuses(tmp_path, "the transform of", "017/000 holds numbers that are not finite")
    (tmp_path / "017/000/R.npy").write_text("no numbers")
    refuses(tmp_path, "R.npy is not an array of numbers")


def test_broken_meshes(tmp_path):
    write(tmp_path)
    path = tmp_path / "017/000/registration.ply"
    write_ply(path, registration()[:3500], EYES_AND_MOUTH)
    refuses(tmp_path, "registration.ply has 3500 vertices, fewer than NPHM's template")
    (tmp_path / "017/000/scan.ply").write_text("")
    refuses(tmp_path, "scan.ply is empty")
