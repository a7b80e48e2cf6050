from __future__ import annotations

import json
import struct

import numpy as np
import pytest
import torch

from headfield.data.importers.colmap import read
from headfield.errors import InputError
from tests.data.importers.scenery import (
    DOTS,
    FOCAL,
    HEIGHT,
    PRINCIPAL,
    WIDTH,
    check_back,
    check_views,
    drawing,
    photos,
    save,
    silhouette,
)

# A model's number, and its parameters for the camera of the scenery with these lenses.
K1, K2, P1, P2, K3, K4, K5, K6 = -0.2, 0.05, 0.004, -0.003, 0.02, 0.03, -0.02, 0.01
MODELS = {
    "SIMPLE_PINHOLE": (0, [FOCAL, *PRINCIPAL]),
    "PINHOLE": (1, [FOCAL, FOCAL, *PRINCIPAL]),
    "SIMPLE_RADIAL": (2, [FOCAL, *PRINCIPAL, K1]),
    "RADIAL": (3, [FOCAL, *PRINCIPAL, K1, K2]),
    "OPENCV": (4, [FOCAL, FOCAL, *PRINCIPAL, K1, K2, P1, P2]),
    "FULL_OPENCV": (6, [FOCAL, FOCAL, *PRINCIPAL, K1, K2, P1, P2, K3, K4, K5, K6]),
}


def seen(model, photo):
    """Where the dots are in the picture, by COLMAP's formulas."""
    x, y = photo.plane(DOTS).T
    r2 = x * x + y * y
    ratio, dx, dy = 1.0, 0.0, 0.0
    if model == "SIMPLE_RADIAL":
        ratio = 1 + K1 * r2
    elif model == "RADIAL":
        ratio = 1 + K1 * r2 + K2 * r2**2
    elif model in ("OPENCV", "FULL_OPENCV"):
        ratio = 1 + K1 * r2 + K2 * r2**2
        if model == "FULL_OPENCV":
            ratio = (ratio + K3 * r2**3) / (1 + K4 * r2 + K5 * r2**2 + K6 * r2**3)
        dx = 2 * P1 * x * y + P2 * (r2 + 2 * x * x)
        dy = P1 * (r2 + 2 * y * y) + 2 * P2 * x * y
    return FOCAL * np.stack([x * ratio + dx, y * ratio + dy], axis=1) + PRINCIPAL


def quaternion(matrix):
    """From the eigenvector of a 4 x 4 matrix (Bar-Itzhack), w first, for world to camera."""
    (a, b, c), (d, e, f), (g, h, i) = matrix
    k = np.array(
        [[a - e - i, 0, 0, 0], [d + b, e - a - i, 0, 0], [g + c, h + f, i - a - e, 0], [h - f, c - g, d - b, a + e + i]]
    )
    x, y, z, w = np.linalg.eigh((k + np.tril(k, -1).T) / 3)[1][:, -1]
    return [w, x, y, z]


def write(folder, model="PINHOLE", *, binary=False, place="sparse/0", masks="img {}.bmp.png", zoom=1, height=HEIGHT):
    number, parameters = MODELS.get(model, (5, [FOCAL] * 8))
    parameters, width, height = [zoom * p for p in parameters], zoom * WIDTH, zoom * height
    poses = []
    for i, photo in enumerate(photos()):
        name = f"img {i}.bmp"
        save(folder / "images" / name, drawing(seen(model, photo)))
        if masks:
            save(folder / "masks" / masks.format(i), silhouette(seen(model, photo)))
        poses.append((i + 7, quaternion(photo.axes), -photo.axes @ photo.eye, 3, name))
    poses.reverse()
    sparse = folder / place
    sparse.mkdir(parents=True, exist_ok=True)
    if binary:
        content = struct.pack("<QIiQQ", 1, 3, number, width, height)
        (sparse / "cameras.bin").write_bytes(content + struct.pack(f"<{len(parameters)}d", *parameters))
        content = struct.pack("<Q", len(poses))
        for key, q, t, camera, name in poses:
            content += struct.pack("<I7dI", key, *q, *t, camera) + name.encode() + b"\0"
            content += struct.pack("<Q", 2) + struct.pack("<ddqddq", 1, 2, -1, 3, 4, 17)
        (sparse / "images.bin").write_bytes(content)
        return
    lines = ["# Camera list", f"3 {model} {width} {height} " + " ".join(map(repr, map(float, parameters)))]
    (sparse / "cameras.txt").write_text("\n".join(lines) + "\n")
    lines = [
        "# Image list with two lines of data per image:",
        "#   IMAGE_ID, QW, QX, QY, QZ, TX, TY, TZ, CAMERA_ID, NAME",
    ]
    for n, (key, q, t, camera, name) in enumerate(poses):
        lines += [
            f"{key} {' '.join(map(repr, map(float, [*q, *t])))} {camera} {name}",
            "" if n % 2 else "1 2 -1 3 4 17",
        ]
    (sparse / "images.txt").write_text("\n".join(lines) + "\n")


def one(folder):
    (subject,) = read(folder)
    return subject


def refuses(folder, *words):
    with pytest.raises(InputError) as caught:
        one(folder)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("model", MODELS)
def test_dots_are_where_the_cameras_say(tmp_path, model, binary):
    write(tmp_path, model, binary=binary)
    subject = one(tmp_path)
    assert subject.facts["placement"] == "cameras"
    assert subject.capture.views.names == tuple(f"img_{i}" for i in range(4))
    check_views(subject, tolerance=0 if "PINHOLE" in model else 60)


@pytest.mark.parametrize("place", ["sparse/0", "sparse", ".", "colmap/sparse/0"])
def test_the_usual_places(tmp_path, place):
    write(tmp_path, place=place, binary=True)
    check_views(one(tmp_path))


