"""Cameras of several photos of one person, put right by what the photos show: a place of a face looks alike in all.

Landmarks are found a millimetre or two from where they are, and each photo's are off in its own way, so cameras that
come from them disagree by some degrees. Here places of the surface, which moves with u as the prior says, are looked up
in every photo that sees them, and cameras, u and expressions are sought with which they look most alike, as far as
landmarks stay likely. By Gauss-Newton, first on coarse pictures, then on finer ones.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float32, Float64, UInt8
from PIL import Image
from scipy.ndimage import gaussian_filter, map_coordinates

from headfield.cameras import Camera
from headfield.canonical import NOSE_TIP
from headfield.fitting.held import visibility
from headfield.fitting.poses import EYES, FaceSeen, JointPoses, LandmarkModel, LandmarkResiduals, Posed, mistrusted
from headfield.fitting.prior import ShapePrior
from headfield.mesh.extract import extract
from headfield.render.queries import roughly
from headfield.units import MILLIMETRES_PER_UNIT

EYE_DISTANCE = 64.0
"""How many pixels lie between the eyes of the pictures that are compared."""

BLURS = (6.0, 3.0, 1.5)
"""How far these are blurred, in pixels, one after the other."""

MARGIN = 4.0
"""So near to the person's outline, in pixels, pictures are not looked at: masks are rough there."""

SURROUNDINGS = 8.0
"""Brightness is compared with what is around it; that is wider than the blur by this times the blur's root."""

FAINT = 3.0
"""Contrasts below this, of 255, are noise."""

STEPS = 5
"""Gauss-Newton steps for each blur."""

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

DAMPING = 1e-3
"""How much each unknown is held back, as a part of how well it is known."""


def agreeing(
    posed: Posed,
    faces: Sequence[FaceSeen],
    images: Sequence[UInt8[np.ndarray, "h w 3"]],
    masks: Sequence[UInt8[np.ndarray, "h w"]],
    model: LandmarkModel,
    prior: ShapePrior,
) -> Posed:
    """The poses found from landmarks, with which the photos also show the same; a single photo's stay as they are."""
    if len(faces) < 2:
        return posed
    joint = JointPoses(faces, model)
    x = joint.joined(posed)
    pictures = [_Picture.of(*photo) for photo in zip(images, masks, faces, strict=True)]
    for blur in BLURS:
        shown = [picture.blurred(blur) for picture in pictures]
        places = _Places.of(joint, x, prior)
        best, least = x, math.inf
        for _ in range(STEPS + 1):
            equations = _Equations.at(joint, x, places, shown)
            if not math.isfinite(equations.cost):
                break
            if equations.cost < least:
                best, least = x, equations.cost
            x = x - equations.step()
        x = best
    return _as_large(joint.posed(x), posed)


def _as_large(found: Posed, before: Posed) -> Posed:
    """With the cameras at such distances that the head is as large as it was: photos that agree do not tell its size.

    Nothing else changes in the pictures; u is that of the head before it was brought back to its size.
    """
    grown = np.mean([_size(after) - _size(it) for after, it in zip(found.cameras, before.cameras, strict=True)])
    cameras = (replace(it, translation=it.translation * math.exp(-grown)) for it in found.cameras)
    return replace(found, cameras=tuple(cameras))


def _size(camera: Camera) -> float:
    """The logarithm of how large a head is that fills the picture so, up to a constant."""
    return math.log(float(camera.translation[2] / camera.focal[0]))


