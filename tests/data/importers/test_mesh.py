from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
import torch

from headfield.canonical import CANONICAL_POINTS
from headfield.data.importers.mesh import Settings, read
from headfield.data.importers.nphm import LANDMARK_VERTICES as NAMED
from headfield.data.store import create_dataset, read_subject, write_subject
from headfield.errors import InputError
from headfield.mesh.files import write_mesh
from headfield.surface import Mesh
from tests.data.importers.scenery import DOTS, TURN, check_back
from tests.data.importers.test_nphm import FACES, SCAN, write_ply

TETRAHEDRON = Mesh.of(SCAN, np.array(FACES))


def one(path, **settings):
    (subject,) = read(path, settings=Settings(**settings))
    return subject


def refuses(path, *words, **settings):
    with pytest.raises(InputError) as caught:
        list(read(path, settings=Settings(**settings)))
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("suffix", ["obj", "ply", "glb", "stl"])
def test_a_mesh_becomes_the_truth(tmp_path, suffix):
    write_mesh(TETRAHEDRON, tmp_path / f"head.{suffix}")
    subject = one(tmp_path / f"head.{suffix}")
    assert subject.name == "head"
    assert subject.scan is None
    assert subject.facts["placement"] == "bounds"
    # Centred, and in the unit of its format; STL has no order of vertices.
    found, expected = (corners.reshape(-1, 3) - corners.reshape(-1, 3).mean(axis=0) for corners in (
        subject.truth.corners, TETRAHEDRON.corners))  # fmt: skip
    order = [np.lexsort(np.round(points, 5).T) for points in (found, expected)]
    np.testing.assert_allclose(found[order[0]], expected[order[1]], atol=1e-6)
    np.testing.assert_allclose(subject.truth.bounds[0], -subject.truth.bounds[1], atol=1e-6)


@pytest.mark.parametrize(
    ("unit", "units"), [("mm", 1 / 200), ("cm", 1 / 20), ("m", 5), ("in", 25.4 / 200), (None, 1 / 200)]
)
def test_the_unit_is_part_of_the_way_back(tmp_path, unit, units):
    write_ply(tmp_path / "a.ply", SCAN, FACES)
    subject = one(tmp_path / "a.ply", unit=unit)
    assert float(subject.to_head.scale) == pytest.approx(units)
    np.testing.assert_allclose(np.ptp(subject.truth.vertices, axis=0), units, rtol=1e-6)
    back = subject.to_head.inverse().apply(torch.from_numpy(subject.truth.vertices))
    np.testing.assert_allclose(back, SCAN, atol=1e-6)


@pytest.mark.parametrize("form", ["json", "txt"])
def test_landmarks_beside_it_lead_into_head_space(tmp_path, form):
    # Centimetres, turned and moved.
    points = 20 * CANONICAL_POINTS @ TURN.T + [3, 4, 5]
    write_ply(tmp_path / "a.ply", 20 * SCAN @ TURN.T + [3, 4, 5], FACES)
    named = dict(zip(NAMED, points.tolist(), strict=True))
    if form == "json":
        (tmp_path / "a.landmarks.json").write_text(json.dumps({"scheme": "named", "points": named}))
    else:
        (tmp_path / "a.landmarks.txt").write_text("\n".join(f"{n} {x} {y} {z}" for n, (x, y, z) in named.items()))
    subject = one(tmp_path / "a.ply", unit="cm")
    assert subject.facts["placement"] == "landmarks"
    np.testing.assert_allclose(subject.truth.vertices, SCAN, atol=1e-5)
    np.testing.assert_allclose(subject.landmarks.points, CANONICAL_POINTS, atol=1e-9)
    check_back(subject, world=points)


def test_landmarks_tell_the_size_of_what_has_no_unit(tmp_path):
    points = dict(zip(NAMED, (7.3 * CANONICAL_POINTS).tolist(), strict=True))
    write_ply(tmp_path / "a.ply", 7.3 * SCAN, FACES)
    refuses(tmp_path / "a.ply", "a.ply has no landmarks that tell its size", "a.landmarks.json", any_size=True)
    (tmp_path / "a.landmarks.json").write_text(json.dumps({"scheme": "named", "points": points}))
    subject = one(tmp_path / "a.ply", any_size=True)
    assert float(subject.to_head.scale) == pytest.approx(1 / 7.3)
    assert subject.facts["true_size"] is False
    np.testing.assert_allclose(subject.truth.vertices, SCAN, atol=1e-5)


