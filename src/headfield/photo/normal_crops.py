"""Crops of pictures as people might take them: turned, mirrored, in another light, before another background, worse.

Normals are told in the frame of the crop: its third axis is the ray through the crop's centre, and its other two are
turned from the camera's as little as that allows. So the same crop means the same normals wherever in the picture it
was.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from headfield.photo.normal_examples import Examples
from headfield.transforms import so3_exp

GREY = 0.5
"""What a crop shows beyond the picture's edge."""


@dataclass(frozen=True)
class CropSettings:
    """How much crops differ from the pictures they are taken from."""

    zoom: tuple[float, float] = (0.55, 1.3)
    """How large a part of the picture a crop shows, at least and at most."""
    shift: float = 0.08
    """How far its centre is from the person's, as a part of the crop (standard deviation)."""
    turn: float = 8.0
    """How far it is turned, in degrees (standard deviation)."""
    background: float = 0.5
    """How many crops get another background."""
    worse: float = 0.4
    """How many crops lose resolution, and how many look as after strong compression."""
    grey: float = 0.08
    """How many crops lose their colours."""
    erased: float = 0.25
    """How many crops have a rectangle hidden."""
    guided: float = 0.85
    """How many crops come with a guide."""
    misled: tuple[float, float] = (0.015, 2.5)
    """How far a guide is off: moved, as a part of the crop, and turned, in degrees (standard deviations)."""


@dataclass(frozen=True, eq=False)
class Crops:
    """A batch to learn from."""

    pictures: Float[Tensor, "n 3 s s"]
    guides: Float[Tensor, "n 3 s s"]
    """What an average head would look like, zero where it is not or where there is no guide."""
    normals: Float[Tensor, "n 3 s s"]
    masks: Float[Tensor, "n s s"]
    known: Float[Tensor, "n s s"]
    """1 inside the picture that the crop was taken from, 0 beyond."""
    face: Float[Tensor, "n s s"]
    """1 near the tip of the nose."""


def take_crops(
    examples: Examples, size: int, settings: CropSettings, generator: torch.Generator, *, plain: bool = False
) -> Crops:
    """One random crop of every example; ``plain`` ones are only cropped, turned and mirrored."""
    centre, side, turn, mirror = _places(examples, settings, generator)
    grid = _source(centre, side, turn, mirror, size)
    layers = torch.cat([examples.images.float(), examples.masks.float(), examples.normals.float()], dim=1)
    looked = functional.grid_sample(layers, 2 * grid / examples.pixels - 1, align_corners=False, padding_mode="border")
    known = ((grid > 0) & (grid < examples.pixels)).all(dim=-1).float()
    pictures, masks = looked[:, :3] / 255, looked[:, 3] / 255
    turned = crop_rotation(centre, examples.focal, examples.principal)
    turned = _in_plane(turn, mirror).mT @ turned
    normals = (turned @ looked[:, 4:].flatten(2)).reshape(looked[:, 4:].shape)
    normals = normals / length(normals).clamp(min=1e-6)
    guides = _guides(examples, grid, side, turned, settings, generator)
    if not plain:
        pictures = _dressed_up(pictures, masks, settings, generator)
    inside = known[:, None]
    place, radius = examples.face[:, None, None, :2], examples.face[:, None, None, 2]
    return Crops(
        pictures=(pictures * inside + GREY * (1 - inside)).clamp(0, 1),
        guides=guides,
        normals=normals,
        masks=masks,
        known=known,
        face=((grid - place).square().sum(dim=-1) < radius.square()).float(),
    )


def _guides(
    examples: Examples, grid: Tensor, side: Tensor, turned: Tensor, settings: CropSettings, generator: torch.Generator
) -> Float[Tensor, "n 3 s s"]:
    """The guides of crops, as much off as a pose may be that was found from landmarks; some crops have none."""
    n, (moved, leaning) = len(examples), settings.misled
    shift = moved * side[:, None] * torch.randn(n, 2, generator=generator)
    layers = functional.grid_sample(
        examples.guides.float() / 127,
        2 * (grid + shift[:, None, None]) / examples.pixels - 1,
        align_corners=False,
        padding_mode="zeros",
    )
    lean = so3_exp(math.radians(leaning) * torch.randn(n, 3, generator=generator))
    there = _some(n, settings.guided, generator)
    return there * ((lean @ turned) @ layers.flatten(2)).reshape(layers.shape)


