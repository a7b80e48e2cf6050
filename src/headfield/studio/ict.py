"""The ICT Face Model Light as a :class:`HeadModel`: in head space, its bust carried on, its shoulders kept calm.

What is left out: the irises inside the eyeballs (they are painted on the sclera instead), and the lashes, tear fluid
and shadow shells, which are no part of the outer surface.
"""

from __future__ import annotations

import zlib
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np
from jaxtyping import Float, Float64, Int64

from headfield.errors import InputError, reading
from headfield.studio.assets import asset
from headfield.studio.cut import border_loops
from headfield.studio.model import HeadModel, PartRange, eyeball_uv, sphere_centre
from headfield.surface import unit

CENTIMETRE = 0.05
"""The model is in centimetres; one head unit is twenty of them."""
ORIGIN = (0.0, 1.0, 1.0)
"""Where the origin of head space is in the model's own centimetres."""

PARTS = {
    "Face": "face",
    "Head and Neck": "head",
    "Mouth socket": "mouth",
    "Eye socket left": "eye_socket_L",
    "Eye socket right": "eye_socket_R",
    "Gums and tongue": "gums",
    "Teeth": "teeth",
    "Eyeball left": "eyeball_L",
    "Eyeball right": "eyeball_R",
}
"""The parts that are used: the model's names and ours."""
INNER = ("M_IrisLeft", "M_IrisRight")
PUPILS = (21451, 23021)
"""The poles of the two scleras, in the model's own numbering."""

NAME = "ICT Face Model Light"

NECK_KEPT = 0.35
"""The share of identity's displacements kept at the shoulders, where the scans differ more in pose than in shape."""


@lru_cache(maxsize=1)
def load_ict() -> HeadModel:
    """The ICT Face Model Light, from the assets."""
    return read_ict(asset("ict-facekit") / "ict_facekit.npz")


def read_ict(path: Path) -> HeadModel:
    """The model from its packed file."""
    with reading(path):
        try:
            with np.load(path, allow_pickle=False) as file:
                packed = {name: file[name] for name in file.files if name not in ("quads", "quads_uv")}
        except (ValueError, EOFError, BadZipFile, zlib.error):
            raise InputError(f"{path} is damaged; fetch it again with `headfield assets fetch ict-facekit`.") from None
    return _assemble(packed)


class _Bust(NamedTuple):
    """Rings of vertices that carry the model on from its collar; each moves as its collar vertex does."""

    vertices: Float64[np.ndarray, "n 3"]
    source: Int64[np.ndarray, "n"]
    faces: Int64[np.ndarray, "f 3"]
    corner_uv: Int64[np.ndarray, "f 3"]
    uv: Float64[np.ndarray, "u 2"]


