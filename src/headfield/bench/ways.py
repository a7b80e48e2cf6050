"""The ways to find where rays meet a surface, and how far what each finds is from where the surface is."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from headfield.cameras import Rays
from headfield.capture import View
from headfield.mesh.grid import SignedDistance
from headfield.render.hits import HitFinder
from headfield.render.sphere_tracing import SphereTracing
from headfield.render.views import pixel_rays, some_of
from headfield.units import MILLIMETRES_PER_UNIT

EXACT = SphereTracing(steps=200, safety=2.0, least_step=5e-4)

RAYS = 4096
"""So many of each view are compared."""


def exactness(sdf: SignedDistance, views: Sequence[View], find: HitFinder, *, device: str) -> dict[str, float]:
    """How far a way's hits are from exact ones, in millimetres, and the share of rays on which they disagree."""
    off, differs = [], []
    for number, view in enumerate(views):
        assert view.mask is not None
        pixels = torch.from_numpy(view.mask.reshape(-1) >= 128).nonzero()[:, 0]
        chosen = some_of(pixels, RAYS, torch.Generator().manual_seed(number))
        rays = pixel_rays(view.camera.to(dtype=torch.float32), chosen)
        rays = Rays(rays.origins.to(device).contiguous(), rays.directions.to(device))
        found, true = find(sdf, rays), EXACT(sdf, rays)
        both = found.hit & true.hit
        off.append((found.distance - true.distance)[both].abs() * MILLIMETRES_PER_UNIT)
        differs.append((found.hit != true.hit).float())
    distances = torch.cat(off)
    return {
        "rays": RAYS * len(views),
        "most_mm": float(distances.quantile(0.999)) if len(distances) else 0.0,
        "worst_mm": float(distances.max()) if len(distances) else 0.0,
        "differs": float(torch.cat(differs).mean()),
    }
