"""Which place of a surface each texel of its texture shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Float64, Int64, Shaped, UInt8

from headfield.errors import InputError
from headfield.mesh.vertices import merge_equal
from headfield.surface import Mesh, SurfaceSamples, unit

SMALLEST, LARGEST = 16, 8192
PART = 1 << 18
"""How many texels are worked on at once, so that all that is known about them fits in memory."""


@dataclass(frozen=True, eq=False)
class Atlas:
    """The texels of a square texture, ``size`` a side, that lie on a face: row by row from the top, each on one face.

    Their places are on ``surface``: the mesh as it was before vertices were doubled at seams.
    """

    mesh: Mesh
    size: int
    texels: Int64[np.ndarray, "n"]
    faces: Int64[np.ndarray, "n"]

    @staticmethod
    def of(mesh: Mesh, size: int) -> Atlas:
        """The atlas that the mesh's texture coordinates make."""
        if mesh.uv is None:
            raise InputError("the mesh has no texture coordinates, so nothing can be painted on it; unwrap it first.")
        if not SMALLEST <= size <= LARGEST:
            raise InputError(f"a texture of {size} texels a side cannot be made; ask for {SMALLEST} to {LARGEST}.")
        texels, faces = covered(_flat(mesh, size), size)
        owner = np.full(size * size, -1)
        owner[texels] = faces
        _claim_one_each(owner, mesh, size)
        texels = np.flatnonzero(owner >= 0)
        return Atlas(mesh, size, texels, owner[texels])

    def __len__(self) -> int:
        return len(self.texels)

    @cached_property
    def surface(self) -> Mesh:
        """The bare mesh with one vertex in each place, and the faces in their order."""
        first, place = self._merged
        return Mesh(self.mesh.vertices[first], place[self.mesh.faces])

    @property
    def place(self) -> Int64[np.ndarray, "v"]:
        """Which vertex of the surface each vertex of the mesh is."""
        return self._merged[1]

    @cached_property
    def _merged(self) -> tuple[Int64[np.ndarray, "p"], Int64[np.ndarray, "v"]]:
        return merge_equal(self.mesh.vertices)

    @property
    def texel_side(self) -> float:
        """How long a texel is on the surface, on the whole."""
        a, b, c = np.moveaxis(_flat(self.mesh, self.size), 1, 0)
        (ux, uy), (vx, vy) = (b - a).T, (c - a).T
        return float(np.sqrt(self.mesh.face_areas.sum() / max(np.abs(ux * vy - uy * vx).sum() / 2, 1e-12)))

    def parts(self) -> Iterator[slice]:
        """All texels, some at a time."""
        return (slice(start, start + PART) for start in range(0, len(self), PART))

    def places(self, chosen: slice | Int64[np.ndarray, "m"] = slice(None)) -> SurfaceSamples:
        """Where on the surface the middles of the chosen texels lie."""
        texels, faces = self.texels[chosen], self.faces[chosen]
        middles = np.stack([texels % self.size, texels // self.size], axis=1) + 0.5
        a, b, c = np.moveaxis(_flat(self.mesh, self.size)[faces], 1, 0)
        (ux, uy), (vx, vy), (px, py) = (b - a).T, (c - a).T, (middles - a).T
        area = ux * vy - uy * vx
        beside = np.stack([px * vy - py * vx, ux * py - uy * px], axis=1)
        flat = np.abs(area) < 1e-9
        weights = np.full((len(faces), 3), 1 / 3)
        weights[~flat, 1:] = beside[~flat] / area[~flat, None]
        weights[~flat, 0] = 1 - weights[~flat, 1:].sum(axis=1)
        weights = weights.clip(0, 1)
        return SurfaceSamples(self.surface, faces, weights / weights.sum(axis=1, keepdims=True))

    def picture(self, values: Float[np.ndarray, "n 3"]) -> UInt8[np.ndarray, "size size 3"]:
        """The texture with colours from 0 to 1 at the texels. All others are as the nearest of these.

        So what is interpolated at the edge of a chart, and what smaller versions of the texture mix, stays its colour.
        """
        return self.laid_out(np.round(255 * values.clip(0, 1)).astype(np.uint8))

    def laid_out(self, values: Shaped[np.ndarray, "n *c"]) -> Shaped[np.ndarray, "size size *c"]:
        """Values of the texels as a picture; all others have those of the nearest."""
        from scipy.ndimage import distance_transform_edt

        table = np.zeros((self.size * self.size, *values.shape[1:]), values.dtype)
        table[self.texels] = values
        table = table.reshape(self.size, self.size, *values.shape[1:])
        empty = np.ones(self.size * self.size, bool)
        empty[self.texels] = False
        if empty.all():
            return table
        row, column = distance_transform_edt(empty.reshape(self.size, -1), return_distances=False, return_indices=True)
        return table[row, column]


def smooth_normals(samples: SurfaceSamples) -> Float64[np.ndarray, "n 3"]:
    """The normals at samples of a surface, from those of its vertices."""
    return unit(samples.of_vertices(samples.mesh.vertex_normals))


def _claim_one_each(owner: Int64[np.ndarray, "t"], mesh: Mesh, size: int) -> None:
    """Give each face that no texel's middle lies in the one that its own middle lies in, unless that is another's.

    Or a chart that is smaller than a texel would show what happens to be beside it.
    """
    without = np.setdiff1d(np.arange(len(mesh.faces)), owner)
    column, row = np.floor(_flat(mesh, size)[without].mean(axis=1)).clip(0, size - 1).astype(np.int64).T
    texels = row * size + column
    free = owner[texels] < 0
    owner[texels[free]] = without[free]


def _flat(mesh: Mesh, size: int) -> Float64[np.ndarray, "f 3 2"]:
    """The corners of each face in texels, from the top left."""
    assert mesh.uv is not None
    uv = mesh.uv.astype(np.float64)
    return (np.stack([uv[:, 0], 1 - uv[:, 1]], axis=1) * size)[mesh.faces]


def covered(corners: Float64[np.ndarray, "f 3 2"], size: int) -> tuple[Int64[np.ndarray, "n"], Int64[np.ndarray, "n"]]:
    """The texels whose middles lie in each face, and the faces; the middles on an edge belong to one side of it."""
    low, high = _first_at(corners[..., 1].min(axis=1), size), _first_at(corners[..., 1].max(axis=1), size)
    faces, rows = _ranges(low, high)
    left, right = np.full(len(faces), np.inf), np.full(len(faces), -np.inf)
    for start, end in ((0, 1), (1, 2), (2, 0)):
        # Both faces at an edge see it in the same direction, so that they agree where it lies to the last bit.
        p, q = corners[:, start], corners[:, end]
        upwards = ((p[:, 1] > q[:, 1]) | ((p[:, 1] == q[:, 1]) & (p[:, 0] > q[:, 0])))[:, None]
        p, q = np.where(upwards, q, p)[faces], np.where(upwards, p, q)[faces]
        y = rows + 0.5
        crossed = np.flatnonzero((p[:, 1] <= y) & (y < q[:, 1]))
        p, q, y = p[crossed], q[crossed], y[crossed]
        x = p[:, 0] + (y - p[:, 1]) * (q[:, 0] - p[:, 0]) / (q[:, 1] - p[:, 1])
        left[crossed], right[crossed] = np.minimum(left[crossed], x), np.maximum(right[crossed], x)
    some = left < right
    faces, rows, left, right = faces[some], rows[some], left[some], right[some]
    spans, columns = _ranges(_first_at(left, size), _first_at(right, size))
    return rows[spans] * size + columns, faces[spans]


def _first_at(x: Float64[np.ndarray, "n"], size: int) -> Int64[np.ndarray, "n"]:
    """The number of the first texel whose middle does not lie before x."""
    return np.ceil(x - 0.5).clip(0, size).astype(np.int64)


def _ranges(
    start: Int64[np.ndarray, "k"], end: Int64[np.ndarray, "k"]
) -> tuple[Int64[np.ndarray, "n"], Int64[np.ndarray, "n"]]:
    """All whole numbers from each start to before its end, and which start each belongs to."""
    counts = np.maximum(end - start, 0)
    which = np.repeat(np.arange(len(start)), counts)
    before = np.cumsum(counts) - counts
    return which, np.arange(len(which)) - before[which] + start[which]
