"""Taking a picture of a lit sitter: rays through pixels, colours, how much of a pixel is covered, normals, depth.

Normals and depth are those of the solid surface that the ray through a pixel's centre meets first, even behind
glasses. The mask and the colours are of everything the picture shows, glasses included, as shares of the pixel's area:
pixels where neighbouring rays disagree are looked at again with more rays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float32, Float64, Int64, UInt8

from headfield.cameras import Camera
from headfield.capture import View
from headfield.mesh.raycast import Hits, RayCaster
from headfield.studio.highlights import dot
from headfield.studio.shading import SHARP, Seen, normals, radiance
from headfield.studio.sitter import LitSitter, Sitter
from headfield.studio.tone import to_pixels

BLOCK = 1 << 18
"""About how many rays are on their way at once."""

LAYERS = 6
"""How many surfaces that do not hide everything behind them a ray goes through at most."""

STEP = 0.75
"""A pixel is looked at again where the surface leaves its plane by this many pixels on the way to a neighbour ..."""

BEND = 0.9
"""... or turns so far that the cosine between the normals falls below this."""

CLEAR = 1 / 512
"""What less than this share of the light comes through hides everything behind it."""

PAST = 1e-4
"""A ray goes on this far behind what it came through, in head units."""

GREY = (0.18, 0.18, 0.18)
"""The wall behind a picture that names no other background."""


@dataclass(frozen=True, eq=False)
class Plate:
    """What the light of one picture is before anything is made of it: linear, without a background."""

    camera: Camera
    radiance: Float32[np.ndarray, "h w 3"]
    """The subject's light, as much as reaches the pixel: where half of it is covered, half."""
    coverage: Float32[np.ndarray, "h w"]
    normals: Float32[np.ndarray, "h w 3"]
    depth: Float32[np.ndarray, "h w"]

    def over(self, background: Float32[np.ndarray, "*h_w 3"]) -> Float32[np.ndarray, "h w 3"]:
        """The light of the whole picture in front of a background, a picture or one colour."""
        return self.radiance + (1 - self.coverage[..., None]) * background

    def view(self, name: str, light: Float32[np.ndarray, "h w 3"]) -> View:
        """The view whose picture shows ``light``."""
        return self.showing(name, to_pixels(light))

    def showing(self, name: str, image: UInt8[np.ndarray, "h w 3"]) -> View:
        """The view whose picture is ``image``."""
        return View(name, self.camera, image, self.mask, self.normals, self.depth)

    @property
    def mask(self) -> UInt8[np.ndarray, "h w"]:
        """How much of each pixel is covered, from 0 to 255."""
        return np.rint(self.coverage * 255).astype(np.uint8)


def photograph(
    lit: LitSitter,
    camera: Camera,
    *,
    name: str = "",
    background: Float32[np.ndarray, "*h_w 3"] | None = None,
    samples_per_side: int = 2,
) -> View:
    """The view of a lit sitter from one camera; in front of a mid grey wall if no background is given."""
    plate = expose(lit, camera, samples_per_side=samples_per_side)
    wall = np.array(GREY, np.float32) if background is None else background
    return plate.view(name, plate.over(wall))


def expose(lit: LitSitter, camera: Camera, *, samples_per_side: int = 2) -> Plate:
    """Let the light of a sitter into a camera; at outlines a pixel is the mean of ``samples_per_side`` squared rays."""
    lens = _Lens.of(camera)
    frame = lens.frame_of(lit.sitter.surface.vertices)
    shape = (frame[0].stop - frame[0].start, frame[1].stop - frame[1].start)
    rows, columns = np.mgrid[frame]
    pixels = np.stack([columns.ravel(), rows.ravel()], axis=1) + 0.5
    hits = lens.hits(lit.sitter.scene, pixels)
    geometry = _geometry(lit, lens, pixels, hits)
    uneven = _uneven(lit.sitter, lens, pixels, hits, geometry, shape)
    light = np.zeros((len(pixels), 4), np.float32)
    even = np.flatnonzero(~uneven & hits.hit)
    light[even] = _look(lit, lens, pixels[even], _some(hits, even))
    again = np.flatnonzero(uneven)
    offsets = _offsets(samples_per_side)
    for some in np.array_split(again, np.ceil(len(again) * len(offsets) / BLOCK) or 1):
        closer = (pixels[some, None] + offsets).reshape(-1, 2)
        light[some] = _look(lit, lens, closer).reshape(len(some), len(offsets), 4).mean(axis=1)
    loose = np.flatnonzero(hits.faces >= len(lit.sitter.solids.mesh.faces))
    geometry[loose] = _geometry(lit, lens, pixels[loose], lens.hits(lit.sitter.solids, pixels[loose]))
    layers = np.concatenate([light, geometry * (light[:, 3:] > 0)], axis=1)
    full = np.zeros((camera.height, camera.width, 8), np.float32)
    full[frame] = layers.reshape(*shape, 8)
    return Plate(camera, full[..., :3], full[..., 3], full[..., 4:7], full[..., 7])


