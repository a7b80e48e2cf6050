"""Meshes and point clouds in PLY files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from headfield.errors import InputError
from headfield.mesh.pictures import read_beside, sample_texture
from headfield.mesh.ply import TYPES, Element, Lists, read_elements_and_comments, write_elements
from headfield.mesh.polygons import fan
from headfield.mesh.vertices import check_faces, merge_equal, split_at_seams
from headfield.surface import Mesh

UV_NAMES = (("s", "t"), ("u", "v"), ("texture_u", "texture_v"))
KNOWN = {"x", "y", "z", "nx", "ny", "nz", "red", "green", "blue", "alpha"}.union(*UV_NAMES)


def read(path: Path) -> Mesh:
    """The mesh or, without faces, the points of a PLY file; normals are among the attributes."""
    elements, comments = read_elements_and_comments(path)
    vertex = {k: v for k, v in elements.get("vertex", {}).items() if isinstance(v, np.ndarray)}
    if not {"x", "y", "z"} <= vertex.keys():
        raise InputError(f"{path} holds no vertices with x, y and z; it may hold something else than a surface.")
    mesh = replace(
        Mesh.of(_stack(vertex, "x", "y", "z").astype(float), np.empty((0, 3), np.int64)),
        colours=_colours(vertex),
        uv=next((_stack(vertex, *pair).astype(float) for pair in UV_NAMES if vertex.keys() >= set(pair)), None),
        attributes=_attributes(vertex),
    )
    return _with_faces(path, mesh, elements, comments)


def write(mesh: Mesh, path: Path) -> None:
    """Write a binary PLY file; a texture becomes vertex colours where there are none."""
    columns = {axis: mesh.vertices[:, i].astype("f4") for i, axis in enumerate("xyz")}
    colours = mesh.colours
    if colours is None and mesh.texture is not None and mesh.uv is not None:
        colours = sample_texture(mesh.texture, mesh.uv)
    if colours is not None:
        columns |= {name: colours[:, i] for i, name in enumerate(("red", "green", "blue"))}
    if mesh.uv is not None:
        columns |= {name: mesh.uv[:, i].astype("f4") for i, name in enumerate("st")}
    for name, values in mesh.attributes.items():
        columns |= _columns(name, values)
    faces = Lists(np.full(len(mesh.faces), 3), mesh.faces.astype("i4").ravel())
    write_elements(path, {"vertex": columns, "face": {"vertex_indices": faces}})


def _with_faces(path: Path, mesh: Mesh, elements: dict[str, Element], comments: list[str]) -> Mesh:
    face = elements.get("face", {})
    corners = face.get("vertex_indices", face.get("vertex_index"))
    if not isinstance(corners, Lists):
        return mesh
    order = fan(corners.lengths)
    mesh = replace(mesh, faces=corners.values.astype(np.int64)[order])
    uv = face.get("texcoord")
    if isinstance(uv, Lists) and (uv.lengths == 2 * corners.lengths).all():
        check_faces(mesh, f"{path}")
        pairs = uv.values.reshape(-1, 2).astype(float)
        first, which = merge_equal(pairs)
        mesh = split_at_seams(mesh, mesh.faces, pairs[first], which[order])
    texture = next((c.split(None, 1)[1] for c in comments if c.startswith("TextureFile ")), None)
    if texture and mesh.uv is not None:
        mesh = replace(mesh, texture=read_beside(path, texture))
    return mesh


def _colours(vertex: Mapping[str, np.ndarray]) -> np.ndarray | None:
    if not {"red", "green", "blue"} <= vertex.keys():
        return None
    colours = _stack(vertex, "red", "green", "blue")
    if colours.dtype.kind == "f":
        colours = np.round(np.clip(np.nan_to_num(colours), 0, 1) * 255)
    elif colours.dtype.itemsize > 1:
        colours = np.clip(colours, 0, 255)
    return colours.astype(np.uint8)


def _attributes(vertex: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Everything else that is known of the vertices; ``name_0``, ``name_1`` … belong together."""
    attributes: dict[str, np.ndarray] = {}
    if {"nx", "ny", "nz"} <= vertex.keys():
        attributes["normals"] = _stack(vertex, "nx", "ny", "nz").astype(float)
    others = [name for name in vertex if name not in KNOWN]
    for name in others:
        stem, _, number = name.rpartition("_")
        if not (stem and number.isdecimal() and f"{stem}_0" in vertex):
            attributes[name] = _native(vertex[name])
        elif number == "0":
            width = next(k for k in range(1, len(others) + 1) if f"{stem}_{k}" not in vertex)
            attributes[stem] = _native(_stack(vertex, *(f"{stem}_{k}" for k in range(width))))
    return attributes


def _columns(name: str, values: np.ndarray) -> dict[str, np.ndarray]:
    if not re.fullmatch(r"\S+", name, re.ASCII) or name in KNOWN:
        raise InputError(f"an attribute of a mesh cannot be called {name!r} in a PLY file; give it another name.")
    if values.dtype.str[1:] not in TYPES.values():
        fits = values.dtype.kind in "iu" and (not values.size or np.abs(values).max() < 2**31)
        values = values.astype("u1" if values.dtype.kind == "b" else "i4" if fits else "f8")
    if values.ndim == 1:
        return {name: values}
    flat = values.reshape(len(values), -1)
    return {f"{name}_{k}": flat[:, k] for k in range(flat.shape[1])}


def _stack(columns: Mapping[str, np.ndarray], *names: str) -> np.ndarray:
    return np.stack([columns[name] for name in names], axis=1)


def _native(values: np.ndarray) -> np.ndarray:
    return values.astype(values.dtype.newbyteorder("="))
