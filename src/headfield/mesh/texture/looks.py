"""What one view shows of a surface, and how far it can be trusted there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Float64, Int64, UInt8
from scipy.ndimage import distance_transform_edt, grey_opening, map_coordinates

from headfield.cameras import Camera
from headfield.capture import View
from headfield.mesh.pictures import linear_intensities, srgb_values
from headfield.mesh.raycast import RayCaster
from headfield.mesh.seen import LIFT
from headfield.surface import unit

SHARPEST = 6
"""The power of the cosine by which views are mixed: where they differ much, the squarest one alone is shown."""
GRAZING, SQUARE = 0.1, 0.3
"""Cosines between which a look becomes one to be trusted."""
MARGIN, FADE = 0.01, 0.01
"""How far inside the outlines a view begins to be trusted, and how much further fully, in head units: 2 and 2 mm."""
LEAST_MARGIN = 1.5
"""In pixels: what is read between pixels must not mix with what lies outside."""
SOLID = 230
"""From here on a pixel of the mask shows the subject and nothing else."""
STEP, STEEPEST = 0.04, 6.0
"""A step in depth is an outline where it is longer than this, in head units, and than so many pixels are wide."""
PIT = 0.05
"""What is narrower than this, 10 mm, has no outlines: nostrils, and the gap between lips."""


@dataclass(frozen=True, eq=False)
class Look:
    """One view made ready to be asked what it shows of the caster's mesh.

    ``trust`` is 0 at the outlines of the subject and of what stands in front of something, and 1 a little inside.
    """

    caster: RayCaster
    camera: Camera
    image: Float32[np.ndarray, "h w 3"]
    trust: Float32[np.ndarray, "h w"]

    @staticmethod
    def of(view: View, caster: RayCaster, *, texel: float) -> Look:
        """The look of a view; where it is finer than texels of this length, it is made as coarse as they are."""
        camera = view.camera.to(dtype=torch.float64, device="cpu")
        pixel = _pixel(camera, caster)
        mask = np.full(view.image.shape[:2], 255, np.uint8) if view.mask is None else view.mask
        size = (camera.width, camera.height)
        if texel > pixel:
            size = (max(round(camera.width * pixel / texel), 1), max(round(camera.height * pixel / texel), 1))
            camera = camera.resize(*size)
        image, mask = _resized(view.image, size), _resized(mask, size)
        trust = _trust(mask, camera, caster)
        return Look(caster, camera, image.astype(np.float32) / 255, trust)

    @property
    def pixel(self) -> float:
        """How long a pixel is where the mesh is."""
        return _pixel(self.camera, self.caster)

    def exposed(self, gain: Float[np.ndarray, "3"]) -> Look:
        """The look with the light of each channel multiplied by its gain."""
        return replace(self, image=srgb_values(linear_intensities(self.image) * gain).astype(np.float32))

    def at(
        self, points: Float64[np.ndarray, "n 3"], normals: Float64[np.ndarray, "n 3"], *, lift: float = LIFT
    ) -> Shown:
        """What the view shows at places on the surface, or no further below it than ``lift``."""
        towards = self.camera.centre.numpy() - points
        cosine = np.einsum("nk,nk->n", unit(towards), normals)
        pixels, depth = (values.numpy() for values in self.camera.project(torch.from_numpy(points)))
        trust = np.zeros(len(points), np.float32)
        near = np.flatnonzero((depth > 0) & (cosine > GRAZING) & _within(pixels, self.camera))
        trust[near] = read_between(self.trust, pixels[near]) * eased((cosine[near] - GRAZING) / (SQUARE - GRAZING))
        near = near[trust[near] > 0]
        hidden = self.caster.occluded(points[near] + lift * normals[near], towards[near], max_distance=1.0)
        trust[near[hidden]] = 0
        seen = near[~hidden]
        colours = np.stack([read_between(self.image[..., k], pixels[seen]) for k in range(3)], axis=1)
        return Shown(seen, colours, trust[seen], trust[seen] * (cosine[seen] ** SHARPEST).astype(np.float32))


@dataclass(frozen=True, eq=False)
class Shown:
    """What one view shows of some places: of which, in which colours (0 to 1), trusted how far (0 to 1).

    ``weights`` say how much it counts beside other views.
    """

    which: Int64[np.ndarray, "m"]
    colours: Float32[np.ndarray, "m 3"]
    trust: Float32[np.ndarray, "m"]
    weights: Float32[np.ndarray, "m"]


def mixed(
    looks: Sequence[Look],
    points: Float64[np.ndarray, "n 3"],
    normals: Float64[np.ndarray, "n 3"],
    *,
    lift: float = LIFT,
) -> tuple[Float32[np.ndarray, "n 3"], Float32[np.ndarray, "n"]]:
    """What views together show of places on the surface, and how far it is to be trusted."""
    colours, weights = np.zeros((len(points), 3), np.float32), np.zeros(len(points), np.float32)
    doubt = np.ones(len(points), np.float32)
    for look in looks:
        shown = look.at(points, normals, lift=lift)
        colours[shown.which] += shown.weights[:, None] * shown.colours
        weights[shown.which] += shown.weights
        doubt[shown.which] *= 1 - shown.trust
    seen = weights > 0
    colours[seen] /= weights[seen, None]
    return colours, np.where(seen, 1 - doubt, np.float32(0))


def eased(x: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
    """From 0 to 1 as x goes there, without a corner at either end."""
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def _pixel(camera: Camera, caster: RayCaster) -> float:
    """How long a pixel is where the mesh is."""
    distance = np.linalg.norm(camera.centre.numpy() - caster.mesh.bounds.mean(axis=0))
    return float(distance / camera.focal.mean())


def _resized(picture: UInt8[np.ndarray, "h w *c"], size: tuple[int, int]) -> UInt8[np.ndarray, "a b *c"]:
    from PIL import Image

    if picture.shape[1::-1] == size:
        return picture
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX))


def _trust(mask: UInt8[np.ndarray, "h w"], camera: Camera, caster: RayCaster) -> Float32[np.ndarray, "h w"]:
    """Further inside the mask and the outlines of the mesh, more."""
    rays = camera.rays(camera.pixel_centres().reshape(-1, 2))
    hits = caster.first_hits(rays.origins.numpy(), rays.directions.numpy())
    pixel = _pixel(camera, caster)
    depth = np.where(hits.hit, hits.distance, 1e9).reshape(mask.shape)
    depth = grey_opening(depth, size=round(PIT / pixel) + 1, mode="nearest")
    clear = (mask >= SOLID) & (depth < 1e9) & ~_outlines(depth, max(STEP, STEEPEST * pixel))
    if clear.all():
        return np.ones(mask.shape, np.float32)
    inside = distance_transform_edt(clear) - 0.5
    margin = max(LEAST_MARGIN, MARGIN / pixel)
    return eased((inside - margin) / (FADE / pixel)).astype(np.float32)


def _outlines(depth: Float64[np.ndarray, "h w"], step: float) -> Bool[np.ndarray, "h w"]:
    """The pixels on both sides of each step in depth."""
    edge = np.zeros(depth.shape, bool)
    for axis in (0, 1):
        jump = np.abs(np.diff(depth, axis=axis)) > step
        before, after = [slice(None)] * 2, [slice(None)] * 2
        before[axis], after[axis] = slice(None, -1), slice(1, None)
        edge[tuple(before)] |= jump
        edge[tuple(after)] |= jump
    return edge


def _within(pixels: Float64[np.ndarray, "n 2"], camera: Camera) -> Bool[np.ndarray, "n"]:
    return np.all((pixels >= 0.5) & (pixels <= (camera.width - 0.5, camera.height - 0.5)), axis=1)


def read_between(picture: Float32[np.ndarray, "h w"], pixels: Float64[np.ndarray, "n 2"]) -> Float32[np.ndarray, "n"]:
    """The picture between the middles of its pixels."""
    return map_coordinates(picture, (pixels[:, 1] - 0.5, pixels[:, 0] - 0.5), order=1, mode="nearest")
