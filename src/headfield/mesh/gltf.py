"""Reading glTF 2.0: GLB files, and .gltf files with their buffers and pictures beside or inside them."""

from __future__ import annotations

import base64
import json
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote

import numpy as np
from jaxtyping import Float, Int64, UInt8

from headfield.errors import InputError, reading
from headfield.mesh.pictures import beside, decode_picture, linear_to_srgb, sample_texture, srgb_to_linear
from headfield.mesh.vertices import check_faces
from headfield.surface import Mesh, unit

COMPONENTS = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}
POINTS, TRIANGLES, STRIP, FAN = 0, 4, 5, 6
HARMLESS = re.compile(r"KHR_materials_\w+|KHR_lights_punctual|KHR_mesh_quantization|KHR_texture_transform")
"""Extensions a file may require without changing where its surface is."""


def read(path: Path) -> Mesh:
    """All meshes of the scene as one, in the places where its nodes put them; normals of bare points are an attribute.

    Where the parts have different textures, these become vertex colours.
    """
    with reading(path):
        content = path.read_bytes()
    with _well_formed(path):
        document = _open(path, content)
        parts = [part for matrix, mesh in document.placed_meshes() for part in document.parts(matrix, mesh)]
        if not parts:
            return Mesh.of(np.empty((0, 3)), np.empty((0, 3), np.int64))
        return _joined(parts, document)


@contextmanager
def _well_formed(path: Path) -> Iterator[None]:
    """What goes wrong in here goes wrong because the JSON is not what glTF says it is."""
    try:
        yield
    except InputError:
        raise
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError, RecursionError):
        raise InputError(f"{path} is not a proper glTF file; export it again.") from None


@dataclass(frozen=True, eq=False)
class _Part:
    """One primitive in its place. ``colours`` is what its vertices and material say, linear, without the texture."""

    mesh: Mesh
    colours: Float[np.ndarray, "v 3"] | None
    image: int | None


def _open(path: Path, content: bytes) -> _Document:
    if content[:4] != b"glTF":
        if path.suffix.lower() == ".glb":
            raise InputError(f"{path} is not a GLB file; give it the suffix of what it is.")
        return _Document(path, json.loads(content), b"")
    cut_off = InputError(f"{path} ends before all its data are there; it was cut off, so copy or export it again.")
    if len(content) < 20 or int.from_bytes(content[8:12], "little") > len(content):
        raise cut_off
    if int.from_bytes(content[4:8], "little") != 2:
        raise InputError(f"{path} is of a version of glTF other than 2; export it as glTF 2.0.")
    start = 12
    chunks: dict[bytes, bytes] = {}
    while start + 8 <= len(content):
        size, kind = int.from_bytes(content[start : start + 4], "little"), content[start + 4 : start + 8]
        if start + 8 + size > len(content):
            raise cut_off
        chunks.setdefault(kind, content[start + 8 : start + 8 + size])
        start += 8 + size
    return _Document(path, json.loads(chunks[b"JSON"]), chunks.get(b"BIN\0", b""))


