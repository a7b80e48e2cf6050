"""Hits from a mesh of the surface, polished on the field.

Between two steps of a fit the surface hardly moves. So a mesh of it is kept, rays are cast at the mesh, which costs no
query, and a step or two of the secant method bring each hit onto the surface of now. What fails is sampled instead
(:mod:`~headfield.render.parallel_samples`): hits that do not settle, and rays that pass the mesh so closely that the
surface may have moved into their way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from headfield.cameras import Rays
from headfield.errors import InputError
from headfield.mesh.extract import extract
from headfield.mesh.grid import SignedDistance
from headfield.mesh.raycast import RayCaster
from headfield.render.hits import SurfaceHits, collected
from headfield.render.parallel_samples import ParallelSamples
from headfield.render.queries import CHUNK, ask, roughly
from headfield.render.span import Span
from headfield.surface import Mesh

LEAST_SLOPE = 0.03
"""How fast, of what is usual at the surface, the distance must fall along a ray for a polished hit to be believed."""

FIRST_STEP = 0.1
"""How much less the first step may move a hit that has settled: so, the field may be ten times as flat as usual."""

FAILED_SHARE = 0.1
"""If so many more hits fail to settle than did when the mesh was new, it is no longer the surface."""

STEEPNESS_SAMPLES, STEEPNESS_STEP = 1000, 1e-3
"""At how many places it is measured how fast the distance grows, and how far to either side of the surface."""

CLOSE_SAMPLES = ParallelSamples(uniform=24, refined=8)
"""For short stretches close to the mesh."""

REACH = 0.05
"""How far, in head units, to both sides of a hit that did not settle it is looked for, before all of the ray is."""


@dataclass(frozen=True)
class ProxySettings:
    """How a proxy mesh is made, used and given up."""

    resolution: int = 128
    """Cells a side of the mesh; parts thinner than one may be missing."""
    uses: int = 40
    """For how many calls a mesh serves at most."""
    margin: float = 0.01
    """How far the surface may move from the mesh, in head units, before hits are missed; half of it is called stale."""
    tolerance: float = 2e-4
    """A hit has settled once a step moves it by less, in head units; that step is still taken."""
    steps: int = 4
    """Queries of a hit at most before it is sampled instead."""
    safety: float = 1.5
    """How many times too large the distances may be (see :func:`headfield.mesh.extract.extract`)."""
    rough: bool = False
    """Whether the mesh may be made in bfloat16, where that is fast; the hits are exact either way."""

    def __post_init__(self) -> None:
        if self.uses < 1:
            raise InputError(f"a proxy mesh that serves {self.uses} times serves never; let it serve once or more.")


class Proxy:
    """Hits by way of a mesh of one subject, extracted at the first call and again whenever it is stale."""

    def __init__(self, settings: ProxySettings | None = None):
        self.settings = settings or ProxySettings()
        self._mesh: _CastMesh | None = None
        self._uses = 0
        self._failed_when_new = 0.0
        self._is_off = False

    @property
    def is_stale(self) -> bool:
        """Whether the next call makes a new mesh: after so many uses, or when hits no longer settle near it."""
        return self._mesh is None or self._uses >= self.settings.uses or self._is_off

    def __call__(self, sdf: SignedDistance, rays: Rays) -> SurfaceHits:
        """The first hits of rays with unit directions."""
        if self._mesh is None or self.is_stale:
            self._mesh = _CastMesh.of(sdf, self.settings, rays.origins)
            self._uses, self._is_off = 0, False
        span = Span.of(rays)
        cast = self._mesh.cast(span)
        place, settled = self._polished(sdf, span, cast, self._mesh.steepness)
        failed = cast.met & ~settled
        from_behind = torch.nonzero(failed & (cast.cosine > 0))[:, 0]
        failed[from_behind] = ask(sdf, span[from_behind].entries) > 0  # most of them are inside from the beginning
        around = ((cast.place - REACH).clamp(min=0), torch.minimum(cast.place + REACH, span.length))
        hit, sampled = settled.clone(), torch.zeros_like(settled)
        for samples, doubtful, low, high in (
            (CLOSE_SAMPLES, cast.passes_close & (settled | ~cast.met), cast.low, cast.high),
            (CLOSE_SAMPLES, failed, *around),
            (ParallelSamples(), failed, torch.zeros_like(place), span.length),
        ):
            index = torch.nonzero(doubtful & ~sampled)[:, 0]
            found, found_place = samples.between(sdf, span[index], low[index], high[index])
            place[index[found]] = found_place
            hit[index[found]] = sampled[index[found]] = True
        return collected(span, rays, hit, place[hit])

    def _polished(
        self, sdf: SignedDistance, span: Span, cast: _Cast, steepness: float
    ) -> tuple[Float[Tensor, "n"], Bool[Tensor, "n"]]:
        """Where the rays that meet the mesh from outside meet the surface, by Newton's first step and secants."""
        place, settled = cast.place.clone(), torch.zeros_like(cast.met)
        slope = steepness * cast.cosine
        least = -LEAST_SLOPE * steepness
        tried = cast.met & (slope < least)
        active = torch.nonzero(tried)[:, 0]
        before, f_before = place.clone(), torch.full_like(place, torch.nan)
        for step in range(self.settings.steps):
            # The first step guesses how steep the field is, which in places is far from usual; later ones have seen it.
            tolerance = self.settings.tolerance if step else FIRST_STEP * self.settings.tolerance
            t = place[active]
            f = ask(sdf, span[active].at(t))
            secant = (f - f_before[active]) / (t - before[active])
            slope[active] = torch.where(torch.isfinite(secant), secant, slope[active])
            before[active], f_before[active] = t, f
            place[active] = t - f / slope[active]
            active, t = active[slope[active] < least], t[slope[active] < least]
            stands = (place[active] - t).abs() <= tolerance
            settled[active[stands]] = True
            active = active[~stands]
        moved = ((place - cast.place) * cast.cosine).abs()
        settled &= (moved <= self.settings.margin) & (place >= 0) & (place <= span.length)
        self._note(tried, settled, moved)
        return place, settled

    def _note(self, tried: Bool[Tensor, "n"], settled: Bool[Tensor, "n"], moved: Float[Tensor, "n"]) -> None:
        """Judge by this use of the mesh whether it still is the surface."""
        failed = int((tried & ~settled).sum()) / max(int(tried.sum()), 1)
        if self._uses == 0:
            self._failed_when_new = failed
        far = (moved[settled] > self.settings.margin / 2).float()
        self._uses += 1
        self._is_off = failed > self._failed_when_new + FAILED_SHARE or (len(far) > 0 and float(far.mean()) > 0.05)


