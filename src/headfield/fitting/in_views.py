"""What landmarks seen in views say: the likeliest u, the same in all of them, and e, in each its own.

Landmarks are l = m + B u + E e with u, e ~ N(0, 1). By Gauss-Newton on how far they are off in pixels; outliers count
less, as with Huber's loss.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from headfield.cameras import Camera

STEPS = 8
"""Gauss-Newton steps; all stands still after three or four."""


@torch.no_grad()
def likeliest_in_views(
    cameras: Sequence[Camera],
    pixels: Float[Tensor, "v l 2"],
    known: Bool[Tensor, "v l"],
    off: Float[Tensor, "v l"],
    mean: Float[Tensor, "l 3"],
    shared: Float[Tensor, "l 3 k"],
    own: Float[Tensor, "l 3 j"],
    *,
    noise: float = 0.0,
    outlier: float = math.inf,
) -> tuple[Float[Tensor, "k"], Float[Tensor, "v j"]]:
    """The likeliest u and each view's e, in double precision.

    Args:
        cameras: Those of the views.
        pixels: Where the landmarks were found.
        known: Which were found.
        off: Within how many pixels they were found.
        mean: Where landmarks are expected, m.
        shared: How they move with u, B.
        own: How they move with e, E.
        noise: What u and e leave unexplained, at the head, seen in the pictures, too.
        outlier: From how many standard deviations on a landmark counts less.
    """
    mean, shared, own = mean.double(), shared.double(), own.double()
    rotation, translation, focal, principal = (
        torch.stack([getattr(camera, name) for camera in cameras]).to(mean)
        for name in ("rotation", "translation", "focal", "principal")
    )
    pixels = torch.where(known[..., None], pixels, 0).to(mean)
    u, e = mean.new_zeros(shared.shape[2]), mean.new_zeros(len(cameras), own.shape[2])
    for _ in range(STEPS):
        places = mean + shared @ u + torch.einsum("lcj,vj->vlc", own, e)
        local = places @ rotation.mT + translation[:, None]
        depth = local[..., 2:].clamp(min=1e-3)
        missed = pixels - (local[..., :2] / depth * focal[:, None] + principal[:, None])
        within = (off[..., None].to(mean) ** 2 + (noise * focal.mean(dim=1)[:, None, None] / depth) ** 2).sqrt()
        far = (missed / within).norm(dim=-1, keepdim=True) / outlier
        weight = known[..., None] / within / far.clamp(min=1).sqrt()
        # d(x / z) = (dx - x/z dz) / z
        across = rotation[:, None, :2] - (local[..., :2] / depth)[..., None] * rotation[:, None, 2:]
        slope = across * (weight * focal[:, None] / depth)[..., None]
        by_u, by_e = (torch.einsum("vlac,lck->vlak", slope, basis).flatten(1, 2) for basis in (shared, own))
        offset = (weight * missed).flatten(1) + by_u @ u + torch.einsum("vnj,vj->vn", by_e, e)
        u, e = _likeliest(by_u, by_e, offset)
    return u, e


def _likeliest(
    by_u: Float[Tensor, "v n k"], by_e: Float[Tensor, "v n j"], offset: Float[Tensor, "v n"]
) -> tuple[Float[Tensor, "k"], Float[Tensor, "v j"]]:
    """The likeliest u and e given by_u · u + by_e · e + N(0, 1) = offset; each e is eliminated by itself."""
    k, j = by_u.shape[2], by_e.shape[2]
    right = torch.cat([by_u, offset[..., None]], dim=2)
    both = by_e.mT @ right
    answers = torch.linalg.solve(by_e.mT @ by_e + torch.eye(j).to(by_e), both)
    left = (by_u.mT @ right - both[..., :k].mT @ answers).sum(dim=0)
    u = torch.linalg.solve(left[:, :k] + torch.eye(k).to(left), left[:, k])
    return u, answers[..., k] - answers[..., :k] @ u
