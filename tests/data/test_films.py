from __future__ import annotations

import sys

import numpy as np
import pytest
from PIL import Image

from headfield.data.films import write_film
from headfield.errors import InputError

N, SECONDS = 8, 2.0


def frames(height: int = 48, width: int = 64) -> list[np.ndarray]:
    """A bright square that moves to the right over a smooth ground."""
    y, x = np.mgrid[:height, :width]
    ground = np.stack([60 + x, 40 + y, 180 - x], axis=-1).astype(np.uint8)
    moved = []
    for i in range(N):
        frame = ground.copy()
        frame[16:32, 4 * i : 4 * i + 16] = (230, 60, 40)
        moved.append(frame)
    return moved


def read_mp4(path) -> tuple[list[np.ndarray], dict]:
    pytest.importorskip("imageio_ffmpeg")
    from imageio import v2

    with v2.get_reader(path, format="FFMPEG") as reader:
        return [np.asarray(frame) for frame in reader], reader.get_meta_data()


def test_an_mp4_shows_the_pictures_it_was_made_of(tmp_path):
    path = tmp_path / "film.mp4"
    write_film(iter(frames()), path, seconds=SECONDS)
    read, about = read_mp4(path)
    assert len(read) == N
    assert about["codec"] == "h264"
    assert about["pix_fmt"].startswith("yuv420p")
    assert about["duration"] == pytest.approx(SECONDS, abs=0.01)
    for one, other in zip(read, frames(), strict=True):
        difference = np.abs(one.astype(int) - other)
        # Half the resolution of the colours smears edges; away from them little is lost.
        assert np.median(difference) <= 2
        assert difference.mean() < 4


def test_a_browser_finds_the_table_of_contents_first(tmp_path):
    pytest.importorskip("imageio_ffmpeg")
    write_film(frames(), tmp_path / "film.mp4", seconds=SECONDS)
    content = (tmp_path / "film.mp4").read_bytes()
    assert 0 <= content.index(b"moov") < content.index(b"mdat")


def test_odd_sides_grow_by_a_pixel(tmp_path):
    write_film(frames(47, 61), tmp_path / "film.mp4", seconds=SECONDS)
    read, _ = read_mp4(tmp_path / "film.mp4")
    assert read[0].shape == (48, 62, 3)


@pytest.mark.parametrize("ending", ["webp", "gif", "GIF"])
def test_animations_last_as_long_as_they_should(tmp_path, ending):
    path = tmp_path / f"film.{ending}"
    write_film(frames(), path, seconds=0.5)
    total = 0
    with Image.open(path) as film:
        assert film.size == (64, 48)
        assert film.n_frames == N
        for i in range(N):
            film.seek(i)
            film.load()  # WebP says how long a frame lasts once it is decoded
            total += film.info["duration"]
            assert np.median(np.abs(np.asarray(film.convert("RGB")).astype(int) - frames()[i])) <= 12
    assert total == 500


def other_size() -> list[np.ndarray]:
    return [*frames(), *frames(32, 32)]


@pytest.mark.parametrize(
    ("name", "given", "seconds", "sentence"),
    [
        ("film.avi", frames(), 1.0, r"film\.avi ends as no film does; there are \.mp4, \.webp, \.gif"),
        ("film.webp", [], 1.0, "a film of 0 pictures"),
        ("film.webp", frames(), 0.0, "in 0 seconds, which is none"),
        ("film.gif", other_size(), 1.0, "pictures of several sizes"),
    ],
)
def test_what_is_no_film_is_said(tmp_path, name, given, seconds, sentence):
    with pytest.raises(InputError, match=sentence):
        write_film(given, tmp_path / name, seconds=seconds)
    assert not list(tmp_path.iterdir())


def test_an_absent_encoder_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(InputError, match=r'not installed; `pip install "headfield\[video\]"` brings it'):
        write_film(frames(), tmp_path / "film.mp4", seconds=1.0)
    assert not list(tmp_path.iterdir())


def test_a_film_that_breaks_off_leaves_nothing(tmp_path, monkeypatch):
    imageio_ffmpeg = pytest.importorskip("imageio_ffmpeg")
    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", lambda: sys.executable)
    with pytest.raises(InputError, match="cannot be written"):
        write_film(frames(480, 640), tmp_path / "film.mp4", seconds=1.0)
    assert not list(tmp_path.iterdir())
