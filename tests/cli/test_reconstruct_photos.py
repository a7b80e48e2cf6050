"""What the command says of photos that will not do, and what it makes of those that are poor."""

from __future__ import annotations

import json
import signal
import struct
import sys
import zlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from headfield import placing, portraits, reconstruction, results
from headfield.cameras import Camera
from headfield.canonical import CANONICAL_INDICES, CANONICAL_POINTS
from headfield.capture import Capture, View
from headfield.cli import main
from headfield.fields.surface_field import SurfaceField
from headfield.fitting.drive import Fitted
from headfield.fitting.poses import LandmarkModel
from headfield.fitting.prior import ShapePrior
from headfield.head import MESH, Head
from headfield.mesh.files import read_mesh
from headfield.methods import instant_avatar
from headfield.optim.record import Report
from headfield.photo.faces import Face

from ..data.importers.scenery import (
    DOTS,
    FOCAL,
    HEIGHT,
    OFFSET,
    PRINCIPAL,
    SCALE,
    TURN,
    WIDTH,
    Photo,
    drawing,
    photos,
    save,
)
from ..heads import SETTINGS
from ..photo import discs
from ..test_portraits import Drawn, InTurn, camera_from

PLACES = LandmarkModel.of(ShapePrior.shipped("instant-avatar").codes).mean
"""Where the average face has its landmarks."""


class Sees:
    """Finds these faces in every picture, and nobody behind them."""

    def __init__(self, *faces: Face):
        self.found = faces

    def faces(self, image: np.ndarray) -> tuple[Face, ...]:
        return self.found

    def person(self, image: np.ndarray) -> np.ndarray:
        return np.zeros(image.shape[:2], np.float32)


class Someone(Drawn):
    """Sees a face of these places, and a person wherever it is not black."""

    def person(self, image: np.ndarray) -> np.ndarray:
        return (image[..., 0] > 0).astype(np.float32)


def bright(path: Path, factor: float = 1.0) -> Path:
    """A picture as sharp as can be."""
    noise = np.random.default_rng(0).integers(60, 255, (400, 400, 3))
    Image.fromarray((factor * noise).astype(np.uint8)).save(path)
    return path


