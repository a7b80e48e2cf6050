"""Writing GLB: glTF 2.0 in one file, with the texture inside."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from headfield import __version__
from headfield.errors import InputError
from headfield.files import new_file
from headfield.mesh.gltf import COMPONENTS
from headfield.mesh.pictures import encode_png, srgb_to_linear
from headfield.mesh.vertices import merge_equal
from headfield.surface import Mesh

ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER = 34962, 34963
CODES = {kind[1:]: code for code, kind in COMPONENTS.items()}
LIFELIKE = {"metallicFactor": 0.0, "roughnessFactor": 0.8}


def write(mesh: Mesh, path: Path) -> None:
    """Write a GLB file. A texture stands in for vertex colours, which glTF would multiply with it.

    Attributes become custom ones: ``confidence`` is ``_CONFIDENCE`` in the file.
    """
    content = _Content()
    attributes = {
        "POSITION": content.accessor(mesh.vertices.astype("<f4"), bounds=True),
        "NORMAL": content.accessor(_shading_normals(mesh).astype("<f4")),
    }
    if mesh.uv is not None:
        flipped = np.stack([mesh.uv[:, 0], 1 - mesh.uv[:, 1]], axis=1)
        attributes["TEXCOORD_0"] = content.accessor(flipped.astype("<f4"))
    textured = mesh.uv is not None and mesh.texture is not None
    if mesh.colours is not None and not textured:
        attributes["COLOR_0"] = content.accessor(_linear_colours(mesh.colours), normalised=True)
    for name, values in mesh.attributes.items():
        attributes[f"_{name.upper()}"] = content.accessor(_storable(name, values))
    primitive = {"attributes": attributes, "indices": content.accessor(mesh.faces.ravel().astype("<u4"), indices=True)}
    document = {
        "asset": {"version": "2.0", "generator": f"headfield {__version__}"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": path.stem}],
        "meshes": [{"primitives": [primitive | {"material": 0}]}],
        "materials": [{"pbrMetallicRoughness": LIFELIKE, "doubleSided": True}],
    }
    if textured and mesh.texture is not None:
        document["materials"] = [
            {"pbrMetallicRoughness": LIFELIKE | {"baseColorTexture": {"index": 0}}, "doubleSided": True}
        ]
        document["textures"] = [{"source": 0}]
        document["images"] = [{"bufferView": content.view(encode_png(mesh.texture)), "mimeType": "image/png"}]
    document |= content.description()
    with new_file(path) as temporary:
        temporary.write_bytes(_glb(json.dumps(document).encode(), bytes(content.data)))


class _Content:
    """The binary part of a file as it grows, and what glTF wants to know about it."""

    def __init__(self) -> None:
        self.data = bytearray()
        self._views: list[dict] = []
        self._accessors: list[dict] = []

    def view(self, content: bytes, **facts: int) -> int:
        """Add bytes and return the number of their view."""
        self._views.append({"buffer": 0, "byteOffset": len(self.data), "byteLength": len(content)} | facts)
        self.data += content + bytes(-len(content) % 4)
        return len(self._views) - 1

    def accessor(
        self, values: np.ndarray, *, bounds: bool = False, normalised: bool = False, indices: bool = False
    ) -> int:
        """Add an array and return the number of its accessor."""
        rows = values.reshape(len(values), -1)
        accessor = {
            "componentType": CODES[values.dtype.str[1:]],
            "count": len(rows),
            "type": ("SCALAR", "VEC2", "VEC3", "VEC4")[rows.shape[1] - 1],
        }
        if indices:
            accessor["bufferView"] = self.view(rows.tobytes(), target=ELEMENT_ARRAY_BUFFER)
        else:
            # Each element of a vertex attribute must begin at a multiple of four bytes.
            size = rows.shape[1] * rows.itemsize
            padded = np.zeros((len(rows), size + -size % 4), np.uint8)
            padded[:, :size] = np.frombuffer(rows.tobytes(), np.uint8).reshape(-1, size)
            accessor["bufferView"] = self.view(padded.tobytes(), byteStride=padded.shape[1], target=ARRAY_BUFFER)
        if bounds:
            accessor |= {"min": rows.min(axis=0).tolist(), "max": rows.max(axis=0).tolist()}
        if normalised:
            accessor["normalized"] = True
        self._accessors.append(accessor)
        return len(self._accessors) - 1

    def description(self) -> dict:
        """The parts of the JSON that say what the bytes are."""
        return {
            "buffers": [{"byteLength": len(self.data)}],
            "bufferViews": self._views,
            "accessors": self._accessors,
        }


def _glb(text: bytes, binary: bytes) -> bytes:
    text += b" " * (-len(text) % 4)

    def chunk(kind: bytes, content: bytes) -> bytes:
        return len(content).to_bytes(4, "little") + kind + content

    body = chunk(b"JSON", text) + chunk(b"BIN\0", binary)
    return b"glTF" + (2).to_bytes(4, "little") + (12 + len(body)).to_bytes(4, "little") + body


def _linear_colours(colours: np.ndarray) -> np.ndarray:
    """glTF's vertex colours are linear; sixteen bits lose none of the 256 steps."""
    opaque = np.full((len(colours), 4), 65535, "<u2")
    opaque[:, :3] = np.round(srgb_to_linear(colours) * 65535)
    return opaque


def _shading_normals(mesh: Mesh) -> Float64[np.ndarray, "v 3"]:
    """Normals that do not show the texture's seams: vertices in the same place have the same one."""
    first, which = merge_equal(mesh.vertices)
    normals = Mesh(mesh.vertices[first], which[mesh.faces]).vertex_normals[which]
    normals[~normals.any(axis=1)] = (0, 0, 1)  # the standard wants unit length even where there is no area
    return normals


def _storable(name: str, values: np.ndarray) -> np.ndarray:
    """The values in a kind of number that glTF has for custom attributes."""
    rows = values.reshape(len(values), -1)
    if rows.shape[1] not in (1, 2, 3, 4):
        raise InputError(
            f"the attribute {name} has {rows.shape[1]} numbers a vertex, but GLB has room for up to 4; write PLY."
        )
    if rows.dtype.kind == "b":
        return rows.astype("<u1")
    # Custom attributes may not be 32-bit integers.
    small = rows.dtype.kind in "iu" and rows.dtype.itemsize <= 2
    return rows.astype(rows.dtype.newbyteorder("<") if small else "<f4")
