"""Eyelashes: see-through fringes along the lids. They show in pictures only; no scanner finds them."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64
from scipy.spatial import cKDTree

from headfield.studio.body import Body
from headfield.studio.colour import RGB
from headfield.studio.facemap import MM, FaceMap
from headfield.studio.model import EYES
from headfield.surface import Mesh, unit

ALONG = np.array([0.0, 0.3, 0.65, 1.0])
"""Where along a lash, from its root to its tip, a fringe has vertices."""

COVER = np.array([0.85, 0.7, 0.4, 0.0])
"""How much lashes hide there; they thin out towards their tips."""


class _Fringe(NamedTuple):
    """How the lashes of one lid stand."""

    length: float
    """In head units."""
    lift: float
    """How far they turn up (down, if negative) on their way."""
    density: float


UPPER = _Fringe(length=8.5 * MM, lift=0.65, density=1.0)
LOWER = _Fringe(length=4.5 * MM, lift=-0.45, density=0.45)


CLOSED_LIFT = -0.35
"""How far lashes turn up while the eyes are closed."""


def grow_lashes(face: FaceMap, body: Body, colour: RGB, density: float, rng: np.random.Generator) -> Mesh:
    """The lashes of both eyes as one mesh, whose attribute ``opacity`` says how much each place of it hides."""
    meshes = []
    for eye, centre in zip(EYES, body.eye_centres, strict=True):
        lids = [_followed(lid, face, body) for lid in face.lids[eye]]
        opened = _gap(*lids) / _gap(*face.lids[eye])
        for roots, fringe in zip(lids, (UPPER, LOWER), strict=True):
            meshes.append(_fringe(roots, centre, fringe, opened, density, rng))
    return _joined(meshes, colour)


def _followed(lid: Float64[np.ndarray, "n 3"], face: FaceMap, body: Body) -> Float64[np.ndarray, "n 3"]:
    """Where the edge of a lid has gone with the skin around it."""
    skin = face.model.parts["face"].vertices
    rest, moved = face.model.mean[skin], body.vertices[skin]
    distance, near = cKDTree(rest).query(lid, k=4)
    weights = 1 / (distance + 0.1 * MM)
    weights /= weights.sum(axis=1, keepdims=True)
    return lid + np.einsum("nk,nkc->nc", weights, (moved - rest)[near])


def _gap(upper: Float64[np.ndarray, "n 3"], lower: Float64[np.ndarray, "n 3"]) -> float:
    return float(np.mean(upper[:, 1] - lower[:, 1]))


def _fringe(
    roots: Float64[np.ndarray, "n 3"],
    centre: Float64[np.ndarray, "3"],
    fringe: _Fringe,
    opened: float,
    density: float,
    rng: np.random.Generator,
) -> tuple[Float64[np.ndarray, "v 3"], Float64[np.ndarray, "v"]]:
    """Vertices and opacities, lash by lash from root to tip; lashes fan out, and are longest towards the temple."""
    n = len(roots)
    t = np.linspace(0, 1, n)
    sideways = unit(np.gradient(roots, axis=0))
    outwards = unit(unit(roots - centre) + (0.9 * (t - 0.45))[:, None] * sideways)
    length = fringe.length * np.interp(t, [0, 0.15, 0.7, 1], [0.35, 0.65, 1.0, 0.8]) * rng.uniform(0.8, 1.1, size=n)
    turn = np.interp(opened, [0, 1], [CLOSED_LIFT, fringe.lift]) * ALONG**1.5
    way = ALONG[:, None] * outwards[:, None] + turn[:, None] * np.array([0.0, 1.0, 0.0])
    vertices = roots[:, None] + length[:, None, None] * way
    uneven = rng.uniform(0.25, 1.0, size=n) * np.interp(t, [0, 0.1, 0.95, 1], [0, 1, 1, 0.3])
    opacity = np.clip(fringe.density * density * uneven[:, None] * COVER, 0, 1)
    return vertices.reshape(-1, 3), opacity.ravel()


def _joined(fringes: list[tuple[Float64[np.ndarray, "v 3"], Float64[np.ndarray, "v"]]], colour: RGB) -> Mesh:
    rows = len(ALONG)
    vertices, opacity = (np.concatenate(values) for values in zip(*fringes, strict=True))
    starts = np.cumsum([0] + [len(own) for own, _ in fringes])
    lashes = [np.arange(start, end - rows, rows) for start, end in itertools.pairwise(starts)]
    a = (np.concatenate(lashes)[:, None] + np.arange(rows - 1)).ravel()
    faces = np.concatenate([np.stack([a, a + rows, a + 1], 1), np.stack([a + 1, a + rows, a + rows + 1], 1)])
    colours = np.tile(np.rint(np.array(colour) * 255).astype(np.uint8), (len(vertices), 1))
    return Mesh(vertices, faces, colours=colours, attributes={"opacity": opacity.astype(np.float32)})
