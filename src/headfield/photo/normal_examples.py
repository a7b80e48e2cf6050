"""What a network of normals learns from: the pictures of data sets, small and in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from jaxtyping import Float, Int8, UInt8
from torch import Tensor
from torch.nn import functional

from headfield.canonical import CANONICAL_NOSE
from headfield.capture import View
from headfield.data.store import Dataset
from headfield.errors import InputError
from headfield.mesh.raycast import RayCaster
from headfield.optim.checkpoints import checksum
from headfield.photo.guide import as_layer, drawn
from headfield.units import MILLIMETRES_PER_UNIT

FACE_RADIUS = 95.0 / MILLIMETRES_PER_UNIT
"""How far from the tip of the nose the face reaches, as in the published protocols, in head units."""


@dataclass(frozen=True, eq=False)
class Examples:
    """Square pictures of people with what is to be seen in them. Lengths are in pixels."""

    images: UInt8[Tensor, "n 3 p p"]
    masks: UInt8[Tensor, "n 1 p p"]
    normals: Int8[Tensor, "n 3 p p"]
    """In the camera's axes, times 127; zero where nothing is known."""
    guides: Int8[Tensor, "n 3 p p"]
    """The normals of an average head, likewise; zero everywhere where there is no guide."""
    focal: Float[Tensor, "n"]
    principal: Float[Tensor, "n 2"]
    face: Float[Tensor, "n 3"]
    """Where the tip of the nose is, and how large a ball of the face's radius around it looks."""

    def __len__(self) -> int:
        return len(self.images)

    @property
    def pixels(self) -> int:
        """How wide and high the pictures are."""
        return self.images.shape[-1]

    def __getitem__(self, index: slice | Tensor) -> Examples:
        return Examples(*(getattr(self, field.name)[index] for field in fields(self)))

    @property
    def checksum(self) -> str:
        """Tells them from others."""
        return checksum({field.name: getattr(self, field.name) for field in fields(self)})

    @staticmethod
    def together(parts: Sequence[Examples]) -> Examples:
        """All of them, one after another."""
        return Examples(*(torch.cat([getattr(part, field.name) for part in parts]) for field in fields(Examples)))


def read_examples(
    dataset: Dataset,
    names: Sequence[str],
    pixels: int,
    *,
    guide: RayCaster | None = None,
    told: Callable[[int, int], None] = lambda done, total: None,
) -> Examples:
    """All views of these subjects that have a mask and normals; InputError if there are none."""
    chosen, parts = set(names), []
    read = dataset.map(lambda name: _of_subject(dataset, name, pixels, guide) if name in chosen else [], workers=2)
    for done, examples in enumerate(read, 1):
        parts += examples
        told(done, len(dataset))
    if not parts:
        raise InputError(
            f"{dataset.folder} has no pictures with masks and normals; make a data set that has, "
            "as with headfield studio --layers mask normals."
        )
    return Examples.together(parts)


def example(view: View, pixels: int, guide: RayCaster | None = None) -> Examples:
    """One view as an example; what is not square is filled up with grey. ``guide`` is an average head to be drawn."""
    if view.mask is None or view.normals is None:
        raise ValueError(f"view {view.name} has no mask or no normals")
    camera = view.camera.to(dtype=torch.float64)
    factor = pixels / max(camera.width, camera.height)
    place, depth = camera.project(torch.from_numpy(CANONICAL_NOSE)[None])
    focal = camera.focal.mean() * factor
    nose = torch.cat([place[0] * factor, (FACE_RADIUS / depth * focal).clamp(0, pixels)])
    covered = view.mask[..., None].astype(np.float32) / 255
    normals = _square(view.normals * covered, pixels, fill=0.0)
    guides = torch.zeros_like(normals)
    if guide is not None:
        square = replace(camera, focal=camera.focal * factor, principal=camera.principal * factor)
        guides = as_layer(drawn(guide, replace(square, width=pixels, height=pixels)))[0]
    return Examples(
        images=_square(view.image, pixels, fill=128.0).round().to(torch.uint8)[None],
        masks=_square(view.mask[..., None], pixels, fill=0.0).round().to(torch.uint8)[None],
        normals=(functional.normalize(normals, dim=0, eps=0.1) * 127).round().to(torch.int8)[None],
        guides=(guides * 127).round().to(torch.int8)[None],
        focal=focal[None].float(),
        principal=(camera.principal * factor)[None].float(),
        face=nose[None].float(),
    )


def _of_subject(dataset: Dataset, name: str, pixels: int, guide: RayCaster | None) -> list[Examples]:
    capture = dataset.read(name, scan=False, truth=False).capture
    views = () if capture is None else capture.views
    return [example(view, pixels, guide) for view in views if view.mask is not None and view.normals is not None]


def _square(layer: np.ndarray, pixels: int, *, fill: float) -> Float[Tensor, "c p p"]:
    """A layer filled up at the right or below, at the size wanted."""
    height, width = layer.shape[:2]
    size = max(height, width)
    tensor = torch.tensor(layer.transpose(2, 0, 1), dtype=torch.float32)
    tensor = functional.pad(tensor, (0, size - width, 0, size - height), value=fill)
    if size == pixels:
        return tensor
    return functional.interpolate(tensor[None], (pixels, pixels), mode="bilinear", antialias=True)[0]