def crop_rotation(
    centre: Float[Tensor, "n 2"], focal: Float[Tensor, "n"], principal: Float[Tensor, "n 2"]
) -> Float[Tensor, "n 3 3"]:
    """From the camera's axes to those of a crop: the least rotation that takes its central ray to the axis."""
    plane = (centre - principal) / focal[:, None]
    x, y, z = functional.normalize(torch.cat([plane, torch.ones_like(plane[:, :1])], dim=1), dim=1).unbind(1)
    s = 1 / (1 + z)
    rows = [1 - x * x * s, -x * y * s, -x, -x * y * s, 1 - y * y * s, -y, x, y, z]
    return torch.stack(rows, dim=1).reshape(-1, 3, 3)


def length(vectors: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 1 h w"]:
    """As ``norm`` has it, which takes ten times as long over this dimension."""
    x, y, z = vectors.unbind(1)
    return (x * x + y * y + z * z).sqrt()[:, None]


def _places(
    examples: Examples, settings: CropSettings, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Each crop's centre, width (pixels), turn (radians), and -1 where it is mirrored."""
    n, pixels = len(examples), examples.pixels
    low, high = math.log(settings.zoom[0]), math.log(settings.zoom[1])
    side = pixels * torch.exp(low + (high - low) * torch.rand(n, generator=generator))
    turn = torch.randn(n, generator=generator) * math.radians(settings.turn)
    mirror = torch.where(torch.rand(n, generator=generator) < 0.5, -1.0, 1.0)
    covered = examples.masks[:, 0] > 127
    middle = torch.stack([_middle(covered.any(dim=1)), _middle(covered.any(dim=2))], dim=1)
    # Small crops look at the face, or somewhere else; large ones at all of the person.
    towards = torch.rand(n, 1, generator=generator)
    middle = towards * middle + (1 - towards) * examples.face[:, :2].clamp(0.2 * pixels, 0.8 * pixels)
    shift = torch.randn(n, 2, generator=generator) * settings.shift * side[:, None]
    return middle + shift, side, turn, mirror


def _middle(occupied: Tensor) -> Tensor:
    """Halfway between the first and the last column (or row) that is occupied."""
    n = occupied.shape[1]
    first = occupied.float().argmax(dim=1)
    last = n - occupied.flip(1).float().argmax(dim=1)
    return (first + last) / 2


def _in_plane(turn: Tensor, mirror: Tensor) -> Float[Tensor, "n 3 3"]:
    """From a crop's axes as they are shown to those before it was turned and mirrored."""
    c, s, zero, one = turn.cos(), turn.sin(), torch.zeros_like(turn), torch.ones_like(turn)
    rows = [c * mirror, -s, zero, s * mirror, c, zero, zero, zero, one]
    return torch.stack(rows, dim=1).reshape(-1, 3, 3)


def _source(centre: Tensor, side: Tensor, turn: Tensor, mirror: Tensor, size: int) -> Float[Tensor, "n s s 2"]:
    """Where in the picture each of a crop's pixels lies."""
    along = (torch.arange(size) + 0.5) / size - 0.5
    shown = torch.stack(torch.meshgrid(along, along, indexing="xy"), dim=-1)
    return centre[:, None, None] + side[:, None, None, None] * torch.einsum(
        "nij,hwj->nhwi", _in_plane(turn, mirror)[:, :2, :2], shown
    )


def _dressed_up(pictures: Tensor, masks: Tensor, settings: CropSettings, generator: torch.Generator) -> Tensor:
    pictures = _before_something_else(pictures, masks, settings.background, generator)
    pictures = _in_other_light(pictures, settings.grey, generator)
    pictures = _hidden(pictures, settings.erased, generator)
    return _worse(pictures, settings.worse, generator)


def _some(n: int, share: float, generator: torch.Generator) -> Float[Tensor, "n 1 1 1"]:
    return (torch.rand(n, 1, 1, 1, generator=generator) < share).float()


def _clouds(n: int, channels: int, size: int, cells: int, generator: torch.Generator) -> Float[Tensor, "n c s s"]:
    """Smooth noise."""
    coarse = torch.randn(n, channels, cells, cells, generator=generator)
    return functional.interpolate(coarse, (size, size), mode="bilinear", align_corners=False)


def _before_something_else(pictures: Tensor, masks: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Before one colour, something blurred, or what another picture shows."""
    n, size = len(pictures), pictures.shape[-1]
    cells = int(torch.randint(2, 24, (), generator=generator))
    flat = torch.rand(n, 3, 1, 1, generator=generator)
    wild = flat + 0.3 * _some(n, 0.6, generator) * _clouds(n, 3, size, cells, generator)
    other = pictures.roll(1, 0).flip(2) * (1 - 0.7 * torch.rand(n, 1, 1, 1, generator=generator))
    background = torch.where(_some(n, 0.3, generator) > 0, other, wild).clamp(0, 1)
    covered = masks[:, None]
    replaced = _some(n, share, generator) * (1 - covered)
    return pictures * (1 - replaced) + background * replaced


def _in_other_light(pictures: Tensor, grey: float, generator: torch.Generator) -> Tensor:
    """Brighter or darker, in places too; in another tint; with other contrast; with fewer colours."""
    n, size = len(pictures), pictures.shape[-1]
    gamma = torch.exp(0.2 * torch.randn(n, 1, 1, 1, generator=generator))
    gain = 0.25 * torch.randn(n, 1, 1, 1, generator=generator) + 0.07 * torch.randn(n, 3, 1, 1, generator=generator)
    shade = 0.2 * torch.rand(n, 1, 1, 1, generator=generator) * _clouds(n, 1, size, 4, generator)
    bright = pictures.clamp(1e-3, 1).pow(gamma) * torch.exp(gain + shade)
    colourless = bright.mean(dim=1, keepdim=True)
    colour = 1 + 0.25 * torch.randn(n, 1, 1, 1, generator=generator)
    colour = colour.clamp(0, 1.6) * (1 - _some(n, grey, generator))
    return (colourless + colour * (bright - colourless)).clamp(0, 1)


def _hidden(pictures: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Some have a rectangle of one colour in them, as if something were held before the person."""
    n, size = len(pictures), pictures.shape[-1]
    along = ((torch.arange(size) + 0.5) / size)[None]
    inside = []
    for _ in range(2):
        middle = torch.rand(n, 1, generator=generator)
        half = 0.02 + 0.13 * torch.rand(n, 1, generator=generator)
        inside.append(((along - middle).abs() < half).float())
    rectangle = inside[0][:, None, None, :] * inside[1][:, None, :, None] * _some(n, share, generator)
    return pictures * (1 - rectangle) + torch.rand(n, 3, 1, 1, generator=generator) * rectangle


def _worse(pictures: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Some blurred, some compressed, all a little noisy."""
    n, size = len(pictures), pictures.shape[-1]
    small = int(size / (1 + 2.5 * float(torch.rand((), generator=generator))))
    blurred = functional.interpolate(
        functional.interpolate(pictures, (small, small), mode="bilinear", antialias=True), (size, size), mode="bilinear"
    )
    pictures = torch.where(_some(n, share, generator) > 0, blurred, pictures)
    strength = 0.25 * torch.rand(n, 1, 1, 1, generator=generator).square()
    pictures = torch.where(_some(n, share, generator) > 0, _compressed(pictures, strength), pictures)
    noise = 0.04 * torch.rand(n, 1, 1, 1, generator=generator).square()
    return pictures + noise * torch.randn(pictures.shape, generator=generator)


def _compressed(pictures: Tensor, strength: Tensor) -> Tensor:
    """As JPEG does it: blocks of 8 x 8 whose waves are rounded, the finer the more coarsely."""
    n, channels, size, _ = pictures.shape
    waves = _cosines()
    blocks = pictures.reshape(n, channels, size // 8, 8, size // 8, 8).transpose(3, 4)
    found = waves @ blocks @ waves.T
    fineness = torch.arange(8)[:, None] + torch.arange(8)
    step = strength[..., None, None] * (0.3 + fineness / 7.0) + 1e-3
    rounded = torch.round(found / step) * step
    return (waves.T @ rounded @ waves).transpose(3, 4).reshape(pictures.shape)


def _cosines() -> Float[Tensor, "8 8"]:
    """The orthonormal cosine transform of 8 numbers."""
    k, x = torch.arange(8.0)[:, None], torch.arange(8.0)[None]
    waves = torch.cos(math.pi * (2 * x + 1) * k / 16) / 2
    waves[0] /= math.sqrt(2)
    return waves
