"""Normals and the person's mask from one picture, in the camera's axes.

The network looks at a square of the picture and tells normals in that square's own frame, whose third axis is the ray
through its centre: so it need not know where in the picture the square was. With a camera they are turned back into the
camera's axes; without one they are taken as they are, which is right for a person in the middle of a picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from scipy import ndimage
from torch import Tensor, nn
from torch.nn import functional

from headfield.cameras import Camera
from headfield.capture import View
from headfield.errors import InputError
from headfield.fields import weights
from headfield.mesh.raycast import RayCaster
from headfield.photo.guide import Guide, drawn
from headfield.photo.normal_crops import GREY, crop_rotation
from headfield.photo.normal_network import NormalNetwork

PART, GUIDE = "normals", "guide"
"""What the network and the average head that it was shown are called in a file of weights."""

SHIPPED = Path(__file__).with_name("normals.safetensors")
"""The weights that come with headfield."""

SMALLEST = 16
"""How many pixels a picture has at least each way."""


@dataclass(frozen=True)
class Region:
    """A square of a picture, in pixels; it may reach beyond the picture."""

    left: int
    top: int
    side: int

    @staticmethod
    def around(x: float, y: float, side: float) -> Region:
        """The square of that side with its middle at (x, y)."""
        whole = max(1, round(side))
        return Region(round(x - whole / 2), round(y - whole / 2), whole)

    @property
    def centre(self) -> tuple[float, float]:
        """Its middle."""
        return self.left + self.side / 2, self.top + self.side / 2


@dataclass(frozen=True)
class EstimatorSettings:
    """How a network of normals is asked."""

    pixels: int = 256
    """How wide and high what it looks at is."""
    mirrored: bool = True
    """Whether it looks at the mirrored picture too, and the mean of both counts."""
    looks: int = 2
    """How often it looks: the first time at the whole region, then at the person found there."""
    margin: float = 0.12
    """How much room there is around the person found, as a part of its size."""

    def __post_init__(self) -> None:
        if self.pixels < SMALLEST or self.looks < 1 or self.margin < 0:
            raise InputError(
                f"an estimator looks at least once, at {SMALLEST} pixels or more, with a margin that is not negative."
            )


@dataclass(frozen=True, eq=False)
class Sight:
    """What was seen in a picture, before anything was cut away."""

    normals: Float32[np.ndarray, "h w 3"]
    """Unit vectors in the camera's axes; zero beyond the region."""
    covered: Float32[np.ndarray, "h w"]
    """How sure it is that a pixel shows the person, from 0 to 1."""


