"""Landmarks seen in a capture's views, as an objective of a fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import huber_loss

from headfield.capture import Landmarks, View
from headfield.fitting.poses import FOUND, SOFTNESS, FaceSeen
from headfield.fitting.statistics import LANDMARKS


@dataclass(frozen=True, eq=False)
class LandmarksSeen:
    """The 68 landmarks in each view, in pixels, and within how many pixels they are where they should be."""

    pixels: Float[Tensor, "v l 2"]
    known: Bool[Tensor, "v l"]
    noise: Float[Tensor, "v l"]

    @staticmethod
    def of(views: Sequence[View], *, device: torch.device | str = "cpu") -> LandmarksSeen | None:
        """Those of all views; None where no view has any."""
        marks = [view.landmarks for view in views]
        if not any(usable(it) for it in marks):
            return None
        pixels, known, noise = [], [], []
        for it, view in zip(marks, views, strict=True):
            found = it is not None and usable(it)
            points = np.nan_to_num(it.points) if it is not None and found else np.zeros((LANDMARKS, 2))
            there = it.visible & np.isfinite(it.points).all(axis=1) if it is not None and found else np.zeros(68, bool)
            face = FaceSeen(points, there, view.camera.width, view.camera.height)
            pixels.append(torch.from_numpy(points))
            known.append(torch.from_numpy(there))
            noise.append(torch.from_numpy(max(FOUND * face.eye_distance, 0.5) * SOFTNESS))
        return LandmarksSeen(
            torch.stack(pixels).float().to(device),
            torch.stack(known).to(device),
            torch.stack(noise).float().to(device),
        )

    def loss(self, seen: Float[Tensor, "v l 2"]) -> Float[Tensor, ""]:
        """How far off landmarks are seen, in standard deviations, the outliers counting less."""
        off = ((seen - self.pixels).norm(dim=-1) / self.noise)[self.known]
        return huber_loss(off, torch.zeros_like(off))


def usable(marks: Landmarks | None) -> bool:
    """Whether they are landmarks that priors know."""
    return marks is not None and marks.scheme == "multipie68" and marks.points.shape == (LANDMARKS, 2)