def _assemble(packed: dict[str, np.ndarray]) -> HeadModel:
    names = list(packed["part_names"])
    materials = list(packed["material_names"])
    triangle_part = np.searchsorted(packed["part_face_range"][:, 1], packed["tri_to_face"], side="right")
    inner = np.isin(packed["face_material"][packed["tri_to_face"]], [materials.index(name) for name in INNER])
    triangles = [np.flatnonzero((triangle_part == names.index(part)) & ~inner) for part in PARTS]
    faces = [packed["tris"][chosen].astype(np.int64) for chosen in triangles]
    corner_uv = [packed["tris_uv"][chosen].astype(np.int64) for chosen in triangles]
    mean = (packed["neutral"].astype(np.float64) - ORIGIN) * CENTIMETRE
    uv = _packed_uv(packed["uv"].astype(np.float64), corner_uv)

    # The bust's vertices follow the head's; everything behind moves up.
    ranges = packed["part_vertex_range"][[names.index(part) for part in PARTS]]
    bust = _bust(mean, np.concatenate(faces[:2]), len(mean), len(uv))
    faces[1] = np.concatenate([faces[1], bust.faces])
    corner_uv[1] = np.concatenate([corner_uv[1], bust.corner_uv])
    added = np.arange(len(mean), len(mean) + len(bust.vertices))
    sources = np.concatenate([np.arange(len(mean)), bust.source])
    mean, uv = np.concatenate([mean, bust.vertices]), np.concatenate([uv, bust.uv])
    owned = [np.arange(*limits) for limits in ranges]
    owned[1] = np.concatenate([owned[1], added])
    used = np.unique(np.concatenate([part.ravel() for part in faces]))
    owned = [part[np.isin(part, used)] for part in owned]
    order = np.concatenate(owned)
    renumber = np.full(len(mean), -1)
    renumber[order] = np.arange(len(order))

    eyeballs = list(PARTS.values()).index("eyeball_L")
    for k, pupil in enumerate(PUPILS):
        part = owned[eyeballs + k]
        corner_uv[eyeballs + k] = faces[eyeballs + k] - part[0] + len(uv)
        centre = sphere_centre(mean[part], mean[pupil])
        uv = np.concatenate([uv, eyeball_uv(mean[part[0] : part[-1] + 1], centre, mean[pupil])])

    kept = _kept_of_identity(mean[order])
    return HeadModel(
        name=NAME,
        mean=mean[order],
        identity=_moves(packed["identity"], sources[order], kept),
        expressions=_moves(packed["expression"], sources[order], _kept_of_expressions(mean[order])),
        expression_names=tuple(str(name) for name in packed["expression_names"]),
        faces=renumber[np.concatenate(faces)],
        corner_uv=np.concatenate(corner_uv),
        uv=uv,
        parts=_ranges(owned, faces),
        landmarks=renumber[packed["landmarks68"]],
        pupils=renumber[list(PUPILS)],
    )


def _ranges(owned: list[np.ndarray], faces: list[np.ndarray]) -> dict[str, PartRange]:
    vertex_ends = np.cumsum([0, *map(len, owned)]).tolist()
    face_ends = np.cumsum([0, *map(len, faces)]).tolist()
    return {
        name: PartRange(slice(*vertex_ends[k : k + 2]), slice(*face_ends[k : k + 2]))
        for k, name in enumerate(PARTS.values())
    }


def _moves(
    modes: Float[np.ndarray, "k v 3"], sources: Int64[np.ndarray, "n"], weight: Float64[np.ndarray, "n"]
) -> np.ndarray:
    moves = modes[:, sources].astype(np.float32, order="C")
    moves *= (weight * CENTIMETRE).astype(np.float32)[:, None]
    return moves


def _kept_of_identity(points: Float64[np.ndarray, "v 3"]) -> Float64[np.ndarray, "v"]:
    """One on the head, falling smoothly to ``NECK_KEPT`` from jaw and nape down to the shoulders."""
    below_head = (-0.34 - 0.2 * points[:, 2]) - points[:, 1]
    down = np.clip(below_head / 0.4, 0, 1)
    return 1 - (1 - NECK_KEPT) * down * down * (3 - 2 * down)


def _kept_of_expressions(points: Float64[np.ndarray, "v 3"]) -> Float64[np.ndarray, "v"]:
    """One, but zero where the bust ends, so that one person is cut there in the same way with every expression.

    What is lost is at most a millimetre of pull on the collarbones.
    """
    outside = np.clip((np.linalg.norm(points, axis=1) - 0.7) / 0.12, 0, 1)
    return 1 - outside * outside * (3 - 2 * outside)


def _packed_uv(uv: Float64[np.ndarray, "u 2"], corner_uv: list[np.ndarray]) -> Float64[np.ndarray, "u 2"]:
    """The model's tiles, each in a texture of its own, but the skin's two in one.

    The face's tile fills the left two thirds of the skin's texture (square, where the texture is half again as wide as
    high); the tile of head, mouth socket and eye sockets the upper nine tenths of the right third; the strip below it
    is left to the bust. Teeth and gums fill their own.
    """
    packed = uv - np.floor(uv)
    tile = np.floor(uv[:, 0])
    skin = np.zeros(len(uv), bool)
    skin[np.unique(np.concatenate([part.ravel() for part in corner_uv[:5]]))] = True
    face, head = skin & (tile == 0), skin & (tile == 1)
    packed[face] = packed[face] * (2 / 3, 1)
    packed[head] = packed[head] * (1 / 3, 0.9) + (2 / 3, 0.1)
    return packed