@pytest.mark.parametrize(("unit", "size"), [("mm", "1 mm"), ("m", None), ("cm", "10 mm"), ("unit", None)])
def test_a_size_that_no_head_has_is_remarked_on(tmp_path, unit, size):
    write_ply(tmp_path / "a.ply", SCAN, FACES)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        one(tmp_path / "a.ply", unit=unit)
    expected = [f"{tmp_path / 'a.ply'} is {size} large, and no head is; name the unit of its numbers."] if size else []
    assert [str(warning.message) for warning in said] == expected


def write_cloud(path, rng, normals=True):
    normal = rng.normal(size=(50, 3))
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    columns = ["x", "y", "z"] + (["nx", "ny", "nz"] if normals else [])
    header = "ply\nformat ascii 1.0\nelement vertex 50\n" + "".join(f"property float {c}\n" for c in columns)
    rows = np.hstack([100 * normal, normal] if normals else [100 * normal])
    path.write_text(header + "end_header\n" + "\n".join(" ".join(map(str, row)) for row in rows) + "\n")
    return normal


def test_points_with_normals_become_a_scan(tmp_path, rng):
    normals = write_cloud(tmp_path / "cloud.ply", rng)
    subject = one(tmp_path / "cloud.ply")
    assert subject.truth is None
    assert subject.scan.points.dtype == np.float32
    np.testing.assert_allclose(subject.scan.normals, normals, atol=1e-5)
    back = subject.to_head.inverse().apply(torch.from_numpy(subject.scan.points).double())
    np.testing.assert_allclose(back, 100 * normals, atol=1e-3)


def test_a_folder_is_a_subject_a_file(tmp_path, rng):
    write_cloud(tmp_path / "b 1.ply", rng)
    write_mesh(TETRAHEDRON, tmp_path / "a.glb")
    write_mesh(TETRAHEDRON, tmp_path / "a.stl")
    (tmp_path / "notes.txt").write_text("not a mesh")
    names = [subject.name for subject in read(tmp_path)]
    assert names == ["a_glb", "a_stl", "b_1_ply"]


def test_what_is_imported_comes_back_from_the_store(tmp_path, rng):
    write_ply(tmp_path / "a.ply", SCAN, FACES)
    write_cloud(tmp_path / "b.ply", rng)
    create_dataset(tmp_path / "out")
    for subject in read(tmp_path):
        stored = read_subject(write_subject(subject, tmp_path / "out"))
        torch.testing.assert_close(stored.to_head.matrix(), subject.to_head.matrix())
        if subject.truth is not None:
            np.testing.assert_allclose(stored.truth.vertices, subject.truth.vertices, atol=1e-6)
        else:
            np.testing.assert_array_equal(stored.scan.points, subject.scan.points)


def test_what_is_none(tmp_path, rng):
    refuses(tmp_path, str(tmp_path), "has no mesh or point cloud in it")
    refuses(tmp_path / "a.ply", "a.ply does not exist")
    (tmp_path / "a.ply").write_text("")
    refuses(tmp_path / "a.ply", "a.ply is empty")
    (tmp_path / "a.step").write_text("x")
    refuses(tmp_path / "a.step", "a.step has a suffix that is not known")
    write_cloud(tmp_path / "b.ply", rng, normals=False)
    refuses(tmp_path / "b.ply", "b.ply has points without normals")


def test_landmarks_of_another_head(tmp_path):
    write_ply(tmp_path / "a.ply", SCAN, FACES)
    points = dict(zip(NAMED, DOTS.tolist(), strict=True))  # in units of their own, not in millimetres
    (tmp_path / "a.landmarks.json").write_text(json.dumps({"scheme": "named", "points": points}))
    refuses(tmp_path / "a.ply", "the landmarks of", "a.ply", "off an average face", "the unit")