@dataclass(frozen=True, eq=False)
class _Document:
    path: Path
    json: dict
    binary: bytes

    def __post_init__(self) -> None:
        for name in self.json.get("extensionsRequired", []):
            if not HARMLESS.fullmatch(name):
                raise InputError(f"{self.path} needs the glTF extension {name}; export it without that.")

    def placed_meshes(self) -> Iterator[tuple[np.ndarray, dict]]:
        """Every mesh of the scene with the 4x4 matrix that places it."""
        nodes = self.json.get("nodes", [])
        scenes = self.json.get("scenes")
        roots = scenes[self.json.get("scene", 0)].get("nodes", []) if scenes else list(range(len(nodes)))
        waiting = [(root, np.eye(4)) for root in reversed(roots)]
        seen: set[int] = set()
        while waiting:
            index, above = waiting.pop()
            if index in seen:
                if not scenes:
                    continue
                raise ValueError("the nodes are no tree")
            seen.add(index)
            matrix = above @ _matrix(nodes[index])
            if "mesh" in nodes[index]:
                yield matrix, self.json["meshes"][nodes[index]["mesh"]]
            waiting += [(child, matrix) for child in reversed(nodes[index].get("children", []))]

    def parts(self, matrix: np.ndarray, mesh: dict) -> Iterator[_Part]:
        """The surfaces and point clouds of one mesh in their place."""
        for primitive in mesh["primitives"]:
            mode = primitive.get("mode", TRIANGLES)
            if mode in (POINTS, TRIANGLES, STRIP, FAN):
                yield self._part(matrix, primitive, mode)

    def _part(self, matrix: np.ndarray, primitive: dict, mode: int) -> _Part:
        columns = {name: self.accessor(index) for name, index in primitive["attributes"].items()}
        positions = columns["POSITION"].astype(float)
        corners = self.accessor(primitive["indices"]) if "indices" in primitive else np.arange(len(positions))
        faces = _triangles(corners.ravel().astype(np.int64), mode)
        if np.linalg.det(matrix[:3, :3]) < 0:
            faces = faces[:, ::-1]
        attributes = {name[1:].lower(): values for name, values in columns.items() if name.startswith("_")}
        if mode == POINTS and "NORMAL" in columns:
            attributes["normals"] = unit(columns["NORMAL"].astype(float) @ np.linalg.inv(matrix[:3, :3]))
        material = self.json["materials"][primitive["material"]] if "material" in primitive else {}
        image, uv_name, factor = self._look(material)
        uv = columns.get(uv_name)
        mesh = replace(
            Mesh.of(positions @ matrix[:3, :3].T + matrix[:3, 3], faces),
            uv=None if uv is None else np.stack([uv[:, 0], 1 - uv[:, 1]], axis=1).astype(float),
            attributes=attributes,
        )
        check_faces(mesh, f"{self.path}")
        colours = np.broadcast_to(factor, positions.shape) if (factor != 1).any() else None
        if "COLOR_0" in columns:
            colours = columns["COLOR_0"][:, :3] * factor
        return _Part(mesh, colours, None if uv is None else image)

    def _look(self, material: dict) -> tuple[int | None, str, np.ndarray]:
        """Which image a material shows, by which texture coordinates, and its colour."""
        look = material.get("pbrMetallicRoughness", {})
        factor = np.array(look.get("baseColorFactor", [1.0] * 4), float)[:3]
        reference = look.get("baseColorTexture")
        if reference is None:
            return None, "TEXCOORD_0", factor
        if "KHR_texture_transform" in reference.get("extensions", {}):
            warnings.warn(f"{self.path} moves its texture about, which is not read.", stacklevel=2)
        image = self.json["textures"][reference["index"]].get("source")
        return image, f"TEXCOORD_{reference.get('texCoord', 0)}", factor

    def accessor(self, index: int) -> np.ndarray:
        """The numbers of one accessor: a row for each element, or a column where an element is one number."""
        accessor = self.json["accessors"][index]
        if "sparse" in accessor or "bufferView" not in accessor:
            raise InputError(f"{self.path} holds sparse numbers, which headfield does not read; export it without.")
        view = self.json["bufferViews"][accessor["bufferView"]]
        data = self._buffers[view["buffer"]]
        dtype, width, count = (
            np.dtype(COMPONENTS[accessor["componentType"]]),
            WIDTHS[accessor["type"]],
            accessor["count"],
        )
        start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
        stride = view.get("byteStride", dtype.itemsize * width)
        if start < 0 or stride < 0 or start + stride * (count - 1) + dtype.itemsize * width > len(data):
            raise InputError(f"{self.path} refers to data beyond its end; it was cut off, so copy or export it again.")
        values = np.ndarray((count, width), dtype, data, start, (stride, dtype.itemsize))
        if accessor.get("normalized"):
            values = np.maximum(values / np.iinfo(dtype).max, -1)
        return (values[:, 0] if width == 1 else values).astype(values.dtype.newbyteorder("="))

    @cached_property
    def _buffers(self) -> list[bytes]:
        return [self._resource(buffer.get("uri")) for buffer in self.json.get("buffers", [])]

    def _resource(self, uri: str | None) -> bytes:
        """What a URI stands for: the file's own data, data in the URI, or a file beside. Nothing is ever fetched."""
        if uri is None:
            return self.binary
        if uri.startswith("data:"):
            return base64.b64decode(uri.partition(",")[2])
        found = beside(self.path, unquote(uri))
        if found is None:
            raise InputError(f"{self.path} needs {uri}, which cannot be had; put it into the same folder.")
        return found

    def picture(self, image: int) -> UInt8[np.ndarray, "h w 3"]:
        """The pixels of an image."""
        source = self.json["images"][image]
        if "bufferView" in source:
            view = self.json["bufferViews"][source["bufferView"]]
            start = view.get("byteOffset", 0)
            content = self._buffers[view["buffer"]][start : start + view["byteLength"]]
        else:
            content = self._resource(source["uri"])
        return decode_picture(content, f"the texture in {self.path}")


