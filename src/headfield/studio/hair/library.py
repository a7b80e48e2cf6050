"""Groomed hair from the open data, brought from the heads it was made on to the mean head."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal
from zipfile import BadZipFile

import numpy as np
from jaxtyping import Float, Float32, Float64, Int64
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from headfield.errors import InputError, reading
from headfield.mesh import obj
from headfield.studio.assets import asset
from headfield.studio.hair.ground import Ground
from headfield.studio.hair.strands import respaced
from headfield.studio.hair.styles import Family
from headfield.surface import Mesh

POINTS = 32
"""How many points each strand is given."""
HIGHEST = 0.755
"""Single strands that rise above this are left out."""
SAMPLES = 30_000
"""How many places on a hair mesh hair is put at."""

_OURS = np.array(
    [
        (0, -0.03, 0.603),  # tip of the nose
        (0, 0.137, 0.487),  # bridge of the nose
        (0.223, 0.122, 0.38),  # outer corner of the eye
        (0.127, -0.226, 0.459),  # corner of the mouth
        (0, -0.38, 0.475),  # chin
        (0, 0.675, -0.02),  # top
        (0, 0.25, -0.485),  # back
        (0.44, 0.13, -0.08),  # top of the ear
        (0.39, -0.16, 0.0),  # lobe of the ear
        (0.392, 0.32, -0.05),  # side of the skull
        (0, -0.28, -0.335),  # nape
    ]
)


@dataclass(frozen=True, eq=False)
class Wearer:
    """The head a kind of data was made on: how its axes turn into ours, and where it has the points of ``_OURS``."""

    turned: Float64[np.ndarray, "3 3"]
    points: Float64[np.ndarray, "11 3"]


WEARERS: Mapping[Literal["hair-strands", "hair-meshes"], Wearer] = {
    "hair-strands": Wearer(
        np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]),
        np.array(
            [
                (0, 1.6, 0.096),
                (0, 1.637, 0.07),
                (0.05, 1.635, 0.05),
                (0.026, 1.563, 0.067),
                (0, 1.53, 0.074),
                (0, 1.747, -0.035),
                (0, 1.66, -0.128),
                (0.088, 1.634, -0.04),
                (0.076, 1.581, -0.02),
                (0.08, 1.68, -0.04),
                (0, 1.545, -0.096),
            ]
        ),
    ),
    "hair-meshes": Wearer(
        np.eye(3),
        np.array(
            [
                (0, 6.93, 1.68),
                (0, 7.27, 1.51),
                (0.44, 7.29, 1.3),
                (0.26, 6.6, 1.43),
                (0, 6.32, 1.5),
                (0, 8.49, 0.55),
                (0, 7.6, -0.4),
                (0.87, 7.33, 0.45),
                (0.74, 6.83, 0.6),
                (0.75, 7.7, 0.5),
                (0, 6.55, -0.12),
            ]
        ),
    ),
}


@dataclass(frozen=True)
class Groom:
    """One piece of hair in the data."""

    data: Literal["hair-strands", "hair-meshes"]
    file: str
    family: Family


GROOMS: Mapping[str, Groom] = {
    "back": Groom("hair-strands", "Back1.npz", "long-straight"),
    "bob": Groom("hair-strands", "Bob.npz", "bob"),
    "combover": Groom("hair-strands", "Combover_zoro_d.npz", "crop"),
    "eve": Groom("hair-strands", "Eve.npz", "long-straight"),
    "scene": Groom("hair-strands", "SceneHair_1_O4saken.npz", "long-wavy"),
    "slicked": Groom("hair-strands", "SlickedBack.npz", "slicked-back"),
    "bob01": Groom("hair-meshes", "bob01.obj", "bob"),
    "bob02": Groom("hair-meshes", "bob02.obj", "bob"),
    "braid01": Groom("hair-meshes", "braid01.obj", "braid"),
    "long01": Groom("hair-meshes", "long01.obj", "long-straight"),
    "ponytail01": Groom("hair-meshes", "ponytail01.obj", "ponytail"),
    "short01": Groom("hair-meshes", "short01.obj", "crop"),
    "short02": Groom("hair-meshes", "short02.obj", "crop"),
    "short03": Groom("hair-meshes", "short03.obj", "side-part"),
    "short04": Groom("hair-meshes", "short04.obj", "slicked-back"),
}


@dataclass(frozen=True, eq=False)
class Sheets:
    """The surfaces of a hair mesh: places spread over them, the way hair runs there, and the piece each is on."""

    points: Float32[np.ndarray, "n 3"]
    flow: Float32[np.ndarray, "n 3"]
    piece: Int64[np.ndarray, "n"]


@lru_cache(maxsize=4)
def guides_of(name: str, ground: Ground) -> Float32[np.ndarray, "n k 3"]:
    """The strands of a groom on the mean head, root first."""
    groom = GROOMS[name]
    folder = asset(groom.data)
    path = folder / groom.file
    with reading(path):
        try:
            with np.load(path, allow_pickle=False) as file:
                counts, points = file["cnt"].astype(np.int64), file["data"].astype(np.float64)
        except (ValueError, KeyError, EOFError, BadZipFile):
            raise InputError(f"{path} is damaged; fetch it again with `headfield assets fetch {groom.data}`.") from None
    moved = _fitting(groom.data, ground).apply(points)
    starts = np.cumsum(counts) - counts
    longest = int(counts.max())
    # Short strands repeat their last point; respacing by length drops the repetition.
    index = starts[:, None] + np.minimum(np.arange(longest), counts[:, None] - 1)
    strands = respaced(moved[index].astype(np.float32), POINTS)
    return strands[strands[:, :, 1].max(axis=1) < HIGHEST]


@lru_cache(maxsize=4)
def sheets_of(name: str, ground: Ground) -> Sheets:
    """Places spread evenly over a hair mesh, brought to the mean head."""
    groom = GROOMS[name]
    mesh = obj.read(asset(groom.data) / groom.file)
    assert mesh.uv is not None
    corners = _fitting(groom.data, ground).apply(mesh.vertices)[mesh.faces]
    edges = corners[:, 1:] - corners[:, :1]
    area = np.linalg.norm(np.cross(edges[:, 0], edges[:, 1]), axis=1) / 2
    rng = np.random.default_rng(0)
    face = rng.choice(len(area), SAMPLES, p=area / area.sum())
    u, v = rng.random((2, len(face)))
    fold = u + v > 1
    u[fold], v[fold] = 1 - u[fold], 1 - v[fold]
    points = corners[face, 0] + u[:, None] * edges[face, 0] + v[:, None] * edges[face, 1]
    flow = _along_cards(edges, mesh.uv[mesh.faces])[face]
    return Sheets(points.astype(np.float32), flow.astype(np.float32), _pieces(mesh)[face])


def _along_cards(edges: Float64[np.ndarray, "f 2 3"], uv: Float[np.ndarray, "f 3 2"]) -> Float64[np.ndarray, "f 3"]:
    """The direction in which v falls on each face: hair is painted upright on its cards, root at the top."""
    du, dv = np.moveaxis(np.asarray(uv, np.float64)[:, 1:] - uv[:, :1], 2, 0)
    determinant = du[:, 0] * dv[:, 1] - du[:, 1] * dv[:, 0]
    flow = -(edges[:, 1] * du[:, :1] - edges[:, 0] * du[:, 1:]) * np.sign(determinant)[:, None]
    lengths = np.linalg.norm(flow, axis=1, keepdims=True)
    return np.divide(flow, lengths, out=np.tile([0.0, -1.0, 0.0], (len(flow), 1)), where=lengths > 1e-12)


@dataclass(frozen=True, eq=False)
class _Fitting:
    """From the data's own frame to the mean head: a similarity, then skin onto skin, which takes the hair along."""

    wearer: Wearer
    scale: float
    rotation: Float64[np.ndarray, "3 3"]
    shift: Float64[np.ndarray, "3"]
    skin: Float64[np.ndarray, "s 3"]
    moves: Float64[np.ndarray, "s 3"]

    def apply(self, points: Float64[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n 3"]:
        rigid = self.scale * (points @ self.wearer.turned.T) @ self.rotation.T + self.shift
        gap, near = cKDTree(self.skin).query(rigid, k=12)
        weight = 1 / (gap + 0.02) ** 2
        weight /= weight.sum(axis=1, keepdims=True)
        return rigid + np.einsum("nk,nkc->nc", weight, self.moves[near])


@lru_cache(maxsize=4)
def _fitting(data: Literal["hair-strands", "hair-meshes"], ground: Ground) -> _Fitting:
    wearer = WEARERS[data]
    both = np.array([1, 1, 1]), np.array([-1, 1, 1])
    scale, rotation, shift = _similarity(
        np.concatenate([wearer.points * side for side in both]), np.concatenate([_OURS * side for side in both])
    )
    placed = scale * (_body(data) @ wearer.turned.T) @ rotation.T + shift
    head = placed[(placed[:, 1] > -0.45) & (np.linalg.norm(placed, axis=1) < 0.95)]
    moved = head.astype(np.float32)
    for _ in range(3):
        moved = moved - ground.distance(moved)[:, None] * ground.normal(moved)
    moves = (moved - head).astype(np.float64)
    sane = np.linalg.norm(moves, axis=1) < 0.12
    head, moves = head[sane], moves[sane]
    _, near = cKDTree(head).query(head, k=24)
    return _Fitting(wearer, scale, rotation, shift, head, moves[near].mean(axis=1))


def _similarity(
    source: Float64[np.ndarray, "n 3"], target: Float64[np.ndarray, "n 3"]
) -> tuple[float, Float64[np.ndarray, "3 3"], Float64[np.ndarray, "3"]]:
    """Scale, rotation and shift that bring points nearest to others."""
    a, b = source - source.mean(axis=0), target - target.mean(axis=0)
    left, size, right = np.linalg.svd(b.T @ a)
    sign = np.array([1, 1, np.sign(np.linalg.det(left @ right))])
    rotation = (left * sign) @ right
    scale = float((size * sign).sum() / np.square(a).sum())
    return scale, rotation, target.mean(axis=0) - scale * source.mean(axis=0) @ rotation.T


BODY_VERTICES = 13380
"""How many vertices of the body that hair meshes are made on are its skin; what follows are helpers and joints."""


def _body(data: Literal["hair-strands", "hair-meshes"]) -> Float64[np.ndarray, "v 3"]:
    folder = asset(data)
    if data == "hair-strands":
        return np.load(folder / "head_vertices.npy").astype(np.float64)
    return obj.read(folder / "base.obj").vertices[:BODY_VERTICES]


def _pieces(mesh: Mesh) -> Int64[np.ndarray, "f"]:
    """Which connected piece each face is on."""
    n = len(mesh.vertices)
    a, b, c = mesh.faces.T
    graph = csr_array((np.ones(2 * len(a)), (np.concatenate([a, b]), np.concatenate([b, c]))), shape=(n, n))
    _, piece = connected_components(graph, directed=False)
    return piece[a].astype(np.int64)