@dataclass(frozen=True, eq=False)
class _Cast:
    """Where rays meet the mesh (zero where not), at which angle, and where they pass close to another part of it."""

    met: Bool[Tensor, "n"]
    place: Float[Tensor, "n"]
    cosine: Float[Tensor, "n"]
    passes_close: Bool[Tensor, "n"]
    low: Float[Tensor, "n"]
    high: Float[Tensor, "n"]


@dataclass(frozen=True, eq=False)
class _CastMesh:
    """The mesh of the surface, and its shell: the same mesh with every vertex moved outwards by the margin."""

    surface: RayCaster
    shell: RayCaster
    margin: float
    steepness: float
    """By how much the signed distance grows per unit of length across the surface: the median."""

    @staticmethod
    def of(sdf: SignedDistance, settings: ProxySettings, like: Tensor) -> _CastMesh:
        with roughly(like.device, settings.rough):
            mesh = extract(
                sdf,
                resolution=settings.resolution,
                border="open",
                safety=settings.safety,
                chunk=CHUNK,
                dtype=like.dtype,
                device=like.device,
            )
        shell = Mesh(mesh.vertices + settings.margin * mesh.vertex_normals, mesh.faces)
        return _CastMesh(RayCaster(mesh), RayCaster(shell), settings.margin, _steepness(sdf, mesh, like))

    def cast(self, span: Span) -> _Cast:
        """What rays meet between where they enter the unit sphere and where they leave it."""
        origins, directions = _array(span.entries), _array(span.rays.directions)
        length = _array(span.length)
        met, place, cosine = _first(self.surface, origins, directions, length)
        at_shell, low, shell_cosine = _first(self.shell, origins, directions, length)
        low[shell_cosine > 0] = 0  # already within the shell
        # Before a ray meets the mesh it goes through its shell, unless that belongs to another part.
        elsewhere = (place - low) * np.abs(cosine) > 2 * self.margin
        close = at_shell & (~met | ((shell_cosine < 0) & elsewhere))
        high = place.copy()
        passing = close & ~met
        back = length[passing, None] * directions[passing] + origins[passing]
        _, last, _ = _first(self.shell, back, -directions[passing], length[passing])
        high[passing] = length[passing] - last
        values = (torch.from_numpy(v).to(span.near) for v in (place, cosine, low, high))
        flags = (torch.from_numpy(v).to(span.near.device) for v in (met, close))
        (place_, cosine_, low_, high_), (met_, close_) = values, flags
        return _Cast(met_, place_, cosine_, close_, low_, high_)


def _first(
    caster: RayCaster, origins: np.ndarray, directions: np.ndarray, length: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which rays meet a mesh within their length, where, and the cosine of the angle to its normal; zero if not."""
    hits = caster.first_hits(origins, directions)
    met = hits.distance <= length
    place = np.where(met, hits.distance, 0)
    cosine = np.where(met, np.einsum("nk,nk->n", directions, caster.mesh.face_normals[hits.faces]), 0)
    return met, place, cosine


def _steepness(sdf: SignedDistance, mesh: Mesh, like: Tensor) -> float:
    some = slice(None, None, max(len(mesh.faces) // STEEPNESS_SAMPLES, 1))
    middles, normals = mesh.corners[some].mean(axis=1), mesh.face_normals[some]
    sides = torch.from_numpy(np.stack([middles + STEEPNESS_STEP * normals, middles - STEEPNESS_STEP * normals]))
    above, below = ask(sdf, sides.to(like))
    return float(((above - below) / (2 * STEEPNESS_STEP)).median().clamp(min=1e-6))


def _array(values: Tensor) -> np.ndarray:
    return values.double().cpu().numpy()
