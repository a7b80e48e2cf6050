"""Landmarks seen in a capture's views, as an objective of a fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import huber_loss

from headfield.cameras import Camera
from headfield.capture import Landmarks, View
from headfield.fitting.expressions import Expressions
from headfield.fitting.in_views import likeliest_in_views
from headfield.fitting.poses import FOUND, SOFTNESS, FaceSeen
from headfield.fitting.statistics import LANDMARKS


@dataclass(frozen=True, eq=False)
class LandmarksSeen:
    """The 68 landmarks in each view, in pixels, and within how many pixels they are where they should be."""

    pixels: Float[Tensor, "v l 2"]
    known: Bool[Tensor, "v l"]
    noise: Float[Tensor, "v l"]
    expressions: Float[Tensor, "l 3 j"]
    """How they move with expressions."""

    @staticmethod
    def of(views: Sequence[View], *, device: torch.device | str = "cpu") -> LandmarksSeen | None:
        """Those of all views; None where no view has any."""
        if not any(usable(view.landmarks) for view in views):
            return None
        faces = [_face(view) for view in views]
        noise = np.stack([max(FOUND * face.eye_distance, 0.5) * SOFTNESS for face in faces])
        return LandmarksSeen(
            torch.from_numpy(np.stack([face.landmarks for face in faces])).float().to(device),
            torch.from_numpy(np.stack([face.known for face in faces])).to(device),
            torch.from_numpy(noise).float().to(device),
            Expressions.shipped().basis.to(device),
        )

    def moved(self, places: Float[Tensor, "l 3"], cameras: Sequence[Camera]) -> Float[Tensor, "v l 3"]:
        """Where each view's likeliest expression takes a head's landmarks.

        As that expression costs least, a change of it costs nothing more: gradients by ``places`` are right without it.
        """
        given, shared = (self.pixels, self.known, self.noise), self.expressions[..., :0]
        _, e = likeliest_in_views(cameras, *given, places.detach(), shared, self.expressions, outlier=1.0)
        return places + torch.einsum("lcj,vj->vlc", self.expressions, e.to(places))

    def loss(self, seen: Float[Tensor, "v l 2"]) -> Float[Tensor, ""]:
        """How far off landmarks are seen, in standard deviations, the outliers counting less."""
        off = ((seen - self.pixels).norm(dim=-1) / self.noise)[self.known]
        return huber_loss(off, torch.zeros_like(off))


def usable(marks: Landmarks | None) -> bool:
    """Whether they are landmarks that priors know."""
    return marks is not None and marks.scheme == "multipie68" and marks.points.shape == (LANDMARKS, 2)


def _face(view: View) -> FaceSeen:
    """The landmarks of a view; none is known where it has none of the kind."""
    marks, size = view.landmarks, (view.camera.width, view.camera.height)
    if marks is None or not usable(marks):
        return FaceSeen(np.zeros((LANDMARKS, 2)), np.zeros(LANDMARKS, bool), *size)
    return FaceSeen(np.nan_to_num(marks.points), marks.visible & np.isfinite(marks.points).all(axis=1), *size)
