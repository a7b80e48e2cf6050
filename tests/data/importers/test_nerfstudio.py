from __future__ import annotations

import json
import re

import numpy as np
import pytest
import torch
from PIL import Image

from headfield.canonical import CANONICAL_INDICES, CANONICAL_POINTS
from headfield.data.importers import find_importer
from headfield.data.importers.nerfstudio import read
from headfield.data.importers.shots import Settings
from headfield.data.store import create_dataset, read_subject, write_subject
from headfield.errors import InputError
from tests.data.importers.scenery import (
    DOTS,
    FOCAL,
    HEIGHT,
    PRINCIPAL,
    SCALE,
    WIDTH,
    check_back,
    check_views,
    drawing,
    photos,
    save,
    silhouette,
)

INTRINSICS = {"fl_x": FOCAL, "fl_y": FOCAL, "cx": PRINCIPAL[0], "cy": PRINCIPAL[1], "w": WIDTH, "h": HEIGHT}
NAMES = [
    "chin", "nose_bridge", "nose_tip", "nose_base", "right_eye_outer", "right_eye_inner", "left_eye_inner",
    "left_eye_outer", "right_lips", "left_lips",
]  # fmt: skip


def write(folder, content=None, *, frames=None, **more):
    """A capture of four photos; returns its transforms.json as it was written."""
    taken = photos()
    if frames is None:
        frames = []
        for i, photo in enumerate(taken):
            save(folder / f"images/frame_{i}.png", drawing(photo.pixels()))
            save(folder / f"masks/frame_{i}.png", silhouette(photo.pixels()))
            frames.append(
                {
                    "file_path": f"images/frame_{i}.png",
                    "mask_path": f"masks/frame_{i}.png",
                    "transform_matrix": photo.opengl.tolist(),
                }
            )
    content = {**(INTRINSICS if content is None else content), **more, "frames": frames}
    (folder / "transforms.json").write_text(json.dumps(content))
    return content


def mark(folder):
    points = {name: point.tolist() for name, point in zip(NAMES, DOTS, strict=True)}
    (folder / "landmarks.json").write_text(json.dumps({"scheme": "named", "points": points}))


def one(folder, **settings):
    (subject,) = read(folder, settings=Settings(**settings))
    return subject


def refuses(folder, *words):
    with pytest.raises(InputError) as caught:
        one(folder)
    for word in words:
        assert word in str(caught.value)
    assert str(caught.value).count(". ") == 0


def test_dots_are_where_the_cameras_say(tmp_path):
    write(tmp_path)
    subject = one(tmp_path)
    assert subject.facts["placement"] == "cameras"
    check_views(subject)


def test_the_file_itself_may_be_named(tmp_path):
    write(tmp_path)
    check_views(one(tmp_path / "transforms.json"))


def test_the_registry_finds_it(tmp_path):
    write(tmp_path)
    (subject,) = find_importer("nerfstudio").read(tmp_path)
    check_views(subject)


def test_landmarks_in_space_lead_into_head_space(tmp_path):
    write(tmp_path)
    mark(tmp_path)
    subject = one(tmp_path)
    assert subject.facts["placement"] == "landmarks"
    np.testing.assert_allclose(subject.landmarks.points, CANONICAL_POINTS, atol=1e-9)
    check_views(subject)
    check_back(subject)


def test_landmarks_in_pictures_lead_into_head_space(tmp_path):
    write(tmp_path)
    points = np.full((68, 2), np.nan)
    views = {}
    for i, photo in enumerate(photos()):
        points[list(CANONICAL_INDICES)] = photo.pixels()
        views[f"frame_{i}"] = {"points": [None if np.isnan(p).any() else p.tolist() for p in points]}
    views["frame_0"]["points"][30] = None
    (tmp_path / "landmarks.json").write_text(json.dumps({"views": views}))
    subject = one(tmp_path)
    assert subject.facts["placement"] == "landmarks"
    check_views(subject)
    check_back(subject)
    found = subject.landmarks.points[list(CANONICAL_INDICES)]
    np.testing.assert_allclose(found, CANONICAL_POINTS, atol=1e-8)
    assert subject.landmarks.visible.sum() == len(CANONICAL_INDICES)
    assert not subject.capture.views[0].landmarks.visible[30]


