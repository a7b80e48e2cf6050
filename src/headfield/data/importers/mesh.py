"""Plain meshes and point clouds: OBJ, PLY, GLB, glTF, STL; a file, or a folder with a file a subject.

A mesh becomes the subject's true surface, points with normals its scan. Where landmarks lie beside it, as
``NAME.landmarks.json`` or ``NAME.landmarks.txt`` in the file's own space, they take it into head space; else only its
bounding box is centred, and +y has to be up already.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from headfield.capture import Scan, Subject
from headfield.data.importers.shots import moved, plain_name
from headfield.data.marks import read_landmarks
from headfield.data.placement import by_bounds, by_landmarks
from headfield.errors import InputError
from headfield.mesh.files import FORMATS, PointCloud, read_mesh_or_points
from headfield.surface import Mesh
from headfield.transforms import Similarity
from headfield.units import MILLIMETRES_PER_UNIT, Unit, head_units_per


@dataclass(frozen=True)
class Settings:
    """What mesh files do not say themselves."""

    unit: Unit | None = None
    """The unit of the files' numbers; metres for GLB and glTF and millimetres for all others unless given."""
    any_size: bool = False
    """The files' numbers are in no unit: landmarks beside them make the head as large as the average one."""


DEFAULTS = Settings()

HEAD_SIZES = 0.25, 15.0
"""From 5 cm to 3 m, in head units: what a head or a person may measure."""


def read(source: Path, *, settings: Settings = DEFAULTS) -> Iterator[Subject]:
    """Read one file, or all meshes and point clouds in a folder, one after the other."""
    files = [source]
    if source.is_dir():
        files = sorted(path for path in source.iterdir() if path.suffix.lower() in FORMATS and path.name[0] != ".")
        if not files:
            raise InputError(f"{source} has no mesh or point cloud in it; the known ones are {', '.join(FORMATS)}.")
    names = [plain_name(path.stem) for path in files]
    if len({name.lower() for name in names}) != len(names):
        names = [plain_name(path.name.replace(".", "_")) for path in files]
    for name, path in zip(names, files, strict=True):
        yield _read_one(name, path, settings)


def _read_one(name: str, path: Path, settings: Settings) -> Subject:
    content = read_mesh_or_points(path, unit="unit")
    scale = head_units_per(settings.unit or FORMATS[path.suffix.lower()].unit)
    beside = (path.with_name(f"{path.stem}.landmarks{suffix}") for suffix in (".json", ".txt"))
    marks = next((read_landmarks(file) for file in beside if file.is_file()), None)
    if marks is not None:
        placement = by_landmarks(marks, scale=None if settings.any_size else scale, what=f"{path}")
    elif settings.any_size:
        raise InputError(f"{path} has no landmarks that tell its size; mark some in {path.stem}.landmarks.json.")
    else:
        points = content.vertices if isinstance(content, Mesh) else content.points
        _remark_on_size(path, scale * float(np.ptp(points, axis=0).max()))
        placement = by_bounds(points, scale=scale)
    to_head = placement.to_head
    return Subject(
        name=name,
        scan=_scan(content, to_head, path) if isinstance(content, PointCloud) else None,
        truth=content.transformed(to_head) if isinstance(content, Mesh) else None,
        landmarks=moved(marks, to_head),
        identity=name,
        facts={"source": "mesh", "placement": placement.how, "true_size": not settings.any_size},
        to_head=to_head,
    )


def _remark_on_size(path: Path, size: float) -> None:
    if not HEAD_SIZES[0] <= size <= HEAD_SIZES[1]:
        warnings.warn(
            f"{path} is {size * MILLIMETRES_PER_UNIT:.4g} mm large, and no head is; name the unit of its numbers.",
            stacklevel=2,
        )


def _scan(cloud: PointCloud, to_head: Similarity, path: Path) -> Scan:
    if cloud.normals is None:
        raise InputError(f"{path} has points without normals; compute normals that point outwards and export it again.")
    points = to_head.apply(torch.from_numpy(cloud.points))
    normals = to_head.apply_to_directions(torch.from_numpy(cloud.normals))
    return Scan(points.numpy().astype(np.float32), normals.numpy().astype(np.float32), cloud.colours)