@dataclass(frozen=True, eq=False)
class NormalEstimator:
    """A network of normals and how it is asked."""

    network: NormalNetwork
    settings: EstimatorSettings = EstimatorSettings()
    guide: Guide | None = None
    """What the network is shown where the camera is known."""

    @staticmethod
    def load(path: Path | None = None, settings: EstimatorSettings = EstimatorSettings()) -> NormalEstimator:
        """The estimator with the weights in ``path``, or with those that come with headfield."""
        if path is None and not SHIPPED.is_file():
            raise InputError("headfield came without a network of normals; name a file of weights that has one.")
        network, guide, _ = read_network(path or SHIPPED)
        return NormalEstimator(network.eval(), settings, guide)

    @cached_property
    def _caster(self) -> RayCaster | None:
        return None if self.guide is None else self.guide.caster()

    def estimate(
        self, image: UInt8[np.ndarray, "h w 3"], region: Region | None = None, camera: Camera | None = None
    ) -> tuple[Float32[np.ndarray, "h w 3"], UInt8[np.ndarray, "h w"]]:
        """Normals as :class:`~headfield.capture.View` has them, and the mask; beyond ``region`` there is nobody.

        Without a region it is where ``camera`` would show the unit sphere of head space, or the whole picture.
        """
        sight = self.look(image, region, camera)
        mask = np.round(255 * sight.covered).astype(np.uint8)
        return sight.normals * (mask >= 128)[..., None], mask

    @torch.no_grad()
    def look(
        self, image: UInt8[np.ndarray, "h w 3"], region: Region | None = None, camera: Camera | None = None
    ) -> Sight:
        """What the last look shows; see :meth:`estimate`."""
        height, width = image.shape[:2]
        if min(height, width) < SMALLEST:
            raise InputError(f"a picture of {width} x {height} pixels shows too little; take a larger one.")
        if region is None:
            region = Region.around(width / 2, height / 2, max(width, height)) if camera is None else head_region(camera)
        expected = None if camera is None or self._caster is None else drawn(self._caster, camera)
        for look in range(self.settings.looks):
            normals, covered = self._look_once(image, region, _guide_in(region, expected, camera, self.settings.pixels))
            covered = _largest(covered)
            found = _bounds(covered, region, self.settings.margin)
            if found is None or look == self.settings.looks - 1 or found.side > 0.9 * region.side:
                break
            region = found
        if camera is not None:
            x, y = region.centre
            focal, principal = camera.focal.float().mean()[None], camera.principal.float()[None]
            back = crop_rotation(torch.tensor([[x, y]]), focal, principal)[0].T
            normals = torch.einsum("ij,jhw->ihw", back, normals)
        layers = _put_back(torch.cat([normals, covered[None]]), region, height, width)
        return Sight(layers[..., :3] / _lengths(layers[..., :3]), layers[..., 3])

    def _look_once(
        self, image: UInt8[np.ndarray, "h w 3"], region: Region, guide: Float[Tensor, "1 3 s s"] | None
    ) -> tuple[Float[Tensor, "3 s s"], Float[Tensor, "s s"]]:
        device = next(self.network.parameters()).device
        shown = _cut_out(image, region, self.settings.pixels)[None].to(device)
        mirror = shown.new_tensor([-1.0, 1.0, 1.0])[:, None, None]
        pictures = torch.cat([shown, shown.flip(3)]) if self.settings.mirrored else shown
        guides = None if guide is None else guide.to(device)
        if guides is not None and self.settings.mirrored:
            guides = torch.cat([guides, guides.flip(3) * mirror])
        normals, sure = self.network(pictures, guides)
        if self.settings.mirrored:
            normals = functional.normalize(normals[:1] + normals[1:].flip(3) * mirror, dim=1)
            sure = (sure[:1] + sure[1:].flip(2)) / 2
        return normals[0].cpu(), sure[0].sigmoid().cpu()


def read_network(path: Path) -> tuple[NormalNetwork, Guide | None, Mapping[str, object]]:
    """The network in a file of weights, the average head it is shown, if it is, and the file's facts."""
    kinds: dict[str, type[nn.Module]] = {PART: NormalNetwork}
    if GUIDE in weights.parts_in(path):
        kinds[GUIDE] = Guide
    loaded = weights.load(path, kinds)
    guide = loaded.part(GUIDE, Guide) if GUIDE in kinds else None
    return loaded.part(PART, NormalNetwork), guide, loaded.facts


def _guide_in(
    region: Region, expected: Float32[np.ndarray, "h w 3"] | None, camera: Camera | None, pixels: int
) -> Float[Tensor, "1 3 p p"] | None:
    """What an average head looks like in a region, in the region's own frame."""
    if expected is None or camera is None:
        return None
    layer = _cut(expected, region, pixels, fill=0.0)
    centre = torch.tensor([region.centre])
    turned = crop_rotation(centre, camera.focal.float().mean()[None], camera.principal.float()[None])[0]
    return torch.einsum("ij,jhw->ihw", turned, layer)[None]


def head_region(camera: Camera) -> Region:
    """Where a camera shows the unit sphere of head space, which holds the head and the top of the shoulders."""
    place, depth = camera.project(camera.focal.new_zeros(1, 3))
    distance = float(camera.translation.norm())
    side = 2 * float(camera.focal.mean()) / max(distance**2 - 1, 1e-6) ** 0.5
    if float(depth) <= 0 or side > 3 * max(camera.width, camera.height):
        return Region.around(camera.width / 2, camera.height / 2, max(camera.width, camera.height))
    x, y = place[0].tolist()
    return Region.around(x, y, side)