def test_a_known_unit_keeps_the_true_size(tmp_path):
    write(tmp_path)
    subject = one(tmp_path, unit="cm")
    assert float(subject.to_head.scale) == pytest.approx(10 / 200)
    assert subject.facts["true_size"] is True
    check_views(subject)


def test_what_was_applied_is_part_of_the_way_back(tmp_path):
    # The file's world is three times (y, z, x) of the world the capture came from.
    swap = np.array([[0, 1, 0, 0.5], [0, 0, 1, -0.25], [1, 0, 0, 0.125]])
    write(tmp_path, applied_transform=swap.tolist(), applied_scale=3.0)
    mark(tmp_path)
    subject = one(tmp_path)
    before = (DOTS / 3.0 - swap[:, 3]) @ swap[:, :3]
    check_views(subject, dots=before)
    check_back(subject, world=before)


def test_frames_may_have_intrinsics_of_their_own(tmp_path):
    content = write(tmp_path)
    # The second picture is cut out of the first's size, with another focal length.
    photo = photos()[1]
    pixels = 150.0 * photo.plane(DOTS) + np.array([60.0, 50.0])
    save(tmp_path / "images/frame_1.png", drawing(pixels, size=(120, 100)))
    save(tmp_path / "masks/frame_1.png", silhouette(pixels, size=(120, 100)))
    content["frames"][1] |= {"fl_x": 150, "fl_y": 150, "cx": 60, "cy": 50, "w": 120, "h": 100}
    write(tmp_path, frames=content["frames"])
    check_views(one(tmp_path))


def test_an_angle_of_view_stands_for_the_focal_length_and_suffixes_may_be_missing(tmp_path):
    frames = []
    for i, photo in enumerate(photos()):
        pixels = FOCAL * photo.plane(DOTS) + np.array([WIDTH, HEIGHT]) / 2
        picture = np.dstack([drawing(pixels), silhouette(pixels)])  # the mask is the alpha
        save(tmp_path / f"train/r_{i}.png", picture)
        frames.append({"file_path": f"./train/r_{i}", "transform_matrix": photo.opengl.tolist()})
    write(tmp_path, {"camera_angle_x": 2 * np.arctan(WIDTH / 2 / FOCAL)}, frames=frames)
    (tmp_path / "transforms.json").rename(tmp_path / "transforms_train.json")
    check_views(one(tmp_path))


def test_a_smaller_copy_of_the_pictures_takes_the_camera_along(tmp_path):
    write(tmp_path, {**INTRINSICS, **{key: 2 * value for key, value in INTRINSICS.items()}})
    check_views(one(tmp_path))


def test_a_lens_is_taken_out(tmp_path):
    k1, k2, p1, p2 = -0.21, 0.06, 0.004, -0.003
    content = write(tmp_path)
    for i, photo in enumerate(photos()):
        x, y = photo.plane(DOTS).T
        r2 = x * x + y * y
        radial = 1 + k1 * r2 + k2 * r2**2
        bent = np.stack(
            [x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x), y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y],
            axis=1,
        )
        save(tmp_path / f"images/frame_{i}.png", drawing(FOCAL * bent + PRINCIPAL))
        save(tmp_path / f"masks/frame_{i}.png", silhouette(FOCAL * bent + PRINCIPAL))
    write(
        tmp_path,
        {**INTRINSICS, "camera_model": "OPENCV", "k1": k1, "k2": k2, "p1": p1, "p2": p2},
        frames=content["frames"],
    )
    check_views(one(tmp_path), tolerance=60)


