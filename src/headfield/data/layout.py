"""How a subject lies on disk: the names of its files and how cameras, landmarks and transforms look in JSON.

Every length on disk is in millimetres. See ``docs/data.md`` for the whole format.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from jaxtyping import Float

from headfield.cameras import Camera
from headfield.capture import Landmarks, LandmarkScheme
from headfield.errors import InputError
from headfield.files import lies_within, read_json
from headfield.transforms import Similarity
from headfield.units import MILLIMETRES_PER_UNIT

VERSION = 1
"""Of the format; a reader understands its own and every earlier one."""

DATASET = "dataset.json"
SUBJECT = "subject.json"
TRANSFORMS = "transforms.json"
CHECKSUMS = "SHA256SUMS"
SCAN = "scan.ply"
FREE = "free.ply"
TRUTH = "truth.ply"
REGISTRATION = "registration.ply"

LAYERS = {
    "image": ("images", "file_path"),
    "mask": ("masks", "mask_path"),
    "normals": ("normals", "normal_file_path"),
    "depth": ("depths", "depth_file_path"),
}
"""Each layer of a view: its folder, and the key of ``transforms.json`` that names its file."""

_OPENGL = torch.diag(torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64))
"""From OpenCV's camera axes to OpenGL's (x right, y up, z backward), which ``transforms.json`` has."""


def check_name(name: str, what: str) -> str:
    """``name`` if it can be a file's name on every system and stays in its folder; InputError that names ``what``."""
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}", name):
        raise InputError(
            f"{what} cannot be called {name!r}: a name has up to 100 letters, digits, dots, hyphens and underscores, "
            "and begins with none of the first two signs."
        )
    return name


def inside(folder: Path, relative: object, named_in: Path) -> Path:
    """The file ``folder / relative``, which must be there and must not lie outside ``folder``."""
    if not isinstance(relative, str) or not relative:
        raise InputError(f"{named_in} names a file by {relative!r}; it must be a path within {folder}.")
    path = folder / relative
    if not lies_within(path, folder):
        raise InputError(f"{named_in} names {relative}, which lies outside its folder; move the file inside.")
    if not path.is_file():
        raise InputError(f"{named_in} names {relative}, which is not there; copy it to {path}.")
    return path


def read_document(path: Path, kind: str) -> dict:
    """A JSON file of ours of the given kind, of a version that is understood."""
    content = read_json(path)
    if content.get("format") != kind:
        raise InputError(f"{path} is not a {kind} file; it may belong to something else.")
    version = content.get("version")
    if not isinstance(version, int) or version > VERSION:
        raise InputError(f"{path} has format version {version}, newer than {VERSION}; update headfield to read it.")
    return content


def document(kind: str, content: Mapping[str, object]) -> dict:
    """What :func:`read_document` reads."""
    return {"format": kind, "version": VERSION, **content}


def camera_to_frame(camera: Camera) -> dict[str, object]:
    """One camera as ``transforms.json`` has it: camera to world with OpenGL's axes."""
    camera = camera.to(dtype=torch.float64, device="cpu")
    matrix = torch.eye(4, dtype=torch.float64)
    matrix[:3, :3] = camera.rotation.T @ _OPENGL
    matrix[:3, 3] = camera.centre * MILLIMETRES_PER_UNIT
    return {
        "w": camera.width,
        "h": camera.height,
        "fl_x": camera.focal[0].item(),
        "fl_y": camera.focal[1].item(),
        "cx": camera.principal[0].item(),
        "cy": camera.principal[1].item(),
        "transform_matrix": (matrix + 0.0).tolist(),  # no -0.0
    }


