"""Fitting a head to views by surface rendering, the same for every method that does (InstantAvatar, section 3.2; IDR).

For each ray the first hit x is found without gradients and made differentiable as x_diff. There the colour is compared
with the picture (photometric), the gradient of the distance with the normals that are known (normals), and what one
view shows around it with what others show (agreement). Rays that
should hit and do not, and rays past the subject, are compared by their least distance (silhouette). With a prior,
codes are kept usual, and what no view sees is held to the shape with which a stage began. A prior may know how heads
look, too; then colours start from it as shapes do.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import huber_loss, normalize

from headfield.cameras import Camera, Rays
from headfield.canonical import CANONICAL_NOSE, SHOULDERS
from headfield.fields.geometry import Sample, Shape, eikonal
from headfield.fields.surface_field import SurfaceField, SurfaceFieldSettings
from headfield.fitting.agreement import Agreement, apart
from headfield.fitting.corrections import Corrections
from headfield.fitting.doubts import Estimated, Photographed
from headfield.fitting.flatness import is_flat, tangents
from headfield.fitting.held import Unseen
from headfield.fitting.observations import Observations, RaysSeen
from headfield.fitting.prior import ShapePrior
from headfield.fitting.statistics import CodeGaussian, CodeStatistics
from headfield.fitting.still import StillSurface
from headfield.optim.schedules import Cosine
from headfield.optim.stages import Moving
from headfield.optim.step import StepInfo
from headfield.render.distance_grid import DistanceGrid
from headfield.render.finders import Finder, finders
from headfield.render.hits import HitFinder
from headfield.render.implicit import moved
from headfield.render.proxy import ProxySettings
from headfield.render.queries import roughly
from headfield.render.selective import SelectiveSampling
from headfield.render.silhouette import least_distance, silhouette_loss

NEAR = 0.005
"""From which distance on, in head units, it costs in proportion to be away from the shape a stage began with: 1 mm."""

BESIDE = 0.04
"""What a mask shows further than this, 8 mm, beside the shape is no reason to leave the family of shapes: masks take in
collars, hands and chairs, which would grow on the head as lumps. The shape may still grow there step by step."""

BEHIND = (0.05, 0.1)
"""A ray that is out of the head again 10 or 20 mm behind a hit passes close to an outline, of a nose, say. A network
does not tell to which side of it a pixel belongs, and a nose told to look like the lip behind grows a fin over it.
Several views see such fins from their sides, and need what is known of noses."""

AT_NOSE = 0.15
"""Nostrils lie within this distance, 30 mm, of where the tip of the average nose is."""

AROUND = 0.015
"""How far around a hit there, 3 mm, the surface must be flat for a network's normals of a single view to be believed:
it tells so little of nostrils that stubs grow below them."""


@dataclass(frozen=True)
class RaysAStep:
    """How many rays and points a step of fitting looks at."""

    inside: int = 768
    """Rays through the subject."""
    past: int = 192
    """Rays past it."""
    held: int = 256
    """Places close to the unseen surface."""
    held_anywhere: int = 128
    """Places in the unseen rest."""


class SurfaceFit(nn.Module):
    """What moves in a fit: a field, the whitened code u with g = μ + F u where there is a prior, and corrections of
    cameras that are only roughly known; w is the whitened code of the appearance where the prior knows of it."""

    u: nn.Parameter
    w: nn.Parameter
    u_held: Tensor

    def __init__(self, settings: SurfaceFieldSettings, prior: ShapePrior | None, rough: Sequence[Camera] = ()):
        super().__init__()
        self.corrections = Corrections(rough) if rough else None
        self.field = settings.new()
        self.field.code.requires_grad_(False)
        self.codes: CodeStatistics | None = None
        self.looks: CodeGaussian | None = None
        self.prior: Shape | None = None
        self.usual_colours = None if prior is None else copy.deepcopy(prior.colours)
        if prior is not None:
            self.field.geometry = copy.deepcopy(prior.geometry)
            self.prior = copy.deepcopy(prior.geometry)
            self.codes = copy.deepcopy(prior.codes)
            self.u = nn.Parameter(torch.zeros(prior.codes.settings.kept))
            self.register_buffer("u_held", torch.zeros(prior.codes.settings.kept))
        if prior is not None and prior.appearance is not None and prior.looks is not None:
            assert self.field.look is not None
            self.field.look.requires_grad_(False)
            self.field.appearance = copy.deepcopy(prior.appearance)
            self.looks = copy.deepcopy(prior.looks)
            self.w = nn.Parameter(torch.zeros(prior.looks.settings.kept))

    @property
    def code(self) -> Float[Tensor, "c"] | None:
        """The code that the geometry is read with."""
        return None if self.codes is None else self.codes.code(self.u)

    @property
    def look(self) -> Float[Tensor, "c"] | None:
        """The code that the appearance is read with."""
        return None if self.looks is None else self.looks.code(self.w)

    def distance(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n"]:
        """The signed distance as it is now."""
        return self.field.geometry.distance(points, self.code)

    def held(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n"]:
        """The signed distance that the prior gave when the stage began."""
        assert self.codes is not None
        assert self.prior is not None
        return self.prior.distance(points, self.codes.code(self.u_held))

    @torch.no_grad()
    def finished(self) -> SurfaceField:
        """The field alone, with its codes."""
        if self.code is not None:
            self.field.code.copy_(self.code)
        if self.look is not None and self.field.look is not None:
            self.field.look.copy_(self.look)
        return self.field


@dataclass(frozen=True)
class FitOptions:
    """What of surface fitting differs between methods and devices."""

    rays: RaysAStep = RaysAStep()
    alpha: float = 50.0
    """How steep the soft silhouette is at first, per head unit; it ends ``alpha_growth`` times as steep."""
    alpha_growth: float = 8.0
    camera_rate: float = 2e-4
    """How fast cameras that are only roughly known are corrected, where several views hold them."""
    single_camera_rate: float = 1e-3
    """How fast the camera of a single photo is corrected while the head stays within the family of shapes."""
    place_rate: float = 2e-3
    """How fast all such cameras are moved together while the head stays within the family of shapes, since landmarks
    do not tell where in their world it is."""
    gain_rate: float = 2e-3
    """How fast the brightness and tint of their pictures are made to agree."""
    estimated: Estimated = field(default_factory=Estimated)
    """What weighs otherwise where normals are a network's estimate."""
    photographed: Photographed = field(default_factory=Photographed)
    """What weighs otherwise where several photos have been placed by landmarks."""
    proxy: ProxySettings = field(default_factory=lambda: ProxySettings(resolution=64, uses=25, margin=0.02, rough=True))

    def correcting(self, views: int, *, within_family: bool, marked: bool) -> tuple[Moving, ...]:
        """What is corrected of views with rough cameras, whose landmarks are marked or not: a single one no longer once
        shapes may leave the family, which would agree on anything with it."""
        if views > 1:
            each = (Moving("corrections.cameras.*", self.camera_rate), Moving("corrections.gains", self.gain_rate))
            together = Moving("corrections.place", Cosine(self.place_rate, 0.1 * self.place_rate))
            return (*each, together) if within_family and not marked else each
        return (Moving("corrections.cameras.*", self.single_camera_rate),) if within_family else ()


