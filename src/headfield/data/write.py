"""Writing subjects: each one whole or not at all, and the same subject always as the same bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from headfield.capture import Scan, Subject, View
from headfield.data import layout, pictures
from headfield.errors import InputError
from headfield.files import new_folder, write_json
from headfield.mesh.files import check_mesh, write_mesh
from headfield.mesh.ply import write_elements
from headfield.units import MILLIMETRES_PER_UNIT

_WRITERS = {
    "image": pictures.write_image,
    "mask": pictures.write_mask,
    "normals": pictures.write_normals,
    "depth": pictures.write_depth,
}

_SCAN_COMMENTS = (
    "millimetres in head space: x to the subject's left, y up, z out of the face",
    f"sensor: index into the sensors that {layout.SUBJECT} lists",
)


def create_dataset(folder: Path, *, name: str = "", made: Mapping[str, object] | None = None) -> Path:
    """Make ``folder`` a data set, or check that it is this one already, so that interrupted work can go on.

    ``name`` is the folder's own unless given, and ``made`` says how the subjects came about. A folder that holds
    anything else, or a data set made in another way, is refused.
    """
    path = folder / layout.DATASET
    content = layout.document("headfield data set", {"name": name or folder.resolve().name, "made": _plain(made or {})})
    if path.exists():
        if layout.read_document(path, "headfield data set").get("made") != content["made"]:
            raise InputError(f"{folder} is a data set that was made in another way; choose another folder.")
    elif folder.is_dir() and any(not entry.name.startswith(".") for entry in folder.iterdir()):
        raise InputError(f"{folder} is not empty and not a data set; choose a new folder.")
    else:
        write_json(path, content)
    return folder


def write_subject(subject: Subject, dataset: Path) -> Path:
    """Write ``subject`` to the folder of its name in the data set's folder, and return that.

    The folder appears under its name only when it is whole; a subject that was there is replaced. Views are taken and
    written one at a time. Many processes may write different subjects of one data set at once.
    """
    folder = dataset / layout.check_name(subject.name, "a subject")
    if folder.exists() and not (folder / layout.SUBJECT).is_file():
        raise InputError(f"{folder} is there already and is not a subject; choose another place.")
    for name, mesh in (("true surface", subject.truth), ("registration", subject.registration)):
        if mesh is not None:
            check_mesh(mesh, f"the {name} of {subject.name}")
    with new_folder(folder) as temporary:
        if subject.capture is not None:
            _write_views(temporary, subject)
        if subject.scan is not None:
            _write_scan(temporary, subject.scan)
        if subject.truth is not None:
            write_mesh(subject.truth, temporary / layout.TRUTH, unit="mm")
        if subject.registration is not None:
            write_mesh(subject.registration, temporary / layout.REGISTRATION, unit="mm")
        write_json(temporary / layout.SUBJECT, _about(subject))
        _write_checksums(temporary)
    return folder


def _about(subject: Subject) -> dict:
    content: dict[str, object] = {
        "identity": subject.identity,
        "expression": subject.expression,
        "facts": _plain(subject.facts),
        "to_head": layout.similarity_to_json(subject.to_head),
    }
    if subject.landmarks is not None:
        content["landmarks"] = layout.landmarks_to_json(subject.landmarks)
    if subject.scan is not None and subject.scan.sensors is not None:
        content["sensors"] = _millimetres(subject.scan.sensors).tolist()
    return layout.document("headfield subject", content)


def _write_views(folder: Path, subject: Subject) -> None:
    assert subject.capture is not None
    frames: list[dict] = []
    taken: set[str] = set()
    for view in subject.capture.views:
        name = layout.check_name(view.name, f"a view of {subject.name}")
        # Some file systems take "A" and "a" for the same name.
        if name.lower() in taken:
            raise InputError(f"{subject.name} has two views called {name}; give each a name of its own.")
        taken.add(name.lower())
        frames.append(_write_view(folder, view))
    content: dict[str, object] = {
        "camera_model": "PINHOLE",
        "space": "head",
        "unit": "mm",
        "depth_step": pictures.DEPTH_STEP,
        "frames": frames,
    }
    if subject.capture.rough:
        content["rough_cameras"] = True
    if subject.scan is not None and subject.scan.colours is not None:
        # Splatting methods start from it.
        content["ply_file_path"] = layout.SCAN
    write_json(folder / layout.TRANSFORMS, content)


def _write_view(folder: Path, view: View) -> dict:
    frame: dict[str, object] = {}
    for layer, (subfolder, key) in layout.LAYERS.items():
        pixels = getattr(view, layer)
        if pixels is not None:
            (folder / subfolder).mkdir(exist_ok=True)
            frame[key] = f"{subfolder}/{view.name}.png"
            _WRITERS[layer](folder / subfolder / f"{view.name}.png", pixels)
    frame |= layout.camera_to_frame(view.camera)
    if view.landmarks is not None:
        frame["landmarks"] = layout.landmarks_to_json(view.landmarks)
    return frame


def _write_scan(folder: Path, scan: Scan) -> None:
    columns = _columns("xyz", _millimetres(scan.points)) | _columns(("nx", "ny", "nz"), scan.normals)
    if scan.colours is not None:
        columns |= _columns(("red", "green", "blue"), scan.colours)
    if scan.sensor_of_point is not None:
        columns["sensor"] = scan.sensor_of_point.astype(np.int32)
    write_elements(folder / layout.SCAN, {"vertex": columns}, comments=_SCAN_COMMENTS)
    if scan.free_points is not None:
        free = _columns("xyz", _millimetres(scan.free_points))
        write_elements(folder / layout.FREE, {"vertex": free}, comments=_SCAN_COMMENTS[:1])


def _millimetres(points: np.ndarray) -> np.ndarray:
    """In double precision, so that single-precision head units come back as they were, to the last bit."""
    return points.astype(np.float64) * MILLIMETRES_PER_UNIT


def _columns(names: Sequence[str], values: np.ndarray) -> dict[str, np.ndarray]:
    return {name: values[:, i] for i, name in enumerate(names)}


def _plain(facts: Mapping[str, object]) -> dict:
    """Facts as JSON has them: arrays as lists, keys in order."""
    return json.loads(json.dumps(dict(facts), sort_keys=True, allow_nan=False, default=lambda value: value.tolist()))


def _write_checksums(folder: Path) -> None:
    """As ``sha256sum`` writes and checks them."""
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    lines = [f"{sha256(folder / name)}  {name}\n" for name in files]
    (folder / layout.CHECKSUMS).write_text("".join(lines), encoding="ascii")


def sha256(path: Path) -> str:
    """The checksum of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
