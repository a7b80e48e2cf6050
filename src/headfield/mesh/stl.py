"""STL: bare triangles, binary or text."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from headfield.errors import InputError, reading
from headfield.files import new_file
from headfield.mesh.vertices import merge_equal
from headfield.surface import Mesh

TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("extra", "<u2")])
HEAD_SIZE = 84


def read(path: Path) -> Mesh:
    """The triangles of an STL file; corners in exactly the same place become one vertex."""
    with reading(path):
        content = path.read_bytes()
    corners = _text_corners(path, content) if _is_text(content) else _binary_corners(path, content)
    first, which = merge_equal(corners)
    return Mesh.of(corners[first].astype(float), which.reshape(-1, 3))


def write(mesh: Mesh, path: Path) -> None:
    """Write a binary STL file, which knows neither colours nor which corners are one vertex."""
    triangles = np.zeros(len(mesh.faces), TRIANGLE)
    triangles["normal"] = mesh.face_normals
    triangles["corners"] = mesh.corners
    head = b"headfield".ljust(80) + np.uint32(len(triangles)).astype("<u4").tobytes()
    with new_file(path) as temporary:
        temporary.write_bytes(head + triangles.tobytes())


def _is_text(content: bytes) -> bool:
    """Whether it is a text STL: some binary ones begin with ``solid`` too, so the size decides."""
    return content.lstrip().startswith(b"solid") and _stated_size(content) != len(content)


def _stated_size(content: bytes) -> int:
    return HEAD_SIZE + TRIANGLE.itemsize * int.from_bytes(content[80:HEAD_SIZE], "little")


def _binary_corners(path: Path, content: bytes) -> np.ndarray:
    if len(content) < HEAD_SIZE or _stated_size(content) != len(content):
        raise InputError(f"{path} is not an STL file, or it was cut off; export it again.")
    return np.frombuffer(content, TRIANGLE, offset=HEAD_SIZE)["corners"].reshape(-1, 3)


def _text_corners(path: Path, content: bytes) -> np.ndarray:
    text = content.decode("ascii", "replace")
    rows = re.findall(r"^\s*vertex\s+(\S+)\s+(\S+)\s+(\S+)\s*$", text, re.MULTILINE)
    if "endsolid" not in text or len(rows) % 3:
        raise InputError(f"{path} is not an STL file, or it was cut off; export it again.")
    try:
        return np.array(rows, dtype=np.float64).reshape(-1, 3)
    except ValueError:
        raise InputError(f"{path} holds a vertex that is not three numbers; export it again.") from None
