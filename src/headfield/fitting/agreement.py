"""Whether several views show the same at a place of the surface: a shape at its true place looks alike from everywhere.

A colour network learns what views show about as fast as a shape moves, so it says little of where the shape is wrong.
Pictures say it at once: small squares of the surface around hits are looked up in every view that sees them, and how
well they correlate is differentiable in where the surface is, in how it is turned, and in the cameras. Squares lie in
the surface, so that they may be seen at different slants; correlation does not mind light and exposure.

Photos' cameras were put right before the fit in the same spirit, within the family of shapes: ``agreeing``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int64
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree
from torch import Tensor
from torch.nn.functional import grid_sample

from headfield.cameras import Camera
from headfield.capture import View
from headfield.fitting.flatness import is_flat, tangents
from headfield.fitting.held import visibility
from headfield.mesh.extract import extract
from headfield.mesh.grid import SignedDistance
from headfield.render.queries import CHUNK, roughly

RESOLUTION = 64
"""Of the mesh that says which views see a place."""

SIDE = 5
"""A square is compared at so many places squared."""

WIDEST, BETWEEN, FINEST = 0.02, 0.01, 0.005
"""How far these lie apart, in head units: from 4 to 2 mm within the family of shapes, then from 2 to 1 mm."""

FACING = 0.3
"""Places seen at a smaller cosine are not compared."""

FAINT = 0.25 / 255
"""Contrasts below this are noise: what is left, after the blur, of that of a good camera. Skin shows little more."""

PERSON = 0.9
"""Squares that reach where a view shows less of the person than this are not compared: outlines lie elsewhere in every
view."""


@dataclass(frozen=True, eq=False)
class Brightness:
    """How bright a view is, and where it shows the person; from 0 to 1."""

    values: Float[Tensor, "h w"]
    person: Float[Tensor, "h w"]

    @staticmethod
    def of(view: View) -> Brightness:
        """That of a view with a mask."""
        assert view.mask is not None
        grey = view.image.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32) / 255
        return Brightness(torch.from_numpy(grey), torch.from_numpy(view.mask.astype(np.float32) / 255))

    def blurred(self, pixels: float) -> Float[Tensor, "2 h w"]:
        """Brightness, blurred over the person alone, and where the person is."""
        person = self.person.numpy()
        weight = np.maximum(gaussian_filter(person, pixels), 1e-3)
        smooth = gaussian_filter(self.values.numpy() * person, pixels) / weight
        return torch.stack([torch.from_numpy(smooth), self.person])


Project = Callable[[Float[Tensor, "n 3"]], Float[Tensor, "v n 2"]]
"""Where each view sees places, in its pixels."""


class Agreement:
    """What views show of a shape, at one scale."""

    def __init__(
        self,
        shape: SignedDistance,
        cameras: Sequence[Camera],
        pictures: Sequence[Brightness],
        spacing: float,
        *,
        device: torch.device,
    ):
        with roughly(device):
            mesh = extract(shape, resolution=RESOLUTION, border="open", chunk=CHUNK, dtype=torch.float32, device=device)
        self._shape = shape
        self._tree = cKDTree(mesh.vertices)
        self._clear = visibility(mesh, cameras, np.arange(len(mesh.vertices)), least=FACING)
        fineness = [_pixels_a_unit(camera) for camera in cameras]
        spacing = max(spacing, 1 / float(np.median(fineness)))  # pixels have no inside
        self._shown = [
            picture.blurred(0.5 * spacing * pixels).to(device)
            for picture, pixels in zip(pictures, fineness, strict=True)
        ]
        steps = spacing * torch.linspace(-(SIDE // 2), SIDE // 2, SIDE, device=device)
        self._offsets = torch.cartesian_prod(steps, steps)

    def loss(
        self, points: Float[Tensor, "n 3"], normals: Float[Tensor, "n 3"], view: Int64[Tensor, "n"], project: Project
    ) -> Float[Tensor, ""]:
        """One less the square of the mean correlation between what the view of each point and others show there.

        Squared, since what hardly correlates says little of where the surface should go: cameras may be far off still.
        """
        _, nearest = self._tree.query(points.detach().cpu().numpy())
        clear = torch.from_numpy(self._clear[:, nearest]).to(points)
        own = clear.gather(0, view[None])[0]
        squares = self._squares(points, normals)
        pixels = project(squares.flatten(0, 1)).unflatten(1, squares.shape[:2])
        looks = [self._looks(*it) for it in zip(self._shown, pixels, strict=True)]
        values, inside = (torch.stack(part) for part in zip(*looks, strict=True))
        chosen = torch.arange(len(points), device=points.device)
        mine, within = values[view, chosen], inside[view, chosen]
        other = torch.arange(len(clear), device=points.device)[:, None] != view
        # What lies before and behind a rim parts from view to view, and agrees once nostrils and lips are closed.
        flat = is_flat(self._shape, points, squares[:, [0, SIDE - 1, -SIDE, -1]])
        compared = other & inside & within & flat
        weight = torch.where(compared, (clear * own).sqrt(), 0.0)
        alike = (weight * (values * mine).sum(dim=-1)).sum() / weight.sum().clamp(min=1.0)
        return 1 - alike.clamp(min=0.0).square()

    def _squares(self, points: Float[Tensor, "n 3"], normals: Float[Tensor, "n 3"]) -> Float[Tensor, "n p 3"]:
        across, along = tangents(normals)
        return points[:, None] + self._offsets[:, :1] * across[:, None] + self._offsets[:, 1:] * along[:, None]

    def _looks(
        self, shown: Float[Tensor, "2 h w"], pixels: Float[Tensor, "n p 2"]
    ) -> tuple[Float[Tensor, "n p"], Tensor]:
        """What a picture shows in squares, less its mean and of length one; and whether it shows them whole."""
        size = pixels.new_tensor([shown.shape[2], shown.shape[1]])
        places = 2 * pixels / size - 1
        values, person = grid_sample(shown[None], places[None], padding_mode="zeros", align_corners=False)[0]
        contrast = values - values.mean(dim=-1, keepdim=True)
        length = (contrast.square().sum(dim=-1, keepdim=True) + SIDE**2 * FAINT**2).sqrt()
        return contrast / length, (person > PERSON).all(dim=-1)


def apart(progress: float, *, within_family: bool) -> float:
    """How far the places of a square lie apart when so much of a stage is done."""
    first, last = (WIDEST, BETWEEN) if within_family else (BETWEEN, FINEST)
    return first * (last / first) ** progress


def _pixels_a_unit(camera: Camera) -> float:
    """How many pixels a head unit is in the middle of the head."""
    depth = float(camera.translation[2])
    return float(camera.focal.mean()) / max(depth, 1e-3)
