"""Wavefront OBJ with its materials (MTL) and texture."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from headfield.errors import InputError, reading
from headfield.files import new_file
from headfield.mesh.pictures import beside, encode_png, read_beside, sample_texture
from headfield.mesh.polygons import fan
from headfield.mesh.vertices import check_faces, split_at_seams
from headfield.surface import Mesh

MATERIAL = "head"


@dataclass
class _Lines:
    """What the lines of a file say, in their order."""

    vertices: list[str] = field(default_factory=list)
    coordinates: list[str] = field(default_factory=list)
    polygons: list[list[str]] = field(default_factory=list)
    materials: list[tuple[int, str]] = field(default_factory=list)  # from which polygon on
    libraries: list[str] = field(default_factory=list)


def read(path: Path) -> Mesh:
    """Read an OBJ file, its vertices in their order; colours may follow the coordinates, as is widely done."""
    with reading(path):
        content = path.read_bytes()
    lines = _lines(path, content)
    table = _table(path, lines.vertices, "vertices", 3)
    mesh = Mesh.of(table[:, :3], np.empty((0, 3), np.int64))
    if table.shape[1] >= 6:
        mesh = replace(mesh, colours=_bytes(table[:, 3:6]))
    if not lines.polygons:
        return mesh
    sizes = np.array([len(polygon) for polygon in lines.polygons])
    if sizes.min() < 3:
        raise InputError(f"{path} has a face with fewer than three corners; it is broken or was cut off.")
    order = fan(sizes)
    vertex, coordinate = _corners(path, lines)
    faces, uv_faces = vertex[order], coordinate[order]
    mesh = replace(mesh, faces=faces)
    check_faces(mesh, f"{path}")
    if not lines.coordinates or (uv_faces < 0).all():
        return mesh
    uv = _table(path, lines.coordinates, "texture coordinates", 2)[:, :2]
    if uv_faces.max() >= len(uv):
        raise InputError(
            f"{path} has faces with texture coordinates that do not exist; it is broken, so export it again."
        )
    material = (
        np.searchsorted(
            [start for start, _ in lines.materials], np.repeat(np.arange(len(sizes)), sizes - 2), side="right"
        )
        - 1
    )
    mesh = split_at_seams(mesh, faces, np.concatenate([uv, np.zeros((1, 2))]), uv_faces)
    return _with_textures(path, mesh, lines, material)


def write(mesh: Mesh, path: Path) -> None:
    """Write the OBJ file and, for a texture, an MTL and a PNG file of the same name beside it."""
    textured = mesh.texture is not None and mesh.uv is not None
    columns, form = mesh.vertices, "v %.9g %.9g %.9g"
    if mesh.colours is not None:
        columns, form = np.hstack([columns, mesh.colours / 255]), form + " %.4f %.4f %.4f"
    blocks = [_block(form, columns)]
    faces = mesh.faces + 1
    if mesh.uv is not None:
        blocks.append(_block("vt %.7g %.7g", mesh.uv))
    if textured:
        blocks.insert(0, f"mtllib {path.with_suffix('.mtl').name}\n")
        blocks.append(f"usemtl {MATERIAL}\n")
    if mesh.uv is not None:
        blocks.append(_block("f %d/%d %d/%d %d/%d", np.repeat(faces, 2, axis=1)))
    else:
        blocks.append(_block("f %d %d %d", faces))
    # Left in reverse: the picture first, and the OBJ file, which names the others, last.
    with ExitStack() as stack:
        stack.enter_context(new_file(path)).write_text("".join(blocks), encoding="utf-8")
        if mesh.texture is not None and textured:
            material = f"newmtl {MATERIAL}\nKd 1 1 1\nKs 0 0 0\nillum 1\nmap_Kd {path.with_suffix('.png').name}\n"
            stack.enter_context(new_file(path.with_suffix(".mtl"))).write_text(material, encoding="utf-8")
            stack.enter_context(new_file(path.with_suffix(".png"))).write_bytes(encode_png(mesh.texture))


def _block(form: str, rows: np.ndarray) -> str:
    return ((form + "\n") * len(rows)) % tuple(rows.ravel().tolist())


def _lines(path: Path, content: bytes) -> _Lines:
    if b"\0" in content[:4096]:
        raise InputError(f"{path} is not an OBJ file; give it the suffix of what it is.")
    lines = _Lines()
    for line in content.decode("utf-8", "replace").replace("\\\r\n", " ").replace("\\\n", " ").split("\n"):
        word, _, rest = line.strip().replace("\t", " ").partition(" ")
        if word == "v":
            lines.vertices.append(rest)
        elif word == "vt":
            lines.coordinates.append(rest)
        elif word == "f":
            polygon = rest.split()
            if "-" in rest:
                polygon = [_absolute(corner, lines) for corner in polygon]
            lines.polygons.append(polygon)
        elif word == "usemtl":
            lines.materials.append((len(lines.polygons), rest.strip()))
        elif word == "mtllib":
            lines.libraries.append(rest.strip())
    if not lines.vertices:
        raise InputError(f"{path} holds no vertices; it may not be an OBJ file, or it was cut off.")
    return lines


def _absolute(corner: str, lines: _Lines) -> str:
    """A corner with negative numbers, which count backwards from the last vertex so far, with ordinary ones."""
    counts = (len(lines.vertices), len(lines.coordinates))
    numbers = corner.split("/")
    for i, count in enumerate(counts[: len(numbers)]):
        if numbers[i].startswith("-") and numbers[i][1:].isdecimal():
            numbers[i] = str(count + 1 + int(numbers[i]))
    return "/".join(numbers)


def _corners(path: Path, lines: _Lines) -> tuple[np.ndarray, np.ndarray]:
    """The vertex and the texture coordinate of each corner of each polygon, counted from 0; -1 where there is none."""
    place: dict[str, int] = {}
    which = [place.setdefault(corner, len(place)) for polygon in lines.polygons for corner in polygon]
    numbers = []
    try:
        for corner in place:
            parts = corner.split("/")
            numbers.append((_place(parts[0]), _place(parts[1]) if len(parts) > 1 and parts[1] else -1))
    except ValueError:
        raise InputError(f"{path} has a face with the corner {corner!r}; it is broken, so export it again.") from None
    vertex, coordinate = np.array(numbers, np.int64).reshape(-1, 2)[which].T
    return vertex, coordinate


def _place(number: str) -> int:
    """A number that counts from 1 as one that counts from 0; the absurd ones stay absurd but fit into an array."""
    return max(-(2**62), min(int(number), 2**62)) - 1


def _table(path: Path, lines: list[str], what: str, width: int) -> np.ndarray:
    try:
        # Lines that say nothing would be passed over, and all later ones be counted wrongly.
        if all(line.lstrip()[:1] not in ("", "#") for line in lines):
            table = np.loadtxt(lines, ndmin=2)
            if table.shape[1] >= width:
                return table
    except ValueError:
        pass
    raise InputError(f"{path} has {what} that are not {width} numbers each; it is broken or was cut off.")


def _bytes(colours: np.ndarray) -> UInt8[np.ndarray, "n 3"]:
    colours = np.nan_to_num(colours)
    scale = 1 if colours.max() > 1 else 255
    return np.round(np.clip(colours * scale, 0, 255)).astype(np.uint8)


def _with_textures(path: Path, mesh: Mesh, lines: _Lines, material: np.ndarray) -> Mesh:
    """The mesh with its texture; several become vertex colours."""
    pictures = _texture_names(path, lines)
    names = [pictures.get(name) for _, name in lines.materials]
    used = {names[i] for i in np.unique(material) if i >= 0} - {None}
    textures = {name: read_beside(path, name) for name in sorted(filter(None, used))}
    if len(textures) <= 1:
        return replace(mesh, texture=next(iter(textures.values()), None))
    colours = np.full((len(mesh.vertices), 3), 255, np.uint8) if mesh.colours is None else mesh.colours.copy()
    for name, texture in textures.items():
        chosen = np.isin(material, [i for i, other in enumerate(names) if other == name])
        vertices = np.unique(mesh.faces[chosen])
        if texture is not None and mesh.uv is not None:
            colours[vertices] = sample_texture(texture, mesh.uv[vertices])
    return replace(mesh, colours=colours, uv=None)


def _texture_names(path: Path, lines: _Lines) -> dict[str, str]:
    """The picture of each material that has one."""
    found: dict[str, str] = {}
    for library in lines.libraries:
        content = beside(path, library)
        material = ""
        for line in (content or b"").decode("utf-8", "replace").splitlines():
            word, _, rest = line.strip().replace("\t", " ").partition(" ")
            if word == "newmtl":
                material = rest.strip()
            elif word.lower() == "map_kd":
                # Options stand before the name, which may hold spaces where there are none.
                found[material] = rest.split()[-1] if rest.lstrip().startswith("-") else rest.strip()
    return found
