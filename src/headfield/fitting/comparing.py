"""How alike places of a head's surface look in several pictures, and cameras and a shape with which they do most.

Places of the surface, which moves with u as the prior says, are looked up in every picture that sees them, against what
is around them there, since light and exposure may differ.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float32, Float64, UInt8
from PIL import Image
from scipy.ndimage import gaussian_filter, map_coordinates

from headfield.cameras import Camera
from headfield.canonical import NOSE_TIP
from headfield.fitting.held import visibility
from headfield.fitting.newton import Equations, likeliest
from headfield.fitting.pose import Pinhole
from headfield.fitting.poses import EYES, LandmarkModel
from headfield.fitting.prior import ShapePrior
from headfield.mesh.extract import extract
from headfield.render.queries import roughly
from headfield.surface import Mesh
from headfield.units import MILLIMETRES_PER_UNIT

EYE_DISTANCE = 64.0
"""How many pixels lie between the eyes of the pictures that are compared."""

MARGIN = 4.0
"""So near to the person's outline, in pixels, pictures are not looked at: masks are rough there."""

SURROUNDINGS = 8.0
"""Brightness is compared with what is around it; that is wider than the blur by this times the blur's root."""

FAINT = 3.0
"""Contrasts below this, of 255, are noise."""

STEPS = 5
"""How many Gauss-Newton steps are made for each blur."""

PLACES = 1200
"""How many places of the surface are looked up."""

REACH = 100.0 / MILLIMETRES_PER_UNIT
"""How far from the tip of the nose they are at most."""

EYEBALL = 9.0 / MILLIMETRES_PER_UNIT
"""So near to the middle of an eye nothing is compared: eyes look at the camera."""

FACING = 0.3
"""Places seen at a smaller cosine are not compared."""

OFF, COUNTS = 0.6, 150.0
"""How differently places look, in standard deviations of their surroundings, and for how many independent looks those
count that two photos share."""

OUTLIER = 1.5
"""From how many times that on a look is mistrusted: hair, glasses, shadows, highlights."""

FEWEST = 50
"""Two photos that share fewer places are not compared."""


