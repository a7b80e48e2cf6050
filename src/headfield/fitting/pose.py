"""A camera's pose as seven numbers that can be sought: its turn as a vector, its place, and the logarithm of its focal
length."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float64
from scipy.spatial.transform import Rotation

from headfield.cameras import Camera

NEAREST = 1e-3
"""Places closer to a camera than this are seen as if they were so far away."""


class Pinhole:
    """A camera whose pose is sought; all but that is the given one's."""

    def __init__(self, given: Camera):
        self.given = given
        self.middle: Float64[np.ndarray, "2"] = given.principal.double().numpy()
        focal: Float64[np.ndarray, "2"] = given.focal.double().numpy()
        self.stretch = focal / focal[0]

    def camera(self, pose: Float64[np.ndarray, "7"]) -> Camera:
        """The camera in a pose."""
        return replace(
            self.given,
            rotation=torch.from_numpy(Rotation.from_rotvec(pose[:3]).as_matrix()),
            translation=torch.from_numpy(pose[3:6].copy()),
            focal=math.exp(pose[6]) * torch.from_numpy(self.stretch),
            principal=self.given.principal.double(),
        )

    def pixels(self, pose: Float64[np.ndarray, "7"], places: Float64[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n 2"]:
        """Where a camera so posed sees places."""
        local = places @ Rotation.from_rotvec(pose[:3]).as_matrix().T + pose[3:6]
        return np.exp(pose[6]) * self.stretch * local[:, :2] / np.maximum(local[:, 2:], NEAREST) + self.middle

    def projected(
        self, pose: Float64[np.ndarray, "7"], places: Float64[np.ndarray, "n 3"]
    ) -> tuple[Float64[np.ndarray, "n 2"], Float64[np.ndarray, "n 2 3"], Float64[np.ndarray, "n 2 7"]]:
        """The same, and the derivatives by the places and by the pose."""
        rotation = Rotation.from_rotvec(pose[:3]).as_matrix()
        x, y, depth = (places @ rotation.T + pose[3:6]).T
        depth, nothing = np.maximum(depth, NEAREST), np.zeros_like(depth)
        across = np.array([[1 / depth, nothing, -x / depth**2], [nothing, 1 / depth, -y / depth**2]])
        across = np.exp(pose[6]) * self.stretch[:, None] * across.transpose(2, 0, 1)
        turned = -rotation @ _cross(places) @ _turning(pose[:3])
        pixels = self.pixels(pose, places)
        zoom = pixels - self.middle
        return pixels, across @ rotation, np.concatenate([across @ turned, across, zoom[..., None]], axis=2)


def pose_of(camera: Camera) -> Float64[np.ndarray, "7"]:
    """The seven numbers of a camera."""
    turn = Rotation.from_matrix(camera.rotation.double().numpy()).as_rotvec()
    return np.concatenate([turn, camera.translation.double().numpy(), np.log(camera.focal[:1].double().numpy())])


def _cross(v: Float64[np.ndarray, "*n 3"]) -> Float64[np.ndarray, "*n 3 3"]:
    """The matrices that multiply by vectors crosswise."""
    x, y, z = np.moveaxis(v, -1, 0)
    nothing = np.zeros_like(x)
    return np.stack([nothing, -z, y, z, nothing, -x, -y, x, nothing], axis=-1).reshape(*v.shape, 3)


def _turning(rotvec: Float64[np.ndarray, "3"]) -> Float64[np.ndarray, "3 3"]:
    """By how much a rotation turns on, about its own axes, where its vector changes: the right Jacobian of SO(3)."""
    angle, cross = max(float(np.linalg.norm(rotvec)), 1e-6), _cross(rotvec)
    return np.eye(3) - (1 - math.cos(angle)) / angle**2 * cross + (angle - math.sin(angle)) / angle**3 * cross @ cross
