from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from scipy.spatial.transform import Rotation

from headfield import videos
from headfield.cameras import Camera
from headfield.cli import main
from headfield.data.films import read_film, write_film
from headfield.data.store import Dataset
from headfield.errors import InputError
from headfield.fitting.poses import LandmarkModel
from headfield.fitting.prior import ShapePrior
from headfield.transforms import Similarity, so3_exp
from headfield.videos import Settings, read

from .test_portraits import Drawn, InTurn, camera_from

AZIMUTHS = (-40, -20, 0, 20, 40)


class Nobody:
    def faces(self, image):
        return ()

    def person(self, image):
        raise AssertionError


@pytest.fixture(scope="module")
def marks():
    return LandmarkModel.of(ShapePrior.shipped("instant-avatar").codes).mean


@pytest.fixture
def frames(tmp_path) -> Path:
    """Five frames of a walk around somebody, and one of the floor."""
    folder = tmp_path / "anna walks"
    folder.mkdir()
    for number in range(6):
        picture = Image.new("RGB", (900, 700), (40, 60, 10 * number))
        ImageDraw.Draw(picture).ellipse((250, 120, 650, 600), fill=(190, 170, 160))
        picture.save(folder / f"{number}.png")
    return folder


@pytest.fixture
def seen(monkeypatch, marks):
    def look(*others):
        finder = InTurn(*(Drawn(camera_from(azimuth), marks) for azimuth in AZIMUTHS), *others)
        monkeypatch.setattr(videos, "face_finder", lambda: finder)

    return look


def angle_to(camera: Camera, azimuth: float) -> float:
    turn = camera.rotation @ camera_from(azimuth).rotation.T
    return float(np.degrees(Rotation.from_matrix(turn.numpy()).magnitude()))


def test_frames_are_posed_by_the_face_and_those_without_one_left_out(frames, seen, monkeypatch):
    seen(Nobody())
    monkeypatch.setattr(videos, "has_colmap", lambda: False)
    (subject,) = read(frames, settings=Settings(frames=6))
    assert subject.name == "anna_walks"
    assert [view.name for view in subject.capture.views] == ["0", "1", "2", "3", "4"]
    assert subject.facts["poses"] == "face"
    for view, azimuth in zip(subject.capture.views, AZIMUTHS, strict=True):
        assert angle_to(view.camera, azimuth) < 3
        assert view.mask.max() == 255
        assert max(view.image.shape) <= 512


def test_frames_are_posed_by_their_pictures_and_aligned_by_landmarks(frames, seen, monkeypatch, marks):
    """COLMAP's world is turned, shifted and of another size; it leaves out the last frame."""
    world = Similarity(
        torch.tensor(3.0).double(), so3_exp(torch.tensor([0.4, -1.0, 2.0]).double()), torch.ones(3).double()
    )

    def mapping(database, images, models):
        assert sorted(path.name for path in images.glob("*")) == [f"{i}.png" for i in range(5)]
        (models / "0").mkdir()
        (models / "0" / "cameras.txt").write_text("1 PINHOLE 900 700 2600 2600 450 350\n")
        lines = []
        for number, azimuth in enumerate(AZIMUTHS[:4]):
            camera = camera_from(azimuth).transformed(world)
            x, y, z, w = Rotation.from_matrix(camera.rotation.numpy()).as_quat()
            numbers = " ".join(f"{v:.12f}" for v in (w, x, y, z, *camera.translation.tolist()))
            lines.append(f"{number + 1} {numbers} 1 {number}.png\n\n")
        (models / "0" / "images.txt").write_text("".join(lines))
        return {0: SimpleNamespace(num_reg_images=lambda: 4)}

    fake = ModuleType("pycolmap")
    fake.CameraMode = SimpleNamespace(SINGLE=1)
    fake.extract_features = fake.match_exhaustive = lambda *given, **named: None
    fake.incremental_mapping = mapping
    monkeypatch.setitem(sys.modules, "pycolmap", fake)
    monkeypatch.setattr(videos, "has_colmap", lambda: True)
    seen(Nobody())
    (subject,) = read(frames, settings=Settings(frames=6))
    assert (subject.facts["poses"], subject.facts["placement"]) == ("colmap", "landmarks")
    assert len(subject.capture.views) == 4
    for view, azimuth in zip(subject.capture.views, AZIMUTHS[:4], strict=True):
        assert angle_to(view.camera, azimuth) < 6
        assert float((view.camera.centre - camera_from(azimuth).centre).norm()) < 1.0
        assert view.mask.max() == 255


def test_a_video_becomes_a_data_set(frames, seen, monkeypatch, tmp_path, capsys):
    seen(Nobody())
    monkeypatch.setattr(videos, "has_colmap", lambda: False)
    assert main(["import", "video", str(frames), str(tmp_path / "people"), "--frames", "6"]) == 0
    assert "subjects: 1, views: 5" in capsys.readouterr().out
    subject = Dataset(tmp_path / "people").read("anna_walks")
    assert len(subject.capture.views) == 5
    assert subject.landmarks.points.shape == (68, 3)


def test_what_is_no_video_of_a_person_is_one_sentence(frames, seen, monkeypatch, tmp_path):
    monkeypatch.setattr(videos, "face_finder", Nobody)
    with pytest.raises(InputError, match="has 0 frames with a face, and 3 are needed; film the person"):
        list(read(frames))
    with pytest.raises(InputError, match="2 frames are too few to make a capture; take 3 or more"):
        list(read(frames, settings=Settings(frames=2)))
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "._it.png").write_bytes(b"what a Mac leaves beside a picture")
    with pytest.raises(InputError, match="has no pictures in it; name a video, or a folder of its frames"):
        list(read(tmp_path / "empty"))
    with pytest.raises(InputError, match="does not exist"):
        list(read(tmp_path / "nothing.mp4"))
    monkeypatch.setattr(videos, "has_colmap", lambda: False)
    with pytest.raises(InputError, match="pycolmap, which poses videos by their pictures, is not installed"):
        list(read(frames, settings=Settings(poses="colmap")))


def test_films_are_read_evenly_and_upright(tmp_path):
    pytest.importorskip("imageio_ffmpeg")
    pictures = [np.full((40, 60, 3), 8 * number, np.uint8) for number in range(30)]
    write_film(pictures, tmp_path / "it.mp4", seconds=3)
    found = list(read_film(tmp_path / "it.mp4", 10))
    assert 9 <= len(found) <= 11
    assert all(picture.shape == (40, 60, 3) for picture in found)
    shades = [float(picture.mean()) for picture in found]
    assert all(15 < b - a < 33 for a, b in pairwise(shades))
    assert next(read_film(tmp_path / "it.mp4", 5, largest=30)).shape == (20, 30, 3)
    (tmp_path / "letter.mp4").write_text("dear")
    with pytest.raises(InputError, match="is not a film that can be read; name a video file"):
        next(read_film(tmp_path / "letter.mp4", 5))