@pytest.mark.parametrize("suffix", ["png", "npy"])
def test_depth_is_brought_to_head_units(tmp_path, suffix):
    content = write(tmp_path)
    for i, frame in enumerate(content["frames"]):
        depth = np.full((HEIGHT, WIDTH), 12500 + i, dtype=np.uint16)
        depth[0] = 0
        frame["depth_file_path"] = f"depth/{i}.{suffix}"
        if suffix == "png":
            save(tmp_path / frame["depth_file_path"], depth)
        else:
            (tmp_path / "depth").mkdir(exist_ok=True)
            np.save(tmp_path / frame["depth_file_path"], depth)
    write(tmp_path, frames=content["frames"])
    mark(tmp_path)
    view = one(tmp_path).capture.views[2]
    assert view.depth[5, 7] == pytest.approx(12.502 / SCALE, rel=1e-5)  # millimetres of a world of metres
    assert not view.depth[0].any()


def test_what_is_imported_comes_back_from_the_store(tmp_path):
    (tmp_path / "in").mkdir()
    write(tmp_path / "in")
    mark(tmp_path / "in")
    subject = one(tmp_path / "in")
    folder = write_subject(subject, create_dataset(tmp_path / "out"))
    stored = read_subject(folder)
    check_views(stored)
    check_back(stored)
    assert stored.facts["placement"] == "landmarks"


def test_a_subject_of_the_store_stays_as_it_is(tmp_path):
    (tmp_path / "in").mkdir()
    write(tmp_path / "in")
    original = one(tmp_path / "in")
    folder = write_subject(original, create_dataset(tmp_path / "out"))
    again = one(folder)
    assert again.facts["placement"] == "given"
    assert float(again.to_head.scale) == pytest.approx(1 / 200)
    for one_view, other in zip(original.capture.views, again.capture.views, strict=True):
        torch.testing.assert_close(one_view.camera.translation, other.camera.translation)
        torch.testing.assert_close(one_view.camera.rotation, other.camera.rotation)


def test_pictures_are_read_when_asked_for(tmp_path):
    write(tmp_path)
    subject = one(tmp_path)
    (tmp_path / "images/frame_3.png").unlink()
    assert len(subject.capture.views) == 4
    assert subject.capture.views[0].image.shape == (HEIGHT, WIDTH, 3)
    with pytest.raises(InputError, match=r"frame_3\.png does not exist"):
        subject.capture.views[3]


@pytest.mark.parametrize("orientation", [3, 6])
@pytest.mark.parametrize("sized", [True, False])
def test_a_picture_stays_as_it_was_calibrated(tmp_path, orientation, sized):
    # Whatever its EXIF says of how the camera was held.
    intrinsics = {key: value for key, value in INTRINSICS.items() if sized or key not in "wh"}
    content = write(tmp_path, intrinsics)
    for i, photo in enumerate(photos()):
        picture = Image.fromarray(drawing(photo.pixels()))
        exif = picture.getexif()
        exif[0x0112] = orientation
        picture.save(tmp_path / f"images/frame_{i}.jpg", exif=exif, quality=100, subsampling=0)
        content["frames"][i]["file_path"] = f"images/frame_{i}.jpg"
    write(tmp_path, intrinsics, frames=content["frames"])
    check_views(one(tmp_path), tolerance=40)


def test_views_with_the_same_names_in_different_folders_stay_apart(tmp_path):
    content = write(tmp_path)
    for i, photo in enumerate(photos()):
        save(tmp_path / f"cam{i}/0000.png", drawing(photo.pixels()))
        content["frames"][i]["file_path"] = f"cam{i}/0000.png"
    write(tmp_path, frames=content["frames"])
    assert one(tmp_path).capture.views.names == ("cam0_0000", "cam1_0000", "cam2_0000", "cam3_0000")


# What cannot be used.


