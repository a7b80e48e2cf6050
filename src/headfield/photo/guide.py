"""What an average head would look like to a camera: the first guess that a network of normals corrects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn

from headfield.cameras import Camera
from headfield.mesh.raycast import RayCaster
from headfield.surface import Mesh


@dataclass(frozen=True)
class GuideSettings:
    """How many vertices and faces the average head has."""

    vertices: int
    faces: int


class Guide(nn.Module):
    """An average head in head space, saved with the network that it guides."""

    settings: GuideSettings
    vertices: Tensor
    faces: Tensor

    def __init__(self, settings: GuideSettings):
        super().__init__()
        self.settings = settings
        self.register_buffer("vertices", torch.zeros(settings.vertices, 3))
        self.register_buffer("faces", torch.zeros(settings.faces, 3, dtype=torch.int32))

    @staticmethod
    def of(mesh: Mesh) -> Guide:
        """The guide with the shape of a mesh."""
        guide = Guide(GuideSettings(len(mesh.vertices), len(mesh.faces)))
        guide.vertices.copy_(torch.from_numpy(np.asarray(mesh.vertices)))
        guide.faces.copy_(torch.from_numpy(np.asarray(mesh.faces, np.int32)))
        return guide

    def caster(self) -> RayCaster:
        """The head made ready to be drawn, which takes a moment."""
        return RayCaster(Mesh.of(self.vertices.double().cpu().numpy(), self.faces.long().cpu().numpy()))


def drawn(caster: RayCaster, camera: Camera) -> Float32[np.ndarray, "h w 3"]:
    """The normals of a head in the camera's axes, smooth over its faces; zero where the camera sees past it."""
    exact = camera.to(device="cpu", dtype=torch.float64)
    rays = exact.rays(exact.pixel_centres().reshape(-1, 2))
    hits = caster.first_hits(rays.origins.numpy(), rays.directions.numpy())
    normals = np.zeros((len(hits.faces), 3))
    corners = caster.mesh.vertex_normals[caster.mesh.faces[hits.faces[hits.hit]]]
    smooth = (hits.weights[hits.hit][..., None] * corners).sum(axis=1)
    smooth /= np.linalg.norm(smooth, axis=1, keepdims=True).clip(1e-9)
    normals[hits.hit] = smooth @ exact.rotation.numpy().T
    return normals.reshape(camera.height, camera.width, 3).astype(np.float32)


def as_layer(normals: Float32[np.ndarray, "h w 3"]) -> Float[Tensor, "1 3 h w"]:
    """Normals as a batch of one for a network."""
    return torch.from_numpy(np.ascontiguousarray(normals.transpose(2, 0, 1)))[None]