BUST_RINGS = 4
BUST_LENGTH = 0.32
BUST_STRIP = ((0.68, 0.01), (0.99, 0.08))
"""Where the bust is in the skin's texture: around the collar from left to right, down from top to bottom."""


def _bust(
    points: Float64[np.ndarray, "v 3"], faces: Int64[np.ndarray, "f 3"], first_vertex: int, first_uv: int
) -> _Bust:
    """Carry the skin on from its collar, outwards as it runs there and more and more downwards."""
    collar = _collar(points, faces)
    n = len(collar)
    out = _outward(points, faces, collar)
    steps = np.arange(1, BUST_RINGS + 1) / BUST_RINGS
    rings, at = [], points[collar]
    for step in steps:
        at = at + unit(out + step * np.array([0, -0.8, 0])) * (BUST_LENGTH / BUST_RINGS)
        # The collar has corners; the rings round them off.
        at = 0.5 * at + 0.25 * (np.roll(at, 1, axis=0) + np.roll(at, -1, axis=0))
        rings.append(at)
    ids = np.concatenate([collar[None], first_vertex + np.arange(n * BUST_RINGS).reshape(BUST_RINGS, n)])
    (left, bottom), (right, top) = BUST_STRIP
    around, down = np.meshgrid(np.linspace(left, right, n + 1), np.linspace(top, bottom, BUST_RINGS + 1))
    uv_ids = first_uv + np.arange((BUST_RINGS + 1) * (n + 1)).reshape(BUST_RINGS + 1, n + 1)
    return _Bust(
        vertices=np.concatenate(rings),
        source=np.tile(collar, BUST_RINGS),
        faces=_strip(np.concatenate([ids, ids[:, :1]], axis=1)),
        corner_uv=_strip(uv_ids),
        uv=np.stack([around.ravel(), down.ravel()], axis=1),
    )


def _strip(grid: Int64[np.ndarray, "r n"]) -> Int64[np.ndarray, "f 3"]:
    """The triangles between the rows of a grid of indices."""
    a, b, c, d = grid[:-1, :-1], grid[:-1, 1:], grid[1:, :-1], grid[1:, 1:]
    return np.concatenate([np.stack([a, c, b], -1).reshape(-1, 3), np.stack([b, c, d], -1).reshape(-1, 3)])


def _collar(points: Float64[np.ndarray, "v 3"], faces: Int64[np.ndarray, "f 3"]) -> Int64[np.ndarray, "n"]:
    """The lowest border of the skin, in the direction of the faces along it."""
    return min(border_loops(faces), key=lambda loop: points[loop, 1].mean())[::-1]


def _outward(
    points: Float64[np.ndarray, "v 3"], faces: Int64[np.ndarray, "f 3"], loop: Int64[np.ndarray, "n"]
) -> Float64[np.ndarray, "n 3"]:
    """The directions in which the surface would go on at a border, smoothed along it."""
    inside = np.zeros((len(loop), 3))
    for k, vertex in enumerate(loop):
        around = np.unique(faces[(faces == vertex).any(axis=1)])
        inside[k] = points[around[~np.isin(around, loop)]].mean(axis=0)
    along = unit(np.roll(points[loop], -1, axis=0) - np.roll(points[loop], 1, axis=0))
    out = points[loop] - inside
    out = unit(out - np.sum(out * along, axis=1, keepdims=True) * along)
    for _ in range(4):
        out = unit(2 * out + np.roll(out, 1, axis=0) + np.roll(out, -1, axis=0))
    return out
