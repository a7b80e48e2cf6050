from __future__ import annotations

import io
import math
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from headfield.errors import InputError
from headfield.photo import files
from headfield.photo.exif import FILM_DIAGONAL
from headfield.photo.files import read_photo

WIDTH, HEIGHT = 96, 80


def smooth(width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """A picture without edges, in which every place has a colour of its own."""
    y, x = np.mgrid[:height, :width].astype(float)
    return np.stack([255 * x / width, 255 * y / height, 128 + 0 * x], axis=-1).astype(np.uint8)


def exif(**tags: object) -> bytes:
    """EXIF notes with what is named."""
    names = {
        "orientation": (None, 0x0112),
        "length": (0x8769, 0x920A),
        "film": (0x8769, 0xA405),
        "density": (0x8769, 0xA20E),
        "unit": (0x8769, 0xA210),
        "width": (0x8769, 0xA002),
        "height": (0x8769, 0xA003),
    }
    notes = Image.Exif()
    notes[0x8769] = {}
    for name, value in tags.items():
        folder, tag = names[name]
        (notes if folder is None else notes[folder])[tag] = value
    return notes.tobytes()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("photos")


STORED = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.swapaxes(0, 1),
    6: lambda upright: np.rot90(upright, 1),
    7: lambda upright: np.rot90(upright, 2).swapaxes(0, 1),
    8: lambda upright: np.rot90(upright, -1),
}
"""How a camera that was held in each of eight ways stores what it sees."""


