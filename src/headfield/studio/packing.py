"""Making the files the studio reads from those that its sources publish, and knowing them again.

A fingerprint tells whether two arrays are the same up to rounding: floating-point results may differ in the last digit
from one machine to the next, so that a checksum of their bytes would not do.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np
from jaxtyping import Float64, Int32

from headfield.errors import InputError, reading
from headfield.studio import scan_packing

Arrays = Mapping[str, np.ndarray]
Fingerprint = Mapping[str, list]
"""Of each array: its shape, then a checksum (of whole numbers and words) or three sums (of all others)."""


def fingerprint(arrays: Arrays) -> dict[str, list]:
    """What to know arrays by."""
    return {name: [list(values.shape), *_digest(values)] for name, values in sorted(arrays.items())}


def differs(arrays: Arrays, known: Fingerprint) -> bool:
    """Whether the arrays are others than those with the known fingerprint."""
    found = fingerprint(arrays)
    return found.keys() != known.keys() or any(_unlike(found[name], list(known[name])) for name in found)


def _digest(values: np.ndarray) -> list:
    if values.dtype.kind != "f":
        text = "\n".join(map(str, values.ravel().tolist()))
        return [hashlib.sha256(text.encode()).hexdigest()]
    flat = values.ravel().astype(np.float64)
    waves = np.cos(np.arange(len(flat)) * 0.7)
    return [float(f"{number:.7g}") for number in (np.sqrt(flat @ flat), flat.sum(), flat @ waves)]


def _unlike(one: list, other: list) -> bool:
    if one[0] != other[0] or len(one) != len(other):
        return True
    if len(one) == 2:
        return one[1] != other[1]
    return bool(np.abs(np.subtract(one[1:], other[1:])).max() > 1e-4 * max(one[1], 1e-9))


# --- OBJ files -------------------------------------------------------------------------------------------------------


class ObjFile(NamedTuple):
    """What an OBJ file says about one surface; faces have three or four corners, -1 where there is no fourth."""

    vertices: Float64[np.ndarray, "v 3"]
    uv: Float64[np.ndarray, "u 2"]
    faces: Int32[np.ndarray, "f 4"]
    corner_uv: Int32[np.ndarray, "f 4"]
    materials: list[str]
    """The material of each face."""


def read_obj(path: Path) -> ObjFile:
    """Vertices, texture coordinates and faces of an OBJ file; InputError if it is none."""
    with reading(path):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    vertices, uv, faces, corner_uv, materials, material = [], [], [], [], [], ""
    try:
        for line in lines:
            word, *rest = line.split() or [""]
            if word == "v":
                vertices.append([float(x) for x in rest[:3]])
            elif word == "vt":
                uv.append([float(x) for x in rest[:2]])
            elif word == "usemtl":
                material = rest[0]
            elif word == "f":
                corners = [[int(x or 0) for x in corner.split("/")[:2]] for corner in rest]
                faces.append(_four([corner[0] - 1 for corner in corners]))
                corner_uv.append(_four([corner[1] - 1 if len(corner) > 1 else -1 for corner in corners]))
                materials.append(material)
    except (ValueError, IndexError):
        raise InputError(f"{path} is not an OBJ file, or it was cut off; fetch it again.") from None
    return ObjFile(
        np.array(vertices, np.float64).reshape(-1, 3),
        np.array(uv, np.float64).reshape(-1, 2),
        np.array(faces, np.int32).reshape(-1, 4),
        np.array(corner_uv, np.int32).reshape(-1, 4),
        materials,
    )


def _four(corners: list[int]) -> list[int]:
    if len(corners) not in (3, 4):
        raise ValueError(corners)
    return [*corners, -1][:4]


# --- the ICT Face Model Light ----------------------------------------------------------------------------------------

ICT_PARTS = {
    # name: first vertex after it, first face after it; as its documentation lists them
    "Face": (9409, 9230),
    "Head and Neck": (11248, 11144),
    "Mouth socket": (13294, 13226),
    "Eye socket left": (13678, 13630),
    "Eye socket right": (14062, 14034),
    "Gums and tongue": (17039, 17006),
    "Teeth": (21451, 21496),
    "Eyeball left": (23021, 23094),
    "Eyeball right": (24591, 24692),
}
# fmt: off
ICT_LANDMARKS = (
    1225, 1888, 1052, 367, 1719, 1722, 2199, 1447, 966, 3661, 4390, 3927, 3924, 2608, 3272, 4088, 3443, 268, 493, 1914,
    2044, 1401, 3615, 4240, 4114, 2734, 2509, 978, 4527, 4942, 4857, 1140, 2075, 1147, 4269, 3360, 1507, 1542, 1537,
    1528, 1518, 1511, 3742, 3751, 3756, 3721, 3725, 3732, 5708, 5695, 2081, 0, 4275, 6200, 6213, 6346, 6461, 5518,
    5957, 5841, 5702, 5711, 5533, 6216, 6207, 6470, 5517, 5966,
)
# fmt: on
ICT_NEUTRAL = "generic_neutral_mesh"


def pack_ict(ingredients: Path, target: Path) -> None:
    """Write ``ict_facekit.npz`` from a folder of the model's OBJ files."""
    neutral = read_obj(ingredients / f"{ICT_NEUTRAL}.obj")
    names = sorted(path.stem for path in ingredients.glob("*.obj") if path.stem != ICT_NEUTRAL)

    def offsets(chosen: list[str]) -> np.ndarray:
        moved = np.zeros((len(chosen), *neutral.vertices.shape), np.float16)
        for k, name in enumerate(chosen):
            shape = read_obj(ingredients / f"{name}.obj").vertices
            if shape.shape != neutral.vertices.shape:
                raise InputError(f"{ingredients / name}.obj has another number of vertices than {ICT_NEUTRAL}.obj.")
            moved[k] = shape - neutral.vertices
        return moved

    identities = [name for name in names if name.startswith("identity")]
    expressions = [name for name in names if not name.startswith("identity")]
    triangles, triangle_uv, triangle_face = _triangulated(neutral)
    material_names = sorted(set(neutral.materials))
    ends = np.array(list(ICT_PARTS.values()), np.int32)
    starts = np.concatenate([[[0, 0]], ends[:-1]]).astype(np.int32)
    np.savez_compressed(
        target / "ict_facekit.npz",
        neutral=neutral.vertices.astype(np.float32),
        identity=offsets(identities),
        expression=offsets(expressions),
        expression_names=np.array(expressions),
        tris=triangles,
        tris_uv=triangle_uv,
        tri_to_face=triangle_face,
        uv=neutral.uv.astype(np.float32),
        material_names=np.array(material_names),
        face_material=np.array([material_names.index(name) for name in neutral.materials], np.uint8),
        part_names=np.array(list(ICT_PARTS)),
        part_vertex_range=np.stack([starts[:, 0], ends[:, 0]], axis=1),
        part_face_range=np.stack([starts[:, 1], ends[:, 1]], axis=1),
        landmarks68=np.array(ICT_LANDMARKS, np.int32),
    )


