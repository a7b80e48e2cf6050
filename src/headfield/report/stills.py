"""Pictures of a head's mesh for a report: one turn of it, its normals, and what was seen of it and what was guessed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float, UInt8

from headfield import rigs
from headfield.cameras import Camera
from headfield.capture import View
from headfield.data.pictures import encode_normals
from headfield.mesh.raycast import RayCaster
from headfield.render.mesh_view import render_mesh
from headfield.render.paths import cameras_along, cameras_around
from headfield.report.drawing import confidence_colours
from headfield.surface import Mesh

AZIMUTHS = {"front": 0.0, "three-quarter": 45.0, "left": 90.0, "right": 270.0, "back": 180.0}
"""The sides a head is shown from; left and right are the subject's."""

AMBIENT = 0.6
"""How bright a surface stays where it turns away: shading shows the shape and must not be read as a colour."""

CutOut = UInt8[np.ndarray, "_ _ 4"]


def turntable(mesh: Mesh, n: int = 18, pixels: int = 360) -> tuple[CutOut, ...]:
    """n pictures of one turn around the mesh."""
    views = _views(mesh, cameras_along("orbit", mesh, n, 2 * pixels))
    return tuple(_cut_out(view.image, view) for view in views)


def sides(
    mesh: Mesh, confidence: Float[np.ndarray, "v"] | None = None, pixels: int = 360
) -> tuple[dict[str, CutOut], dict[str, CutOut]]:
    """The mesh from its sides, once coloured as normal maps are, once by how well each vertex was seen.

    The latter, from 0 for guessed to 1 for seen squarely, are left out where nobody knows.
    """
    painted = mesh
    if confidence is not None:
        painted = replace(mesh, colours=confidence_colours(confidence), uv=None, texture=None)
    azimuths = torch.tensor(list(AZIMUTHS.values()), dtype=torch.float64)
    directions = rigs.on_sphere(azimuths, torch.zeros_like(azimuths))
    views = dict(zip(AZIMUTHS, _views(painted, cameras_around(mesh, directions, 2 * pixels)), strict=True))
    normals = {side: _cut_out(encode_normals(_normals(view)), view) for side, view in views.items()}
    seen = {} if confidence is None else {side: _cut_out(_shaded(view), view) for side, view in views.items()}
    return normals, seen


def seen_share(mesh: Mesh, values: Float[np.ndarray, "v"]) -> float:
    """The part of the area that some camera saw, given how well each vertex was seen."""
    areas = mesh.face_areas
    return float(areas @ (values[mesh.faces] > 0).mean(axis=1) / areas.sum())


def _views(mesh: Mesh, cameras: Iterable[Camera]) -> list[View]:
    caster = RayCaster(mesh)
    return [render_mesh(caster, camera) for camera in cameras]


def _normals(view: View) -> Float[np.ndarray, "h w 3"]:
    assert view.normals is not None
    return view.normals


def _shaded(view: View) -> UInt8[np.ndarray, "h w 3"]:
    light = AMBIENT + (1 - AMBIENT) * np.abs(_normals(view)[..., 2:])
    return np.round(view.image * light).astype(np.uint8)


def _cut_out(image: UInt8[np.ndarray, "h w 3"], view: View) -> CutOut:
    """The picture at half its size without its background, its edges smooth, so that it lies well on any page."""
    assert view.mask is not None
    inside = (view.mask > 0).astype(np.float64)[..., None]
    cover = _halved(inside)
    colour = np.divide(_halved(image * inside), cover, out=np.zeros((*cover.shape[:2], 3)), where=cover > 0)
    return np.round(np.concatenate([colour, 255 * cover], axis=-1)).astype(np.uint8)


def _halved(pixels: Float[np.ndarray, "h w c"]) -> Float[np.ndarray, "_ _ c"]:
    height, width = pixels.shape[:2]
    return pixels.reshape(height // 2, 2, width // 2, 2, -1).mean(axis=(1, 3))
