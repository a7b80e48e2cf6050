from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headfield.capture import Capture, LazyViews, Scan, Subject
from headfield.data import layout
from headfield.data.pictures import DEPTH_STEP
from headfield.data.store import Dataset, create_dataset, read_subject, write_subject
from headfield.errors import InputError
from headfield.files import read_json, write_json
from headfield.surface import Mesh
from headfield.units import MILLIMETRES_PER_UNIT
from tests.data.subjects import RADIUS, sphere_scan, sphere_subject
from tests.strategies import cameras, similarities


def edit(path: Path, **changes: object) -> None:
    write_json(path, read_json(path) | changes)


def edit_frame(folder: Path, index: int, **changes: object) -> None:
    frames = read_json(folder / "transforms.json")["frames"]
    frames[index] |= changes
    edit(folder / "transforms.json", frames=frames)


def test_a_subject_comes_back(written):
    subject, back = sphere_subject(), read_subject(written / "ball")
    for name in ("name", "identity", "expression"):
        assert getattr(back, name) == getattr(subject, name)
    assert back.facts == {"seed": 7, "numbers": [0.1, 0.2], "hair": "none"}
    assert list(back.facts) == sorted(back.facts)
    np.testing.assert_allclose(back.landmarks.points, subject.landmarks.points, atol=1e-15)
    np.testing.assert_array_equal(back.landmarks.visible, subject.landmarks.visible)
    assert (back.landmarks.scheme, back.landmarks.names) == ("named", ("left", "top", "front"))
    torch.testing.assert_close(back.to_head.matrix(), subject.to_head.matrix(), rtol=0, atol=1e-14)
    np.testing.assert_allclose(back.truth.vertices, subject.truth.vertices, atol=1e-7)
    np.testing.assert_array_equal(back.truth.faces, subject.truth.faces)
    np.testing.assert_allclose(back.registration.vertices, subject.registration.vertices, atol=1e-7)
    np.testing.assert_array_equal(back.registration.faces, subject.registration.faces)


@pytest.mark.parametrize("rough", [True, False])
def test_it_is_remembered_whether_cameras_are_only_roughly_known(tmp_path, rough):
    subject = sphere_subject()
    folder = create_dataset(tmp_path / "people")
    write_subject(replace(subject, capture=replace(subject.capture, rough=rough)), folder)
    assert read_subject(folder / "ball").capture.rough is rough


def test_views_come_back_within_what_a_pixel_can_hold(written):
    views, back = sphere_subject().capture.views, read_subject(written / "ball").capture.views
    assert isinstance(back, LazyViews)
    assert back.names == tuple(view.name for view in views)
    for view, again in zip(views, back, strict=True):
        np.testing.assert_array_equal(again.image, view.image)
        np.testing.assert_array_equal(again.mask, view.mask)
        assert np.linalg.norm(again.normals - view.normals, axis=-1).max() <= 1.01 * np.sqrt(3) / 255
        assert np.abs(again.depth - view.depth).max() * MILLIMETRES_PER_UNIT <= 0.51 * DEPTH_STEP
        np.testing.assert_array_equal(again.landmarks.points, view.landmarks.points)
        for part in ("rotation", "translation", "focal", "principal"):
            expected = getattr(view.camera, part)
            torch.testing.assert_close(getattr(again.camera, part), expected, rtol=0, atol=1e-14)


def test_depths_that_come_back_lie_on_the_surface(written):
    for view in read_subject(written / "ball").capture.views:
        pixels = view.camera.pixel_centres()[view.mask > 0]
        depth = torch.from_numpy(view.depth[view.mask > 0]).double()
        points = view.camera.unproject(pixels, depth)
        assert (points.norm(dim=-1) - RADIUS).abs().max() * MILLIMETRES_PER_UNIT < DEPTH_STEP
        outward = view.camera.to(dtype=torch.float64).rotation @ (points / RADIUS).T
        assert np.abs(outward.T.numpy() - view.normals[view.mask > 0]).max() < 0.01


@given(cameras())
def test_cameras_come_back(camera):
    back = layout.camera_from_frame(json.loads(json.dumps(layout.camera_to_frame(camera))), "a frame")
    for part in ("rotation", "translation", "focal", "principal"):
        torch.testing.assert_close(getattr(back, part), getattr(camera, part), rtol=0, atol=1e-13)
    assert (back.width, back.height) == (camera.width, camera.height)