@dataclass(frozen=True, eq=False)
class _Picture:
    """A photo's brightness at a size at which all faces are alike, and where it surely shows the person."""

    brightness: Float32[np.ndarray, "h w"]
    person: Float32[np.ndarray, "h w"]
    zoom: Float64[np.ndarray, "2"]
    """By how much it was made larger."""

    @staticmethod
    def of(image: UInt8[np.ndarray, "h w 3"], mask: UInt8[np.ndarray, "h w"], face: FaceSeen) -> _Picture:
        height, width = mask.shape
        scale = EYE_DISTANCE / face.eye_distance
        size = (max(2, round(scale * width)), max(2, round(scale * height)))
        small, person = (
            np.asarray(Image.fromarray(it).convert("L").resize(size, Image.Resampling.BILINEAR), np.float32)
            for it in (image, mask)
        )
        surely = gaussian_filter(person, MARGIN / 2) > 0.98 * 255
        return _Picture(small, surely.astype(np.float32), np.divide(size, (width, height)))

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
    def of(joint: JointPoses, x: Float64[np.ndarray, "n"], prior: ShapePrior) -> _Places:
        """Some of the places around the nose, as the head and its cameras are now."""
        posed = joint.posed(x)
        code = prior.codes.code(torch.from_numpy(posed.u).to(prior.codes.mean))
        with roughly(torch.device("cpu")):
            mesh = extract(lambda points: prior.geometry.distance(points, code), resolution=64, border="closed")
        marks = joint.model.places(posed.u)
        around = np.linalg.norm(mesh.vertices - marks[NOSE_TIP], axis=1) < REACH
        for eye in EYES:
            around &= np.linalg.norm(mesh.vertices - marks[eye].mean(axis=0), axis=1) > EYEBALL
        some = np.random.default_rng(0).permutation(np.flatnonzero(around))[:PLACES]
        clear = visibility(mesh, posed.cameras, some, least=FACING)
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


@dataclass(frozen=True, eq=False)
class _Equations:
    """The normal equations of a Gauss-Newton step, and how unlikely all is where they were made."""

    cost: float
    left: Float64[np.ndarray, "n n"]
    right: Float64[np.ndarray, "n"]

    @staticmethod
    def at(joint: JointPoses, x: Float64[np.ndarray, "n"], places: _Places, shown: Sequence[_Shown]) -> _Equations:
        """Those of landmarks and looks together; where a camera would stand in the head, all is impossible."""
        u, poses, _ = joint.parted(x)
        if not (np.isfinite(x).all() and (poses[:, 5] > 0).all()):
            return _Equations(math.inf, np.eye(joint.size), np.zeros(joint.size))
        marks, by_marks, certain = joint.residuals(x), joint.slopes(x), joint.certain()
        loss, trust, _ = mistrusted(marks**2, certain)
        cost, left, right = float(loss.sum()), by_marks.T @ (trust[:, None] * by_marks), by_marks.T @ (trust * marks)
        surface = places.on_surface(u)
        seen = [_Looks.of(*it, surface) for it in zip(joint.views, poses, shown, strict=True)]
        for a, b in itertools.combinations(range(len(seen)), 2):
            rows, slopes = _compared(seen[a], seen[b], np.sqrt(surface.clear[a] * surface.clear[b]))
            of_poses = (np.arange(7) + joint.own_part(view).start for view in (a, b))
            columns = np.concatenate([np.arange(joint.k), *of_poses])
            cost += float(rows @ rows)
            left[np.ix_(columns, columns)] += slopes.T @ slopes
            right[columns] += slopes.T @ rows
        return _Equations(cost, left, right)

    def step(self) -> Float64[np.ndarray, "n"]:
        """What is to be taken from what they were made at."""
        answer: Float64[np.ndarray, "n"] = np.linalg.solve(
            self.left + DAMPING * np.diag(np.diag(self.left)), self.right
        )
        return answer


@dataclass(frozen=True, eq=False)
class _Looks:
    """What places look like in one photo, and the derivatives by u and by its pose."""

    values: Float64[np.ndarray, "n"]
    by_u: Float64[np.ndarray, "n k"]
    by_pose: Float64[np.ndarray, "n 7"]

    @staticmethod
    def of(view: LandmarkResiduals, pose: Float64[np.ndarray, "7"], picture: _Shown, surface: _Surface) -> _Looks:
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
