"""The head model laid over a real head: what is known about the model's places is known about the real ones then.

Point to plane, as :func:`headfield.mesh.align.icp` does it, but the shape gives way too: a few marked points say where
the features are, the surfaces the rest, and what neither tells stays what is usual among people.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Float64, Int64

from headfield.mesh.distance import SurfaceSearch
from headfield.studio.model import HeadModel
from headfield.surface import Mesh
from headfield.transforms import so3_exp
from headfield.units import MILLIMETRES_PER_UNIT

STEPS = 25
WIDEST, NARROWEST, SHRINKING = 12 / MILLIMETRES_PER_UNIT, 1.5 / MILLIMETRES_PER_UNIT, 0.85
"""The width of the robust loss, and what is left of it after each step."""

NOISE = 1.5 / MILLIMETRES_PER_UNIT
"""How far a real head is off the model where it fits."""

ALIKE = 15
"""So many neighbouring vertices are off together, and tell no more than one."""

MARKED = 2.0 / MILLIMETRES_PER_UNIT
"""How exact a marked point is."""

FACING = 0.5
"""Surfaces that belong together face the same way, up to this cosine."""

NECK = -0.45
"""Of the model, what is above this height is laid over: below, scans end in many ways."""

MOVES = (
    *("eyeBlink_L", "eyeBlink_R", "jawOpen", "mouthSmile_L", "mouthSmile_R", "mouthFrown_L", "mouthFrown_R"),
    *("browDown_L", "browDown_R", "browInnerUp_L", "browInnerUp_R", "mouthPucker"),
)
"""The movements that people who sit still for a scanner may make, as far as the model has them."""

SLIGHT = 0.3
"""How far they go, as a standard deviation."""


def laid_over(
    model: HeadModel,
    head: Mesh,
    marks: Mapping[int, Float64[np.ndarray, "3"]],
    *,
    eyes_closed: bool,
) -> Float64[np.ndarray, "v 3"]:
    """The model's vertices where they are closest to a head that stands in head space.

    ``marks`` are places on it of some of the 68 points.
    """
    search, normals = SurfaceSearch(head), head.face_normals
    skin = np.concatenate([model.faces[model.parts[part].faces] for part in ("face", "head")])
    used = np.unique(skin)
    used = used[model.mean[used, 1] > NECK][::2]
    marked, places = model.landmarks[list(marks)], np.array(list(marks.values()))
    names = [name for name in MOVES if name in model.expression_names]
    moves = model.expressions[[model.expression_index(name) for name in names]]
    modes = np.concatenate([model.identity, moves]).astype(np.float64)
    usual = np.array([0.0] * model.modes + [float(eyes_closed and name.startswith("eyeBlink")) for name in names])
    precision = np.array([1.0] * model.modes + [SLIGHT**-2] * len(names))

    weights, scale, rotation, shift = usual, 1.0, np.eye(3), np.zeros(3)
    for step in range(STEPS):
        vertices = scale * (model.mean + np.tensordot(weights, modes, axes=1)) @ rotation.T + shift
        closest = search.closest(vertices[used])
        planes = normals[closest.faces]
        width = max(WIDEST * SHRINKING**step, NARROWEST)
        trust = (width**2 / (width**2 + closest.distances**2)) ** 2
        trust *= np.einsum("nk,nk->n", planes, Mesh(vertices, skin).vertex_normals[used]) > FACING
        turned = scale * modes @ rotation.T
        near = _slopes(vertices, turned, used, planes)
        gaps = np.einsum("nk,nk->n", planes, closest.points - vertices[used])
        told = near.T * (trust / (ALIKE * NOISE**2))
        hessian, gradient = told @ near, told @ gaps
        for axis in np.eye(3):
            fixed = _slopes(vertices, turned, marked, np.tile(axis, (len(marked), 1)))
            hessian += fixed.T @ fixed / MARKED**2
            gradient += fixed.T @ ((places - vertices[marked]) @ axis) / MARKED**2
        n = len(weights)
        hessian[np.arange(n), np.arange(n)] += precision
        gradient[:n] += precision * (usual - weights)
        x = np.linalg.solve(hessian, gradient)
        weights = weights + x[:n]
        weights[model.modes :] = np.clip(weights[model.modes :], 0, 1.2)
        turn, grow = so3_exp(torch.from_numpy(x[n : n + 3])).numpy(), float(np.exp(x[n + 6]))
        scale, rotation, shift = grow * scale, turn @ rotation, grow * turn @ shift + x[n + 3 : n + 6]
    return scale * (model.mean + np.tensordot(weights, modes, axes=1)) @ rotation.T + shift


def _slopes(
    vertices: Float64[np.ndarray, "v 3"],
    modes: Float64[np.ndarray, "k v 3"],
    chosen: Int64[np.ndarray, "n"],
    directions: Float64[np.ndarray, "n 3"],
) -> Float64[np.ndarray, "n m"]:
    """How far each chosen vertex moves along its direction with each mode, a turn, a shift and growth."""
    at = vertices[chosen]
    return np.concatenate(
        [
            np.einsum("kvd,vd->vk", modes[:, chosen], directions),
            np.cross(at, directions),
            directions,
            np.sum(at * directions, axis=1)[:, None],
        ],
        axis=1,
    )
