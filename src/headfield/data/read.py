"""Reading subjects: what is small at once, views when they are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from headfield.capture import Capture, LazyViews, Scan, Subject, View
from headfield.data import layout, pictures
from headfield.errors import InputError
from headfield.files import read_json
from headfield.mesh.files import read_mesh
from headfield.mesh.ply import read_elements
from headfield.surface import Mesh
from headfield.units import MILLIMETRES, MILLIMETRES_PER_UNIT


def read_subject(folder: Path, *, views: bool = True, scan: bool = True, truth: bool = True) -> Subject:
    """Read the subject in ``folder``, with those of its parts that are wanted and there; ``truth`` means both meshes.

    Views are read from disk each time they are asked for.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; a subject's folder was expected.")
    path = folder / layout.SUBJECT
    if not path.is_file():
        raise InputError(f"{folder} is not a subject, since it has no {layout.SUBJECT}; check the path.")
    about = layout.read_document(path, "headfield subject")
    facts = about.get("facts", {})
    if not isinstance(facts, dict):
        raise InputError(f"{path} has facts that are no JSON object; write it again.")

    def mesh(name: str) -> Mesh | None:
        return read_mesh(folder / name, unit="mm") if truth and (folder / name).exists() else None

    return Subject(
        name=folder.resolve().name,
        capture=_read_capture(folder) if views and (folder / layout.TRANSFORMS).exists() else None,
        scan=_read_scan(folder, about) if scan and (folder / layout.SCAN).exists() else None,
        truth=mesh(layout.TRUTH),
        registration=mesh(layout.REGISTRATION),
        landmarks=layout.landmarks_from_json(about.get("landmarks"), f"{path}"),
        identity=str(about.get("identity", "")),
        expression=str(about.get("expression", "neutral")),
        facts=facts,
        to_head=layout.similarity_from_json(about, "to_head", f"{path}"),
    )


@dataclass(frozen=True)
class _ViewReader:
    """Reads the views that ``transforms.json`` lists; a plain object, so that it can go to other processes."""

    folder: Path
    frames: Sequence[Mapping[str, object]]
    depth_step: float

    def __call__(self, index: int) -> View:
        frame, listing = self.frames[index], self.folder / layout.TRANSFORMS
        files = {
            layer: layout.inside(self.folder, frame[key], listing)
            for layer, (_, key) in layout.LAYERS.items()
            if key in frame
        }
        what = f"{listing}, frame {frame['file_path']}"
        return View(
            name=_view_name(frame),
            camera=layout.camera_from_frame(frame, what),
            image=pictures.read_image(files["image"]),
            mask=pictures.read_mask(files["mask"]) if "mask" in files else None,
            normals=pictures.read_normals(files["normals"]) if "normals" in files else None,
            depth=pictures.read_depth(files["depth"], self.depth_step) if "depth" in files else None,
            landmarks=layout.landmarks_from_json(frame.get("landmarks"), what),
        )


def _read_capture(folder: Path) -> Capture:
    path = folder / layout.TRANSFORMS
    content = read_json(path)
    frames = content.get("frames")
    if not isinstance(frames, list) or not all(isinstance(frame, dict) for frame in frames):
        raise InputError(f"{path} has no list of frames; write it again.")
    # Now rather than when training has run for an hour.
    for i, frame in enumerate(frames):
        if "file_path" not in frame:
            raise InputError(f"{path}, frame {i} lacks file_path; write it again.")
        for _, key in layout.LAYERS.values():
            if key in frame:
                layout.inside(folder, frame[key], path)
        layout.camera_from_frame(frame, f"{path}, frame {frame['file_path']}")
    names = [_view_name(frame) for frame in frames]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"{path} has two views called {twice}; give each a name of its own.")
    step = float(layout.numbers(content, "depth_step", f"{path}", ()))
    if not 0 < step < MILLIMETRES["m"]:
        raise InputError(f"depth_step of {path} is {step:g}; it must be some part of a millimetre or a few.")
    rough = content.get("rough_cameras", False)
    if not isinstance(rough, bool):
        raise InputError(f"rough_cameras of {path} is neither true nor false; write it again.")
    return Capture(LazyViews(names, _ViewReader(folder, frames, step)), rough)


def _view_name(frame: Mapping[str, object]) -> str:
    return Path(str(frame["file_path"])).stem


def _read_scan(folder: Path, about: Mapping[str, object]) -> Scan:
    path = folder / layout.SCAN
    columns = _read_columns(path)
    listing = folder / layout.SUBJECT
    sensors = layout.numbers(about, "sensors", f"{listing}", (None, 3)) if "sensors" in about else None
    sensor_of_point = columns["sensor"].astype(np.int64) if "sensor" in columns else None
    if sensor_of_point is not None and len(sensor_of_point):
        known = 0 if sensors is None else len(sensors)
        if sensor_of_point.min() < 0 or sensor_of_point.max() >= known:
            raise InputError(f"{path} names sensors that {listing} does not list; write it again.")
    free = folder / layout.FREE
    return Scan(
        points=_head_units(path, _stacked(path, columns, "x", "y", "z")),
        normals=_finite(path, _stacked(path, columns, "nx", "ny", "nz").astype(np.float32)),
        colours=_stacked(path, columns, "red", "green", "blue").astype(np.uint8) if "red" in columns else None,
        sensors=None if sensors is None else _head_units(listing, sensors),
        sensor_of_point=sensor_of_point,
        free_points=_head_units(free, _stacked(free, _read_columns(free), "x", "y", "z")) if free.exists() else None,
    )


def _read_columns(path: Path) -> dict[str, np.ndarray]:
    vertex = read_elements(path).get("vertex", {})
    return {name: values for name, values in vertex.items() if isinstance(values, np.ndarray)}


def _stacked(path: Path, columns: Mapping[str, np.ndarray], *names: str) -> np.ndarray:
    if not columns.keys() >= set(names):
        raise InputError(f"{path} lacks {' '.join(names)}; it does not belong to a subject.")
    return np.stack([columns[name] for name in names], axis=1)


def _head_units(path: Path, millimetres: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):  # infinite is refused
        return _finite(path, (millimetres / MILLIMETRES_PER_UNIT).astype(np.float32))


def _finite(path: Path, values: np.ndarray) -> np.ndarray:
    if not np.isfinite(values).all():
        raise InputError(f"{path} has points whose coordinates are not finite numbers; repair it first.")
    return values
