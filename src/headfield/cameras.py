"""Pinhole cameras.

Axes are OpenCV's (x right, y down, z forward) and extrinsics take the world to the camera: x_c = R x + t. Intrinsics
are in pixels; the centre of the pixel in column i, row j is at (i + 0.5, j + 0.5), so the picture spans [0, width] x
[0, height] whatever its resolution.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from headfield.errors import InputError
from headfield.transforms import Similarity, check_rotation, exactly, so3_exp

LARGEST = 1e12
"""Of all numbers in a camera, whatever the unit: far beyond any real one, and far from where numbers overflow."""


@dataclass(frozen=True, eq=False)
class Rays:
    """Half-lines: origins and unit directions."""

    origins: Float[Tensor, "*b 3"]
    directions: Float[Tensor, "*b 3"]

    def at(self, distance: Float[Tensor, "*b"]) -> Float[Tensor, "*b 3"]:
        """The points ``distance`` along the rays."""
        return self.origins + distance[..., None] * self.directions


@dataclass(frozen=True, eq=False)
class Camera:
    """One pinhole camera, or a batch of cameras with pictures of the same size."""

    rotation: Float[Tensor, "*b 3 3"]
    translation: Float[Tensor, "*b 3"]
    focal: Float[Tensor, "*b 2"]
    principal: Float[Tensor, "*b 2"]
    width: int
    height: int

    @staticmethod
    def look_at(
        eye: Float[Tensor, "*b 3"],
        target: Float[Tensor, "*b 3"],
        *,
        focal: Float[Tensor, "*b"] | float,
        width: int,
        height: int,
        up: tuple[float, float, float] = (0.0, 1.0, 0.0),
    ) -> Camera:
        """Cameras at ``eye`` that look at ``target`` with ``up`` upwards in the picture, square pixels, centred."""
        forward = target - eye
        distance = forward.norm(dim=-1, keepdim=True)
        if (distance == 0).any():
            raise InputError("a camera cannot look at the place it stands; move the eye or the target.")
        forward = forward / distance
        down = -eye.new_tensor(up).expand(forward.shape)
        right = torch.linalg.cross(down, forward)
        # Straight up or down any right will do; take the one that keeps +z at the top or bottom of the picture.
        steep = right.norm(dim=-1, keepdim=True) < 1e-6
        instead = torch.linalg.cross(eye.new_tensor([0.0, 0.0, 1.0]).expand(forward.shape), forward)
        right = torch.where(steep, instead, right)
        right = right / right.norm(dim=-1, keepdim=True)
        rotation = torch.stack([right, torch.linalg.cross(forward, right), forward], dim=-2)
        translation = -(rotation @ eye[..., None])[..., 0]
        focal = torch.as_tensor(focal, dtype=eye.dtype, device=eye.device)
        return Camera(
            rotation=rotation,
            translation=translation,
            focal=focal[..., None].expand(*eye.shape[:-1], 2),
            principal=eye.new_tensor([width / 2, height / 2]).expand(*eye.shape[:-1], 2),
            width=width,
            height=height,
        )

    @staticmethod
    def stack(cameras: list[Camera]) -> Camera:
        """One batch of single cameras whose pictures have the same size."""
        sizes = {(camera.width, camera.height) for camera in cameras}
        if len(sizes) != 1:
            raise InputError(f"cameras of {len(sizes)} picture sizes cannot be one batch; resize them first.")
        ((width, height),) = sizes
        return Camera(
            rotation=torch.stack([camera.rotation for camera in cameras]),
            translation=torch.stack([camera.translation for camera in cameras]),
            focal=torch.stack([camera.focal for camera in cameras]),
            principal=torch.stack([camera.principal for camera in cameras]),
            width=width,
            height=height,
        )

    def checked(self, what: str = "the camera") -> Camera:
        """This camera with its rotation made exact; InputError that names ``what`` if it cannot be a camera."""
        if self.width < 1 or self.height < 1:
            raise InputError(f"{what} has a picture of {self.width} x {self.height} pixels; both must be at least 1.")
        for name in ("translation", "focal", "principal"):
            if not (getattr(self, name).abs() < LARGEST).all():
                raise InputError(f"{what} has a {name} that is not finite, or too large to be true.")
        if (self.focal <= 0).any():
            raise InputError(f"{what} has a focal length of {self.focal.min().item():g}; it must be positive.")
        return replace(self, rotation=check_rotation(self.rotation, f"the rotation of {what}"))

    @property
    def batch_shape(self) -> torch.Size:
        """() for one camera, (n,) for n of them."""
        return self.rotation.shape[:-2]

    def __len__(self) -> int:
        if not self.batch_shape:
            raise TypeError("one camera has no length; only a batch of cameras has")
        return self.batch_shape[0]

    def __getitem__(self, index: int | slice | Tensor) -> Camera:
        if not self.batch_shape:
            raise IndexError("one camera cannot be indexed; only a batch of cameras can")
        return Camera(
            self.rotation[index],
            self.translation[index],
            self.focal[index],
            self.principal[index],
            self.width,
            self.height,
        )

    def __iter__(self) -> Iterator[Camera]:
        return (self[index] for index in range(len(self)))

    @property
    def centre(self) -> Float[Tensor, "*b 3"]:
        """Where the camera stands in the world."""
        with exactly(self.rotation):
            return -(self.rotation.transpose(-1, -2) @ self.translation[..., None])[..., 0]

    @property
    def forward(self) -> Float[Tensor, "*b 3"]:
        """The world direction in which the camera looks."""
        return self.rotation[..., 2, :]

    def intrinsics(self) -> Float[Tensor, "*b 3 3"]:
        """The matrix K that takes camera space to homogeneous pixels."""
        k = torch.diag_embed(torch.cat([self.focal, torch.ones_like(self.focal[..., :1])], dim=-1))
        return torch.cat([k[..., :2], torch.cat([self.principal, k[..., 2, 2:]], dim=-1)[..., None]], dim=-1)

    def to(self, *, dtype: torch.dtype | None = None, device: torch.device | str | None = None) -> Camera:
        """The same camera in another precision or on another device."""
        return replace(
            self,
            rotation=self.rotation.to(dtype=dtype, device=device),
            translation=self.translation.to(dtype=dtype, device=device),
            focal=self.focal.to(dtype=dtype, device=device),
            principal=self.principal.to(dtype=dtype, device=device),
        )

    def pixel_centres(self) -> Float[Tensor, "height width 2"]:
        """The (x, y) of every pixel centre."""
        x = torch.arange(self.width, dtype=self.focal.dtype, device=self.focal.device) + 0.5
        y = torch.arange(self.height, dtype=self.focal.dtype, device=self.focal.device) + 0.5
        return torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)

    def to_camera(self, points: Float[Tensor, "*b n 3"]) -> Float[Tensor, "*b n 3"]:
        """World points in camera space."""
        with exactly(self.rotation):
            return points @ self.rotation.transpose(-1, -2) + self.translation[..., None, :]

    def to_world(self, points: Float[Tensor, "*b n 3"]) -> Float[Tensor, "*b n 3"]:
        """Camera-space points in the world."""
        with exactly(self.rotation):
            return (points - self.translation[..., None, :]) @ self.rotation

    def project(self, points: Float[Tensor, "*b n 3"]) -> tuple[Float[Tensor, "*b n 2"], Float[Tensor, "*b n"]]:
        """Pixels and depths (along the viewing axis) of world points; behind the camera the depth is negative."""
        local = self.to_camera(points)
        depth = local[..., 2]
        pixels = local[..., :2] / depth[..., None] * self.focal[..., None, :] + self.principal[..., None, :]
        return pixels, depth

    def unproject(self, pixels: Float[Tensor, "*b n 2"], depth: Float[Tensor, "*b n"]) -> Float[Tensor, "*b n 3"]:
        """The world points seen at ``pixels`` at ``depth`` along the viewing axis: the inverse of :meth:`project`."""
        plane = (pixels - self.principal[..., None, :]) / self.focal[..., None, :]
        return self.to_world(torch.cat([plane, torch.ones_like(depth)[..., None]], dim=-1) * depth[..., None])

    def rays(self, pixels: Float[Tensor, "*b n 2"]) -> Rays:
        """The rays that leave the camera through ``pixels``."""
        plane = (pixels - self.principal[..., None, :]) / self.focal[..., None, :]
        with exactly(self.rotation):
            directions = torch.cat([plane, torch.ones_like(plane[..., :1])], dim=-1) @ self.rotation
        directions = directions / directions.norm(dim=-1, keepdim=True)
        return Rays(self.centre[..., None, :].expand(directions.shape), directions)

    def resize(self, width: int, height: int) -> Camera:
        """The camera of the same picture at another resolution."""
        factor = self.focal.new_tensor([width / self.width, height / self.height])
        return replace(self, focal=self.focal * factor, principal=self.principal * factor, width=width, height=height)

    def crop(self, left: int, top: int, width: int, height: int) -> Camera:
        """The camera of the part of the picture that starts at (left, top); it may reach beyond the picture."""
        corner = self.principal.new_tensor([left, top])
        return replace(self, principal=self.principal - corner, width=width, height=height)

    def transformed(self, similarity: Similarity) -> Camera:
        """The camera that takes the same picture of the transformed world."""
        rotation = self.rotation @ similarity.rotation.transpose(-1, -2)
        translation = similarity.scale[..., None] * self.translation
        return replace(
            self,
            rotation=rotation,
            translation=translation - (rotation @ similarity.translation[..., None])[..., 0],
        )


class CameraCorrection(nn.Module):
    """Small learnable changes to n cameras, all zero at first (Multi-NeuS, supplementary section on camera fitting).

    The rotation is multiplied by the exponential of an so(3) vector, the translation gets a residual, and both focal
    lengths are multiplied by one factor, stored as its logarithm so that it stays positive.
    """

    def __init__(self, n: int):
        super().__init__()
        self.rotation = nn.Parameter(torch.zeros(n, 3))
        self.translation = nn.Parameter(torch.zeros(n, 3))
        self.log_focal = nn.Parameter(torch.zeros(n))

    def forward(self, cameras: Camera) -> Camera:
        """The corrected cameras."""
        with exactly(self.rotation):
            rotation = so3_exp(self.rotation) @ cameras.rotation
        return replace(
            cameras,
            rotation=rotation,
            translation=cameras.translation + self.translation,
            focal=cameras.focal * self.log_focal.exp()[..., None],
        )
