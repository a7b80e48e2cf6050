from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from headfield.data.importers.cameras_npz import decompose, read
from headfield.data.importers.shots import Settings
from headfield.errors import InputError
from tests.data.importers.scenery import (
    DOTS,
    FOCAL,
    HEIGHT,
    OFFSET,
    PRINCIPAL,
    SCALE,
    WIDTH,
    check_views,
    drawing,
    photos,
    save,
    silhouette,
)
from tests.strategies import numbers, rotations, vectors

# Pixel centres are at whole numbers there.
K = np.array([[FOCAL, 0, PRINCIPAL[0] - 0.5], [0, FOCAL, PRINCIPAL[1] - 0.5], [0, 0, 1]])


def projection(photo, factor=1.0):
    matrix = np.eye(4)
    matrix[:3] = factor * K @ np.column_stack([photo.axes, -photo.axes @ photo.eye])
    return matrix


def write(folder, *, name="cameras.npz", images="image/{:03}.png", masks="mask/{:03}.png", sphere=True, **more):
    content = {}
    for i, photo in enumerate(photos()):
        save(folder / images.format(i), drawing(photo.pixels()))
        if masks:
            save(folder / masks.format(i), silhouette(photo.pixels()))
        content[f"world_mat_{i}"] = projection(photo, factor=(-1) ** i * 10.0**i)
        if sphere:
            content[f"scale_mat_{i}"] = np.diag([1.5 * SCALE] * 3 + [1])
            content[f"scale_mat_{i}"][:3, 3] = OFFSET
    np.savez(folder / name, **{**content, **more})
    return content


def one(folder, **settings):
    (subject,) = read(folder, settings=Settings(**settings))
    return subject


def refuses(folder, *words):
    with pytest.raises(InputError) as caught:
        one(folder)
    for word in words:
        assert word in str(caught.value)


@given(rotations(), vectors(), st.tuples(*[numbers(50, 5000)] * 4), numbers(-5, 5), numbers(0.01, 100), st.booleans())
def test_a_projection_comes_apart(rotation, translation, values, skew, factor, negative):
    k = np.array([[values[0], skew, values[2]], [0, values[1], values[3]], [0, 0, 1]])
    p = (-factor if negative else factor) * k @ np.column_stack([rotation.numpy(), translation.numpy()])
    intrinsics, turned, moved = decompose(p, "it")
    np.testing.assert_allclose(intrinsics, k, rtol=1e-8, atol=1e-7)
    np.testing.assert_allclose(turned, rotation, atol=1e-9)
    np.testing.assert_allclose(moved, translation, atol=1e-7)


@pytest.mark.parametrize("name", ["cameras.npz", "cameras_sphere.npz"])
@pytest.mark.parametrize(
    ("images", "masks"),
    [
        ("image/{:03}.png", "mask/{:03}.png"),
        ("image/{:06}.png", "mask/{:03}.png"),
        ("image/img_{:04}.bmp", "mask/mask_{:04}.png"),
        ("images/rect_{:03}_max.png", "masks/{}.png"),
        ("image/{}7.png", "mask/{}7.png"),  # 7, 17, 27, 37: the order counts
    ],
)
def test_dots_are_where_the_cameras_say(tmp_path, name, images, masks):
    write(tmp_path, name=name, images=images, masks=masks)
    check_views(one(tmp_path))


def test_the_sphere_is_the_unit_sphere(tmp_path):
    write(tmp_path)
    subject = one(tmp_path)
    assert subject.facts["placement"] == "bounds"
    assert float(subject.to_head.scale) == pytest.approx(1 / (1.5 * SCALE))
    centre = subject.to_head.apply(torch.from_numpy(OFFSET[None]))
    torch.testing.assert_close(centre, torch.zeros(1, 3).double(), atol=1e-12, rtol=0)


def test_without_a_sphere_the_cameras_say_where_the_head_is(tmp_path):
    write(tmp_path, sphere=False, masks="")
    subject = one(tmp_path / "cameras.npz")
    assert subject.facts["placement"] == "cameras"
    check_views(subject, masks=False)


def test_a_known_unit_keeps_the_true_size(tmp_path):
    write(tmp_path)
    assert float(one(tmp_path, unit="m").to_head.scale) == pytest.approx(5)


