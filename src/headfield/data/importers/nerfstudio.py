"""``transforms.json`` as nerfstudio, instant-ngp and the Blender data sets of NeRF write it.

Cameras stand camera to world with OpenGL's axes (x right, y up, z backward). Intrinsics are the file's or a frame's
own; where only a field of view is given the picture's size completes it. ``applied_transform`` and ``applied_scale``
say what was done to the world before: the subject's ``to_head`` begins before that. A file with ``"space": "head"``
is in head space already and stays as it is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

import numpy as np
import torch

from headfield.cameras import Camera
from headfield.capture import Subject
from headfield.data.importers.shots import (
    DEFAULTS,
    Settings,
    Shot,
    picture_inside,
    plain_name,
    shot,
    subject,
    view_names,
)
from headfield.data.layout import inside, numbers
from headfield.data.pictures import picture_size
from headfield.data.placement import Placement
from headfield.data.undistort import Lens
from headfield.errors import InputError
from headfield.files import read_json
from headfield.transforms import Similarity
from headfield.units import MILLIMETRES, Unit, head_units_per

PERSPECTIVE = ("OPENCV", "PINHOLE", "SIMPLE_PINHOLE", "SIMPLE_RADIAL", "RADIAL")
"""The camera models that are pinholes with a lens before them."""

DEPTH_STEP = 1e-3
"""Of depth pictures whose file does not say otherwise: millimetres in a world of metres."""

_OPENCV = np.diag([1.0, -1.0, -1.0])
"""From OpenGL's camera axes to OpenCV's, or back."""


def read(source: Path, *, settings: Settings = DEFAULTS) -> Iterator[Subject]:
    """Read one subject from a ``transforms.json`` or the folder it lies in."""
    path = _find(source)
    content = read_json(path)
    folder = path.parent
    frames = content.get("frames")
    if not isinstance(frames, list) or not all(isinstance(frame, dict) for frame in frames):
        raise InputError(f"{path} has no list of frames; it is not a transforms.json of posed pictures.")
    names = view_names([_file_name(frame, path) for frame in frames], path)
    shots = [_shot(name, frame, content, path) for name, frame in zip(names, frames, strict=True)]
    unit = settings.unit or _stated_unit(content, path)
    yield subject(
        plain_name(folder.resolve().name),
        shots,
        folder,
        unit=unit,
        given=_given(unit, path) if content.get("space") == "head" else None,
        before=_applied(content, path),
        facts={"source": "nerfstudio"},
    )


def _find(source: Path) -> Path:
    if source.is_file() or source.suffix == ".json":
        return source
    for name in ("transforms.json", "transforms_train.json"):
        if (source / name).is_file():
            return source / name
    raise InputError(f"{source} has no transforms.json; name the folder that has one, or the file.")


def _shot(name: str, frame: Mapping[str, object], content: Mapping[str, object], path: Path) -> Shot:
    what = f"{path}, frame {frame['file_path']}"
    known = {**content, **frame}
    image = picture_inside(path.parent, frame["file_path"], path)
    return shot(
        name,
        _camera(known, image, what),
        image,
        what=what,
        mask=picture_inside(path.parent, frame["mask_path"], path) if frame.get("mask_path") else None,
        depth=inside(path.parent, frame["depth_file_path"], path) if frame.get("depth_file_path") else None,
        depth_step=_number(known, "depth_step", what, _number(known, "depth_unit_scale_factor", what, DEPTH_STEP)),
        lens=_lens(known, what),
    )


def _camera(known: Mapping[str, object], image: Path, what: str) -> Camera:
    size = picture_size(image, upright=False)
    width, height = (round(_number(known, key, what, float(n))) for key, n in zip("wh", size, strict=True))
    matrix = numbers(known, "transform_matrix", what, (None, 4))
    if matrix.shape[0] not in (3, 4):
        raise InputError(f"the transform_matrix of {what} has {matrix.shape[0]} rows; a camera to world has 4.")
    rotation = (matrix[:3, :3] @ _OPENCV).T
    return Camera(
        rotation=torch.from_numpy(rotation),
        translation=torch.from_numpy(-rotation @ matrix[:3, 3]),
        focal=torch.tensor(_focal(known, width, height, what), dtype=torch.float64),
        principal=torch.tensor(
            [_number(known, "cx", what, width / 2), _number(known, "cy", what, height / 2)], dtype=torch.float64
        ),
        width=width,
        height=height,
    )


def _focal(known: Mapping[str, object], width: int, height: int, what: str) -> tuple[float, float]:
    """The focal lengths, one of which, or an angle of view, may stand for both."""
    x = _number(known, "fl_x", what, _from_angle(known, "camera_angle_x", width, what))
    y = _number(known, "fl_y", what, _from_angle(known, "camera_angle_y", height, what))
    if math.isnan(x) and math.isnan(y):
        raise InputError(f"{what} has neither fl_x nor camera_angle_x; add the focal length in pixels.")
    return (y if math.isnan(x) else x), (x if math.isnan(y) else y)


def _from_angle(known: Mapping[str, object], key: str, size: int, what: str) -> float:
    if key not in known:
        return math.nan
    angle = _number(known, key, what, math.nan)
    if not 0 < angle < math.pi:
        raise InputError(f"{what} has a {key} of {angle:g}; it must lie between 0 and 3.14 radians.")
    return size / 2 / math.tan(angle / 2)


def _lens(known: Mapping[str, object], what: str) -> Lens:
    model = known.get("camera_model", "OPENCV")
    if known.get("is_fisheye") or model not in PERSPECTIVE:
        name = model if model not in PERSPECTIVE else "fisheye"
        raise InputError(f"{what} has the camera model {name}; undistort the pictures to a pinhole camera first.")
    k1, k2, k3, k4, p1, p2 = (_number(known, key, what, 0.0) for key in ("k1", "k2", "k3", "k4", "p1", "p2"))
    return Lens(radial=(k1, k2, k3, k4), tangential=(p1, p2))


def _applied(content: Mapping[str, object], path: Path) -> Similarity:
    """From the world before to the world of the file: the matrix first, then the scale."""
    matrix = np.eye(4)
    if "applied_transform" in content:
        rows = numbers(content, "applied_transform", f"{path}", (None, 4))
        if rows.shape[0] not in (3, 4):
            raise InputError(f"applied_transform of {path} has {rows.shape[0]} rows; it must have 3 or 4.")
        matrix[:3] = rows[:3]
    scale = _number(content, "applied_scale", f"{path}", 1.0)
    if not scale > 0:
        raise InputError(f"applied_scale of {path} is {scale:g}; it must be positive.")
    matrix[:3] *= scale
    return Similarity.from_matrix(torch.from_numpy(matrix), f"applied_transform of {path}")


def _stated_unit(content: Mapping[str, object], path: Path) -> Unit | None:
    stated = content.get("unit")
    unit = next((unit for unit in MILLIMETRES if unit == stated), None)
    if stated is not None and unit is None:
        raise InputError(f"{path} has the unit {stated!r}, which is not known; write one of {', '.join(MILLIMETRES)}.")
    return unit


def _given(unit: Unit | None, path: Path) -> Placement:
    if unit is None:
        raise InputError(f"{path} is in head space but does not say its unit; add one, as mm.")
    identity = Similarity.identity()
    return Placement(
        Similarity(identity.scale * head_units_per(unit), identity.rotation, identity.translation), "given"
    )


def _file_name(frame: Mapping[str, object], path: Path) -> str:
    name = frame.get("file_path")
    if not isinstance(name, str) or not PurePosixPath(name).name:
        raise InputError(f"{path} has a frame without a file_path; each frame names its picture.")
    return name


def _number(content: Mapping[str, object], key: str, what: str, default: float) -> float:
    """The number under ``key``, or ``default`` where there is none."""
    return default if content.get(key) is None else float(numbers(content, key, what, ()))
