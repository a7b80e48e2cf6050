"""The map a face is painted by: its canvas, the places of its features, and a flat chart of its front to draw in.

All of it belongs to a model's mean head, is made once, and serves every person.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Int64, UInt8
from scipy.interpolate import CubicSpline
from scipy.ndimage import binary_dilation
from scipy.spatial import cKDTree

from headfield.mesh.raycast import RayCaster
from headfield.studio import regions
from headfield.studio.canvas import Canvas, stretch
from headfield.studio.model import EYES, SKIN, HeadModel
from headfield.surface import Mesh
from headfield.units import MILLIMETRES_PER_UNIT

MM = 1 / MILLIMETRES_PER_UNIT

_CYLINDER = 0.45
"""The radius of the cylinder about the head's axis that the chart is unrolled from."""
_LOW, _HIGH = np.array([-0.54, -0.56]), np.array([0.54, 0.44])

PIXELS_PER_MM = 4
CHART_SIZE = tuple(int(n) for n in np.rint((_HIGH - _LOW) * PIXELS_PER_MM / MM))
"""Width and height of the chart in pixels."""


def chart_pixels(points: Float[np.ndarray, "*n 3"]) -> Float64[np.ndarray, "*n 2"]:
    """Where points of the face are in the chart."""
    x, y, z = np.moveaxis(np.asarray(points, float), -1, 0)
    flat = np.stack([_CYLINDER * np.arctan2(x, z), y], axis=-1)
    return (flat - _LOW) * [1, -1] * PIXELS_PER_MM / MM + [0, CHART_SIZE[1]]


def curve(points: Float64[np.ndarray, "k d"], n: int, closed: bool = False) -> Float64[np.ndarray, "n d"]:
    """n points along the smooth curve through some, evenly in its length."""
    through = np.concatenate([points, points[:1]]) if closed else points
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(through, axis=0), axis=1))])
    spline = CubicSpline(length, through, bc_type="periodic" if closed else "natural")
    return np.asarray(spline(np.linspace(0, length[-1], n, endpoint=not closed)))