def _matrix(node: dict) -> np.ndarray:
    """The 4x4 matrix of a node: stated as such, or as translation, rotation (x y z w) and scale."""
    if "matrix" in node:
        return np.array(node["matrix"], float).reshape(4, 4).T
    x, y, z, w = node.get("rotation", [0.0, 0.0, 0.0, 1.0])
    v = np.array([x, y, z], float)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]], float)
    matrix = np.eye(4)
    matrix[:3, :3] = (w * w - v @ v) * np.eye(3) + 2 * np.outer(v, v) + 2 * w * cross
    matrix[:3, :3] *= node.get("scale", [1.0, 1.0, 1.0])
    matrix[:3, 3] = node.get("translation", [0.0, 0.0, 0.0])
    return matrix


def _triangles(corners: Int64[np.ndarray, "k"], mode: int) -> Int64[np.ndarray, "f 3"]:
    if mode == POINTS:
        return np.empty((0, 3), np.int64)
    if mode == TRIANGLES:
        return corners.reshape(-1, 3)
    middle, last = corners[1:-1], corners[2:]
    if mode == FAN:
        return np.stack([np.full_like(middle, corners[0]), middle, last], axis=1)
    strip = np.stack([corners[:-2], middle, last], axis=1)
    strip[1::2] = strip[1::2, [1, 0, 2]]
    return strip


def _joined(parts: list[_Part], document: _Document) -> Mesh:
    images = {part.image for part in parts}
    pictures = {image: document.picture(image) for image in images if image is not None}
    if len(images) > 1:
        parts = [_with_colours(part, pictures) for part in parts]
    meshes = [part.mesh for part in parts]
    starts = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes)])
    colours = None
    if any(part.colours is not None for part in parts):
        white = [np.ones_like(part.mesh.vertices) if part.colours is None else part.colours for part in parts]
        colours = linear_to_srgb(np.concatenate(white))
    uvs = [mesh.uv for mesh in meshes if mesh.uv is not None]
    shared = [
        name
        for name, values in meshes[0].attributes.items()
        if all(name in m.attributes and m.attributes[name].shape[1:] == values.shape[1:] for m in meshes)
    ]
    return Mesh(
        vertices=np.concatenate([mesh.vertices for mesh in meshes]),
        faces=np.concatenate([mesh.faces + start for mesh, start in zip(meshes, starts, strict=False)]),
        colours=colours,
        uv=np.concatenate(uvs) if len(uvs) == len(parts) and len(images) == 1 else None,
        texture=next(iter(pictures.values())) if len(images) == 1 and pictures else None,
        attributes={name: np.concatenate([mesh.attributes[name] for mesh in meshes]) for name in shared},
    )


def _with_colours(part: _Part, pictures: dict[int, np.ndarray]) -> _Part:
    """The part with its texture's colours at its vertices."""
    if part.image is None or part.mesh.uv is None:
        return part
    colours = srgb_to_linear(sample_texture(pictures[part.image], part.mesh.uv))
    return replace(part, colours=colours if part.colours is None else colours * part.colours)