def _triangulated(obj: ObjFile) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Triangles, their texture corners, and the face each comes from, in the order of the faces."""
    first, second = [0, 1, 2], [0, 2, 3]
    corners = np.stack([obj.faces[:, first], obj.faces[:, second]], axis=1).reshape(-1, 3)
    uv = np.stack([obj.corner_uv[:, first], obj.corner_uv[:, second]], axis=1).reshape(-1, 3)
    face = np.repeat(np.arange(len(obj.faces), dtype=np.int32), 2)
    whole = corners.min(axis=1) >= 0
    return corners[whole], uv[whole], face[whole]


def read_ict_arrays(path: Path) -> Arrays:
    """The arrays of the packed model by which it is known."""
    with reading(path):
        try:
            with np.load(path, allow_pickle=False) as file:
                names = (
                    "neutral",
                    "identity",
                    "expression",
                    "expression_names",
                    "tris",
                    "tris_uv",
                    "uv",
                    "landmarks68",
                )
                return {name: file[name] for name in names}
        except (ValueError, EOFError, KeyError, BadZipFile, zlib.error):
            raise InputError(f"{path} is damaged; fetch it again.") from None


# --- hair meshes -----------------------------------------------------------------------------------------------------


def fit_hair(ingredients: Path, target: Path) -> None:
    """Write every hair mesh of a folder where its fitting file (``.mhclo``) has it on the head of ``base.obj``."""
    base = read_obj(ingredients / "base.obj").vertices
    for fitting in sorted(ingredients.glob("*.mhclo")):
        hair = read_obj(fitting.with_suffix(".obj"))
        vertices = fitted(fitting, base)
        if len(vertices) != len(hair.vertices):
            raise InputError(f"{fitting} fits another number of vertices than its mesh has; fetch it again.")
        lines = [f"v {x:.5f} {y:.5f} {z:.5f}" for x, y, z in vertices]
        lines += [f"vt {u:.5f} {v:.5f}" for u, v in hair.uv]
        for corners, uv in zip(hair.faces.tolist(), hair.corner_uv.tolist(), strict=True):
            pairs = [f"{c + 1}/{t + 1}" if t >= 0 else str(c + 1) for c, t in zip(corners, uv, strict=True) if c >= 0]
            lines.append("f " + " ".join(pairs))
        (target / f"{fitting.stem}.obj").write_text("\n".join(lines) + "\n", encoding="utf-8")


def fitted(fitting: Path, base: Float64[np.ndarray, "b 3"]) -> Float64[np.ndarray, "n 3"]:
    """Where a fitting file puts its vertices: weights of three base vertices and an offset, or one base vertex."""
    with reading(fitting):
        lines = fitting.read_text(encoding="utf-8", errors="replace").splitlines()
    scale, rows, listing = np.ones(3), [], False
    try:
        for words in (line.split() for line in lines):
            if words and words[0] in ("x_scale", "y_scale", "z_scale"):
                axis = "xyz".index(words[0][0])
                scale[axis] = abs(base[int(words[1]), axis] - base[int(words[2]), axis]) / float(words[3])
            elif words[:1] == ["verts"]:
                listing = True
            elif listing and len(words) == 9 and words[0].isdigit():
                numbers = np.array(words[3:], float)
                rows.append(numbers[:3] @ base[[int(word) for word in words[:3]]] + numbers[3:] * scale)
            elif listing and len(words) == 1 and words[0].isdigit():
                rows.append(base[int(words[0])])
            elif words and words[0] == "delete_verts":
                listing = False
    except (ValueError, IndexError):
        raise InputError(f"{fitting} is not a fitting file, or it was cut off; fetch it again.") from None
    return np.array(rows, np.float64).reshape(-1, 3)


def read_shape_arrays(path: Path) -> Arrays:
    """The arrays of an OBJ file by which its shape is known."""
    obj = read_obj(path)
    return {"vertices": obj.vertices, "faces": obj.faces}


def read_textured_arrays(path: Path) -> Arrays:
    """The same, and those by which its texture is looked up."""
    obj = read_obj(path)
    return {"vertices": obj.vertices, "faces": obj.faces, "uv": obj.uv, "corner_uv": obj.corner_uv}


@dataclass(frozen=True)
class Builder:
    """How an asset's files are made from its ingredients, and how they are read to be known again."""

    build: Callable[[Path, Path], None]
    read: Callable[[Path], Arrays]


BUILDERS = {
    "ict-facekit": Builder(pack_ict, read_ict_arrays),
    "hair-meshes": Builder(fit_hair, read_shape_arrays),
    "scan-leeperrysmith": Builder(scan_packing.pack_threejs, read_textured_arrays),
    "scan-hrtf-tub": Builder(scan_packing.pack_sideways_ply, read_shape_arrays),
    "scan-demosthenes": Builder(scan_packing.pack_obj, read_shape_arrays),
    "scan-propinnex": Builder(scan_packing.pack_gltf, read_shape_arrays),
}