@pytest.mark.parametrize("masks", ["img {}.bmp.png", "img {}.png", "img {}.bmp"])
def test_masks_by_any_name(tmp_path, masks):
    write(tmp_path, masks=masks)
    check_views(one(tmp_path))


def test_no_masks(tmp_path):
    write(tmp_path, masks="")
    subject = one(tmp_path)
    assert subject.capture.views[0].mask is None
    check_views(subject, masks=False)


def test_landmarks_in_pictures_lead_into_head_space(tmp_path):
    # Pixels of the pictures as they are, before the lens is taken out.
    write(tmp_path, "OPENCV")
    names = ["chin", "nose_bridge", "nose_tip", "nose_base", "right_eye_outer", "right_eye_inner"]
    names += ["left_eye_inner", "left_eye_outer", "right_lips", "left_lips"]
    views = {
        f"img {i}.bmp": {"scheme": "named", "names": names, "points": seen("OPENCV", photo).tolist()}
        for i, photo in enumerate(photos())
        if i != 1
    }
    (tmp_path / "landmarks.json").write_text(json.dumps({"views": views}))
    subject = one(tmp_path)
    assert subject.facts["placement"] == "landmarks"
    check_back(subject)
    check_views(subject, tolerance=60)
    view = subject.capture.views[2]
    pixels, _ = view.camera.project(subject.to_head.apply(torch.from_numpy(DOTS)))
    np.testing.assert_allclose(view.landmarks.points, pixels, atol=1e-6)
    assert subject.capture.views[1].landmarks is None


def test_a_smaller_copy_of_the_pictures(tmp_path):
    write(tmp_path, zoom=2)
    check_views(one(tmp_path))


# What cannot be used.


def test_no_model(tmp_path):
    refuses(tmp_path, str(tmp_path), "has no sparse model")
    refuses(tmp_path / "none", "none is not a folder")


@pytest.mark.parametrize("binary", [False, True])
def test_models_that_are_no_pinhole(tmp_path, binary):
    write(tmp_path, "OPENCV_FISHEYE", binary=binary)
    refuses(tmp_path, "cameras." + ("bin" if binary else "txt"), "the model OPENCV_FISHEYE", "image_undistorter")


@pytest.mark.parametrize("file", ["cameras.bin", "images.bin"])
def test_every_truncated_binary_is_noticed(tmp_path, file):
    write(tmp_path, binary=True)
    path = tmp_path / "sparse/0" / file
    whole = path.read_bytes()
    for length in [*range(0, len(whole), 11), len(whole) - 1]:
        path.write_bytes(whole[:length])
        refuses(tmp_path, f"{path} is not what COLMAP writes, or it was cut off")


def test_a_count_of_points_that_cannot_be(tmp_path):
    write(tmp_path, binary=True)
    path = tmp_path / "sparse/0/images.bin"
    path.write_bytes(path.read_bytes().replace(struct.pack("<Qdd", 2, 1, 2), struct.pack("<Qdd", 2**62, 1, 2)))
    refuses(tmp_path, "images.bin is not what COLMAP writes")


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("cameras.txt", "3 PINHOLE 176 x 1 1 1 1", "cameras.txt, line 1 is not what COLMAP writes"),
        ("cameras.txt", "# nothing\n3 PINHOLE 176 144 1 1", "cameras.txt, line 2 is not what COLMAP writes"),
        ("cameras.txt", "4 PINHOLE 176 144 1 1 1 1", "by camera 3, which"),
        ("images.txt", "1 0.5 0.5 0.5", "images.txt, line 1 is not what COLMAP writes"),
        ("images.txt", "1 1 0 0 0 0 0 3 3 gone.png\n\n", "images.txt names gone.png, which is not there"),
        ("images.txt", "1 1 0 0 0 0 0 3 3 ../../a.png\n\n", "images.txt names ../../a.png, which lies outside"),
        ("images.txt", "1 2 0 0 0 0 0 3 3 img 0.bmp\n\n", "its quaternion has the length 2 instead of 1"),
    ],
)
def test_text_that_is_none(tmp_path, file, content, words):
    write(tmp_path)
    (tmp_path / "sparse/0" / file).write_text(content)
    refuses(tmp_path, words, file)


def test_no_pictures(tmp_path):
    write(tmp_path)
    (tmp_path / "sparse/0/images.txt").write_text("# nothing")
    refuses(tmp_path, f"{tmp_path} has no views")


def test_a_missing_half(tmp_path):
    write(tmp_path)
    (tmp_path / "sparse/0/images.txt").unlink()
    refuses(tmp_path, "images.txt does not exist")


def test_bytes_where_text_should_be(tmp_path):
    write(tmp_path)
    (tmp_path / "sparse/0/cameras.txt").write_bytes(b"\xff\xfe\x80")
    refuses(tmp_path, "cameras.txt is not a text file")


def test_a_focal_length_that_is_none(tmp_path):
    write(tmp_path)
    path = tmp_path / "sparse/0/cameras.txt"
    path.write_text(path.read_text().replace("200.0 200.0", "-200.0 -200.0"))
    refuses(tmp_path, "images.txt, image img 0.bmp", "focal length of -200", "positive")


def test_a_mask_of_another_size(tmp_path):
    write(tmp_path)
    save(tmp_path / "masks/img 2.bmp.png", np.zeros((5, 6), np.uint8))
    refuses(tmp_path, "img 2.bmp.png is 6 x 5 pixels", "the mask must have the image's size")


def test_a_picture_of_another_shape(tmp_path):
    write(tmp_path, height=WIDTH)
    refuses(tmp_path, "img 0.bmp is 176 x 144 pixels but its camera is for 176 x 176")
