"""A surface laid flat in charts, so that a picture can be its skin."""

from __future__ import annotations

from types import ModuleType

import numpy as np
from jaxtyping import Bool, Float64

from headfield.errors import InputError, MissingExtraError
from headfield.mesh.clean import with_faces
from headfield.mesh.simplify import simplified
from headfield.mesh.texture.atlas import covered
from headfield.mesh.topology import components
from headfield.mesh.vertices import split_at_seams
from headfield.surface import Mesh, unit

FACES = 24_000
"""What a light head has: enough for its outline, and soon unwrapped."""
MOST = 100_000
"""The time it takes to unwrap grows faster than the faces: this many take half a minute."""

GAP, ACROSS = 4, 1024
"""So many texels lie between charts where the texture is so many across."""

AXIS, RADIUS = -0.05, 0.42
"""The cylinder about a face: it stands upright at this z of head space."""
AHEAD, BOTTOM, TOP = 0.17, -0.52, 0.4
"""The face on it: how far ahead, 0 being to the side and 1 in front, and between which heights."""
OPEN = 0.2
"""Less than this cosine away from the cylinder's rays lies a fold, such as the underside of the chin."""
FINE = 4096
"""How finely it is looked for what lies above what."""


def light(mesh: Mesh, *, faces: int = FACES) -> Mesh:
    """About so many faces with texture coordinates. Colours and attributes are those of the same places."""
    return unwrapped(simplified(mesh, faces=faces))


def unwrapped(mesh: Mesh) -> Mesh:
    """The mesh with texture coordinates from 0 to 1 in charts that do not overlap; at their seams vertices are doubled.

    All charts have the same scale, nearly. In head space the face is one of them, save what lies behind its folds.
    """
    if len(mesh.faces) > MOST:
        raise InputError(f"a mesh of {len(mesh.faces)} faces takes too long to unwrap; simplify it to {MOST} or fewer.")
    xatlas = _xatlas()
    face = _face_chart(mesh)
    inside, outside = with_faces(mesh, face), with_faces(mesh, ~face)
    source = np.concatenate([np.unique(mesh.faces[face]), np.unique(mesh.faces[~face])])
    faces = np.empty_like(mesh.faces)
    faces[face], faces[~face] = inside.faces, outside.faces + len(inside.vertices)
    flat = np.zeros((len(source), 2))  # nowhere yet
    flat[: len(inside.vertices)] = _rolled_out(inside)
    charts, packing, atlas = xatlas.ChartOptions(), xatlas.PackOptions(), xatlas.Atlas()
    charts.use_input_mesh_uvs, charts.fix_winding = bool(face.any()), True
    packing.resolution, packing.padding, packing.bruteForce = ACROSS, GAP, False
    packing.rotate_charts = False
    atlas.add_mesh(mesh.vertices[source].astype(np.float32), faces.astype(np.uint32), uvs=flat.astype(np.float32))
    atlas.generate(charts, packing)
    which, corners, uv = atlas[0]
    # One scale for both directions, or the texels would not be square on the surface.
    uv = uv.astype(np.float64) * (atlas.width, atlas.height) / max(atlas.width, atlas.height)
    return split_at_seams(mesh, source[which][corners].astype(np.int64), uv.clip(0, 1), corners.astype(np.int64))


def _xatlas() -> ModuleType:
    try:
        import xatlas
    except ImportError:
        raise MissingExtraError("xatlas", "texture") from None
    return xatlas


def _face_chart(mesh: Mesh) -> Bool[np.ndarray, "f"]:
    """The faces between the ears that lie side by side when a cylinder about them is rolled out."""
    middles = mesh.corners.mean(axis=1)
    outwards = unit((middles - (0, 0, AXIS)) * (1, 0, 1))
    chosen = (outwards[:, 2] > AHEAD) & (middles[:, 1] > BOTTOM) & (middles[:, 1] < TOP)
    chosen &= np.einsum("fk,fk->f", outwards, mesh.face_normals) > OPEN
    if not chosen.any():
        return chosen
    flat = _rolled_out(mesh)
    flat = (flat - flat.min(axis=0)) / np.ptp(flat, axis=0).max() * FINE
    texels, owners = covered(flat[mesh.faces[chosen]], FINE)
    order = np.argsort(texels, kind="stable")
    twice = texels[order[1:]] == texels[order[:-1]]
    numbers = np.flatnonzero(chosen)
    chosen[numbers[owners[order[1:][twice]]]] = chosen[numbers[owners[order[:-1][twice]]]] = False
    numbers = np.flatnonzero(chosen)
    part = components(with_faces(mesh, chosen))
    chosen[numbers[part != np.bincount(part, minlength=1).argmax()]] = False
    return chosen


def _rolled_out(mesh: Mesh) -> Float64[np.ndarray, "v 2"]:
    """Where each vertex comes to lie when a cylinder about the face is rolled out; away from 0, which means nowhere."""
    x, y, z = mesh.vertices.T
    return np.stack([RADIUS * np.arctan2(x, z - AXIS), y], axis=1) + 10
