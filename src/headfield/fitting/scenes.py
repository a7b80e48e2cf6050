"""What the posed pictures of many subjects show, to learn from: a few rays of a few pictures of one scene at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool
from PIL import Image
from torch import Tensor

from headfield.cameras import Rays
from headfield.capture import Subject, View
from headfield.data.store import Dataset
from headfield.errors import InputError
from headfield.fitting.observations import BUST_END, RaysSeen
from headfield.optim.checkpoints import checksum
from headfield.render.views import ViewOnDevice


@dataclass(frozen=True, eq=False)
class Scenes:
    """The pictures of subjects, as bytes on a device: ``views[i]`` are those of scene i."""

    names: tuple[str, ...]
    views: tuple[tuple[ViewOnDevice, ...], ...]

    def __len__(self) -> int:
        return len(self.names)

    @staticmethod
    def read(dataset: Dataset, *, subjects: int | None = None, pixels: int = 160) -> Scenes:
        """The subjects of a data set that have views, or the first few, with pictures at most so many pixels wide."""
        read = dataset.map(lambda name: _scene(dataset.read(name, scan=False, truth=False), pixels), subjects=subjects)
        found = [(name, views) for name, views in zip(dataset.names, read, strict=False) if views]
        if not found:
            raise InputError(f"{dataset.folder} has no subject with posed views; there is nothing to learn from.")
        return Scenes(tuple(name for name, _ in found), tuple(views for _, views in found))

    @staticmethod
    def of(subjects: list[Subject], *, pixels: int = 160) -> Scenes:
        """Those of subjects with views."""
        return Scenes(tuple(it.name for it in subjects), tuple(_scene(it, pixels) for it in subjects))

    @property
    def checksum(self) -> str:
        """Tells these pictures from others."""
        seen = {f"{i}/{j}": view for i, views in enumerate(self.views) for j, view in enumerate(views)}
        layers = {f"{name}/{layer}": it for name, view in seen.items() for layer, it in view.layers.items()}
        return checksum(layers, " ".join(self.names))

    def alone(self, scene: int) -> Scenes:
        """One of the scenes; InputError where it is not there."""
        if not 0 <= scene < len(self):
            raise InputError(f"there are {len(self)} scenes to learn from, so there is no number {scene}.")
        return Scenes((self.names[scene],), (self.views[scene],))

    def to(self, device: torch.device | str) -> Scenes:
        """The same on another device."""
        return replace(self, views=tuple(tuple(_moved(view, device) for view in views) for views in self.views))

    def draw(self, scene: int, rays: int, views: int, generator: torch.Generator) -> RaysSeen:
        """Rays by chance, evenly among the pixels of so many views by chance, of one scene (section 3.4)."""
        device, known = generator.device, self.views[scene]
        chosen = torch.rand(len(known), generator=generator, device=device).topk(min(views, len(known))).indices
        counts = [rays // len(chosen) + (place < rays % len(chosen)) for place in range(len(chosen))]
        drawn = zip(chosen.tolist(), counts, strict=True)
        return RaysSeen.joined([_some(known[number], number, count, generator) for number, count in drawn])

    def masked(self, scene: int, seen: RaysSeen) -> Bool[Tensor, "n"]:
        """Whether a mask tells the subject from its background in the views that rays of one scene belong to."""
        return torch.tensor([view.mask is not None for view in self.views[scene]], device=seen.view.device)[seen.view]


def _some(view: ViewOnDevice, number: int, count: int, generator: torch.Generator) -> RaysSeen:
    """So many pixels of a view; where it has no mask, the silhouette does not count."""
    device, camera = generator.device, view.camera
    pixels = torch.randint(camera.width * camera.height, (count,), generator=generator, device=device)
    seen = view.at(pixels)
    closest = -(seen.rays.origins * seen.rays.directions).sum(dim=-1)
    masked = seen.coverage is not None
    return RaysSeen(
        origins=seen.rays.origins,
        directions=seen.rays.directions,
        view=torch.full((count,), number, device=device),
        colours=seen.colours,
        coverage=torch.ones_like(closest) if seen.coverage is None else seen.coverage,
        normals=torch.zeros_like(seen.rays.directions),
        above=(Rays(seen.rays.origins, seen.rays.directions).at(closest)[:, 1] > BUST_END) & masked,
    )


def _scene(subject: Subject, pixels: int) -> tuple[ViewOnDevice, ...]:
    views = () if subject.capture is None else subject.capture.views
    return tuple(ViewOnDevice.of(_smaller(views[i], pixels)) for i in range(len(views)))


def _smaller(view: View, pixels: int) -> View:
    """The view with a picture at most so many pixels wide and high, and nothing but picture and mask."""
    camera, widest = view.camera, max(view.camera.width, view.camera.height)
    bare = replace(view, normals=None, depth=None, landmarks=None)
    if widest <= pixels:
        return bare
    size = (max(1, round(camera.width * pixels / widest)), max(1, round(camera.height * pixels / widest)))
    mask = None if view.mask is None else _resized(view.mask, size)
    return replace(bare, camera=camera.resize(*size), image=_resized(view.image, size), mask=mask)


def _resized(layer: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return np.array(Image.fromarray(layer).resize(size, Image.Resampling.BOX))


def _moved(view: ViewOnDevice, device: torch.device | str) -> ViewOnDevice:
    def moved(layer: Tensor | None) -> Tensor | None:
        return None if layer is None else layer.to(device)

    return ViewOnDevice(view.camera.to(device=device), view.image.to(device), moved(view.mask), moved(view.normals))