@dataclass(frozen=True, eq=False)
class _Lens:
    """A camera as arrays. Its rays have directions of depth 1, so that distances along them are depths."""

    centre: Float64[np.ndarray, "3"]
    rotation: Float64[np.ndarray, "3 3"]
    focal: Float64[np.ndarray, "2"]
    principal: Float64[np.ndarray, "2"]
    size: tuple[int, int]

    @staticmethod
    def of(camera: Camera) -> _Lens:
        exact = camera.to(dtype=torch.float64, device="cpu")
        return _Lens(
            exact.centre.numpy(),
            exact.rotation.numpy(),
            exact.focal.numpy(),
            exact.principal.numpy(),
            (camera.height, camera.width),
        )

    def directions(self, pixels: Float64[np.ndarray, "n 2"]) -> Float64[np.ndarray, "n 3"]:
        across, down = ((pixels - self.principal) / self.focal).T
        return np.stack([across, down, np.ones_like(across)], axis=1) @ self.rotation

    def hits(self, caster: RayCaster, pixels: Float64[np.ndarray, "n 2"]) -> Hits:
        directions = self.directions(pixels)
        return caster.first_hits(np.broadcast_to(self.centre, directions.shape), directions)

    def frame_of(self, points: Float64[np.ndarray, "n 3"]) -> tuple[slice, slice]:
        """The rows and columns of the picture outside of which none of the points can be."""
        across, down, depth = self.rotation @ (points - self.centre).T
        height, width = self.size
        if depth.min() <= 1e-6:
            return slice(0, height), slice(0, width)
        columns = self.focal[0] * across / depth + self.principal[0]
        rows = self.focal[1] * down / depth + self.principal[1]
        return _span(rows, height), _span(columns, width)


def _span(places: Float64[np.ndarray, "n"], end: int) -> slice:
    return slice(int(np.clip(places.min() - 1, 0, end - 1)), int(np.clip(places.max() + 2, 1, end)))