@given(similarities())
def test_transforms_come_back(similarity):
    stored = json.loads(json.dumps({"to_head": layout.similarity_to_json(similarity)}))
    back = layout.similarity_from_json(stored, "to_head", "a subject")
    torch.testing.assert_close(back.matrix(), similarity.matrix(), rtol=1e-13, atol=1e-13)


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 3, 200]), st.floats(1e-6, 1e3))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_scans_come_back_to_the_last_bit(tmp_path, seed, n, spread):
    rng = np.random.default_rng(seed)
    scan = sphere_scan(n, rng)
    scan = replace(scan, points=(scan.points * spread * rng.random((n, 1))).astype(np.float32))
    bare = Scan(scan.points, scan.normals)
    for whole in (scan, bare):
        back = read_subject(write_subject(Subject("one", scan=whole), tmp_path)).scan
        for part in ("points", "normals", "colours", "sensors", "sensor_of_point", "free_points"):
            expected, found = getattr(whole, part), getattr(back, part)
            assert (found is None) == (expected is None)
            if expected is not None:
                assert found.dtype == expected.dtype
                np.testing.assert_array_equal(found, expected)


def test_nerfstudio_would_see_the_same_pixels(written):
    """A point through ``transforms.json`` by OpenGL's formula, as nerfstudio shoots its rays, against our camera."""
    content = json.loads((written / "ball" / "transforms.json").read_text())
    point = np.array([0.1, -0.2, 0.45])
    for frame, view in zip(content["frames"], sphere_subject().capture.views, strict=True):
        to_camera = np.linalg.inv(np.array(frame["transform_matrix"]))
        x, y, z = (to_camera @ [*(200 * point), 1])[:3]
        assert z < 0  # OpenGL's cameras look along -z
        column = frame["fl_x"] * x / -z + frame["cx"]
        row = -frame["fl_y"] * y / -z + frame["cy"]
        expected, _ = view.camera.project(torch.tensor(point)[None])
        np.testing.assert_allclose([column, row], expected[0].numpy(), atol=1e-9)
        for key in ("file_path", "mask_path", "depth_file_path", "normal_file_path"):
            assert (written / "ball" / frame[key]).is_file()
        assert (frame["w"], frame["h"]) == (view.camera.width, view.camera.height)
    assert content["ply_file_path"] == "scan.ply"
    assert content["camera_model"] == "PINHOLE"


def test_other_tools_open_the_scan_in_millimetres(written):
    import trimesh

    cloud = trimesh.load(written / "ball" / "scan.ply")
    scan = sphere_subject().scan
    np.testing.assert_allclose(np.asarray(cloud.vertices), 200 * scan.points, rtol=1e-6)
    np.testing.assert_array_equal(np.asarray(cloud.colors)[:, :3], scan.colours)
    header = (written / "ball" / "scan.ply").read_bytes()[:400]
    assert b"comment millimetres" in header


def test_the_checksums_are_those_of_sha256sum(written):
    if shutil.which("sha256sum") is None:
        pytest.skip("sha256sum is not installed")
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=written / "ball", check=True)


def test_the_same_subject_is_the_same_bytes(written, tmp_path):
    subject = sphere_subject()
    again = write_subject(replace(subject, facts=dict(reversed(list(subject.facts.items())))), tmp_path)
    files = sorted(path.relative_to(again) for path in again.rglob("*") if path.is_file())
    assert files == sorted(
        path.relative_to(written / "ball") for path in (written / "ball").rglob("*") if path.is_file()
    )
    for file in files:
        assert (again / file).read_bytes() == (written / "ball" / file).read_bytes(), file
    # What was read can be written again, and is what it was.
    write_subject(read_subject(again), tmp_path / "copy")
    for file in ("scan.ply", "free.ply", "truth.ply", "images/view-0.png", "masks/view-0.png", "depths/view-0.png"):
        assert (tmp_path / "copy" / "ball" / file).read_bytes() == (again / file).read_bytes(), file


def test_a_subject_may_have_little(tmp_path):
    back = read_subject(write_subject(Subject("nobody"), tmp_path))
    assert (back.capture, back.scan, back.truth, back.landmarks, back.facts) == (None, None, None, None, {})
    view = replace(sphere_subject().capture.views[0], mask=None, normals=None, depth=None, landmarks=None)
    back = read_subject(write_subject(Subject("one", capture=Capture((view,))), tmp_path)).capture.views[0]
    assert (back.mask, back.normals, back.depth, back.landmarks) == (None, None, None, None)
    back = read_subject(write_subject(sphere_subject(), tmp_path), views=False, scan=False, truth=False)
    assert (back.capture, back.scan, back.truth, back.registration) == (None, None, None, None)


def test_unknown_landmarks_come_back_unknown(tmp_path):
    landmarks = sphere_subject().landmarks
    points = landmarks.points.copy()
    points[1] = np.nan
    back = read_subject(write_subject(Subject("one", landmarks=replace(landmarks, points=points)), tmp_path))
    np.testing.assert_allclose(back.landmarks.points, points, atol=1e-15)