@given(
    st.sampled_from(sorted(STORED)),
    st.sampled_from(["png", "tiff", "webp"]),
    st.integers(64, 90),
    st.integers(64, 90),
    st.booleans(),
    st.integers(0, 2**32 - 1),
)
def test_a_photo_is_upright_however_the_camera_was_held(folder, orientation, suffix, width, height, alpha, seed):
    upright = np.random.default_rng(seed).integers(0, 256, (height, width, 4 if alpha else 3), dtype=np.uint8)
    path = folder / f"held.{suffix}"
    notes = exif(orientation=orientation, film=50.0)
    extra = {"lossless": True, "exact": True} if suffix == "webp" else {}
    Image.fromarray(np.ascontiguousarray(STORED[orientation](upright))).save(path, exif=notes, **extra)
    photo = read_photo(path)
    np.testing.assert_array_equal(photo.image, upright[..., :3])
    assert (photo.opacity is not None) == alpha
    if alpha:
        np.testing.assert_array_equal(photo.opacity, upright[..., 3])
    assert photo.focal == pytest.approx(50 * math.hypot(width, height) / FILM_DIAGONAL)


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("suffix", ["jpg", "heic"])
def test_a_photo_of_a_phone_is_upright_and_smaller(tmp_path, orientation, suffix):
    if suffix == "heic":
        pytest.importorskip("pillow_heif").register_heif_opener()
    upright = smooth(800, 600) if suffix == "jpg" else smooth(200, 150)  # HEIC takes its time
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](upright)))
    notes = exif(orientation=orientation, film=26)
    stored.save(tmp_path / f"phone.{suffix}", exif=notes, quality=95)
    photo = read_photo(tmp_path / f"phone.{suffix}", largest=100)
    assert photo.name == "phone"
    assert photo.image.shape == (75, 100, 3)
    assert np.abs(photo.image.astype(int) - smooth(100, 75)).max() < 8
    assert photo.focal == pytest.approx(26 * math.hypot(100, 75) / FILM_DIAGONAL)
    assert photo.remarks == ()


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff", "bmp", "gif"])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "1", "LA", "CMYK", "YCbCr", "I;16", "I"])
def test_every_kind_of_picture_is_read(tmp_path, suffix, mode):
    left = np.zeros((HEIGHT, WIDTH), np.uint8)
    left[:, : WIDTH // 2] = 255
    if mode.startswith("I"):
        picture = Image.fromarray(left.astype(np.uint16 if mode == "I;16" else np.int32) * 257)
    else:
        picture = Image.fromarray(left).convert("RGB").convert(mode)
    path = tmp_path / f"picture.{suffix}"
    try:
        picture.save(path)
    except (OSError, ValueError):
        pytest.skip(f"{suffix} has no {mode}")
    photo = read_photo(path)
    assert photo.image.shape == (HEIGHT, WIDTH, 3)
    assert photo.image[:, : WIDTH // 2 - 8].min() >= 250
    assert photo.image[:, WIDTH // 2 + 8 :].max() <= 5
    assert photo.opacity is None
    assert photo.focal is None
    assert photo.remarks == ()


def png(width: int, height: int, kind: int, depth: int, pixels: bytes) -> bytes:
    """A PNG of a kind that Pillow does not write."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")


@given(st.lists(st.integers(0, 0xFFFF), min_size=3, max_size=3))
def test_colours_of_sixteen_bits_lose_only_their_lower_half(folder, colour):
    row = b"\0" + struct.pack(">3H", *colour) * 64
    (folder / "deep.png").write_bytes(png(64, 64, 2, 16, row * 64))
    np.testing.assert_array_equal(read_photo(folder / "deep.png").image[5, 7], np.array(colour) // 256)


def test_grey_of_sixteen_bits_is_scaled_not_clipped(tmp_path):
    ramp = np.linspace(0, 0xFFFF, 64 * 64).reshape(64, 64).astype(np.uint16)
    Image.fromarray(ramp).save(tmp_path / "grey.tiff")
    np.testing.assert_array_equal(read_photo(tmp_path / "grey.tiff").image, (ramp // 256)[..., None].repeat(3, axis=2))


def test_a_palette_may_have_a_transparent_colour(tmp_path):
    indices = np.zeros((64, 64), np.uint8)
    indices[:, 32:] = 1
    picture = Image.fromarray(indices, mode=None).convert("P")
    picture.putpalette([10, 20, 30, 200, 100, 50])
    for suffix in ("png", "gif"):
        picture.save(tmp_path / f"palette.{suffix}", transparency=1)
        photo = read_photo(tmp_path / f"palette.{suffix}")
        np.testing.assert_array_equal(photo.image[0, 0], [10, 20, 30])
        np.testing.assert_array_equal(photo.opacity, 255 * (1 - indices))


def test_an_opaque_alpha_channel_says_nothing(tmp_path):
    Image.fromarray(smooth()).convert("RGBA").save(tmp_path / "opaque.png")
    assert read_photo(tmp_path / "opaque.png").opacity is None


def test_colours_stay_what_they_are_beside_transparent_ones_when_made_smaller(tmp_path):
    pixels = np.zeros((256, 256, 4), np.uint8)
    pixels[:, :128] = (200, 100, 50, 255)
    Image.fromarray(pixels).save(tmp_path / "cut-out.png")
    photo = read_photo(tmp_path / "cut-out.png", largest=64)
    seen = photo.image[photo.opacity > 60].astype(int)
    assert np.abs(seen - (200, 100, 50)).max() <= 6


def linear_profile() -> bytes:
    """A colour profile with sRGB's primaries whose values count light: all its curves say a gamma of one."""
    content = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for i in range(struct.unpack_from(">I", content, 128)[0]):
        name, offset, size = struct.unpack_from(">4sII", content, 132 + 12 * i)
        if name in (b"rTRC", b"gTRC", b"bTRC"):
            content[offset : offset + size] = (b"curv" + bytes(8)).ljust(size, b"\0")
    return bytes(content)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_colour_profiles_are_obeyed(tmp_path, mode):
    light = np.full((64, 64, 3), 55, np.uint8)  # 0.2157 of the light, which sRGB calls 0.502
    Image.fromarray(light).convert(mode).save(tmp_path / "linear.png", icc_profile=linear_profile())
    photo = read_photo(tmp_path / "linear.png")
    assert np.abs(photo.image.astype(int) - 128).max() <= 1
    assert photo.remarks == ()


@given(st.binary(min_size=1, max_size=200))
def test_a_broken_colour_profile_is_left_out(folder, profile):
    Image.fromarray(smooth()).save(folder / "broken.png", icc_profile=profile)
    photo = read_photo(folder / "broken.png")
    np.testing.assert_array_equal(photo.image, smooth())
    assert photo.remarks == ("its colour profile is damaged or does not fit and was left out.",)


def test_an_sRGB_profile_changes_next_to_nothing(tmp_path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(smooth()).save(tmp_path / "usual.png", icc_profile=profile)
    assert np.abs(read_photo(tmp_path / "usual.png").image.astype(int) - smooth()).max() <= 1


@pytest.mark.parametrize(
    ("tags", "focal"),
    [
        ({"film": 35}, 35 * math.hypot(WIDTH, HEIGHT) / FILM_DIAGONAL),
        ({"film": 35, "length": 5.0}, 35 * math.hypot(WIDTH, HEIGHT) / FILM_DIAGONAL),
        ({"length": 10.0, "density": 254.0}, 100),  # pixels an inch
        ({"length": 10.0, "density": 100.0, "unit": 3}, 100),
        ({"length": 10.0, "density": 10.0, "unit": 4}, 100),
        ({"length": 10.0, "density": 40.0, "unit": 4, "width": 4 * WIDTH, "height": 4 * HEIGHT}, 100),
        ({"film": 35, "width": HEIGHT, "height": WIDTH}, 35 * math.hypot(WIDTH, HEIGHT) / FILM_DIAGONAL),
        ({"length": 10.0}, None),
        ({"film": 0}, None),
        ({"film": 1}, None),
        ({"length": 10.0, "density": 10.0, "unit": 1}, None),
        ({}, None),
    ],
)
def test_the_focal_length_is_told_in_pixels(tmp_path, tags, focal):
    Image.fromarray(smooth()).save(tmp_path / "lens.jpg", exif=exif(**tags))
    photo = read_photo(tmp_path / "lens.jpg")
    assert photo.focal == (None if focal is None else pytest.approx(focal))
    assert photo.remarks == ()


def test_a_cut_photo_has_no_focal_length(tmp_path):
    Image.fromarray(smooth()).save(tmp_path / "cut.jpg", exif=exif(film=35, width=4 * WIDTH, height=2 * HEIGHT))
    photo = read_photo(tmp_path / "cut.jpg")
    assert photo.focal is None
    assert photo.remarks == ("it was cut after it was taken, so the focal length that it names was left out.",)


@given(st.binary(max_size=60))
def test_damaged_notes_do_not_matter(folder, noise):
    Image.fromarray(smooth()).save(folder / "notes.jpg", exif=b"Exif\0\0" + exif(film=35)[6:20] + noise)
    photo = read_photo(folder / "notes.jpg")
    assert photo.image.shape in ((HEIGHT, WIDTH, 3), (WIDTH, HEIGHT, 3))


@pytest.mark.parametrize("suffix", ["gif", "webp", "png", "tiff"])
def test_of_several_pictures_the_first_is_taken(tmp_path, suffix):
    frames = [Image.fromarray(np.full((64, 64, 3), grey, np.uint8)) for grey in (200, 20, 100)]
    extra = {"lossless": True} if suffix == "webp" else {}
    frames[0].save(tmp_path / f"film.{suffix}", save_all=True, append_images=frames[1:], **extra)
    photo = read_photo(tmp_path / f"film.{suffix}")
    assert (photo.image == 200).all()
    assert photo.remarks == ("the file holds several pictures; the first was taken.",)


def test_a_phone_may_put_more_pictures_behind_the_first(tmp_path):
    first, second = Image.fromarray(smooth()), Image.fromarray(255 - smooth())
    first.save(tmp_path / "phone.jpg", format="MPO", save_all=True, append_images=[second])
    photo = read_photo(tmp_path / "phone.jpg")
    assert np.abs(photo.image.astype(int) - smooth()).max() < 30
    assert photo.remarks == ()


def test_what_is_no_photo_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match=r"none\.jpg does not exist; check the path\.$"):
        read_photo(tmp_path / "none.jpg")
    with pytest.raises(InputError, match=r"is a folder where a file was expected\.$"):
        read_photo(tmp_path)
    (tmp_path / "empty.jpg").touch()
    with pytest.raises(InputError, match=r"empty\.jpg is empty; copy it again\.$"):
        read_photo(tmp_path / "empty.jpg")
    for content in (b"no picture", b"\0" * 500, b"%PDF-1.4", b"%!PS-Adobe-3.0 EPSF-3.0\n"):
        (tmp_path / "text.jpg").write_bytes(content)
        with pytest.raises(InputError, match=r"text\.jpg is not a picture that can be read; convert it to JPEG or PNG"):
            read_photo(tmp_path / "text.jpg")
    for size in ((63, 200), (200, 63), (64, 3000)):
        Image.new("RGB", size).save(tmp_path / "small.png")
        with pytest.raises(InputError, match=rf"small\.png is {size[0]} x {size[1]} pixels, too small or too narrow"):
            read_photo(tmp_path / "small.png")
    Image.new("RGBA", (64, 64)).save(tmp_path / "glass.png")
    with pytest.raises(InputError, match=r"glass\.png shows nothing, since all of it is transparent"):
        read_photo(tmp_path / "glass.png")
    Image.fromarray(np.zeros((64, 64), np.float32)).save(tmp_path / "float.tiff")
    with pytest.raises(InputError, match=r"float\.tiff holds colours of a kind that cannot be read \(F\); convert it"):
        read_photo(tmp_path / "float.tiff")


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff", "bmp", "gif", "heic"])
def test_a_photo_cut_off_anywhere_is_one_sentence(tmp_path, suffix):
    if suffix == "heic":
        pytest.importorskip("pillow_heif").register_heif_opener()
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / f"whole.{suffix}")
    whole = (tmp_path / f"whole.{suffix}").read_bytes()
    assert read_photo(tmp_path / f"whole.{suffix}").image.shape == (64, 64, 3)
    for end in np.linspace(1, 0.95 * len(whole), 25).astype(int):
        (tmp_path / f"cut.{suffix}").write_bytes(whole[:end])
        with pytest.raises(InputError, match=rf"cut\.{suffix} is (not a picture that can|a damaged picture)"):
            read_photo(tmp_path / f"cut.{suffix}")


def test_a_heic_photo_says_what_reads_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    (tmp_path / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    with pytest.raises(InputError) as error:
        read_photo(tmp_path / "phone.heic")
    assert str(error.value) == (
        f"pillow-heif, which reads HEIC photos such as {tmp_path / 'phone.heic'}, is not installed; "
        '`pip install "headfield[heic]"` brings it.'
    )


def said_to_be(content: bytes, width: int, height: int) -> bytes:
    """A JPEG that says it has another size than it has."""
    at = content.index(b"\xff\xc0") + 5
    return content[:at] + struct.pack(">HH", height, width) + content[at + 4 :]


def test_a_photo_too_large_for_memory_is_one_sentence(tmp_path, monkeypatch):
    sentence = r"bomb\.\w+ has too many pixels to be safe to open; scale it down\.$"
    buffer = io.BytesIO()
    Image.fromarray(smooth()).save(buffer, format="JPEG")
    (tmp_path / "bomb.jpg").write_bytes(said_to_be(buffer.getvalue(), 25_000, 20_000))
    with pytest.raises(InputError, match=sentence):
        read_photo(tmp_path / "bomb.jpg")
    for side in (10_000, 60_000):  # Pillow only warns of the first
        (tmp_path / "bomb.png").write_bytes(png(side, side, 2, 8, b""))
        with pytest.raises(InputError, match=sentence):
            read_photo(tmp_path / "bomb.png")
    monkeypatch.setattr(files, "MOST_PIXELS", 1000 * 1000 - 1)
    Image.new("L", (1000, 1000)).save(tmp_path / "bomb.jpg", progressive=True)
    with pytest.raises(InputError, match=sentence):
        read_photo(tmp_path / "bomb.jpg", largest=100)
    Image.new("L", (1000, 1000)).save(tmp_path / "bomb.jpg")
    with pytest.raises(InputError, match=sentence):
        read_photo(tmp_path / "bomb.jpg")
    assert read_photo(tmp_path / "bomb.jpg", largest=100).image.shape == (100, 100, 3)


def test_a_large_jpeg_needs_little_memory(tmp_path):
    """Unpacked whole, its 64 million pixels would take 256 MB."""
    Image.new("L", (8000, 8000), 128).save(tmp_path / "large.jpg")
    program = (
        "import resource, sys; from pathlib import Path; from headfield.photo.files import read_photo\n"
        "def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = peak(); photo = read_photo(Path(sys.argv[1])); print(photo.image.shape, peak() - before)"
    )
    words = [sys.executable, "-c", program, str(tmp_path / "large.jpg")]
    result = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert result.startswith("(2048, 2048, 3)")
    assert int(result.split()[-1]) < 80_000 * (1024 if sys.platform == "darwin" else 1)