@dataclass(frozen=True)
class Speed:
    """What makes a fit fast without changing what it is after (SIRA++, section IV)."""

    hits: Finder = "proxy"
    """How it is found where rays meet the surface."""
    selective: SelectiveSampling | None = None
    """How many of the rays past the subject are left out as time goes by; none where nothing is said."""


class SurfaceObjectives:
    """The objectives of a step: those of ``photometric``, ``silhouette``, ``normals``, ``agreement``, ``landmarks``,
    ``latent``, ``look``, ``held``, ``near``, ``eikonal`` and ``colour`` that its stage names.

    ``colour`` alone is the photometric one at hits found once, for a stage in which the shape stands still.
    """

    def __init__(
        self,
        fit: SurfaceFit,
        observations: Observations,
        options: FitOptions,
        finder: Callable[[], HitFinder] | None = None,
        speed: Speed = Speed(),
    ):
        self.fit, self.observations, self.options = fit, observations, options
        self._new_finder = finder or finders(speed.hits, options.proxy)
        self._selective = speed.selective
        self._finder: HitFinder | None = None
        self._about: DistanceGrid | None = None
        self._unseen: Unseen | None = None
        self._still: StillSurface | None = None
        self._agreement: Agreement | None = None
        self._u_held: Tensor | None = None

    def __call__(self, info: StepInfo) -> dict[str, Tensor]:
        """The objectives of one step."""
        if info.fresh:
            self._begin(info)
        if info.fresh or info.step % self.options.proxy.uses == 0:
            self._about = None
        if info.fresh or info.step % (2 * self.options.proxy.uses) == 0:
            self._agreement = None
        if set(info.weights) == {"colour"}:
            return {"colour": self._colour(info)}
        share = 1.0 if self._selective is None else self._selective.share(info.overall)
        rays = self.options.rays
        seen = self.observations.draw(rays.inside, rays.past, info.generator, share)
        if self.fit.corrections is not None:
            seen = self.fit.corrections.taken_along(seen)
        inside = torch.arange(len(seen), device=info.device) < rays.inside
        return self._terms(info, seen, inside)

    @property
    def cameras(self) -> tuple[Camera, ...]:
        """Those of the views, as corrected so far."""
        return self.observations.cameras if self.fit.corrections is None else self.fit.corrections.corrected()

    def landmarks_in_views(self) -> Float[Tensor, "v l 3"]:
        """Where the head's landmarks are in each view, with the expression that it shows."""
        fit, seen = self.fit, self.observations.landmarks
        assert fit.codes is not None
        places = fit.codes.landmarks(fit.u)
        if seen is None:
            return places.expand(len(self.cameras), -1, -1)
        return seen.moved(places, self.cameras)

    def _begin(self, info: StepInfo) -> None:
        """Make anew what is derived from the parameters."""
        self._finder = self._new_finder()
        self._still = None
        if self.fit.codes is None:
            return
        if info.step == 0:
            self._u_held = self.fit.u.detach().clone() if info.weights.keys() & {"held", "near"} else None
        if self._u_held is not None:  # a run that goes back may put back that of the stage before
            self.fit.u_held.copy_(self._u_held)
        if "held" in info.weights:
            self._unseen = Unseen.of(self.fit.held, self.cameras, device=info.device)

    def _terms(self, info: StepInfo, seen: RaysSeen, inside: Tensor) -> dict[str, Tensor]:
        wanted = {name for name, weight in info.weights.items() if weight}
        fit = self.fit
        assert self._finder is not None
        with torch.no_grad():
            code = fit.code
            still = Rays(seen.origins.detach(), seen.directions.detach())
            hits = self._finder(lambda points: fit.field.geometry.distance(points, code), still)
        met = hits.hit
        on_subject = inside & met
        index = on_subject[met]
        rays = seen[on_subject]
        points = hits.points[index] if fit.corrections is None else rays.rays.at(hits.distance[on_subject])
        sample = fit.field.geometry.sample(points, fit.code, create_graph=True)
        terms: dict[str, Tensor] = {}
        normal = normalize(sample.gradient, dim=-1)
        if "photometric" in wanted:
            terms["photometric"] = self._photometric(points, sample, normal, rays) if len(points) else _zero(info)
        if "normals" in wanted:
            known = rays.normals.any(dim=-1)
            if self.observations.estimated and len(self.observations.cameras) == 1:
                known &= self._solid_behind(points, rays.directions) & ~self._is_nostril(points, normal)
            off = normal - rays.normals
            # The cosine of the paper, |off|² / 2, is blind to the degree or two by which a whole face may lean; |off|
            # is not, and minds outliers less.
            off = off.square().sum(dim=-1) / 2 + (off.square().sum(dim=-1) + 1e-6).sqrt()
            terms["normals"] = off[known].sum() / self.options.rays.inside
        if "agreement" in wanted:
            terms["agreement"] = self._agree(info, points, sample, normal, rays) if len(points) else _zero(info)
        if "silhouette" in wanted:
            terms["silhouette"] = self._silhouette(info, seen[(~met | ~inside) & seen.above & ~self._shoulders(seen)])
        if "landmarks" in wanted:
            terms["landmarks"] = self._landmarks()
        if "latent" in wanted:
            terms["latent"] = fit.u.square().mean()
        if "look" in wanted:
            terms["look"] = fit.w.square().mean()
        if "held" in wanted:
            terms["held"] = self._held(info)
        if "near" in wanted:
            # Where a view looks, too, the shape may not wander off as a whole, which normals would hardly notice.
            away = fit.held(moved(points, rays.directions, sample.distance, sample.gradient))
            terms["near"] = huber_loss(away, torch.zeros_like(away), delta=NEAR) / NEAR if len(away) else _zero(info)
        if "eikonal" in wanted:
            around = 2 * torch.rand((256, 3), generator=info.generator, device=info.device) - 1
            gradient = fit.field.geometry.sample(around, fit.code, create_graph=True).gradient
            terms["eikonal"] = eikonal(torch.cat([gradient, sample.gradient]))
        return terms

    @torch.no_grad()
    def _solid_behind(self, points: Tensor, directions: Tensor) -> Tensor:
        """At which hits the head is thick, so that no outline is close."""
        behind = points + torch.tensor(BEHIND).to(points)[:, None, None] * directions
        return (self.fit.distance(behind.flatten(0, 1)) < 0).view(len(BEHIND), -1).all(dim=0)

    @torch.no_grad()
    def _is_nostril(self, points: Tensor, normals: Tensor) -> Tensor:
        """Which hits are on the rim of a nostril or in it: close to the nose, where the surface is not flat."""
        found = (points - torch.from_numpy(CANONICAL_NOSE).to(points)).norm(dim=-1) < AT_NOSE
        across, along = tangents(normals[found])
        steps = AROUND * torch.stack([across, -across, along, -along], dim=1)
        found[found.clone()] = ~is_flat(self.fit.distance, points[found], points[found, None] + steps)
        return found

    def _photometric(self, points: Tensor, sample: Sample, normal: Tensor, seen: RaysSeen) -> Tensor:
        place = moved(points, seen.directions, sample.distance, sample.gradient)
        if len(self.observations.cameras) == 1 and self.fit.looks is None:
            # A colour network that knows nothing explains one picture on any shape: what it asks of the shape is noise.
            place, normal = place.detach(), normal.detach()
        colour = self.fit.field.shaded(place, normal, seen.directions, sample.features, self.fit.look)
        if self.fit.corrections is not None:
            colour = self.fit.corrections.tinted(colour, seen.view)
        return (colour - seen.colours).abs().sum() / (3 * self.options.rays.inside)

    def _agree(self, info: StepInfo, points: Tensor, sample: Sample, normal: Tensor, seen: RaysSeen) -> Tensor:
        place = moved(points, seen.directions, sample.distance, sample.gradient)
        if self._agreement is None:
            fine = apart(info.progress, within_family="held" not in info.weights)
            pictures = self.observations.pictures
            self._agreement = Agreement(self.fit.distance, self.cameras, pictures, fine, device=info.device)
        return self._agreement.loss(place, normal, seen.view, self._project)

    def _project(self, places: Tensor) -> Tensor:
        if self.fit.corrections is not None:
            return self.fit.corrections.project(places)
        return torch.stack([camera.to(device=places.device).project(places)[0] for camera in self.cameras])

    def _shoulders(self, seen: RaysSeen) -> Tensor:
        """Rays at which only the mask of a photo says that there is something, lower than a mouth.

        Shoulders are as high as somebody holds them, and a head with long hair would explain a raised collar.
        """
        if not self.observations.rough:
            return torch.zeros(len(seen), dtype=torch.bool, device=seen.coverage.device)
        closest = -(seen.origins * seen.directions).sum(dim=-1)
        return (seen.rays.at(closest)[:, 1] < SHOULDERS) & (seen.coverage > 0.5)

    def _silhouette(self, info: StepInfo, seen: RaysSeen) -> Tensor:
        if not len(seen):
            return _zero(info)
        alpha = self.options.alpha * self.options.alpha_growth**info.progress
        if self._about is None:
            with roughly(info.device):
                self._about = DistanceGrid.of(self.fit.distance, seen.origins)
        least = least_distance(self.fit.distance, seen.rays, rough=True, about=self._about)
        loss = silhouette_loss(least, seen.coverage, alpha)
        if "held" in info.weights:
            loss = loss[(least < BESIDE) | (seen.coverage < 0.5)]
        return loss.sum() / (self.options.rays.inside + self.options.rays.past)

    def _landmarks(self) -> Tensor:
        """How far the landmarks that the code stands for, each view's expression allowed, are from those seen."""
        fit, seen = self.fit, self.observations.landmarks
        assert seen is not None
        places = self.landmarks_in_views()
        if fit.corrections is not None:
            return seen.loss(fit.corrections.project(places))
        cameras = [camera.to(device=places.device) for camera in self.observations.cameras]
        return seen.loss(torch.stack([camera.project(its)[0] for camera, its in zip(cameras, places, strict=True)]))

    def _held(self, info: StepInfo) -> Tensor:
        assert self._unseen is not None
        places = self._unseen.draw(self.options.rays.held, self.options.rays.held_anywhere, info.generator)
        if not len(places):
            return _zero(info)
        with torch.no_grad():
            before = self.fit.held(places)
        return (self.fit.distance(places) - before).abs().mean()

    def _colour(self, info: StepInfo) -> Tensor:
        if self._still is None:
            assert self._finder is not None
            field = self.fit.finished()
            corrections, usual = self.fit.corrections, self.fit.usual_colours
            self._still = StillSurface.of(field, field.distance, self.observations, self._finder, corrections, usual)
        return self._still.loss(self.fit.field, info.generator)


def _zero(info: StepInfo) -> Tensor:
    return torch.zeros((), device=info.device)
