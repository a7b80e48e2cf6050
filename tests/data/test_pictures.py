from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from headfield.data import pictures
from headfield.errors import InputError
from headfield.units import MILLIMETRES_PER_UNIT

SIZES = arrays.array_shapes(min_dims=2, max_dims=2, max_side=7)
BYTES = SIZES.flatmap(lambda size: arrays.arrays(np.uint8, size))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("pictures")


@given(BYTES)
def test_images_and_masks_come_back_exactly(folder, grey):
    image = np.stack([grey, 255 - grey, grey // 2], axis=-1)
    pictures.write_image(folder / "image.png", image)
    pictures.write_mask(folder / "mask.png", grey)
    np.testing.assert_array_equal(pictures.read_image(folder / "image.png"), image)
    np.testing.assert_array_equal(pictures.read_mask(folder / "mask.png"), grey)
    assert pictures.picture_size(folder / "image.png") == grey.shape[::-1]


@given(st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_normals_come_back_within_half_a_step(folder, seed, covered):
    rng = np.random.default_rng(seed)
    normals = rng.normal(size=(5, 6, 3))
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    mask = rng.random((5, 6)) < covered
    normals = (normals * mask[..., None]).astype(np.float32)
    pictures.write_normals(folder / "normals.png", normals)
    back = pictures.read_normals(folder / "normals.png")
    assert (back[~mask] == 0).all()
    np.testing.assert_allclose(np.linalg.norm(back[mask], axis=-1), 1, atol=1e-6)
    assert np.linalg.norm(back - normals, axis=-1).max() <= 1.01 * np.sqrt(3) / 255


@pytest.mark.parametrize(
    ("normal", "colour"),
    [
        ((0, 0, -1), (128, 128, 255)),
        ((0, -1, 0), (128, 255, 128)),
        ((1, 0, 0), (255, 128, 128)),
        ((0, 0, 0), (128,) * 3),
    ],
)
def test_normals_look_as_normal_maps_look(normal, colour):
    """What faces the viewer is light blue, what faces up is green, what faces right is red."""
    encoded = pictures.encode_normals(np.array(normal, np.float32).reshape(1, 1, 3))
    np.testing.assert_array_equal(encoded[0, 0], colour)


def test_black_is_no_normal():
    assert (pictures.decode_normals(np.zeros((2, 2, 3), np.uint8)) == 0).all()


@given(SIZES.flatmap(lambda size: arrays.arrays(np.float32, size, elements=st.floats(0, 16, width=32))))
def test_depths_come_back_within_half_a_step(folder, depth):
    pictures.write_depth(folder / "depth.png", depth)
    back = pictures.read_depth(folder / "depth.png")
    assert np.abs(back - depth).max() * MILLIMETRES_PER_UNIT <= 0.501 * pictures.DEPTH_STEP
    assert (back[depth == 0] == 0).all()
    assert Image.open(folder / "depth.png").mode == "I;16"


@pytest.mark.parametrize("depth", [-1.0, 17.0, float("nan"), float("inf")])
def test_a_depth_that_does_not_fit_is_one_sentence(tmp_path, depth):
    with pytest.raises(InputError, match=r"depth\.png: a depth is negative, not a number or beyond 3\.28 m"):
        pictures.write_depth(tmp_path / "depth.png", np.full((2, 2), depth, np.float32))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tiff", "bmp"])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "1", "LA", "CMYK", "I;16"])
def test_every_kind_of_picture_is_read(tmp_path, suffix, mode):
    white = np.full((8, 6), 255, np.uint8)
    if mode == "I;16":
        picture = Image.fromarray(white.astype(np.uint16) << 8)
    else:
        picture = Image.fromarray(white).convert("RGB").convert(mode)
    path = tmp_path / f"picture.{suffix}"
    try:
        picture.save(path)
    except OSError:
        return  # not every format has every mode
    image = pictures.read_image(path)
    assert image.shape == (8, 6, 3)
    assert image.min() >= 253


def test_sixteen_bits_of_grey_are_scaled_not_clipped(tmp_path):
    Image.fromarray(np.array([[0, 0x8000, 0xFFFF]], np.uint16)).save(tmp_path / "grey.png")
    np.testing.assert_array_equal(pictures.read_image(tmp_path / "grey.png")[0, :, 0], [0, 128, 255])
    np.testing.assert_array_equal(pictures.read_mask(tmp_path / "grey.png")[0], [0, 128, 255])


def test_pictures_are_turned_as_the_camera_was_held(tmp_path):
    path = tmp_path / "phone.jpg"
    stored = np.zeros((16, 32, 3), np.uint8)
    stored[:, :16] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # the top of the scene is at the right of what is stored
    Image.fromarray(stored).save(path, exif=exif, quality=95)
    upright = pictures.read_image(path)
    assert upright.shape == (32, 16, 3)
    assert upright[:12].min() > 200
    assert upright[20:].max() < 50
    assert pictures.picture_size(path) == (16, 32)
    assert pictures.picture_size(path, upright=False) == (32, 16)
    assert pictures.read_image(path, upright=False).shape == (16, 32, 3)


def test_transparent_pixels_keep_their_colour_and_say_how_opaque_they_are(tmp_path):
    pixels = np.array([[[10, 20, 30, 0], [40, 50, 60, 200]]], np.uint8)
    Image.fromarray(pixels).save(tmp_path / "cut-out.png")
    image, alpha = pictures.read_image_and_alpha(tmp_path / "cut-out.png")
    np.testing.assert_array_equal(image, pixels[..., :3])
    np.testing.assert_array_equal(alpha, pixels[..., 3])
    np.testing.assert_array_equal(pictures.read_foreign_mask(tmp_path / "cut-out.png"), pixels[..., 3])
    Image.fromarray(pixels[..., :3]).save(tmp_path / "opaque.png")
    assert pictures.read_image_and_alpha(tmp_path / "opaque.png")[1] is None


def test_masks_of_zeros_and_ones_are_masks(tmp_path):
    mask = np.array([[0, 1], [1, 0]], np.uint8)
    Image.fromarray(mask).save(tmp_path / "mask.png")
    np.testing.assert_array_equal(pictures.read_foreign_mask(tmp_path / "mask.png"), mask * 255)
    np.testing.assert_array_equal(pictures.read_mask(tmp_path / "mask.png"), mask)


def test_bad_pictures_are_one_sentence_each(tmp_path):
    with pytest.raises(InputError, match=r"none\.png does not exist"):
        pictures.read_image(tmp_path / "none.png")
    with pytest.raises(InputError, match="is a folder where a file was expected"):
        pictures.read_image(tmp_path)
    for content in (b"", b"no picture"):
        (tmp_path / "text.png").write_bytes(content)
        with pytest.raises(InputError, match=r"text\.png is not a picture that can be read"):
            pictures.read_image(tmp_path / "text.png")
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    for suffix in ("png", "jpg"):
        Image.fromarray(noise).save(tmp_path / f"whole.{suffix}")
        whole = (tmp_path / f"whole.{suffix}").read_bytes()
        (tmp_path / f"cut.{suffix}").write_bytes(whole[: len(whole) // 2])
        with pytest.raises(InputError, match=rf"cut\.{suffix} is a damaged picture, or it was cut off"):
            pictures.read_image(tmp_path / f"cut.{suffix}")
    with pytest.raises(InputError, match=r"whole\.png is no depth picture: it must be grey with 16 bits"):
        pictures.read_depth(tmp_path / "whole.png")
    Image.fromarray(np.zeros((2, 2), np.float32)).save(tmp_path / "float.tiff")
    with pytest.raises(InputError, match=r"float\.tiff holds floating-point pixels"):
        pictures.read_image(tmp_path / "float.tiff")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("limit", [64 * 63, 64 * 31])  # Pillow itself refuses only what is twice too large
def test_a_picture_too_large_for_memory_is_one_sentence(tmp_path, monkeypatch, limit):
    pictures.write_image(tmp_path / "bomb.png", np.zeros((64, 64, 3), np.uint8))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    with pytest.raises(InputError, match=r"bomb\.png is too large a picture to be safe to open"):
        pictures.read_image(tmp_path / "bomb.png")


def test_a_picture_cut_anywhere_is_a_sentence_or_still_whole(tmp_path):
    image = np.arange(300, dtype=np.uint16).astype(np.uint8).reshape(10, 10, 3)
    pictures.write_image(tmp_path / "whole.png", image)
    whole = (tmp_path / "whole.png").read_bytes()
    refused = 0
    for end in range(len(whole)):
        (tmp_path / "cut.png").write_bytes(whole[:end])
        try:
            np.testing.assert_array_equal(pictures.read_image(tmp_path / "cut.png"), image)
        except InputError:
            refused += 1
    assert refused > len(whole) - 30  # the last bytes only say that it ends
