"""A video of one person, walked around with a phone, as a subject: frames, poses, mattes (Multi-NeuS, section 4.1).

Poses come from the pictures by COLMAP where pycolmap is installed; the landmarks of the face, triangulated and aligned
with those of head space, then say where the head is. Without it each frame is posed by its face, as photos are, and so
is in head space from the start.
"""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from headfield.capture import Capture, Landmarks, Subject, View
from headfield.data.films import read_film
from headfield.data.importers import colmap
from headfield.data.importers.shots import PICTURES, plain_name
from headfield.errors import InputError, MissingExtraError
from headfield.files import write_json
from headfield.fitting.poses import LandmarkModel, find_poses
from headfield.fitting.prior import ShapePrior
from headfield.photo.faces import FaceFinder, face_finder
from headfield.photo.files import Photo, read_photo
from headfield.portraits import Found, Portrait, looked_at

FEWEST = 3
"""So many frames with a face at least make a capture."""

TOGETHER = 5
"""How many frames say together what the face is like; the others are posed by that face."""

LANDMARK_PRIOR = "instant-avatar"
"""Whose prior knows where landmarks are."""


@dataclass(frozen=True)
class Settings:
    """How a video becomes a capture."""

    frames: int = 77
    """About how many frames are taken, evenly in time (section 4.1)."""
    poses: Literal["auto", "colmap", "face"] = "auto"
    """Where poses come from: the pictures (COLMAP), the face alone, or what is installed."""
    face: int | None = None
    """Which face to take where there are several, counted from the left; otherwise the largest."""


DEFAULTS = Settings()


def read(source: Path, *, settings: Settings = DEFAULTS) -> Iterator[Subject]:
    """The one subject that a video shows."""
    if settings.frames < FEWEST:
        raise InputError(f"{settings.frames} frames are too few to make a capture; take {FEWEST} or more.")
    by_pictures = settings.poses == "colmap" or (settings.poses == "auto" and has_colmap())
    if by_pictures and not has_colmap():
        raise MissingExtraError("pycolmap, which poses videos by their pictures,", "poses")
    frames = _frames_with_faces(source, settings, face_finder())
    yield (_posed_by_pictures if by_pictures else _posed_by_faces)(source, frames)


def has_colmap() -> bool:
    """Whether pycolmap is installed."""
    return importlib.util.find_spec("pycolmap") is not None


def _frames_with_faces(source: Path, settings: Settings, finder: FaceFinder) -> list[Found]:
    """The frames in which a face is found; the others, as where somebody looks away, are left out."""
    frames = []
    for photo in _photos(source, settings.frames):
        with suppress(InputError):
            frames.append(looked_at(source / photo.name, photo, finder, settings.face))
    if len(frames) < FEWEST:
        raise InputError(
            f"{source} has {len(frames)} frame{'s' * (len(frames) != 1)} with a face, and {FEWEST} are needed; "
            "film the person from the front and both sides, in good light."
        )
    return frames


def _photos(source: Path, count: int) -> Iterator[Photo]:
    """So many frames of a video, or of a folder of frames, by number."""
    if not source.is_dir():
        for number, image in enumerate(islice(read_film(source, count), count), start=1):
            yield Photo(f"frame_{number:05d}", np.ascontiguousarray(image))
        return
    paths = sorted(path for path in source.iterdir() if path.suffix in PICTURES and not path.name.startswith("."))
    if not paths:
        raise InputError(f"{source} has no pictures in it; name a video, or a folder of its frames.")
    for place in np.unique(np.linspace(0, len(paths) - 1, count).round().astype(int)):
        yield replace(read_photo(paths[place], largest=1280), name=paths[place].stem)


def _posed_by_faces(source: Path, frames: Sequence[Found]) -> Subject:
    """Each frame posed by its face: a few say together what the face is like, then that face poses the rest."""
    model = LandmarkModel.of(ShapePrior.shipped(LANDMARK_PRIOR).codes)
    seen = [frame.seen for frame in frames]
    some = np.unique(np.linspace(0, len(seen) - 1, TOGETHER).round().astype(int))
    places = model.places(find_poses([seen[i] for i in some], model).u)
    known = replace(model, mean=places, basis=model.basis[..., :0])
    cameras = [find_poses([face], known).cameras[0] for face in seen]
    views = tuple(
        Portrait(frame.photo, frame.marks, camera, frame.mask, 0.0).part
        for frame, camera in zip(frames, cameras, strict=True)
    )
    facts = {"source": "video", "poses": "face", "placement": "landmarks", "true_size": False}
    marks = Landmarks(places, np.ones(len(places), bool))
    return Subject(_name(source), Capture(views, rough=True), landmarks=marks, facts=facts)


def _posed_by_pictures(source: Path, frames: Sequence[Found]) -> Subject:
    """The frames that COLMAP could place, aligned by the landmarks seen in them (Umeyama)."""
    with tempfile.TemporaryDirectory(prefix="headfield-video-") as name:
        folder = Path(name)
        _write_project(folder, frames)
        if not _placed(folder):
            raise InputError(
                f"{source}: COLMAP could not place its frames; film slowly, all in focus, or choose --poses face."
            )
        _mark(folder, frames)
        (found,) = colmap.read(folder)
        assert found.capture is not None
        views = tuple(_head_of(found.capture.views[i]) for i in range(len(found.capture.views)))
    facts = {**found.facts, "source": "video", "poses": "colmap"}
    return replace(found, name=_name(source), capture=Capture(views), facts=facts)


def _head_of(view: View) -> View:
    """The part of a view that shows the head."""
    assert view.landmarks is not None
    assert view.mask is not None
    return Portrait(Photo(view.name, view.image), view.landmarks, view.camera, view.mask, 0.0).part


def _write_project(folder: Path, frames: Sequence[Found]) -> None:
    """Pictures and masks as the importer of COLMAP's models finds them."""
    for room in ("images", "masks"):
        (folder / room).mkdir()
    for frame in frames:
        Image.fromarray(frame.photo.image).save(folder / "images" / f"{frame.photo.name}.png")
        Image.fromarray(frame.mask).save(folder / "masks" / f"{frame.photo.name}.png")


def _mark(folder: Path, frames: Sequence[Found]) -> None:
    """Write down the landmarks of the frames that COLMAP placed."""
    placed, marks = set(colmap.placed_pictures(folder / "sparse")), {}
    for frame in frames:
        if f"{frame.photo.name}.png" not in placed:
            continue
        points = [
            [float(x), float(y)] if there else None
            for (x, y), there in zip(frame.marks.points, frame.marks.visible, strict=True)
        ]
        marks[frame.photo.name] = {"scheme": frame.marks.scheme, "points": points}
    write_json(folder / "landmarks.json", {"views": marks})


def _placed(folder: Path) -> bool:
    """Let COLMAP look for features, match them and place the frames; whether it came to a model."""
    import pycolmap

    database, images, models = folder / "database.db", folder / "images", folder / "models"
    models.mkdir()
    # One phone took all frames, so they share one lens.
    pycolmap.extract_features(database, images, camera_mode=pycolmap.CameraMode.SINGLE)
    pycolmap.match_exhaustive(database)
    found = pycolmap.incremental_mapping(database, images, models)
    if not found:
        return False
    largest = max(found, key=lambda number: found[number].num_reg_images())
    shutil.copytree(models / str(largest), folder / "sparse")
    return True


def _name(source: Path) -> str:
    return plain_name(source.resolve().stem)