@dataclass(frozen=True, eq=False)
class FaceMap:
    """The mean skin of a model as something to paint on. Masks run from 0 to 1 and belong to the mean's vertices."""

    model: HeadModel
    surface: Mesh
    canvas: Canvas

    @property
    def landmarks(self) -> Float64[np.ndarray, "68 3"]:
        """The 68 points on the mean head."""
        return self.model.mean[self.model.landmarks]

    @property
    def places(self) -> Float64[np.ndarray, "v 3"]:
        """The vertices of the mean skin."""
        return self.surface.vertices

    def near(self, centre: Float64[np.ndarray, "3"], radii: tuple[float, float, float]) -> Float32[np.ndarray, "v"]:
        """A soft spot on both sides of the face, by its centre and its widths in millimetres."""
        folded = np.where([True, False, False], np.abs(self.places), self.places)
        centre = np.abs(centre * [1, 0, 0]) + centre * [0, 1, 1]
        return np.exp(-0.5 * np.sum(((folded - centre) / (np.array(radii) * MM)) ** 2, axis=1)).astype(np.float32)

    def on_texels(
        self, values: Float32[np.ndarray, "v c"], which: Int64[np.ndarray, "m"] | slice = slice(None)
    ) -> Float32[np.ndarray, "m c"]:
        """What is known at the vertices, at all texels or some."""
        return self.canvas.of_vertices(values, self.surface, which)

    @cached_property
    def scalp(self) -> Float32[np.ndarray, "v"]:
        """Where a full head of hair grows."""
        return regions.scalp(self.places).astype(np.float32)

    @cached_property
    def around_scalp(self) -> Float32[np.ndarray, "v"]:
        """Where hair may grow at all: hanging hair has no roots where it touches neck and shoulders."""
        return regions.SCALP.weight(self.places - np.array([0, 0.03, 0]), blur=0.1).astype(np.float32)

    @cached_property
    def around_beard(self) -> Float32[np.ndarray, "v"]:
        """Where a beard may grow at all: it hangs over throat and chest."""
        cheeks, lip = regions.BEARD.weight(self.places, blur=0.1), regions.MOUSTACHE.weight(self.places, blur=0.06)
        return np.maximum(cheeks, lip).astype(np.float32)

    @cached_property
    def beard(self) -> Float32[np.ndarray, "v"]:
        """Where a full beard and a moustache grow."""
        return np.maximum(regions.beard(self.places), regions.moustache(self.places)).astype(np.float32)

    @cached_property
    def ears(self) -> Float32[np.ndarray, "v"]:
        """The ears, which stand out from the sides of the head."""
        x, y, z = self.places.T
        out = np.clip((np.abs(x) - 0.37) / 0.03, 0, 1)
        return (out * (y > -0.12) * (y < 0.26) * (z < 0.14) * (z > -0.2)).astype(np.float32)

    @cached_property
    def upper_lid(self) -> Float32[np.ndarray, "v"]:
        """What lies above the slit of the eyes."""
        upper, lower = self.landmarks[42:46], self.landmarks[[42, 47, 46, 45]]
        middle = (upper + lower) / 2
        height = np.interp(np.abs(self.places[:, 0]), middle[:, 0], middle[:, 1])
        return np.clip((self.places[:, 1] - height) / 0.008 + 0.5, 0, 1).astype(np.float32)

    @cached_property
    def lid_edge(self) -> Float32[np.ndarray, "n"]:
        """The distance of each texel from the edge of the eyelids as it is seen from the front; far away, infinite."""
        distance = np.full(len(self.canvas.positions), np.inf, np.float32)
        tree = cKDTree(np.concatenate(list(self._lid_points.values())))
        coarse = tree.query(self.places)[0].astype(np.float32)
        near = np.flatnonzero(self.on_texels(coarse[:, None])[:, 0] < 12 * MM)
        distance[near] = tree.query(self.canvas.positions[near])[0]
        return distance

    @cached_property
    def lids(self) -> dict[str, tuple[Float64[np.ndarray, "k 3"], Float64[np.ndarray, "k 3"]]]:
        """The edges of the upper and of the lower lid of each eyeball, from the nose outwards."""
        return {eyeball: (_edge(points, 1), _edge(points, -1)) for eyeball, points in self._lid_points.items()}

    @cached_property
    def _lid_points(self) -> dict[str, Float64[np.ndarray, "k 3"]]:
        return {eyeball: self._seen_edge(eyeball) for eyeball in EYES}

    def _seen_edge(self, eyeball: str) -> Float64[np.ndarray, "k 3"]:
        """Where the skin begins around an eyeball that is looked at from the front."""
        ball = self.model.surface(self.model.mean, (eyeball,))
        (left, bottom, _), (right, top, front) = ball.bounds
        fine = 0.15 * MM
        x, y = np.meshgrid(np.arange(left, right, fine), np.arange(bottom, top, fine))
        origins = np.stack([x.ravel(), y.ravel(), np.full(x.size, front + 0.5)], axis=1)
        forward = np.tile([0.0, 0.0, -1.0], (x.size, 1))
        depths = [RayCaster(mesh).first_hits(origins, forward).distance for mesh in (self.surface, ball)]
        white = (depths[1] < depths[0]).reshape(x.shape)
        skin = (binary_dilation(white) & ~white & np.isfinite(depths[0]).reshape(x.shape)).ravel()
        return origins[skin] + depths[0][skin, None] * forward[skin]

    @cached_property
    def inner(self) -> dict[str, Bool[np.ndarray, "n"]]:
        """Which texels lie inside the mouth, and which in the eye sockets."""
        ranges = [self.model.parts[part].faces for part in SKIN]
        part = np.repeat(SKIN, [faces.stop - faces.start for faces in ranges])[self.canvas.faces]
        return {"mouth": part == "mouth", "eyes": np.isin(part, ("eye_socket_L", "eye_socket_R"))}

    @cached_property
    def front(self) -> Int64[np.ndarray, "m"]:
        """Which texels of the canvas the chart shows: the outside of the face."""
        inside = np.all((self._pixels >= 1) & (self._pixels < np.array(CHART_SIZE) - 2), axis=1)
        x, y, z = self.canvas.positions.T
        outward = self.canvas.normals @ np.array([0, 0.1, 1], np.float32) > -0.1
        # Lips turn inwards.
        lips = y < self.landmarks[48:60, 1].max() + 0.01
        shown = inside & (z > 0.05) & (outward | lips | (np.abs(x) > 0.2))
        return np.flatnonzero(shown & ~self.inner["mouth"] & ~self.inner["eyes"])

    @cached_property
    def _pixels(self) -> Float32[np.ndarray, "n 2"]:
        return chart_pixels(self.canvas.positions).astype(np.float32) - 0.5

    @cached_property
    def _lookup(self) -> tuple[Int64[np.ndarray, "m"], Float32[np.ndarray, "m"], Float32[np.ndarray, "m"]]:
        pixels = self._pixels[self.front]
        corner = np.floor(pixels).astype(np.int64)
        across, down = (pixels - corner).T.astype(np.float32)
        return corner[:, 1] * CHART_SIZE[0] + corner[:, 0], across, down

    def from_chart(self, layer: UInt8[np.ndarray, "h w"]) -> Float32[np.ndarray, "m"]:
        """A layer drawn in the chart, at the texels of :attr:`front`, from 0 to 1."""
        corner, across, down = self._lookup
        flat, width = layer.ravel(), CHART_SIZE[0]

        def row(start: Int64[np.ndarray, "m"]) -> Float32[np.ndarray, "m"]:
            left = flat[start].astype(np.float32)
            return left + across * (flat[start + 1] - left)

        upper = row(corner)
        return (upper + down * (row(corner + width) - upper)) / np.float32(255)


def _edge(points: Float64[np.ndarray, "m 3"], side: int, n: int = 65, columns: int = 24) -> Float64[np.ndarray, "k 3"]:
    """A smooth curve along the upper (side 1) or the lower edge (-1) of some points around an eye."""
    outwards = np.sign(points[:, 0].mean())
    across = np.abs(points[:, 0])
    column = np.clip((across - across.min()) / np.ptp(across) * columns, 0, columns - 1).astype(int)
    extreme = np.full(columns, -np.inf)
    np.maximum.at(extreme, column, side * points[:, 1])
    rim = points[side * points[:, 1] > extreme[column] - 0.3 * MM]
    along, middle = np.linspace(across.min(), across.max(), n), across.mean()
    height, depth = (np.polyval(np.polyfit(np.abs(rim[:, 0]) - middle, rim[:, k], 5), along - middle) for k in (1, 2))
    return np.stack([outwards * along, height, depth], axis=1)


@lru_cache(maxsize=2)
def face_map(model: HeadModel, size: int) -> FaceMap:
    """The map of a model's skin in a texture of ``size`` texels each way."""
    surface = model.surface(model.mean, SKIN)
    return FaceMap(model, surface, stretch(surface, size))
