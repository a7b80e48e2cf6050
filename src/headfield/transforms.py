"""Similarity transforms of space, and rotations as three numbers.

A similarity takes a point x to ``scale · rotation · x + translation``. Rotations are proper: they never mirror.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from headfield.errors import InputError

ORTHONORMAL_TOLERANCE = 1e-3
"""How far RᵀR may be from the identity in a file: more than six printed digits lose, less than any real mistake."""


def exactly(like: Tensor) -> AbstractContextManager:
    """While it lasts, places and directions stay as precise as they are, though networks be asked in half precision,
    which would put rays off by a millimetre."""
    return torch.autocast(like.device.type, enabled=False)


def cross_matrix(w: Float[Tensor, "*b 3"]) -> Float[Tensor, "*b 3 3"]:
    """The matrix [w]ₓ whose product with v is w × v."""
    x, y, z = w.unbind(-1)
    o = torch.zeros_like(x)
    return torch.stack([o, -z, y, z, o, -x, -y, x, o], dim=-1).unflatten(-1, (3, 3))


def so3_exp(w: Float[Tensor, "*b 3"]) -> Float[Tensor, "*b 3 3"]:
    """The rotation about the axis w by |w| radians (the exponential map of so(3)); smooth at zero."""
    return torch.linalg.matrix_exp(cross_matrix(w))


def nearest_rotation(matrix: Float[Tensor, "*b 3 3"]) -> Float[Tensor, "*b 3 3"]:
    """The proper rotation closest to ``matrix`` in the Frobenius norm."""
    u, _, vt = torch.linalg.svd(matrix)
    sign = torch.ones_like(matrix[..., 0])
    sign[..., 2] = torch.det(u @ vt)
    return (u * sign[..., None, :]) @ vt


def check_rotation(matrix: Float[Tensor, "*b 3 3"], what: str) -> Float[Tensor, "*b 3 3"]:
    """``matrix`` made exactly orthonormal; InputError that names ``what`` if it is no proper rotation to begin with."""
    if not torch.isfinite(matrix).all():
        raise InputError(f"{what} is not a rotation: it holds numbers that are not finite.")
    identity = torch.eye(3, dtype=matrix.dtype, device=matrix.device)
    if (matrix.transpose(-1, -2) @ matrix - identity).abs().max() > ORTHONORMAL_TOLERANCE:
        raise InputError(f"{what} is not a rotation: its columns are not orthonormal.")
    if (torch.det(matrix) < 0).any():
        raise InputError(f"{what} is not a rotation: it mirrors (its determinant is -1).")
    return nearest_rotation(matrix)


@dataclass(frozen=True, eq=False)
class Similarity:
    """x ↦ scale · rotation · x + translation, one or a batch of them."""

    scale: Float[Tensor, "*b"]
    rotation: Float[Tensor, "*b 3 3"]
    translation: Float[Tensor, "*b 3"]

    @staticmethod
    def identity(dtype: torch.dtype = torch.float64) -> Similarity:
        """The transform that leaves everything where it is."""
        return Similarity(torch.ones((), dtype=dtype), torch.eye(3, dtype=dtype), torch.zeros(3, dtype=dtype))

    @staticmethod
    def from_matrix(matrix: Float[Tensor, "*b 4 4"], what: str = "the transform") -> Similarity:
        """Read a 4x4 matrix; InputError that names ``what`` unless it is a similarity with positive scale."""
        bottom = torch.tensor([0.0, 0.0, 0.0, 1.0], dtype=matrix.dtype, device=matrix.device)
        if not torch.isfinite(matrix).all():
            raise InputError(f"{what} holds numbers that are not finite.")
        if (matrix[..., 3, :] - bottom).abs().max() > 1e-6:
            raise InputError(f"{what} is not a similarity: its last row is not 0 0 0 1.")
        linear = matrix[..., :3, :3]
        determinant = torch.det(linear)
        if (determinant == 0).any():
            raise InputError(f"{what} is not a similarity: it flattens space (its determinant is 0).")
        scale = determinant.abs().pow(1 / 3)
        rotation = check_rotation(linear / scale[..., None, None], f"the rotation of {what}")
        return Similarity(scale, rotation, matrix[..., :3, 3])

    def matrix(self) -> Float[Tensor, "*b 4 4"]:
        """The same transform as a 4x4 matrix on homogeneous points."""
        top = torch.cat([self.scale[..., None, None] * self.rotation, self.translation[..., None]], dim=-1)
        bottom = torch.tensor([0.0, 0.0, 0.0, 1.0], dtype=top.dtype, device=top.device)
        return torch.cat([top, bottom.expand(*top.shape[:-2], 1, 4)], dim=-2)

    def __matmul__(self, first: Similarity) -> Similarity:
        """The transform that does ``first``, then this one."""
        return Similarity(
            self.scale * first.scale,
            self.rotation @ first.rotation,
            self.apply(first.translation[..., None, :])[..., 0, :],
        )

    def inverse(self) -> Similarity:
        """The transform that undoes this one."""
        rotation = self.rotation.transpose(-1, -2)
        scale = 1 / self.scale
        translation = -scale[..., None] * (rotation @ self.translation[..., None])[..., 0]
        return Similarity(scale, rotation, translation)

    def apply(self, points: Float[Tensor, "*b n 3"]) -> Float[Tensor, "*b n 3"]:
        """Where the points go."""
        turned = points @ self.rotation.transpose(-1, -2)
        return self.scale[..., None, None] * turned + self.translation[..., None, :]

    def apply_to_directions(self, directions: Float[Tensor, "*b n 3"]) -> Float[Tensor, "*b n 3"]:
        """Where the directions point afterwards; their lengths stay."""
        return directions @ self.rotation.transpose(-1, -2)

    def to(self, *, dtype: torch.dtype | None = None, device: torch.device | str | None = None) -> Similarity:
        """The same transform in another precision or on another device."""
        return Similarity(
            self.scale.to(dtype=dtype, device=device),
            self.rotation.to(dtype=dtype, device=device),
            self.translation.to(dtype=dtype, device=device),
        )