def _offsets(samples_per_side: int) -> Float64[np.ndarray, "n 2"]:
    """Places in a pixel, from its centre: spread evenly, no two in one row or column (Hammersley's)."""
    n = samples_per_side
    k = np.arange(n * n)
    return (np.stack([k, n * (k % n) + k // n], axis=1) + 0.5) / (n * n) - 0.5


def _some(hits: Hits, which: Int64[np.ndarray, "m"]) -> Hits:
    return Hits(hits.distance[which], hits.faces[which], hits.weights.take(which, axis=0))


def _look(
    lit: LitSitter, lens: _Lens, pixels: Float64[np.ndarray, "n 2"], hits: Hits | None = None
) -> Float32[np.ndarray, "n 4"]:
    """The light that comes from each place of the picture, and how much it hides of what is behind."""
    if hits is None:
        hits = lens.hits(lit.sitter.scene, pixels)
    light = np.zeros((len(pixels), 4), np.float32)
    directions, through = lens.directions(pixels), np.ones(len(pixels), np.float32)
    rays = np.arange(len(pixels))
    for _ in range(LAYERS):
        met = np.flatnonzero(hits.hit)
        rays, hits = rays[met], _some(hits, met)
        beyond = _beyond(lit.sitter, lens, directions[rays], hits)
        colour, opacity = radiance(lit, _seen(lens, directions[rays], hits, beyond.distance - hits.distance))
        share = (through[rays] * opacity)[:, None]
        light[rays] += np.concatenate([share * colour, share], axis=1)
        through[rays] *= 1 - opacity
        onwards = np.flatnonzero(through[rays] > CLEAR)
        if not len(onwards):
            break
        rays, hits = rays[onwards], _some(beyond, onwards)
    return light


def _beyond(sitter: Sitter, lens: _Lens, directions: Float64[np.ndarray, "n 3"], hits: Hits) -> Hits:
    """What rays meet next behind what is not opaque; nothing behind everything else."""
    count = len(hits.faces)
    distance, faces, weights = np.full(count, np.inf), np.full(count, -1), np.zeros((count, 3))
    onwards = np.flatnonzero(sitter.translucent[sitter.part_of(hits.faces)])
    if len(onwards):
        passed = hits.distance[onwards] + PAST
        start = lens.centre + passed[:, None] * directions[onwards]
        further = sitter.scene.first_hits(start, directions[onwards])
        distance[onwards] = passed + further.distance
        faces[onwards], weights[onwards] = further.faces, further.weights
    return Hits(distance, faces, weights)


def _seen(lens: _Lens, directions: Float64[np.ndarray, "n 3"], hits: Hits, thickness: Float64[np.ndarray, "n"]) -> Seen:
    lengths = np.linalg.norm(directions, axis=1)
    return Seen(
        hits.faces,
        hits.weights.astype(np.float32),
        (-directions / lengths[:, None]).astype(np.float32),
        (hits.distance / lens.focal.mean()).astype(np.float32),
        (lengths * thickness).astype(np.float32),
    )


def _geometry(
    lit: LitSitter, lens: _Lens, pixels: Float64[np.ndarray, "n 2"], hits: Hits
) -> Float32[np.ndarray, "n 4"]:
    """Normals in the camera's axes, and depth."""
    layers = np.zeros((len(pixels), 4), np.float32)
    met = np.flatnonzero(hits.hit)
    seen = _seen(lens, lens.directions(pixels[met]), _some(hits, met), np.zeros(len(met)))
    layers[met, :3] = normals(lit.sitter, seen) @ lens.rotation.T.astype(np.float32)
    layers[met, 3] = hits.distance[met]
    return layers


def _uneven(
    sitter: Sitter,
    lens: _Lens,
    pixels: Float64[np.ndarray, "n 2"],
    hits: Hits,
    geometry: Float32[np.ndarray, "n 4"],
    shape: tuple[int, int],
) -> Bool[np.ndarray, "n"]:
    """Pixels where one ray does not tell it all: at outlines, steps and folds, and where highlights are sharp."""
    turned, depth = np.split(geometry.reshape(*shape, 4), [3], axis=2)
    parts = sitter.part_of(hits.faces).reshape(shape)
    plane = (pixels - lens.principal) / lens.focal
    places = depth * np.concatenate([plane, np.ones((len(plane), 1))], axis=1).reshape(*shape, 3).astype(np.float32)
    uneven = np.isin(parts, [k for k, part in enumerate(sitter.parts) if part.gloss and part.roughness < SHARP])
    for one, other in _neighbours():
        step = np.abs(dot(places[one] - places[other], turned[one]))
        differ = parts[one] != parts[other]
        differ |= step > STEP * depth[one][..., 0] / np.float32(lens.focal.mean())
        differ |= (dot(turned[one], turned[other]) < BEND) & (parts[one] >= 0)
        uneven[one] |= differ
        uneven[other] |= differ
    return uneven.ravel()


def _neighbours() -> list[tuple[tuple[slice, slice], tuple[slice, slice]]]:
    """The four ways to lay a picture's pixels over their neighbours, as pairs of parts of the picture."""
    all_, first, last = slice(None), slice(None, -1), slice(1, None)
    return [
        ((all_, first), (all_, last)),
        ((first, all_), (last, all_)),
        ((first, first), (last, last)),
        ((first, last), (last, first)),
    ]
