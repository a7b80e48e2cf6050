"""Laying one surface over another: from marked points (Umeyama), then by the surfaces themselves (ICP)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float64

from headfield.errors import InputError
from headfield.mesh.distance import SurfaceSearch
from headfield.surface import Mesh
from headfield.transforms import Similarity, so3_exp

FLATNESS = 1e-6
"""Points are as good as on a line when they reach less than this part of its length to the side."""

OVERLAP = 0.5
"""The share of the source that ICP takes to have a counterpart: the rest may be anywhere."""

WIDTH = 4.0
"""The width of ICP's robust loss, in distances that the overlapping share of the points stays below."""

SLOWEST_SHRINKING = 0.8
"""The width shrinks no faster than this from one step to the next, so that no chance match wins early."""

NARROWEST = 1e-6
"""The smallest width, in extents of the target: a perfect match would leave none."""

STILL = 0.003
"""ICP ends when no point moves more than this in one step, in widths: no more than the distances can tell."""


def umeyama(
    source: Float[np.ndarray, "n 3"],
    target: Float[np.ndarray, "n 3"],
    *,
    with_scale: bool = True,
    weights: Float[np.ndarray, "n"] | None = None,
    names: tuple[str, str] = ("the source", "the target"),
) -> Similarity:
    """The similarity that takes ``source`` closest to ``target``, point by point, in the least squares sense.

    It never mirrors; without ``with_scale`` it never changes size either. ``names`` are what to call the two where
    they determine no transform. Umeyama, "Least-squares estimation of
    transformation parameters between two point patterns", 1991.
    """
    source, target = source.astype(np.float64), target.astype(np.float64)
    w = np.ones(len(source)) if weights is None else weights.astype(np.float64)
    w = w / w.sum()
    _check_spread(source[w > 0], names[0])
    _check_spread(target[w > 0], names[1])
    source_mean, target_mean = w @ source, w @ target
    source, target = source - source_mean, target - target_mean
    u, stretch, vt = np.linalg.svd((w[:, None] * target).T @ source)
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = (u * sign) @ vt
    scale = float(stretch @ sign / (w @ np.einsum("nk,nk->n", source, source))) if with_scale else 1.0
    return _Move(scale, rotation, target_mean - scale * rotation @ source_mean).similarity()


def icp(
    source: Float[np.ndarray, "n 3"],
    target: Mesh | SurfaceSearch,
    *,
    start: Similarity | None = None,
    with_scale: bool = False,
    steps: int = 100,
) -> Similarity:
    """The rigid transform that lays the points ``source`` on the surface ``target``, searched from ``start``.

    It never mirrors, and changes the size that ``start`` gave only if ``with_scale``. Point to plane (Chen and
    Medioni, 1992); points without a counterpart lose their say (Geman and McClure's loss, its width shrinking with
    the distances). What the surface does not determine, as the turn of a sphere, stays as it was.
    """
    search = target if isinstance(target, SurfaceSearch) else SurfaceSearch(target)
    _check_spread(source, "the source")
    points = source.astype(np.float64)
    move = _Move.of(Similarity.identity() if start is None else start)
    extent = float(np.linalg.norm(np.ptp(search.mesh.vertices, axis=0)))
    normals = search.mesh.face_normals
    width = np.inf
    for _ in range(steps):
        moved = move.apply(points)
        closest = search.closest(moved)
        aim = max(WIDTH * float(np.quantile(closest.distances, OVERLAP)), NARROWEST * extent)
        still_shrinking = aim < SLOWEST_SHRINKING * width < np.inf
        width = SLOWEST_SHRINKING * width if still_shrinking else min(aim, width)
        weights = (width**2 / (width**2 + closest.distances**2)) ** 2
        step = _point_to_plane_step(moved, closest.points, normals[closest.faces], weights, with_scale)
        move = step.after(move)
        if not still_shrinking and np.abs(step.apply(moved) - moved).max() < STILL * width:
            break
    return move.similarity()


@dataclass(frozen=True, eq=False)
class _Move:
    """A similarity in numpy: for a few thousand points, torch's threads cost more than they bring."""

    scale: float
    rotation: Float64[np.ndarray, "3 3"]
    translation: Float64[np.ndarray, "3"]

    @staticmethod
    def of(similarity: Similarity) -> _Move:
        s = similarity.to(dtype=torch.float64)
        return _Move(float(s.scale), s.rotation.numpy(), s.translation.numpy())

    def apply(self, points: Float64[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n 3"]:
        return self.scale * points @ self.rotation.T + self.translation

    def after(self, first: _Move) -> _Move:
        """``first``, then this one."""
        translation = self.scale * self.rotation @ first.translation + self.translation
        return _Move(self.scale * first.scale, self.rotation @ first.rotation, translation)

    def similarity(self) -> Similarity:
        return Similarity(
            torch.tensor(self.scale, dtype=torch.float64),
            torch.from_numpy(self.rotation),
            torch.from_numpy(self.translation),
        )


def _point_to_plane_step(
    moved: Float64[np.ndarray, "n 3"],
    closest: Float64[np.ndarray, "n 3"],
    normals: Float64[np.ndarray, "n 3"],
    weights: Float64[np.ndarray, "n"],
    with_scale: bool,
) -> _Move:
    """The small similarity about the points' centre that brings them closest to the planes."""
    centre = weights @ moved / weights.sum()
    arms = moved - centre
    reach = float(np.sqrt(weights @ np.einsum("nk,nk->n", arms, arms) / weights.sum()))
    arms = arms / reach
    columns = [np.cross(arms, normals), normals]
    if with_scale:
        columns.append(np.einsum("nk,nk->n", arms, normals)[:, None])
    slopes = np.concatenate(columns, axis=1)
    gaps = np.einsum("nk,nk->n", closest - moved, normals)
    hessian = slopes.T @ (weights[:, None] * slopes)
    # The smallest of all equally good steps: along what the planes leave free, nothing moves.
    x = np.linalg.lstsq(hessian, slopes.T @ (weights * gaps), rcond=1e-6)[0]
    rotation = so3_exp(torch.from_numpy(x[:3] / reach)).numpy()
    scale = float(np.exp(x[6] / reach)) if with_scale else 1.0
    return _Move(scale, rotation, centre + x[3:6] - scale * rotation @ centre)


def _check_spread(points: Float[np.ndarray, "n 3"], what: str) -> None:
    """InputError that names ``what`` unless the points determine a rotation."""
    if not np.isfinite(points).all():
        raise InputError(f"{what} holds numbers that are not finite.")
    if len(points) < 3:
        raise InputError(f"{what} holds too few points to align ({len(points)}); three or more are needed.")
    extents = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    if extents[1] <= FLATNESS * extents[0]:
        raise InputError(f"{what} has all its points on one line or in one place, which leaves the rotation open.")
