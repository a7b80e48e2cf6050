"""The NPHM data set: heads with expressions, scanned and registered to one template.

A folder a person (``017``), in it a folder an expression (``003``) with ``scan.ply`` and ``registration.ply`` in
NPHM's space: FLAME's times four, +y up and +z out of the face, so that one unit is about 250 mm; ``s.npy``, ``R.npy``
and ``t.npy`` take the raw, metric scan there (x ↦ s R x + t).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float64

from headfield.capture import Landmarks, Subject
from headfield.data.importers.shots import moved, read_numbers
from headfield.data.placement import by_bounds, by_landmarks
from headfield.errors import InputError
from headfield.mesh.files import read_mesh
from headfield.surface import Mesh
from headfield.transforms import Similarity
from headfield.units import MILLIMETRES_PER_UNIT

LANDMARK_VERTICES: Mapping[str, int] = {
    "chin": 3414,
    "nose_bridge": 3553,
    "nose_tip": 3526,
    "nose_base": 3556,
    "right_eye_outer": 2437,
    "right_eye_inner": 3632,
    "left_eye_inner": 3833,
    "left_eye_outer": 1175,
    "right_lips": 2715,
    "left_lips": 1579,
}
"""Which vertices of the registration are the points that define head space."""

FILES = ("scan.ply", "registration.ply")

MILLIMETRES_PER_NPHM = 250.0
"""By its design; the true size of one scan follows from its ``s.npy``."""


@dataclass(frozen=True)
class Settings:
    """What is wanted of the data set."""

    identities: tuple[int, ...] = ()
    """The people to read, by their numbers; all of them if none is named."""
    expressions: tuple[int, ...] = ()
    """The expressions to read, by their numbers; all of them if none is named."""


DEFAULTS = Settings()


def read(source: Path, *, settings: Settings = DEFAULTS) -> Iterator[Subject]:
    """Read the data set's folder, one person's, or one expression's: a subject for each person and expression."""
    folders = [
        folder
        for folder in _folders(source)
        if (not settings.identities or int(folder.parent.name) in settings.identities)
        and (not settings.expressions or int(folder.name) in settings.expressions)
    ]
    if not folders:
        raise InputError(f"{source} has no such identity or expression; check the numbers.")
    for folder in folders:
        yield _read_one(folder)


def _folders(source: Path) -> list[Path]:
    """The expressions' folders, in the order of the numbers."""
    whole = source.resolve()
    for candidates in ([whole], whole.glob("*"), whole.glob("*/*")):
        found = [folder for folder in candidates if _is_expression(folder)]
        if found:
            return sorted(found, key=lambda folder: (int(folder.parent.name), int(folder.name)))
    raise InputError(f"{source} holds nothing of NPHM: no folder like 017/003 with a scan.ply in it; check the path.")


def _is_expression(folder: Path) -> bool:
    numbered = folder.name.isdecimal() and folder.parent.name.isdecimal()
    return numbered and any((folder / file).is_file() for file in FILES)


def _read_mesh(path: Path) -> Mesh | None:
    return read_mesh(path, unit="unit") if path.is_file() else None


def _read_one(folder: Path) -> Subject:
    scan, registration = (_read_mesh(folder / name) for name in FILES)
    raw = _raw_transform(folder)
    scale = (MILLIMETRES_PER_NPHM if raw is None else _millimetres(raw)) / MILLIMETRES_PER_UNIT
    marks = None if registration is None else _landmarks_of(registration, folder)
    if marks is not None:
        placement = by_landmarks(marks, scale=scale, what=f"{folder}")
    else:
        assert scan is not None, "a folder with neither is no expression"
        placement = by_bounds(scan.vertices, scale=scale)
    facts: dict[str, object] = {"source": "nphm", "placement": placement.how, "true_size": raw is not None}
    if raw is not None:
        facts["nphm_from_raw"] = raw.tolist()
    return Subject(
        name=f"{folder.parent.name}_{folder.name}",
        truth=None if scan is None else scan.transformed(placement.to_head),
        registration=None if registration is None else registration.transformed(placement.to_head),
        landmarks=moved(marks, placement.to_head),
        identity=folder.parent.name,
        expression=folder.name,
        facts=facts,
        to_head=placement.to_head,
    )


def _landmarks_of(registration: Mesh, folder: Path) -> Landmarks:
    """The named landmarks of a registration in NPHM's space."""
    last, n = max(LANDMARK_VERTICES.values()), len(registration.vertices)
    if last >= n:
        raise InputError(
            f"{folder / 'registration.ply'} has {n} vertices, fewer than NPHM's template; it is no registration."
        )
    points = registration.vertices[list(LANDMARK_VERTICES.values())]
    return Landmarks(points, np.ones(len(points), dtype=bool), "named", tuple(LANDMARK_VERTICES))


def _raw_transform(folder: Path) -> Float64[np.ndarray, "4 4"] | None:
    """The matrix that took the raw scan to NPHM's space; None where the data set does not say."""
    if not all((folder / f"{name}.npy").is_file() for name in "sRt"):
        return None
    scale, rotation, translation = (read_numbers(folder / f"{name}.npy") for name in "sRt")
    if scale.size != 1 or rotation.shape != (3, 3) or translation.size != 3:
        raise InputError(
            f"{folder} has an s.npy, R.npy or t.npy that is no scale, rotation or translation; copy it again."
        )
    matrix = np.eye(4)
    with np.errstate(over="ignore", invalid="ignore"):  # infinite is refused below
        matrix[:3, :3] = scale.reshape(()) * rotation
    matrix[:3, 3] = translation.reshape(3)
    return Similarity.from_matrix(torch.from_numpy(matrix), f"the transform of {folder}").matrix().numpy()


def _millimetres(raw: Float64[np.ndarray, "4 4"]) -> float:
    """How many millimetres one unit of NPHM's space is for this scan; whether the raw one is in metres shows."""
    length = 1 / float(np.cbrt(np.linalg.det(raw[:3, :3])))
    return length if length > 10 else 1000 * length