def someone(path: Path, brightest: int = 255) -> Path:
    """A photo of someone with noise for a face."""
    noise = np.random.default_rng(0).integers(brightest // 2, brightest, (700, 900, 3))
    y, x = np.mgrid[:700, :900]
    inside = np.hypot((x - 450) / 200, (y - 360) / 240) < 1
    Image.fromarray((noise * inside[..., None]).astype(np.uint8)).save(path)
    return path


@pytest.fixture
def refused(tmp_path, monkeypatch, capsys):
    """What the command says when it refuses photos; nothing may have been fitted or written."""

    def words_of(*photos: Path, finder: object = None, words: tuple[str, ...] = ()) -> str:
        def fit(*given: object) -> Fitted:
            raise AssertionError("nothing should be fitted")

        monkeypatch.setattr(instant_avatar, "fit", fit)
        if finder is not None:
            monkeypatch.setattr(portraits, "face_finder", lambda: finder)
        out = tmp_path / "head"
        assert main(["reconstruct", *map(str, photos), "-o", str(out), *words]) == 2
        shown = capsys.readouterr()
        assert shown.out == ""
        assert not out.exists()
        assert shown.err.startswith("headfield: ")
        assert shown.err.count("\n") == 1
        return shown.err.removeprefix("headfield: ").rstrip("\n")

    return words_of


@pytest.mark.parametrize(
    ("finder", "sentence"),
    [
        (
            Sees(),
            "no face that looks towards the camera was found; take a photo that shows one upright and in good light.",
        ),
        (Sees(discs.face(turned=70)), "the face is seen from the side; take a photo that shows both eyes."),
        (Sees(discs.face(size=60)), "the face is only 60 pixels wide; take a photo where it has 110 at least."),
    ],
)
def test_a_face_that_will_not_do_is_told_with_its_photo(refused, tmp_path, finder, sentence):
    photo = bright(tmp_path / "anna.png")
    assert refused(photo, finder=finder) == f"{photo}: {sentence}"


def test_of_several_faces_the_one_with_that_number_is_taken(refused, tmp_path):
    photo, two = bright(tmp_path / "anna.png"), Sees(discs.face(x=120), discs.face(x=320, size=60))
    small = "the face is only 60 pixels wide; take a photo where it has 110 at least."
    assert refused(photo, finder=two, words=("--face", "2")) == f"{photo}: {small}"
    none = "2 faces were found, so there is no face 3; count from the left, beginning with 1."
    assert refused(photo, finder=two, words=("--face", "3")) == f"{photo}: {none}"
    assert "the person cannot be told" in refused(photo, finder=two), "the largest face will do, but has no person"


def test_a_person_who_cannot_be_cut_out_is_told(refused, tmp_path):
    photo = bright(tmp_path / "anna.png")
    sentence = f"{photo}: the person cannot be told from what is behind; take a photo in front of something plain."
    assert refused(photo, finder=Sees(discs.face())) == sentence


def test_the_dark_is_told(refused, tmp_path):
    photo = bright(tmp_path / "night.png", 0.1)
    sentence = f"{photo}: the photo is too dark to see the face; take one in better light."
    assert refused(photo, finder=Sees(discs.face())) == sentence


def test_files_that_are_no_photos_are_told(refused, tmp_path):
    def file(name: str, content: bytes) -> Path:
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    whole = bright(tmp_path / "whole.png").read_bytes()
    for photo, sentence in (
        (file("nothing.jpg", b""), "is empty; copy it again."),
        (file("letter.jpg", b"Dear Anna,"), "is not a picture that can be read; convert it to JPEG or PNG."),
        (file("cut.png", whole[: len(whole) // 2]), "is a damaged picture, or it was cut off; make or copy it again."),
        (file("vast.png", vast_png(20_000, 15_000)), "has too many pixels to be safe to open; scale it down."),
        (tmp_path / "none.jpg", "does not exist; check the path."),
    ):
        assert refused(photo, finder=Sees(discs.face())) == f"{photo} {sentence}"


def vast_png(width: int, height: int) -> bytes:
    """A picture that says how large it is, and holds nothing: unpacked it would take all memory."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_a_folder_that_is_no_capture_is_told(refused, tmp_path):
    bright(tmp_path / "anna.png")
    assert refused(tmp_path) == (
        f"{tmp_path} has no subject.json, transforms.json, COLMAP model or cameras.npz, so it is no posed capture; "
        "`headfield import` reads other formats, and photos are named one by one."
    )
    assert refused(tmp_path / "anna.png", tmp_path) == f"{tmp_path} is a folder; name one capture, or photo files."


def test_two_people_are_told_from_one(refused, tmp_path):
    model = LandmarkModel.of(ShapePrior.shipped("instant-avatar").codes)
    finder = InTurn(*(Someone(camera_from(0), places) for places in (model.mean, model.mean * (1.35, 0.8, 1.0))))
    said = refused(someone(tmp_path / "anna.png"), someone(tmp_path / "otto.png"), finder=finder)
    assert said.endswith("seems to show another person than the other photos; give photos of one person.")
    assert said.startswith(("anna", "otto"))


def test_what_is_missing_is_told(refused, tmp_path, monkeypatch):
    photo = bright(tmp_path / "anna.png")
    with monkeypatch.context() as without:
        without.setattr("headfield.fitting.prior.files", lambda package: tmp_path)
        assert refused(photo, words=("--method", "h3d-net")) == (
            "no prior of h3d-net comes with headfield; train one and name it with --prior."
        )
    assert refused(photo, words=("--prior", str(tmp_path / "none"))) == (
        f"{tmp_path / 'none'} does not exist; check the path."
    )
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    assert refused(photo).startswith("nothing that finds faces in photos is installed; `pip install ")


def test_a_place_that_is_taken_is_told_before_anything_is_done(refused, tmp_path, capsys):
    photo = bright(tmp_path / "anna.png")
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "letter.txt").touch()
    for place, sentence in (
        (taken, "is there already and is no saved head; choose another place."),
        (photo / "head", "cannot be written (Not a directory); choose another place."),
    ):
        assert main(["reconstruct", str(photo), "-o", str(place)]) == 2
        assert capsys.readouterr().err == f"headfield: {place} {sentence}\n"
    assert [path.name for path in taken.iterdir()] == ["letter.txt"]


# Photos that are poor, and programs that are missing: there is a head all the same.


@pytest.fixture
def made(tmp_path, monkeypatch, capsys):
    """What the command says when it makes heads, each a ball at once, of what the average face looks like."""

    def fit(capture: Capture, *given: object) -> Fitted:
        cameras = {view.name: view.camera for view in capture.views}
        return Fitted(SurfaceField(SETTINGS), cameras, Report({}, (), False, 0, 0.0), {})

    monkeypatch.setattr(instant_avatar, "fit", fit)
    monkeypatch.setattr(reconstruction, "completed", lambda capture, *given, **named: capture)

    def words_of(*photos: Path, azimuth: float = 0.0, words: tuple[str, ...] = ()) -> str:
        monkeypatch.setattr(portraits, "face_finder", lambda: Someone(camera_from(azimuth), PLACES))
        words = ("-o", str(tmp_path / "head"), "--resolution", "24", "--texture", "64", *words)
        assert main(["reconstruct", *map(str, photos), *words]) == 0
        assert (tmp_path / "head" / MESH).is_file()
        shown = capsys.readouterr()
        assert shown.err == ""
        return shown.out

    return words_of


def test_a_poor_photo_gives_a_head_and_a_remark(made, tmp_path):
    plain = ("--report", "False")
    dim = someone(tmp_path / "evening.png", 80)
    assert "Note: evening: the photo is dim, which makes shapes harder to see.\n" in made(dim, words=plain)
    film = tmp_path / "film.gif"
    Image.open(someone(tmp_path / "one.png")).save(film, save_all=True, append_images=[Image.new("RGB", (900, 700))])
    assert "Note: film: the file holds several pictures; the first was taken.\n" in made(film, words=plain)
    assert "Note: one: the face is turned to the side by some " in made(tmp_path / "one.png", azimuth=45, words=plain)


def test_the_cameras_of_a_head_see_the_whole_photos(made, tmp_path):
    made(someone(tmp_path / "anna.png"), words=("--report", "False"))
    (camera,) = Head.load(tmp_path / "head").cameras.values()
    assert (camera.width, camera.height) == (900, 700)
    seen, found = (it.to(dtype=torch.float64).project(torch.from_numpy(PLACES))[0] for it in (camera, camera_from(0)))
    np.testing.assert_allclose(seen, found, atol=3)


@pytest.mark.parametrize(
    ("method", "steps"),
    [
        ("instant-avatar", ("latent", "grid", "decoder", "colour")),
        ("sira", ("latent", "network", "colour")),
        ("multi-neus", ("scene", "shared")),
    ],
)
def test_every_method_with_a_prior_takes_a_photo(tmp_path, monkeypatch, method, steps):
    monkeypatch.setattr(portraits, "face_finder", lambda: Someone(camera_from(0), PLACES))
    few = [word for name in steps for word in (f"--fit.{name}-steps", "2")]
    size = ("--resolution", "24", "--texture", "64", "--report", "False")
    photo, out = someone(tmp_path / "anna.png"), tmp_path / "head"
    assert main(["reconstruct", str(photo), "-o", str(out), "--method", method, *size, *few]) == 0
    head = Head.load(out)
    assert head.facts["method"] == method
    mesh = read_mesh(out / MESH)
    assert mesh.texture is not None
    seen, found = (it.to(dtype=torch.float64) for it in (head.cameras["anna"], camera_from(0)))
    pixels = (it.project(torch.from_numpy(PLACES))[0] for it in (seen, found))
    np.testing.assert_allclose(*pixels, atol=3)


@pytest.fixture
def short(monkeypatch):
    """Small films of few pictures, and a page with small ones."""
    monkeypatch.setattr(results, "report_of", partial(results.report_of, pixels=48))
    monkeypatch.setattr(results, "FRAMES", 3)
    monkeypatch.setattr(results, "PIXELS", 48)


def test_without_ffmpeg_there_is_everything_but_the_mp4(made, short, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    said = made(someone(tmp_path / "anna.png"))
    assert (
        "Note: turntable.mp4 was not made: imageio-ffmpeg, which writes and reads MP4 films, is not installed" in said
    )
    written = {path.name for path in (tmp_path / "head").iterdir()}
    assert {"turntable.gif", "report.html"} <= written
    assert "turntable.mp4" not in written


def interrupts(*given: object, **named: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_after_the_fit_costs_only_what_was_not_done(made, short, tmp_path, monkeypatch):
    photo = someone(tmp_path / "anna.png")
    monkeypatch.setattr(results, "write_film", interrupts)
    said = made(photo)
    assert "Note: writing was interrupted: the head is there, but not all films and no page.\n" in said
    assert "report.html" not in said
    assert read_mesh(tmp_path / "head" / MESH).texture is not None
    plain, compared = ("--report", "False"), Head.compared

    def interrupted(head: Head, views: Sequence[View]) -> Head:
        signal.raise_signal(signal.SIGINT)
        return compared(head, views)

    with monkeypatch.context() as patched:
        patched.setattr(Head, "compared", interrupted)
        assert "Note: painting was interrupted, so the head has" in made(photo, words=plain)
        assert read_mesh(tmp_path / "head" / MESH).texture is None
    monkeypatch.setattr(Head, "textured", interrupts)
    said = made(photo, words=plain)
    assert "Note: painting was interrupted, so the head has colours at its vertices but no texture.\n" in said
    assert read_mesh(tmp_path / "head" / MESH).texture is None


def test_posed_pictures_from_elsewhere_are_brought_into_head_space(made, tmp_path, monkeypatch, capsys):
    places = LandmarkModel.of(ShapePrior.shipped("instant-avatar").codes).mean.copy()
    places[list(CANONICAL_INDICES)] = CANONICAL_POINTS
    there = SCALE * places @ TURN.T + OFFSET
    taken = photos(5)
    cameras = [camera_of(photo) for photo in taken]
    for i, photo in enumerate(taken):
        save(tmp_path / "capture" / f"{i}.png", drawing(photo.pixels()))
    frames = [{"file_path": f"{i}.png", "transform_matrix": photo.opengl.tolist()} for i, photo in enumerate(taken)]
    content = {"fl_x": FOCAL, "cx": PRINCIPAL[0], "cy": PRINCIPAL[1], "w": WIDTH, "h": HEIGHT, "frames": frames}
    (tmp_path / "capture" / "transforms.json").write_text(json.dumps(content))
    monkeypatch.setattr(placing, "face_finder", lambda: InTurn(*(Someone(camera, there) for camera in cameras)))
    made(tmp_path / "capture")
    head = Head.load(tmp_path / "head")
    np.testing.assert_allclose(head.to_head.apply(torch.from_numpy(DOTS)), CANONICAL_POINTS, atol=0.01)
    for camera, found in zip(cameras, head.cameras.values(), strict=True):
        pixels = found.to(dtype=torch.float64).project(torch.from_numpy(CANONICAL_POINTS))[0]
        np.testing.assert_allclose(pixels, camera.project(torch.from_numpy(DOTS))[0], atol=0.5)
    monkeypatch.setattr(placing, "face_finder", Sees)
    assert main(["reconstruct", str(tmp_path / "capture"), "-o", str(tmp_path / "head")]) == 2
    assert "capture is not in head space, and fewer than two of its views show the same face" in capsys.readouterr().err


def camera_of(photo: Photo) -> Camera:
    return Camera(
        rotation=torch.from_numpy(photo.axes),
        translation=torch.from_numpy(-photo.axes @ photo.eye),
        focal=torch.full((2,), FOCAL, dtype=torch.float64),
        principal=torch.from_numpy(PRINCIPAL),
        width=WIDTH,
        height=HEIGHT,
    )


def test_a_name_with_dots_is_no_format_of_meshes(made, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made(someone(tmp_path / "anna.2.png"), words=("--report", "False"))
    assert main(["reconstruct", "anna.2.png", "--resolution", "24", "--texture", "0", "--report", "False"]) == 0
    assert (tmp_path / "anna-2-head" / MESH).is_file()