def camera_from_frame(frame: Mapping[str, object], what: str) -> Camera:
    """The inverse of :func:`camera_to_frame`; InputError that names ``what`` if it is no camera."""
    matrix = torch.from_numpy(numbers(frame, "transform_matrix", what, (4, 4)))
    numbers_of = {key: float(numbers(frame, key, what, ())) for key in ("w", "h", "fl_x", "fl_y", "cx", "cy")}
    rotation = (matrix[:3, :3] @ _OPENGL).T
    return Camera(
        rotation=rotation,
        translation=-(rotation @ matrix[:3, 3]) / MILLIMETRES_PER_UNIT,
        focal=matrix.new_tensor([numbers_of["fl_x"], numbers_of["fl_y"]]),
        principal=matrix.new_tensor([numbers_of["cx"], numbers_of["cy"]]),
        width=int(numbers_of["w"]),
        height=int(numbers_of["h"]),
    ).checked(what)


def landmarks_to_json(landmarks: Landmarks) -> dict[str, object]:
    """Landmarks with pixels or millimetres; unknown coordinates become null."""
    points = landmarks.points.astype(np.float64)
    if points.shape[1] == 3:
        points = points * MILLIMETRES_PER_UNIT
    content: dict[str, object] = {
        "scheme": landmarks.scheme,
        "points": [[x if math.isfinite(x) else None for x in point] for point in points.tolist()],
        "visible": landmarks.visible.tolist(),
    }
    if landmarks.names:
        content["names"] = list(landmarks.names)
    return content


def landmarks_from_json(content: object, what: str) -> Landmarks | None:
    """The inverse of :func:`landmarks_to_json`; None for nothing."""
    if content is None:
        return None
    if not isinstance(content, dict) or content.get("scheme") not in get_args(LandmarkScheme):
        raise InputError(f"{what} has landmarks of no known scheme; write it again.")
    points = numbers(content, "points", what, (None, None), finite=False)
    visible, names = content.get("visible"), content.get("names", [])
    flags = [flag for flag in visible if isinstance(flag, bool)] if isinstance(visible, list) else None
    fits = flags == visible and flags is not None and len(flags) == len(points) and points.shape[1] in (2, 3)
    if not fits or not isinstance(names, list) or len(names) not in (0, len(points)):
        raise InputError(f"{what} has landmarks that do not fit together; write it again.")
    if points.shape[1] == 3:
        points = points / MILLIMETRES_PER_UNIT
    return Landmarks(points, np.array(flags, dtype=bool), content["scheme"], tuple(map(str, names)))


def similarity_to_json(similarity: Similarity) -> list[list[float]]:
    """The matrix that takes points from where they came to millimetres of head space."""
    matrix = similarity.to(dtype=torch.float64, device="cpu").matrix()
    matrix[:3] *= MILLIMETRES_PER_UNIT
    return matrix.tolist()


def similarity_from_json(content: Mapping[str, object], key: str, what: str) -> Similarity:
    """The inverse of :func:`similarity_to_json`, stored under ``key``."""
    matrix = torch.from_numpy(numbers(content, key, what, (4, 4)))
    matrix[:3] /= MILLIMETRES_PER_UNIT
    return Similarity.from_matrix(matrix, f"{key} of {what}")


def numbers(
    content: Mapping[str, object], key: str, what: str, shape: tuple[int | None, ...], *, finite: bool = True
) -> Float[np.ndarray, "..."]:
    """The array of the given shape (None: any length) under ``key``; InputError that names ``what`` if it is none.

    Unless it must be ``finite``, null is not a number but may stand in its place.
    """
    if key not in content:
        raise InputError(f"{what} lacks {key}; write it again.")
    try:
        values = np.array(content[key], dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        values = np.array(np.nan)
        finite = True
    if finite and not np.isfinite(values).all():
        raise InputError(f"{key} of {what} is not numbers; write it again.")
    fits = len(values.shape) == len(shape) and all(b in (None, a) for a, b in zip(values.shape, shape, strict=True))
    if not fits:
        raise InputError(f"{key} of {what} has the shape {values.shape} where {shape} was expected; write it again.")
    return values