def changed(folder, **frame):
    content = write(folder)
    content["frames"][2] |= frame
    write(folder, frames=content["frames"])


def test_no_file(tmp_path):
    refuses(tmp_path, str(tmp_path), "has no transforms.json")
    refuses(tmp_path / "transforms.json", "does not exist")


def test_an_empty_or_truncated_file(tmp_path):
    (tmp_path / "transforms.json").write_text("")
    refuses(tmp_path, "transforms.json is not a JSON file")
    write(tmp_path)
    text = (tmp_path / "transforms.json").read_text()
    (tmp_path / "transforms.json").write_text(text[: len(text) // 2])
    refuses(tmp_path, "transforms.json is not a JSON file, or it was cut off")


def test_something_else(tmp_path):
    (tmp_path / "transforms.json").write_text('{"a": 1}')
    refuses(tmp_path, "transforms.json has no list of frames")
    (tmp_path / "transforms.json").write_text('{"frames": []}')
    refuses(tmp_path, "has no views")
    (tmp_path / "transforms.json").write_text('{"frames": [{}]}')
    refuses(tmp_path, "frame without a file_path")


def test_a_rotation_that_is_none(tmp_path):
    matrix = photos()[2].opengl
    changed(tmp_path, transform_matrix=(matrix * 1.1).tolist())
    refuses(tmp_path, "frame images/frame_2.png", "is not a rotation", "not orthonormal")
    mirrored = matrix.copy()
    mirrored[:, 0] *= -1
    changed(tmp_path, transform_matrix=mirrored.tolist())
    refuses(tmp_path, "frame images/frame_2.png", "mirrors")
    changed(tmp_path, transform_matrix=[[1, 2], [3, 4]])
    refuses(tmp_path, "transform_matrix", "frame images/frame_2.png", "shape")


@pytest.mark.parametrize("focal", [0, -200])
def test_a_focal_length_that_is_none(tmp_path, focal):
    changed(tmp_path, fl_x=focal)
    refuses(tmp_path, "frame images/frame_2.png", f"focal length of {focal}", "positive")
    changed(tmp_path, fl_x=1e300)
    refuses(tmp_path, "frame images/frame_2.png has a focal that is not finite, or too large to be true")


def test_no_focal_length(tmp_path):
    write(tmp_path, {"w": WIDTH, "h": HEIGHT})
    refuses(tmp_path, "neither fl_x nor camera_angle_x")
    write(tmp_path, {"camera_angle_x": 4.0})
    refuses(tmp_path, "camera_angle_x of 4")


def test_files_that_are_not_there(tmp_path):
    changed(tmp_path, file_path="images/missing.png")
    refuses(tmp_path, "transforms.json names images/missing.png, which is not there")
    changed(tmp_path, mask_path="masks/missing.png")
    refuses(tmp_path, "transforms.json names masks/missing.png, which is not there")
    changed(tmp_path, file_path="/")
    refuses(tmp_path, "transforms.json has a frame without a file_path")
    changed(tmp_path, file_path="a\0b")
    refuses(tmp_path, "transforms.json names a\0b, which lies outside its folder")


@pytest.mark.parametrize("key", ["file_path", "mask_path", "depth_file_path"])
def test_files_outside_the_folder(tmp_path, key):
    (tmp_path / "in").mkdir()
    secret = tmp_path / "secret.png"
    save(secret, drawing(photos()[0].pixels()))
    for name in ("../secret.png", str(secret), "images/../../secret.png"):
        changed(tmp_path / "in", **{key: name})
        refuses(tmp_path / "in", f"transforms.json names {name}", "outside its folder")
    if key != "depth_file_path":  # whose suffix may not be missing
        changed(tmp_path / "in", **{key: "../secret"})
        refuses(tmp_path / "in", "transforms.json names ../secret.png", "outside its folder")


def test_a_mask_of_another_size(tmp_path):
    write(tmp_path)
    save(tmp_path / "masks/frame_1.png", np.zeros((10, 20), np.uint8))
    refuses(tmp_path, "masks/frame_1.png is 20 x 10 pixels", "images/frame_1.png is 176 x 144")


def test_depths_that_are_none(tmp_path):
    np.save(tmp_path / "depth.npy", np.ones((HEIGHT, WIDTH + 1)))
    changed(tmp_path, depth_file_path="depth.npy")
    refuses(tmp_path, "depth.npy is 177 x 144 pixels", "the depth must have the image's size")
    np.save(tmp_path / "depth.npy", np.ones(7))
    refuses(tmp_path, "depth.npy holds an array of shape (7,)")
    (tmp_path / "depth.npy").write_bytes((tmp_path / "depth.npy").read_bytes()[:-8])
    refuses(tmp_path, "depth.npy is not an array of numbers, or it was cut off")


def test_a_picture_of_another_shape(tmp_path):
    write(tmp_path, {**INTRINSICS, "w": HEIGHT, "h": WIDTH})
    refuses(tmp_path, "images/frame_0.png is 176 x 144 pixels but its camera is for 144 x 176")


def test_a_picture_that_is_none(tmp_path):
    write(tmp_path)
    (tmp_path / "images/frame_2.png").write_text("no picture")
    refuses(tmp_path, "images/frame_2.png is not a picture")


@pytest.mark.parametrize("model", ["OPENCV_FISHEYE", "EQUIRECTANGULAR"])
def test_a_camera_that_is_no_pinhole(tmp_path, model):
    write(tmp_path, camera_model=model)
    refuses(tmp_path, f"the camera model {model}", "undistort")


def test_numbers_that_are_none(tmp_path):
    write(tmp_path, {**INTRINSICS, "fl_x": "wide"})
    refuses(tmp_path, "fl_x of", "is not numbers")
    write(tmp_path, {**INTRINSICS, "fl_x": 10**400})
    refuses(tmp_path, "fl_x of", "is not numbers")
    write(tmp_path, {**INTRINSICS, "k1": float("nan")})
    refuses(tmp_path, "k1 of", "is not numbers")


def test_a_frame_that_is_listed_twice(tmp_path):
    content = write(tmp_path)
    write(tmp_path, frames=[*content["frames"], content["frames"][0]])
    refuses(tmp_path, "transforms.json lists images/frame_0.png twice")


def test_cameras_that_look_away(tmp_path):
    content = write(tmp_path)
    for frame, photo in zip(content["frames"], photos(), strict=True):
        turned = photo.opengl @ np.diag([-1, 1, -1, 1])
        frame["transform_matrix"] = turned.tolist()
    write(tmp_path, frames=content["frames"])
    refuses(tmp_path, str(tmp_path), "do not look at one place", "landmarks.json")


def test_landmarks_that_are_mirrored(tmp_path):
    write(tmp_path)
    swap = [re.sub("left|right", lambda m: {"left": "right", "right": "left"}[m[0]], name) for name in NAMES]
    points = {name: point.tolist() for name, point in zip(swap, DOTS, strict=True)}
    (tmp_path / "landmarks.json").write_text(json.dumps({"scheme": "named", "points": points}))
    refuses(tmp_path, "off an average face", "left is the subject's left")


def test_landmarks_for_a_view_there_is_not(tmp_path):
    write(tmp_path)
    (tmp_path / "landmarks.json").write_text(json.dumps({"views": {"other": {"points": [[0, 0]] * 68}}}))
    refuses(tmp_path, "landmarks.json has landmarks for view other, which there is not")


def test_an_unknown_unit(tmp_path):
    write(tmp_path, unit="furlong")
    refuses(tmp_path, "the unit 'furlong'", "mm")
    write(tmp_path, unit=["mm"])
    refuses(tmp_path, "the unit ['mm']", "which is not known")
