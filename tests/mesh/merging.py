from __future__ import annotations

import numpy as np

from headfield.surface import Mesh


def joined(*meshes: Mesh) -> Mesh:
    """Bare meshes as one."""
    starts = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes[:-1])])
    return Mesh(
        np.concatenate([mesh.vertices for mesh in meshes]),
        np.concatenate([mesh.faces + start for mesh, start in zip(meshes, starts, strict=True)]),
    )


def decorated(mesh: Mesh) -> Mesh:
    """The mesh with colours, texture coordinates, a texture and attributes that say where each vertex is."""
    low, high = mesh.bounds
    relative = (mesh.vertices - low) / np.maximum(high - low, 1e-9)
    y, x = np.mgrid[0:8, 0:16]
    return Mesh(
        mesh.vertices,
        mesh.faces,
        colours=np.round(255 * relative).astype(np.uint8),
        uv=relative[:, :2],
        texture=np.stack([x * 16, 255 - y * 32, 0 * x], axis=-1).astype(np.uint8),
        attributes={
            "confidence": relative[:, 2].astype(np.float32),
            "place": mesh.vertices.astype(np.float32),
            "part": (relative[:, 1] > 0.5).astype(np.uint8),
        },
    )
