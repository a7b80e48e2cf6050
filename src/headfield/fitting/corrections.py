"""What photos leave uncertain beside the shape: where each camera stood, and how bright and tinted its picture is.

Rays are those of a camera before it was corrected; they are taken along with it, with gradients (Multi-NeuS,
supplementary section on camera fitting).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn.functional import normalize

from headfield.cameras import Camera, CameraCorrection
from headfield.fitting.observations import RaysSeen
from headfield.transforms import exactly, so3_exp


class Corrections(nn.Module):
    """Small learnable changes to the cameras and colours of a capture's views; none at first."""

    place: nn.Parameter
    """How the world is turned and moved, since nobody knows where in it the head is that rough cameras look at."""
    gains: nn.Parameter

    def __init__(self, cameras: Sequence[Camera]):
        super().__init__()
        self.given = tuple(cameras)
        self.cameras = CameraCorrection(len(self.given))
        self.place = nn.Parameter(torch.zeros(6))
        self.gains = nn.Parameter(torch.zeros(len(self.given), 3))

    @torch.no_grad()
    def corrected(self) -> tuple[Camera, ...]:
        """The cameras as they are now."""
        batch = self._moved(self._batch())
        return tuple(
            replace(
                camera,
                rotation=batch.rotation[i].to(camera.rotation),
                translation=batch.translation[i].to(camera.translation),
                focal=batch.focal[i].to(camera.focal),
            )
            for i, camera in enumerate(self.given)
        )

    def taken_along(self, seen: RaysSeen) -> RaysSeen:
        """The rays, and the normals seen along them, as the corrected cameras have them."""
        before, view = self._batch(), seen.view
        after = self._moved(before)
        old, new = before.rotation[view], after.rotation[view]
        zoom = (after.focal / before.focal)[view]
        with exactly(old):
            local = torch.einsum("nij,nj->ni", old, seen.directions)
            local = torch.cat([local[:, :2] / zoom, local[:, 2:]], dim=1)
            turn = new.mT @ old
            return replace(
                seen,
                origins=-torch.einsum("nji,nj->ni", new, after.translation[view]),
                directions=normalize(torch.einsum("nji,nj->ni", new, local), dim=-1),
                normals=torch.einsum("nij,nj->ni", turn.detach(), seen.normals),
            )

    def tinted(self, colours: Float[Tensor, "n 3"], view: Int64[Tensor, "n"]) -> Float[Tensor, "n 3"]:
        """Colours as the views would show them; over all views, brightness and tint stay as they are."""
        return colours * (self.gains - self.gains.mean(dim=0))[view].exp()

    def project(self, places: Float[Tensor, "*v l 3"]) -> Float[Tensor, "v l 2"]:
        """Where the corrected cameras see places, which may be each its own."""
        batch = self._moved(self._batch())
        with exactly(places):
            local = places @ batch.rotation.mT + batch.translation[:, None]
        return local[..., :2] / local[..., 2:].clamp(min=1e-3) * batch.focal[:, None] + batch.principal[:, None]

    def _moved(self, before: Camera) -> Camera:
        """The cameras corrected, in a world that is turned and moved: x becomes R x + t."""
        after = self.cameras(before)
        turn, step = so3_exp(self.place[:3]), self.place[3:]
        with exactly(step):
            rotation = after.rotation @ turn.mT
            return replace(after, rotation=rotation, translation=after.translation - rotation @ step)

    def _batch(self) -> Camera:
        """The cameras as given, as one batch that has no size of its own."""

        def stacked(name: str) -> Tensor:
            return torch.stack([getattr(camera, name) for camera in self.given]).to(self.gains)

        return replace(
            self.given[0],
            rotation=stacked("rotation"),
            translation=stacked("translation"),
            focal=stacked("focal"),
            principal=stacked("principal"),
        )
