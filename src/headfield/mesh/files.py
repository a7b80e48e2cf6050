"""Meshes and point clouds in files: GLB, glTF, OBJ, PLY, STL.

Inside headfield they are in head units; a file is in the unit that is named, and otherwise in metres (GLB, glTF, as
their standard wants it) or millimetres (everything else). All formats keep the order of the vertices, save STL, which
has none, and coordinates to single precision.

=====  =======  ================  ==========  =====================
       texture  vertex colours    attributes  other files beside it
=====  =======  ================  ==========  =====================
GLB    yes      without texture   yes         none
OBJ    yes      yes               no          MTL, PNG
PLY    no       yes               yes         none
STL    no       no                no          none
=====  =======  ================  ==========  =====================
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float64, UInt8

from headfield.errors import InputError, reading
from headfield.mesh import glb, gltf, obj, ply_mesh, stl
from headfield.mesh.vertices import check_faces
from headfield.surface import Mesh
from headfield.surface import unit as normalise
from headfield.units import Unit, head_units_per

FARTHEST = 1e9
"""In head units: beyond the moon nothing is a head, and numbers lose their meaning."""


@dataclass(frozen=True, eq=False)
class PointCloud:
    """Points with whatever a file knows about them."""

    points: Float64[np.ndarray, "n 3"]
    normals: Float64[np.ndarray, "n 3"] | None = None
    colours: UInt8[np.ndarray, "n 3"] | None = None


@dataclass(frozen=True)
class _Format:
    unit: Unit
    read: Callable[[Path], Mesh]
    write: Callable[[Mesh, Path], None] | None


FORMATS = {
    ".glb": _Format("m", gltf.read, glb.write),
    ".gltf": _Format("m", gltf.read, None),
    ".obj": _Format("mm", obj.read, obj.write),
    ".ply": _Format("mm", ply_mesh.read, ply_mesh.write),
    ".stl": _Format("mm", stl.read, stl.write),
}


def read_mesh(path: Path | str, *, unit: Unit | None = None) -> Mesh:
    """Read a mesh into head units from a file whose numbers are in ``unit``.

    Polygons become triangles. Where several texture coordinates meet at one vertex, copies of it follow behind all
    others. A GLB scene becomes one mesh. Several textures become vertex colours.
    """
    return _as_mesh(_read(Path(path), unit), path)


def read_points(path: Path | str, *, unit: Unit | None = None) -> PointCloud:
    """Read the points of a file, in head units; its faces, if it has any, only give the normals it does not state."""
    return _as_points(_read(Path(path), unit), path)


def read_mesh_or_points(path: Path | str, *, unit: Unit | None = None) -> Mesh | PointCloud:
    """Read whichever the file holds: :func:`read_mesh` if it has faces, else :func:`read_points`."""
    mesh = _read(Path(path), unit)
    return _as_mesh(mesh, path) if len(mesh.faces) else _as_points(mesh, path)


def _as_mesh(mesh: Mesh, path: Path | str) -> Mesh:
    check_mesh(mesh, f"{path}")
    # Normals follow from the faces.
    return replace(mesh, attributes={name: a for name, a in mesh.attributes.items() if name != "normals"})


def _as_points(mesh: Mesh, path: Path | str) -> PointCloud:
    if not len(mesh.vertices):
        raise InputError(f"{path} holds no points; export it again.")
    _check_numbers(mesh, f"{path}")
    normals = mesh.attributes.get("normals")
    if normals is not None:
        normals = normalise(normals.astype(np.float64))
    elif len(mesh.faces):
        normals = mesh.vertex_normals
    return PointCloud(mesh.vertices, normals, mesh.colours)


def write_mesh(mesh: Mesh, path: Path | str, *, unit: Unit | None = None) -> None:
    """Write a mesh into a file whose numbers are in ``unit``. The table above says what each format can hold."""
    path = Path(path)
    form = _format(path, writing=True)
    if form.write is None:
        raise InputError(f"{path}: headfield reads glTF but writes GLB; call it {path.stem}.glb.")
    if not len(mesh.faces):
        raise InputError(f"{path} was not written: the mesh has no faces.")
    check_mesh(mesh, f"the mesh for {path}")
    form.write(_scaled(mesh, 1 / head_units_per(unit or form.unit)), path)


def check_mesh(mesh: Mesh, what: str) -> None:
    """InputError that names ``what`` unless the mesh is a surface whose every number can be reckoned with."""
    if not len(mesh.faces):
        points = "a single point" if len(mesh.vertices) == 1 else f"{len(mesh.vertices)} points"
        raise InputError(f"{what} has no faces, only {points}; a mesh was expected.")
    _check_numbers(mesh, what)
    if not mesh.face_areas.any():
        raise InputError(f"{what} has faces but no surface: each has its corners on one line; export it again.")


def _read(path: Path, unit: Unit | None) -> Mesh:
    with reading(path), path.open("rb") as file:
        if not file.read(1):
            raise InputError(f"{path} is empty; copy or export it again.")
    form = _format(path)
    with np.errstate(over="ignore", invalid="ignore"):  # what is no number is refused where its use is known
        return _scaled(form.read(path), head_units_per(unit or form.unit))


def _format(path: Path, *, writing: bool = False) -> _Format:
    try:
        return FORMATS[path.suffix.lower()]
    except KeyError:
        known = ", ".join(suffix for suffix, form in FORMATS.items() if form.write or not writing)
        raise InputError(f"{path} has a suffix that is not known; use one of {known}.") from None


def _scaled(mesh: Mesh, factor: float) -> Mesh:
    return replace(mesh, vertices=mesh.vertices * factor)


def _check_numbers(mesh: Mesh, what: str) -> None:
    broken = int((~np.isfinite(mesh.vertices)).any(axis=1).sum())
    if broken:
        raise InputError(f"{what} has {broken} vertices whose coordinates are not finite numbers; repair it first.")
    farthest = np.abs(mesh.vertices).max(initial=0)
    if farthest > FARTHEST:
        kilometres = farthest * head_units_per("unit") / head_units_per("m") / 1000
        raise InputError(f"{what} reaches {kilometres:.3g} km far; it is no head, or in another unit.")
    check_faces(mesh, what)
    if mesh.uv is not None and not np.isfinite(mesh.uv).all():
        raise InputError(f"{what} has texture coordinates that are not finite numbers; repair it first.")
