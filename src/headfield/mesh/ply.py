"""PLY files of any kind, as elements with columns of properties."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int64, Shaped

from headfield.errors import InputError, reading
from headfield.files import new_file

TYPES = {
    **{"char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4", "float": "f4"},
    **{"double": "f8", "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4"},
    **{"float32": "f4", "float64": "f8"},
}
CUT_OFF = "ends before all its data are there; it was cut off"
ORDERS = {"binary_little_endian": "<", "binary_big_endian": ">", "ascii": "="}


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
    return read_elements_and_comments(path)[0]


def read_elements_and_comments(path: Path) -> tuple[dict[str, Element], list[str]]:
    """The elements, and the comments in which some programs name textures."""
    with reading(path):
        content = path.read_bytes()
    header = _header(path, content)
    return _elements(path, content, header), header.comments


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
                data += [column.lengths, column.values.reshape(len(column.lengths), length)]
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
            case ["element", name, count] if count.isdecimal():
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
    elements = {}
    try:
        if header.order == "ascii":
            lines = content[header.size :].decode("ascii", "replace").splitlines()
            for name, count, properties in header.elements:
                if len(lines) < count:
                    raise _BrokenError(CUT_OFF)
                elements[name] = _ascii_element(lines[:count], properties)
                lines = lines[count:]
            return elements
        start = header.size
        for name, count, properties in header.elements:
            elements[name], start = _binary_element(content, start, count, properties, ORDERS[header.order])
    except _BrokenError as error:
        raise InputError(f"{path} {error}, so copy or export it again.") from None
    return elements


class _BrokenError(Exception):
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
        raise _BrokenError(CUT_OFF)
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
            count = int(_as_kind(_take(content, start, 1, order + p.length_kind), "i8")[0])
            start += np.dtype(p.length_kind).itemsize
        row[p.name] = _take(content, start, count, order + p.kind)
        start += row[p.name].nbytes
    return start, row


def _take(content: bytes, start: int, count: int, kind: str) -> np.ndarray:
    if start + count * np.dtype(kind).itemsize > len(content) or count < 0:
        raise _BrokenError(CUT_OFF)
    return np.frombuffer(content, kind, count, start)


def _ascii_element(lines: list[str], properties: list[_Property]) -> Element:
    if not lines or not properties:
        return _empty(properties)
    try:
        table = np.loadtxt(lines, ndmin=2, comments=None)
    except ValueError:  # rows of different length
        return _ascii_rows(lines, properties)
    if not any(p.length_kind for p in properties) and table.shape == (len(lines), len(properties)):
        return {p.name: _as_kind(table[:, i], p.kind) for i, p in enumerate(properties)}
    if len(properties) == 1 and (table[:, 0] == table.shape[1] - 1).all():
        only = properties[0]
        return {only.name: Lists(table[:, 0].astype(np.int64), _as_kind(table[:, 1:], only.kind).ravel())}
    return _ascii_rows(lines, properties)


def _ascii_rows(lines: list[str], properties: list[_Property]) -> Element:
    rows = []
    for line in lines:
        words = iter(line.split())
        row = {}
        try:
            for p in properties:
                count = int(next(words)) if p.length_kind else 1
                row[p.name] = _as_kind(np.array([float(next(words)) for _ in range(count)]), p.kind)
        except (ValueError, StopIteration, RuntimeError):  # a generator turns StopIteration into RuntimeError
            raise _BrokenError(CUT_OFF) from None
        rows.append(row)
    return _columns_of(rows, properties)


def _as_kind(values: np.ndarray, kind: str) -> np.ndarray:
    """The values as the kind of number that the head states, which must be able to hold them."""
    if np.dtype(kind).kind in "iu":
        limits = np.iinfo(kind)
        if not ((values >= limits.min) & (values <= limits.max)).all():
            raise _BrokenError("holds a number that is not of the kind its head states; it is broken")
    return values.astype(kind)


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