def test_some_masks_may_be_missing(tmp_path):
    write(tmp_path)
    (tmp_path / "mask/002.png").unlink()
    views = one(tmp_path).capture.views
    assert [view.mask is None for view in views] == [False, False, True, False]


# What cannot be used.


def test_no_cameras(tmp_path):
    refuses(tmp_path, str(tmp_path), "has none of cameras.npz")
    refuses(tmp_path / "cameras.npz", "cameras.npz does not exist")


@pytest.mark.parametrize("length", [0, 10, 500, -30])
def test_an_empty_or_truncated_file(tmp_path, length):
    write(tmp_path)
    path = tmp_path / "cameras.npz"
    path.write_bytes(path.read_bytes()[:length])
    refuses(tmp_path, "cameras.npz is not an NPZ file of numbers, or it was cut off")


def test_nothing_is_unpickled(tmp_path):
    write(tmp_path, world_mat_1=np.array([{"a": 1}], dtype=object))
    refuses(tmp_path, "cameras.npz is not an NPZ file of numbers")
    with (tmp_path / "cameras.npz").open("wb") as file:
        np.save(file, np.eye(4))
    refuses(tmp_path, "cameras.npz is not an NPZ file of numbers")


def test_no_pictures(tmp_path):
    np.savez(tmp_path / "cameras.npz", world_mat_0=projection(photos()[0]))
    refuses(tmp_path, str(tmp_path), "has no pictures in image")


def test_no_matrices(tmp_path):
    write(tmp_path)
    np.savez(tmp_path / "cameras.npz", a=np.eye(4))
    refuses(tmp_path, "cameras.npz has no world_mat_0")


def test_a_missing_picture(tmp_path):
    write(tmp_path)
    (tmp_path / "image/001.png").unlink()
    refuses(tmp_path, "cameras.npz has a camera 1", "no picture 1")


def test_a_projection_that_is_none(tmp_path):
    write(tmp_path, world_mat_2=np.zeros((4, 4)))
    refuses(tmp_path, "cameras.npz, world_mat_2", "that of no camera")
    write(tmp_path, world_mat_2=np.full((4, 4), np.nan))
    refuses(tmp_path, "cameras.npz, world_mat_2", "that of no camera")
    write(tmp_path, world_mat_2=np.zeros((2, 2)))
    refuses(tmp_path, "world_mat_2", "cameras.npz", "4 x 4 numbers")


def test_cameras_that_are_mirrored(tmp_path):
    mirrored = [projection(photo) @ np.diag([1, 1, -1, 1]) for photo in photos()]
    write(tmp_path, **{f"world_mat_{i}": matrix for i, matrix in enumerate(mirrored)})
    refuses(tmp_path, f"the cameras of {tmp_path} look away from the head", "may be mirrored")


def test_the_size_of_a_projection_means_nothing(tmp_path):
    write(tmp_path, world_mat_2=1e300 * projection(photos()[2]))
    check_views(one(tmp_path))


def test_axes_that_are_not_square(tmp_path):
    skewed = projection(photos()[2])
    skewed[:3] = np.array([[1, 0.1, 0], [0, 1, 0], [0, 0, 1]]) @ skewed[:3]
    write(tmp_path, world_mat_2=skewed)
    refuses(tmp_path, "cameras.npz, world_mat_2 has a skew of 20 pixels")


def test_two_spheres(tmp_path):
    write(tmp_path, scale_mat_2=np.eye(4))
    refuses(tmp_path, "cameras.npz has different scale_mat_0 and scale_mat_2")


def test_a_mirroring_sphere(tmp_path):
    write(tmp_path, **{f"scale_mat_{i}": np.diag([1, 1, -1, 1]) for i in range(4)})
    refuses(tmp_path, "scale_mat_0 of", "cameras.npz", "mirrors")


def test_a_mask_of_another_size(tmp_path):
    write(tmp_path)
    save(tmp_path / "mask/000.png", np.zeros((WIDTH, HEIGHT), np.uint8))
    refuses(tmp_path, "mask/000.png is 144 x 176 pixels", "image/000.png is 176 x 144")


def test_dots_of_the_scenery_are_really_in_front():
    for photo in photos():
        assert ((DOTS - photo.eye) @ photo.axes[2] > 0).all()
