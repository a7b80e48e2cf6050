"""HeadModel: a linear morphable head as plain data, whatever made it.

A head is ``mean + Σ identityᵢ · modeᵢ + Σ weightⱼ · expressionⱼ``, in head space. Its parts own consecutive vertices
and consecutive faces; faces of one part may use border vertices of another, so that neighbours close seamlessly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Float32, Float64, Int64

from headfield.errors import InputError
from headfield.surface import Mesh, unit

SKIN = ("face", "head", "mouth", "eye_socket_L", "eye_socket_R")
"""The parts of the skin, which share one texture; together they are open at the collar only."""

EYES = ("eyeball_L", "eyeball_R")
"""The eyeballs, left first; each has a texture of its own."""

TEETH = ("teeth",)
"""Both rows of teeth, which have a texture of their own."""

GUMS = ("gums",)
"""Gums and tongue, which have a texture of their own."""


@dataclass(frozen=True)
class PartRange:
    """Which vertices and which faces a part owns."""

    vertices: slice
    faces: slice


@dataclass(frozen=True, eq=False)
class HeadModel:
    """A mean head, how people differ from it, and how expressions move it.

    ``uv`` is looked up by ``corner_uv``, one index a corner of a face. All skin parts share one texture: the left two
    thirds of it hold the face, the right third everything else (``ict.py`` and ``builtin.py`` say how); eyeballs show
    the iris about (0.5, 0.5), see :func:`eyeball_uv`. ``landmarks`` are vertices, in the 68-point order.
    """

    name: str
    mean: Float64[np.ndarray, "v 3"]
    identity: Float32[np.ndarray, "k v 3"]
    expressions: Float32[np.ndarray, "e v 3"]
    expression_names: tuple[str, ...]
    faces: Int64[np.ndarray, "f 3"]
    corner_uv: Int64[np.ndarray, "f 3"]
    uv: Float64[np.ndarray, "u 2"]
    parts: Mapping[str, PartRange]
    landmarks: Int64[np.ndarray, "68"]
    pupils: Int64[np.ndarray, "2"]
    """The frontmost vertex of the left and of the right eyeball: the eye looks from its centre through this one."""

    @property
    def modes(self) -> int:
        """How many identity modes there are."""
        return len(self.identity)

    def shape(
        self, identity: Float[np.ndarray, "k"], expression: Mapping[str, float] | None = None
    ) -> Float64[np.ndarray, "v 3"]:
        """Where the vertices of one person with one expression are."""
        moved = self.mean + np.tensordot(identity.astype(np.float32), self.identity, axes=1)
        for name, weight in (expression or {}).items():
            if weight:
                moved += np.float32(weight) * self.expressions[self.expression_index(name)]
        return moved

    def expression_index(self, name: str) -> int:
        """Which expression has that name; InputError if none has."""
        if name not in self.expression_names:
            known = ", ".join(self.expression_names)
            raise InputError(f"the head model {self.name} has no expression {name!r}; it has {known}.")
        return self.expression_names.index(name)

    def layout(self, parts: Sequence[str]) -> Layout:
        """How the surface of some parts is put together; the same for every person."""
        return _layout(self, tuple(parts))

    def surface(self, vertices: Float64[np.ndarray, "v 3"], parts: Sequence[str] = SKIN) -> Mesh:
        """Some parts as a mesh with uv, after ``vertices`` have taken any shape."""
        layout = self.layout(parts)
        return Mesh(vertices[layout.vertex], layout.faces, uv=layout.uv)


@dataclass(frozen=True, eq=False)
class Layout:
    """The surface of some parts: mesh vertices are the model's, doubled at the seams of the uv atlas."""

    vertex: Int64[np.ndarray, "n"]
    """Which vertex of the model each vertex of the mesh is."""
    faces: Int64[np.ndarray, "f 3"]
    uv: Float64[np.ndarray, "n 2"]


@lru_cache(maxsize=16)
def _layout(model: HeadModel, parts: tuple[str, ...]) -> Layout:
    faces = np.concatenate([model.faces[model.parts[part].faces] for part in parts])
    corner_uv = np.concatenate([model.corner_uv[model.parts[part].faces] for part in parts])
    keys = faces * len(model.uv) + corner_uv
    unique, corners = np.unique(keys, return_inverse=True)
    vertex, uv = np.divmod(unique, len(model.uv))
    return Layout(vertex, corners.reshape(-1, 3), model.uv[uv])


IRIS_UV_PER_RADIAN = 0.9 / np.pi
"""How far from (0.5, 0.5) one radian from the axis of gaze is, on the front half of an eyeball's texture."""


def eyeball_uv(
    points: Float64[np.ndarray, "n 3"], centre: Float64[np.ndarray, "3"], pupil: Float64[np.ndarray, "3"]
) -> Float64[np.ndarray, "n 2"]:
    """Texture coordinates of an eyeball's vertices, seamless, with the pupil in the middle and +y up.

    Azimuthal equidistant: the front half fills the disc of radius 0.45, the hidden back half the rim around it.
    """
    axis = unit(pupil - centre)
    right = unit(np.cross([0.0, 1.0, 0.0], axis))
    outward = points - centre
    across = np.stack([outward @ right, outward @ np.cross(axis, right)], axis=1)
    angle = np.arctan2(np.linalg.norm(across, axis=1), outward @ axis)
    front = IRIS_UV_PER_RADIAN * np.minimum(angle, np.pi / 2)
    radius = front + 0.1 / np.pi * np.maximum(angle - np.pi / 2, 0)
    length = np.linalg.norm(across, axis=1)
    direction = np.divide(across, length[:, None], out=np.zeros_like(across), where=length[:, None] > 0)
    return 0.5 + radius[:, None] * direction


def sphere_centre(points: Float64[np.ndarray, "n 3"], pupil: Float64[np.ndarray, "3"]) -> Float64[np.ndarray, "3"]:
    """The centre of the sphere that fits an eyeball best where no cornea bulges."""
    ahead = unit(pupil - points.mean(axis=0))
    offset = points - points.mean(axis=0)
    back = points[offset @ ahead < 0.6 * np.linalg.norm(offset, axis=1)]
    system = np.concatenate([2 * back, np.ones((len(back), 1))], axis=1)
    return np.linalg.lstsq(system, np.square(back).sum(axis=1), rcond=None)[0][:3]