def test_views_are_written_one_at_a_time_and_read_when_asked_for(tmp_path):
    views = sphere_subject().capture.views
    alive = []

    def read(index):
        alive.append(index)
        # The one before is on disk before the next is asked for.
        assert len(list(tmp_path.rglob("images/*.png"))) == index
        return views[index]

    lazy = LazyViews([view.name for view in views], read)
    folder = write_subject(Subject("one", capture=Capture(lazy)), tmp_path)
    assert alive == [0, 1, 2]
    back = read_subject(folder).capture.views
    (folder / "images" / "view-1.png").unlink()
    assert back[0].name == "view-0"
    with pytest.raises(InputError, match=r"names images/view-1\.png, which is not there"):
        back[1]


# Nothing half-written


def test_a_failure_leaves_nothing(tmp_path):
    views = sphere_subject().capture.views

    def read(index):
        if index == 2:
            raise InputError("the third picture is damaged.")
        return views[index]

    lazy = LazyViews([view.name for view in views], read)
    with pytest.raises(InputError, match="the third picture is damaged"):
        write_subject(Subject("one", capture=Capture(lazy)), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_kill_leaves_nothing_under_the_name_and_the_work_goes_on(tmp_path):
    program = """
import os, signal, sys
from pathlib import Path
from headfield.capture import Capture, LazyViews, Subject
from headfield.data.store import create_dataset, write_subject
from tests.data.subjects import sphere_subject

views = sphere_subject().capture.views
def read(index):
    if index == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return views[index]
dataset = create_dataset(Path(sys.argv[1]))
write_subject(Subject("first", capture=Capture(views)), dataset)
write_subject(Subject("second", capture=Capture(LazyViews("abc", read))), dataset)
"""
    out = tmp_path / "set"
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program, str(out)], cwd=root, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == -signal.SIGKILL
    assert Dataset(out).names == ("first",)
    assert not (out / "second").exists()
    create_dataset(out)
    write_subject(sphere_subject("second"), out)
    assert Dataset(out).names == ("first", "second")
    Dataset(out).verify()