@runtime_checkable
class Unknowns(Protocol):
    """What is sought, as one vector: u, and each view's pose with what else is its own."""

    @property
    def model(self) -> LandmarkModel:
        """Where landmarks are."""
        ...

    @property
    def views(self) -> Sequence[Pinhole]:
        """The cameras whose poses are sought."""
        ...

    def parted(self, x: Float64[np.ndarray, "n"]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """It as u, poses and what else the views have of their own."""
        ...

    def own_part(self, view: int) -> slice:
        """Where in it a view's own part is, which begins with the pose."""
        ...

    def cameras(self, x: Float64[np.ndarray, "n"]) -> tuple[Camera, ...]:
        """It as cameras."""
        ...

    def equations(self, x: Float64[np.ndarray, "n"]) -> Equations:
        """What is known without a look at the pictures."""
        ...


def most_alike(
    unknowns: Unknowns,
    x: Float64[np.ndarray, "n"],
    pictures: Sequence[Picture],
    pairs: Sequence[tuple[int, int]],
    blurs: Sequence[float],
    prior: ShapePrior,
) -> Float64[np.ndarray, "n"]:
    """What makes places look most alike in pairs of pictures, blurred by so many pixels one after the other."""
    for blur in blurs:
        shown = [picture.blurred(blur) for picture in pictures]
        x = likeliest(partial(equations_at, unknowns, _Places.of(unknowns, x, prior), shown, pairs), x, STEPS)
    return x


def roughly_shaped(prior: ShapePrior, u: Float64[np.ndarray, "k"]) -> Mesh:
    """The head that u stands for, as a coarse mesh."""
    code = prior.codes.code(torch.from_numpy(u).to(prior.codes.mean))
    with roughly(torch.device("cpu")):
        return extract(lambda points: prior.geometry.distance(points, code), resolution=64, border="closed")


@dataclass(frozen=True, eq=False)
class Picture:
    """A photo's brightness at a size at which all faces are alike, and where it surely shows the person."""

    brightness: Float32[np.ndarray, "h w"]
    person: Float32[np.ndarray, "h w"]
    zoom: Float64[np.ndarray, "2"]
    """By how much it was made larger."""

    @staticmethod
    def of(image: UInt8[np.ndarray, "h w 3"], mask: UInt8[np.ndarray, "h w"], eyes: float) -> Picture:
        """What a photo shows of a face whose eyes are so many pixels apart."""
        height, width = mask.shape
        scale = EYE_DISTANCE / eyes
        size = (max(2, round(scale * width)), max(2, round(scale * height)))
        small, person = (
            np.asarray(Image.fromarray(it).convert("L").resize(size, Image.Resampling.BILINEAR), np.float32)
            for it in (image, mask)
        )
        surely = gaussian_filter(person, MARGIN / 2) > 0.98 * 255
        return Picture(small, surely.astype(np.float32), np.divide(size, (width, height)))

    def blurred(self, blur: float) -> _Shown:
        """As it is compared: against its surroundings, so that light and exposure may differ."""
        around = SURROUNDINGS * math.sqrt(blur)
        smooth = self._mean(self.brightness, blur)
        contrast = smooth - self._mean(smooth, around)
        values = contrast / np.sqrt(self._mean(contrast**2, around) + FAINT**2)
        down, across = np.gradient(values)
        return _Shown(np.stack([values, across * self.zoom[0], down * self.zoom[1]]).astype(np.float32), self.zoom)

    def _mean(self, values: Float32[np.ndarray, "h w"], blur: float) -> Float32[np.ndarray, "h w"]:
        """Around each pixel, of the person alone: outlines are where a camera has them, not places of a face."""
        weight = np.maximum(gaussian_filter(self.person, blur), 1e-3)
        return gaussian_filter(values * self.person, blur) / weight


@dataclass(frozen=True, eq=False)
class _Shown:
    """Values, and their derivatives by the photo's own pixels."""

    layers: Float32[np.ndarray, "3 h w"]
    zoom: Float64[np.ndarray, "2"]

    def at(self, pixels: Float64[np.ndarray, "n 2"]) -> tuple[Float64[np.ndarray, "n"], Float64[np.ndarray, "n 2"]]:
        """Values and derivatives at pixels of the photo."""
        places = (pixels * self.zoom - 0.5).T[::-1]
        value, across, down = (
            map_coordinates(layer, places, np.float64, order=1, mode="nearest") for layer in self.layers
        )
        return value, np.stack([across, down], axis=1)


@dataclass(frozen=True, eq=False)
class _Surface:
    """Places of the surface and how they move with u."""

    points: Float64[np.ndarray, "n 3"]
    by_u: Float64[np.ndarray, "n 3 k"]
    clear: Float64[np.ndarray, "v n"]
    """How squarely each view sees them; 0 where it does not."""


@dataclass(frozen=True, eq=False)
class _Places:
    """Places of the face of which it is known who sees them."""

    points: Float64[np.ndarray, "n 3"]
    clear: Float64[np.ndarray, "v n"]
    prior: ShapePrior

    @staticmethod
    def of(unknowns: Unknowns, x: Float64[np.ndarray, "n"], prior: ShapePrior) -> _Places:
        """Some of the places around the nose, as the head and its cameras are now."""
        u, _, _ = unknowns.parted(x)
        mesh, marks = roughly_shaped(prior, u), unknowns.model.places(u)
        around = np.linalg.norm(mesh.vertices - marks[NOSE_TIP], axis=1) < REACH
        for eye in EYES:
            around &= np.linalg.norm(mesh.vertices - marks[eye].mean(axis=0), axis=1) > EYEBALL
        some = np.random.default_rng(0).permutation(np.flatnonzero(around))[:PLACES]
        clear = visibility(mesh, unknowns.cameras(x), some, least=FACING)
        return _Places(mesh.vertices[some].astype(np.float64), clear, prior)

    def on_surface(self, u: Float64[np.ndarray, "k"]) -> _Surface:
        """The places moved straight to the surface that u makes."""
        codes = self.prior.codes
        points = torch.from_numpy(self.points).to(codes.mean)
        for _ in range(3):  # two Newton steps, then what the surface is like there
            at = points[:, None].detach().requires_grad_(True)
            code = codes.code(torch.from_numpy(u).to(points)).expand(len(points), -1).clone().requires_grad_(True)
            distance = self.prior.geometry.distance(at, code).reshape(-1)
            slope, by_code = torch.autograd.grad(distance.sum(), (at, code))
            slope = slope[:, 0]
            steepness = slope.square().sum(dim=1, keepdim=True).clamp(min=0.25)
            here = points
            points = points - (distance[:, None] * slope / steepness).detach().clamp(-0.02, 0.02)
        by_u = -(slope / steepness)[:, :, None] * (by_code @ codes.factor)[:, None, :]
        return _Surface(here.double().numpy(), by_u.double().numpy(), self.clear)


def equations_at(
    unknowns: Unknowns,
    places: _Places,
    shown: Sequence[_Shown],
    pairs: Sequence[tuple[int, int]],
    x: Float64[np.ndarray, "n"],
) -> Equations:
    """Those of what is known and of looks together; where a camera would stand in the head, all is impossible."""
    u, poses, _ = unknowns.parted(x)
    if not (np.isfinite(x).all() and (poses[:, 5] > 0).all()):
        return Equations.impossible(len(x))
    known = unknowns.equations(x)
    cost, left, right = known.cost, known.left, known.right
    surface = places.on_surface(u)
    seen = [_Looks.of(*it, surface) for it in zip(unknowns.views, poses, shown, strict=True)]
    for a, b in pairs:
        of_two = Equations.of(*_compared(seen[a], seen[b], np.sqrt(surface.clear[a] * surface.clear[b])))
        of_poses = (np.arange(7) + unknowns.own_part(view).start for view in (a, b))
        columns = np.concatenate([np.arange(len(u)), *of_poses])
        cost += of_two.cost
        left[np.ix_(columns, columns)] += of_two.left
        right[columns] += of_two.right
    return Equations(cost, left, right)


@dataclass(frozen=True, eq=False)
class _Looks:
    """What places look like in one photo, and the derivatives by u and by its pose."""

    values: Float64[np.ndarray, "n"]
    by_u: Float64[np.ndarray, "n k"]
    by_pose: Float64[np.ndarray, "n 7"]

    @staticmethod
    def of(view: Pinhole, pose: Float64[np.ndarray, "7"], picture: _Shown, surface: _Surface) -> _Looks:
        """Those of places of a surface, from a pose."""
        pixels, by_place, by_pose = view.projected(pose, surface.points)
        values, by_pixel = picture.at(pixels)
        by_u = np.einsum("na,nab,nbk->nk", by_pixel, by_place, surface.by_u, optimize=True)
        return _Looks(values, by_u, np.einsum("na,nab->nb", by_pixel, by_pose))


def _compared(
    one: _Looks, other: _Looks, clear: Float64[np.ndarray, "n"]
) -> tuple[Float64[np.ndarray, "m"], Float64[np.ndarray, "m own"]]:
    """How differently places look in two photos that see them so clearly, in standard deviations, and the derivatives
    by u and by either pose; nothing where they share too few."""
    both = clear > 0
    if both.sum() < FEWEST:
        both[:] = False
    off = (one.values - other.values)[both] / OFF
    slope = np.concatenate([one.by_u - other.by_u, one.by_pose, -other.by_pose], axis=1)[both] / OFF
    far = np.maximum(np.abs(off) / OUTLIER, 1.0)
    weight = clear[both] * np.sqrt(COUNTS / np.maximum(clear[both].sum(), 1.0) / far)
    return weight * off, weight[:, None] * slope
