"""PLY: any file as elements and their properties; and meshes and point clouds among them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Int64, Shaped

from headfield.errors import InputError, reading
from headfield.files import new_file
from headfield.mesh.pictures import read_beside, sample_texture
from headfield.mesh.polygons import fan
from headfield.mesh.vertices import check_faces, merge_equal, split_at_seams
from headfield.surface import Mesh

TYPES = {
    **{"char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4", "float": "f4"},
    **{"double": "f8", "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4"},
    **{"float32": "f4", "float64": "f8"},
}
ORDERS = {"binary_little_endian": "<", "binary_big_endian": ">", "ascii": "="}
UV_NAMES = (("s", "t"), ("u", "v"), ("texture_u", "texture_v"))
KNOWN = {
    "x",
    "y",
    "z",
    "nx",
    "ny",
    "nz",
    "red",
    "green",
    "blue",
    "alpha",
    *(name for pair in UV_NAMES for name in pair),
}


@dataclass(frozen=True, eq=False)
class Lists:
    """A property that has several values a row: how many each row has, and all of them in one row after the other."""

    lengths: Int64[np.ndarray, "n"]
    values: Shaped[np.ndarray, "k"]


Element = dict[str, "np.ndarray | Lists"]


@dataclass(frozen=True)
class _Property:
    name: str
    kind: str
    length_kind: str = ""


@dataclass(frozen=True)
class _Header:
    order: str
    elements: list[tuple[str, int, list[_Property]]]
    comments: list[str]
    size: int


def read_elements(path: Path) -> dict[str, Element]:
    """Every element of a PLY file, each as columns by the name of the property."""
    with reading(path):
        content = path.read_bytes()
    return _elements(path, content, _header(path, content))


def read(path: Path) -> Mesh:
    """The mesh or, without faces, the points of a PLY file; normals are among the attributes."""
    with reading(path):
        content = path.read_bytes()
    header = _header(path, content)
    elements = _elements(path, content, header)
    vertex = {k: v for k, v in elements.get("vertex", {}).items() if isinstance(v, np.ndarray)}
    if not {"x", "y", "z"} <= vertex.keys():
        raise InputError(f"{path} holds no vertices with x, y and z; it may hold something else than a surface.")
    mesh = replace(
        Mesh.of(_stack(vertex, "x", "y", "z").astype(float), np.empty((0, 3), np.int64)),
        colours=_colours(vertex),
        uv=next((_stack(vertex, *pair).astype(float) for pair in UV_NAMES if vertex.keys() >= set(pair)), None),
        attributes=_attributes(vertex),
    )
    return _with_faces(path, mesh, elements, header.comments)


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


def write_elements(
    path: Path, elements: Mapping[str, Mapping[str, np.ndarray | Lists]], *, comments: Sequence[str] = ()
) -> None:
    """Write columns as a binary PLY file. The lists of one property must all have the same length."""
    names = {kind: name for name, kind in reversed(TYPES.items())}
    header: list[str] = ["ply", "format binary_little_endian 1.0", *(f"comment {line}" for line in comments)]
    blocks: list[bytes] = []
    for element, columns in elements.items():
        fields: list[tuple] = []
        data: list[np.ndarray] = []
        lines = []
        for name, column in columns.items():
            if isinstance(column, Lists):
                length = int(column.lengths[0]) if len(column.lengths) else 0
                lines.append(f"property list uchar {names[column.values.dtype.str[1:]]} {name}")
                fields += [(f"{name}#", "u1"), (name, column.values.dtype.newbyteorder("<"), (length,))]
                data += [column.lengths, column.values.reshape(-1, length)]
            else:
                lines.append(f"property {names[column.dtype.str[1:]]} {name}")
                fields.append((name, column.dtype.newbyteorder("<")))
                data.append(column)
        rows = np.empty(len(data[0]), dtype=fields)
        for (name, *_), values in zip(fields, data, strict=True):
            rows[name] = values
        header += [f"element {element} {len(rows)}", *lines]
        blocks.append(rows.tobytes())
    with new_file(path) as temporary:
        temporary.write_bytes("\n".join([*header, "end_header\n"]).encode("ascii") + b"".join(blocks))


def _header(path: Path, content: bytes) -> _Header:
    broken = InputError(f"{path} is not a PLY file, or its head is broken; export it again.")
    found = re.search(rb"^end_header[ \t]*\r?\n", content[:65536], re.MULTILINE)
    if not content.startswith(b"ply") or not found:
        raise broken
    order = ""
    elements: list[tuple[str, int, list[_Property]]] = []
    comments: list[str] = []
    for line in content[: found.start()].decode("utf-8", "replace").splitlines():
        match line.split():
            case ["format", kind, _] if kind in ORDERS:
                order = kind
            case ["comment", *_]:
                comments.append(line.split(None, 1)[1] if len(line.split()) > 1 else "")
            case ["element", name, count] if count.isdigit():
                elements.append((name, int(count), []))
            case ["property", "list", length_kind, kind, name] if elements and {length_kind, kind} <= TYPES.keys():
                elements[-1][2].append(_Property(name, TYPES[kind], TYPES[length_kind]))
            case ["property", kind, name] if elements and kind in TYPES:
                elements[-1][2].append(_Property(name, TYPES[kind]))
            case ["property" | "element" | "format", *_]:
                raise broken
    if not order:
        raise broken
    return _Header(order, elements, comments, found.end())


def _elements(path: Path, content: bytes, header: _Header) -> dict[str, Element]:
    cut_off = InputError(f"{path} ends before all its data are there; it was cut off, so copy or export it again.")
    elements = {}
    try:
        if header.order == "ascii":
            lines = content[header.size :].decode("ascii", "replace").splitlines()
            for name, count, properties in header.elements:
                if len(lines) < count:
                    raise cut_off
                elements[name] = _ascii_element(lines[:count], properties)
                lines = lines[count:]
            return elements
        start = header.size
        for name, count, properties in header.elements:
            elements[name], start = _binary_element(content, start, count, properties, ORDERS[header.order])
    except _ShortError:
        raise cut_off from None
    return elements


class _ShortError(Exception):
    pass


def _binary_element(
    content: bytes, start: int, count: int, properties: list[_Property], order: str
) -> tuple[Element, int]:
    """One element's columns and where the next begins. Lists are first taken to be as long as in the first row."""
    if not count or not properties:
        return _empty(properties), start
    _, first = _binary_row(content, start, properties, order)
    fields: list[tuple] = []
    for p in properties:
        if p.length_kind:
            fields += [(f"{p.name}#", order + p.length_kind), (p.name, order + p.kind, (len(first[p.name]),))]
        else:
            fields.append((p.name, order + p.kind))
    dtype = np.dtype(fields)
    end = start + count * dtype.itemsize
    if end <= len(content):
        rows = np.frombuffer(content, dtype, count, start)
        lists = [p.name for p in properties if p.length_kind]
        if all((rows[f"{name}#"] == len(first[name])).all() for name in lists):
            return {
                p.name: Lists(rows[f"{p.name}#"].astype(np.int64), rows[p.name].ravel())
                if p.length_kind
                else rows[p.name]
                for p in properties
            }, end
    elif not any(p.length_kind for p in properties):
        raise _ShortError
    return _binary_rows(content, start, count, properties, order)