def test_surfaces_that_are_none_are_named_by_their_subject(tmp_path):
    flat, nowhere = (Mesh.of(np.full((3, 3), x), np.array([[0, 1, 2]])) for x in (0.0, np.nan))
    bare = Mesh.of(np.zeros((3, 3)), np.empty((0, 3), np.int64))
    for mesh, words in ((bare, "no faces, only 3 points"), (flat, "no surface"), (nowhere, "3 vertices whose")):
        with pytest.raises(InputError, match=rf"^the true surface of anna has .*{words}"):
            write_subject(Subject("anna", truth=mesh), tmp_path)
        with pytest.raises(InputError, match=rf"^the registration of anna has .*{words}"):
            write_subject(Subject("anna", registration=mesh), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_points_that_are_none_are_one_sentence(folder):
    content = (folder / "scan.ply").read_bytes()
    start = content.index(b"end_header\n") + len(b"end_header\n")
    (folder / "scan.ply").write_bytes(content[:start] + np.array(np.nan, "<f8").tobytes() + content[start + 8 :])
    with pytest.raises(InputError, match=r"scan\.ply has points whose coordinates are not finite numbers"):
        read_subject(folder)


def test_only_subjects_are_replaced(tmp_path):
    (tmp_path / "ball").mkdir()
    (tmp_path / "ball" / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match=r"ball is there already and is not a subject"):
        write_subject(sphere_subject(), tmp_path)
    assert (tmp_path / "ball" / "thesis.txt").exists()
    write_subject(Subject("other"), tmp_path)
    write_subject(Subject("other", expression="smile"), tmp_path)
    assert read_subject(tmp_path / "other").expression == "smile"


@pytest.mark.parametrize("name", ["", ".", "..", "../up", "a/b", ".hidden", "-o", "a b", "ä", "x" * 101, "a\n"])
def test_names_stay_in_their_folder(tmp_path, name):
    with pytest.raises(InputError, match="a subject cannot be called"):
        write_subject(Subject(name), tmp_path / "set")
    view = replace(sphere_subject().capture.views[0], name=name)
    with pytest.raises(InputError, match="a view of one cannot be called"):
        write_subject(Subject("one", capture=Capture((view,))), tmp_path / "set")
    assert not (tmp_path / "set").exists() or not list((tmp_path / "set").iterdir())


def test_views_have_names_of_their_own(tmp_path, folder):
    view = sphere_subject().capture.views[0]
    with pytest.raises(InputError, match="one has two views called A"):
        write_subject(Subject("one", capture=Capture((replace(view, name="a"), replace(view, name="A")))), tmp_path)
    edit_frame(folder, 1, file_path="images/view-0.png")
    with pytest.raises(InputError, match=r"transforms\.json has two views called view-0"):
        read_subject(folder)


# What comes from elsewhere


@pytest.mark.parametrize("key", ["file_path", "mask_path", "normal_file_path", "depth_file_path"])
def test_files_outside_the_folder_are_refused(folder, key):
    shutil.copy(folder / "masks" / "view-0.png", folder.parent / "outside.png")
    (folder / "link.png").symlink_to(folder.parent / "outside.png")
    for path in ("../outside.png", str(folder.parent / "outside.png"), "link.png"):
        edit_frame(folder, 0, **{key: path})
        with pytest.raises(InputError, match=r"transforms\.json names .*, which lies outside its folder"):
            read_subject(folder)


def test_files_that_are_not_there_are_named_at_once(folder):
    (folder / "masks" / "view-2.png").unlink()
    with pytest.raises(InputError, match=r"transforms\.json names masks/view-2\.png, which is not there"):
        read_subject(folder)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"file_path": 3}, "names a file by 3"),
        ({"fl_x": 0}, "focal length of 0; it must be positive"),
        ({"fl_x": "wide"}, "fl_x of .*view-0.png is not numbers"),
        ({"w": -5}, "must be at least 1"),
        ({"h": None}, "h of .*view-0.png is not numbers"),
        ({"w": 50}, "view view-0: the image is 48 x 48 pixels but its camera is 50 x 48"),
        ({"transform_matrix": [[1, 0], [0, 1]]}, r"transform_matrix of .* has the shape \(2, 2\)"),
        ({"transform_matrix": np.diag([1, 1, 2, 1]).tolist()}, "is not a rotation: its columns are not orthonormal"),
        ({"transform_matrix": np.diag([-1, 1, 1, 1]).tolist()}, "is not a rotation: it mirrors"),
        ({"landmarks": {"scheme": "none"}}, "landmarks of no known scheme"),
        ({"landmarks": {"scheme": "named", "points": [[1, 2]], "visible": []}}, "landmarks that do not fit together"),
        ({"landmarks": {"scheme": "named", "points": [[1, 2]], "visible": [[]]}}, "landmarks that do not fit together"),
    ],
)
def test_frames_that_are_none_are_one_sentence(folder, changes, sentence):
    edit_frame(folder, 0, **changes)
    with pytest.raises(InputError, match=sentence) as refusal:
        read_subject(folder).capture.views[0]
    assert "view-0" in str(refusal.value) or "transforms.json" in str(refusal.value)


@pytest.mark.parametrize(
    ("file", "changes", "sentence"),
    [
        ("transforms.json", {"frames": None}, "has no list of frames"),
        ("transforms.json", {"rough_cameras": "no"}, "rough_cameras of .*transforms.json is neither true nor false"),
        ("transforms.json", {"depth_step": None}, "depth_step of .*transforms.json is not numbers"),
        ("transforms.json", {"depth_step": -1}, "depth_step of .*transforms.json is -1; it must be"),
        ("subject.json", {"facts": 3}, "subject.json has facts that are no JSON object"),
        ("subject.json", {"sensors": [[1e300, 0, 0]] * 4}, "subject.json has points whose coordinates are not finite"),
        ("subject.json", {"version": 2}, "subject.json has format version 2, newer than 1; update headfield"),
        ("subject.json", {"format": "a song"}, "subject.json is not a headfield subject file"),
        ("subject.json", {"to_head": [[1]]}, "to_head of .*subject.json has the shape"),
        ("subject.json", {"sensors": [[0, 0, 0]]}, "scan.ply names sensors that .*subject.json does not list"),
    ],
)
def test_files_of_another_kind_are_one_sentence(folder, file, changes, sentence):
    edit(folder / file, **changes)
    with pytest.raises(InputError, match=sentence):
        read_subject(folder)


def test_what_is_no_subject_is_one_sentence(folder):
    with pytest.raises(InputError, match=r"nobody is not a folder; a subject's folder was expected"):
        read_subject(folder.parent / "nobody")
    with pytest.raises(InputError, match=r"images is not a subject, since it has no subject\.json"):
        read_subject(folder / "images")
    (folder / "scan.ply").write_bytes((folder / "scan.ply").read_bytes()[:-1])
    with pytest.raises(InputError, match=r"scan\.ply"):
        read_subject(folder)
    (folder / "subject.json").write_text("{")
    with pytest.raises(InputError, match=r"subject\.json is not a JSON file, or it was cut off"):
        read_subject(folder)
