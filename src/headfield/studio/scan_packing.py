"""Open scans of heads, from the formats their sources publish to OBJ files that stand upright and look along +z."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from headfield.errors import InputError, reading
from headfield.mesh.files import read_mesh

TARGET, MATERIAL = "mesh.obj", "mesh.mtl"

_QUAD, _MATERIAL, _FACE_UV, _UV, _FACE_NORMAL, _NORMALS = 1, 2, 4, 8, 16, 32
"""The bits of a face's kind in three.js's model format, of what is used of it."""


def pack_obj(ingredients: Path, target: Path) -> None:
    """The one OBJ file as it is."""
    _pack_mesh(next(ingredients.glob("*.obj")), target, (0, 1, 2))


def pack_sideways_ply(ingredients: Path, target: Path) -> None:
    """The one PLY file, in which +x is the front and +z up."""
    _pack_mesh(next(ingredients.glob("*.ply")), target, (1, 2, 0))


def pack_gltf(ingredients: Path, target: Path) -> None:
    """The one glTF scene as it stands."""
    _pack_mesh(next(ingredients.glob("*.gltf")), target, (0, 1, 2))


def pack_threejs(ingredients: Path, target: Path) -> None:
    """The one model in three.js's format, with the texture ``albedo.jpg``."""
    path = next(ingredients.glob("*.js"))
    with reading(path):
        text = path.read_text(encoding="utf-8", errors="replace")
    try:
        vertices = np.array(_numbers(text, r'"vertices"\s*:'), np.float64).reshape(-1, 3)
        uv = np.array(_numbers(text, r'"uvs"\s*:\s*\['), np.float64).reshape(-1, 2)
        faces, corner_uv = _threejs_faces(_numbers(text, r'"faces"\s*:'))
    except (ValueError, IndexError):
        raise InputError(f"{path} is no model of three.js, or it was cut off; fetch it again.") from None
    _write(target, vertices, faces, uv, corner_uv)
    (target / MATERIAL).write_text("newmtl m\nKd 1 1 1\nmap_Kd albedo.jpg\n", encoding="utf-8")


def _numbers(text: str, before: str) -> list:
    found = re.search(before + r"\s*(\[[^\[\]]*\])", text)
    if found is None:
        raise ValueError(before)
    return json.loads(found[1])


def _threejs_faces(stream: list[int]) -> tuple[list[list[int]], list[list[int]]]:
    """The corners of each face, and their texture coordinates."""
    faces, corner_uv, at = [], [], 0
    while at < len(stream):
        kind, n = stream[at], 4 if stream[at] & _QUAD else 3
        at += 1
        faces.append(stream[at : at + n])
        at += n + bool(kind & _MATERIAL) + bool(kind & _FACE_UV)
        corner_uv.append(stream[at : at + n] if kind & _UV else [])
        at += n * bool(kind & _UV) + bool(kind & _FACE_NORMAL) + n * bool(kind & _NORMALS)
    return faces, corner_uv


def _pack_mesh(path: Path, target: Path, axes: tuple[int, int, int]) -> None:
    mesh = read_mesh(path, unit="unit")
    _write(target, mesh.vertices[:, axes], mesh.faces.tolist())


def _write(
    target: Path,
    vertices: Float64[np.ndarray, "v 3"],
    faces: Sequence[Sequence[int]],
    uv: Float64[np.ndarray, "u 2"] | None = None,
    corner_uv: Sequence[Sequence[int]] = (),
) -> None:
    lines = [] if uv is None else [f"mtllib {MATERIAL}", "usemtl m"]
    lines += [f"v {x:.6g} {y:.6g} {z:.6g}" for x, y, z in vertices.tolist()]
    if uv is None:
        lines += ["f " + " ".join(str(corner + 1) for corner in face) for face in faces]
    else:
        lines += [f"vt {u:.6g} {v:.6g}" for u, v in uv.tolist()]
        for face, places in zip(faces, corner_uv, strict=True):
            lines.append("f " + " ".join(f"{c + 1}/{t + 1}" for c, t in zip(face, places, strict=True)))
    (target / TARGET).write_text("\n".join(lines) + "\n", encoding="utf-8")