def with_estimated(view: View, estimator: NormalEstimator) -> View:
    """The view with the mask and the normals it lacked; what it has stays, and no normal lies outside its mask."""
    if view.mask is not None and view.normals is not None:
        return view
    sight = estimator.look(view.image, camera=view.camera)
    mask = np.round(255 * sight.covered).astype(np.uint8) if view.mask is None else view.mask
    if view.normals is not None:
        return replace(view, mask=mask)
    return replace(view, mask=mask, normals=sight.normals * (mask >= 128)[..., None], estimated=True)


def _cut_out(image: UInt8[np.ndarray, "h w 3"], region: Region, pixels: int) -> Float[Tensor, "3 p p"]:
    """A region at the size wanted, grey beyond the picture."""
    return _cut(image, region, pixels, fill=255 * GREY) / 255


def _cut(layer: np.ndarray, region: Region, pixels: int, *, fill: float) -> Float[Tensor, "c p p"]:
    inside = _inside(region, *layer.shape[:2])
    part = torch.tensor(layer[inside].transpose(2, 0, 1), dtype=torch.float32)
    rows, columns = inside
    before, above = columns.start - region.left, rows.start - region.top
    after, below = region.side - before - part.shape[2], region.side - above - part.shape[1]
    square = functional.pad(part, (before, after, above, below), value=fill)
    return functional.interpolate(square[None], (pixels, pixels), mode="bilinear", antialias=True)[0]


def _put_back(layers: Float[Tensor, "c p p"], region: Region, height: int, width: int) -> Float32[np.ndarray, "h w c"]:
    """The inverse of :func:`_cut_out`: zero beyond the region."""
    size = (region.side, region.side)
    square = functional.interpolate(layers[None], size, mode="bilinear", antialias=True)[0]
    whole = np.zeros((height, width, len(layers)), np.float32)
    rows, columns = inside = _inside(region, height, width)
    top, left = rows.start - region.top, columns.start - region.left
    part = square[:, top : top + rows.stop - rows.start, left : left + columns.stop - columns.start]
    whole[inside] = part.permute(1, 2, 0).numpy()
    return whole


def _inside(region: Region, height: int, width: int) -> tuple[slice, slice]:
    """The rows and columns of the picture that lie in a region; InputError if there are none."""
    top, left = max(region.top, 0), max(region.left, 0)
    bottom, right = min(region.top + region.side, height), min(region.left + region.side, width)
    if top >= bottom or left >= right:
        raise InputError(
            "the camera does not show the head: it would lie outside of the picture; check how the camera was found."
        )
    return slice(top, bottom), slice(left, right)


def _largest(covered: Float[Tensor, "s s"]) -> Float[Tensor, "s s"]:
    """The mask of the largest connected person alone."""
    labels, count = ndimage.label(covered.numpy() > 0.5)
    if count < 2:
        return covered
    largest = 1 + np.argmax(np.bincount(labels.ravel())[1:])
    others = ndimage.binary_dilation((labels > 0) & (labels != largest), iterations=2) & (labels != largest)
    return covered * torch.from_numpy(~others)


def _bounds(covered: Float[Tensor, "s s"], region: Region, margin: float) -> Region | None:
    """The square around the person found in a region; None if there is hardly anybody."""
    person = covered.numpy() > 0.5
    rows, columns = np.flatnonzero(person.any(axis=1)), np.flatnonzero(person.any(axis=0))
    if person.sum() < 0.005 * person.size:
        return None
    scale = region.side / person.shape[0]
    x, y = (columns[0] + columns[-1] + 1) / 2, (rows[0] + rows[-1] + 1) / 2
    side = max(columns[-1] - columns[0], rows[-1] - rows[0]) + 1
    return Region.around(region.left + x * scale, region.top + y * scale, side * scale * (1 + 2 * margin))


def _lengths(vectors: Float32[np.ndarray, "h w 3"]) -> Float32[np.ndarray, "h w 1"]:
    return np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), np.float32(1e-6))
