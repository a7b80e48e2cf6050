"""What views show at some of their pixels: rays, colours, coverage and normals, in head space, on a device.

Pixels are named by one number, counted row by row from the top left.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Float32, Int64, UInt8
from torch import Tensor

from headfield.cameras import Camera, Rays
from headfield.capture import View
from headfield.errors import InputError
from headfield.render.span import Span

PROBES = 128
"""Rays a side with which it is tried whether a camera sees the head."""


def all_pixels(camera: Camera) -> Int64[Tensor, "n"]:
    """Every pixel of a camera's picture."""
    return torch.arange(camera.width * camera.height, device=camera.focal.device)


def some_of(pixels: Int64[Tensor, "m"], n: int, generator: torch.Generator) -> Int64[Tensor, "n"]:
    """n of these pixels by chance, each as likely at every draw; the generator is the CPU's, whatever the device."""
    return pixels[torch.randint(len(pixels), (n,), generator=generator).to(pixels.device)]


def tiles(camera: Camera, side: int) -> Iterator[Int64[Tensor, "n"]]:
    """All pixels in squares of ``side`` x ``side``; those at the right and the bottom may be smaller."""
    grid = all_pixels(camera).reshape(camera.height, camera.width)
    for row in grid.split(side):
        for tile in row.split(side, dim=1):
            yield tile.reshape(-1)


def pixel_rays(camera: Camera, pixels: Int64[Tensor, "n"]) -> Rays:
    """The rays through the centres of pixels; gradients of the camera are kept."""
    columns, rows = pixels % camera.width, torch.div(pixels, camera.width, rounding_mode="floor")
    return camera.rays(torch.stack([columns, rows], dim=-1).to(camera.focal) + 0.5)


@dataclass(frozen=True, eq=False)
class Seen:
    """What a view shows at n pixels.

    Colours and coverage go from 0 to 1. Normals are unit vectors in head space, zero where none are known.
    """

    rays: Rays
    colours: Float[Tensor, "n 3"]
    coverage: Float[Tensor, "n"] | None
    normals: Float[Tensor, "n 3"] | None


@dataclass(frozen=True, eq=False)
class ViewOnDevice:
    """A view as tensors, in the precision of its camera; the pictures stay in bytes until they are asked."""

    camera: Camera
    image: UInt8[Tensor, "h w 3"]
    mask: UInt8[Tensor, "h w"] | None
    normals: Float32[Tensor, "h w 3"] | None

    @staticmethod
    def of(view: View, *, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32) -> ViewOnDevice:
        """The view on a device; InputError if its camera sees nothing of the unit sphere, in which the head is."""
        if not _sees_the_unit_sphere(view.camera):
            raise InputError(
                f"view {view.name}: its camera looks past the head, none of its rays meets the unit sphere; check the "
                "camera, or align the capture to head space."
            )
        mask, normals = (
            None if layer is None else torch.tensor(layer, device=device) for layer in (view.mask, view.normals)
        )
        image = torch.tensor(view.image, device=device)
        return ViewOnDevice(view.camera.to(device=device, dtype=dtype), image, mask, normals)

    @property
    def layers(self) -> dict[str, Tensor]:
        """All that it holds, by name."""
        camera = {"rotation": self.camera.rotation, "translation": self.camera.translation}
        camera |= {"focal": self.camera.focal, "principal": self.camera.principal}
        layers = {"image": self.image, "mask": self.mask, "normals": self.normals}
        return camera | {name: layer for name, layer in layers.items() if layer is not None}

    def at(self, pixels: Int64[Tensor, "n"], camera: Camera | None = None) -> Seen:
        """What is seen at pixels, by this camera or by a corrected one, to which the rays keep their gradients."""
        camera = self.camera if camera is None else camera
        dtype = camera.focal.dtype
        coverage, normals = None, None
        if self.mask is not None:
            coverage = self.mask.reshape(-1)[pixels].to(dtype) / 255
        if self.normals is not None:
            normals = self.normals.reshape(-1, 3)[pixels].to(dtype) @ camera.rotation.detach()
        colours = self.image.reshape(-1, 3)[pixels].to(dtype) / 255
        return Seen(pixel_rays(camera, pixels), colours, coverage, normals)


def _sees_the_unit_sphere(camera: Camera) -> bool:
    probe = camera.resize(min(camera.width, PROBES), min(camera.height, PROBES))
    return bool(Span.of(pixel_rays(probe, all_pixels(probe))).meets.any())