def _binary_rows(
    content: bytes, start: int, count: int, properties: list[_Property], order: str
) -> tuple[Element, int]:
    rows = []
    for _ in range(count):
        start, row = _binary_row(content, start, properties, order)
        rows.append(row)
    return _columns_of(rows, properties), start


def _binary_row(
    content: bytes, start: int, properties: list[_Property], order: str
) -> tuple[int, dict[str, np.ndarray]]:
    row = {}
    for p in properties:
        count = 1
        if p.length_kind:
            count = int(_take(content, start, 1, order + p.length_kind)[0])
            start += np.dtype(p.length_kind).itemsize
        row[p.name] = _take(content, start, count, order + p.kind)
        start += row[p.name].nbytes
    return start, row


def _take(content: bytes, start: int, count: int, kind: str) -> np.ndarray:
    if start + count * np.dtype(kind).itemsize > len(content) or count < 0:
        raise _ShortError
    return np.frombuffer(content, kind, count, start)


def _ascii_element(lines: list[str], properties: list[_Property]) -> Element:
    if not lines or not properties:
        return _empty(properties)
    try:
        table = np.loadtxt(lines, ndmin=2, comments=None)
    except ValueError:  # rows of different length
        return _ascii_rows(lines, properties)
    if not any(p.length_kind for p in properties) and table.shape == (len(lines), len(properties)):
        return {p.name: table[:, i].astype(p.kind) for i, p in enumerate(properties)}
    if len(properties) == 1 and (table[:, 0] == table.shape[1] - 1).all():
        only = properties[0]
        return {only.name: Lists(table[:, 0].astype(np.int64), table[:, 1:].astype(only.kind).ravel())}
    return _ascii_rows(lines, properties)


def _ascii_rows(lines: list[str], properties: list[_Property]) -> Element:
    rows = []
    for line in lines:
        words = iter(line.split())
        row = {}
        try:
            for p in properties:
                count = int(next(words)) if p.length_kind else 1
                row[p.name] = np.array([float(next(words)) for _ in range(count)], p.kind)
        except (ValueError, StopIteration, RuntimeError):  # a generator turns StopIteration into RuntimeError
            raise _ShortError from None
        rows.append(row)
    return _columns_of(rows, properties)


def _columns_of(rows: list[dict[str, np.ndarray]], properties: list[_Property]) -> Element:
    columns: Element = {}
    for p in properties:
        values = np.concatenate([row[p.name] for row in rows])
        lengths = np.array([len(row[p.name]) for row in rows], np.int64)
        columns[p.name] = Lists(lengths, values) if p.length_kind else values
    return columns


def _empty(properties: list[_Property]) -> Element:
    nothing = np.empty(0, np.int64)
    return {p.name: Lists(nothing, np.empty(0, p.kind)) if p.length_kind else np.empty(0, p.kind) for p in properties}


def _stack(columns: Mapping[str, np.ndarray], *names: str) -> np.ndarray:
    return np.stack([columns[name] for name in names], axis=1)


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
        if not (stem and number.isdigit()):
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


def _native(values: np.ndarray) -> np.ndarray:
    return values.astype(values.dtype.newbyteorder("="))


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
