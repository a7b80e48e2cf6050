from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from headfield.cameras import Rays
from headfield.canonical import CANONICAL_NOSE
from headfield.fields.surface_field import SurfaceFieldSettings
from headfield.fitting import surface_fit
from headfield.fitting.observations import Observations, RaysSeen
from headfield.fitting.still import StillSurface
from headfield.fitting.surface_fit import BEHIND, NEAR, SurfaceFit, SurfaceObjectives
from headfield.optim.distributed import Processes
from headfield.optim.stages import Moving, Stage
from headfield.optim.step import StepInfo
from headfield.render.hits import HitFinder, SurfaceHits
from headfield.render.parallel_samples import ParallelSamples
from headfield.render.queries import ask, gradients

from ..balls import APPEARANCE, GEOMETRY, OPTIONS, camera, capture, family, radii_of, view

RADIUS = 0.46


def new_fit(*, with_prior: bool = True) -> SurfaceFit:
    torch.manual_seed(0)
    settings = SurfaceFieldSettings(GEOMETRY if with_prior else replace(GEOMETRY, code=0), APPEARANCE)
    return SurfaceFit(settings, family() if with_prior else None)


def info(weights: dict[str, float], *, step: int = 0) -> StepInfo:
    return StepInfo(
        stage=Stage("stage", 10, (Moving("u", 0.1),), weights),
        step=step,
        overall=step,
        weights=weights,
        seed=4,
        device=torch.device("cpu"),
        processes=Processes.current(),
        fresh=True,
    )


def loss(name: str, fit: SurfaceFit, seen: Observations, finder=None, **at: int) -> Tensor:
    return SurfaceObjectives(fit, seen, OPTIONS, finder)(info({name: 1.0}, **at))[name]


def cost(*arguments: object) -> float:
    return loss(*arguments).item()


def cost_later(*arguments: object) -> float:
    return loss(*arguments, step=3).item()


def exact() -> HitFinder:
    """Hits to the last digit."""

    def find(sdf, rays: Rays) -> SurfaceHits:
        distance = ParallelSamples()(sdf, rays).distance.clone()
        hit = torch.isfinite(distance)
        some = Rays(rays.origins[hit], rays.directions[hit])
        for _ in range(8):
            places = some.at(distance[hit])
            falls = (gradients(sdf, places).detach() * some.directions).sum(-1)
            distance[hit] = distance[hit] - ask(sdf, places) / falls
        return SurfaceHits(rays, distance)

    return find


class ByPlace(nn.Module):
    """Colours that depend on the place alone, since how a hit's normal moves with it is not followed."""

    def forward(self, points: Tensor, normals: Tensor, directions: Tensor, features: Tensor) -> Tensor:
        turned = points @ torch.tensor([[3.0, 1, 0], [-1, 2, 1], [0.5, 0, -4]]).to(points)
        return torch.sigmoid(turned)


def in_double(seen: RaysSeen, which: Tensor) -> RaysSeen:
    values = {name: getattr(seen, name)[which] for name in seen.__dataclass_fields__}
    return RaysSeen(**{k: v.double() if v.is_floating_point() else v for k, v in values.items()})


def exact_case() -> tuple[SurfaceFit, Observations]:
    """A fit in double precision, and rays well away from the silhouette, where nothing jumps."""
    fit = new_fit().double()
    fit.field.appearance = ByPlace()
    with torch.no_grad():
        fit.u[0] += 0.3
    seen = Observations.of(capture(RADIUS, (0.0, 80.0)))

    def least(rays: RaysSeen) -> Tensor:
        return torch.linalg.cross(rays.origins, rays.directions).norm(dim=-1)

    return fit, replace(
        seen,
        inside=in_double(seen.inside, least(seen.inside) < 0.3),
        beside=in_double(seen.beside, least(seen.beside) > 0.6),
        beyond=in_double(seen.beyond, least(seen.beyond) > 0.6),
    )


@pytest.mark.parametrize("name", ["photometric", "silhouette"])
def test_what_moves_the_shape_has_the_gradient_that_finite_differences_find(name):
    fit, seen = exact_case()
    tensors = [fit.u, fit.field.geometry.decoder.layers[0].bias, fit.field.geometry.grid.levels[0][0]]
    for tensor in tensors:
        tensor.requires_grad_()
    found = torch.autograd.grad(loss(name, fit, seen, exact), tensors)
    step = 1e-6
    for tensor, gradient in zip(tensors, found, strict=True):
        index = int(gradient.abs().argmax())
        values = []
        for sign in (1, -2):
            with torch.no_grad():
                tensor.view(-1)[index] += sign * step
            values.append(cost(name, fit, seen, exact))
        with torch.no_grad():
            tensor.view(-1)[index] += step
        assert gradient.reshape(-1)[index] != 0
        assert float(gradient.reshape(-1)[index]) == pytest.approx((values[0] - values[1]) / (2 * step), rel=1e-3)


def test_colours_do_not_bend_the_shape_by_what_no_ray_sees():
    """The photometric objective alone leaves every grid corner far from all hits without a gradient."""
    fit, seen = new_fit(), Observations.of(capture(RADIUS, (0.0, 30.0)))
    table = fit.field.geometry.grid.levels[1][0].requires_grad_()
    (gradient,) = torch.autograd.grad(loss("photometric", fit, seen), table)
    corners = torch.cartesian_prod(*[torch.linspace(-1, 1, 5)] * 3)
    assert gradient[corners[:, 2] > 0.4].abs().sum() > 0
    assert gradient[corners[:, 2] < -0.4].abs().sum() == 0


def test_a_picture_of_the_field_itself_costs_nothing():
    fit = new_fit()
    seen = Observations.of(capture(RADIUS))
    with torch.no_grad():
        hits = exact()(fit.distance, seen.inside.rays)
        rays = seen.inside[hits.hit]
        sample = fit.field.geometry.sample(hits.points, fit.code)
        normals = nn.functional.normalize(sample.gradient, dim=-1)
        colours = fit.field.appearance(hits.points, normals, rays.directions, sample.features)
    own = replace(seen, inside=replace(rays, colours=colours, normals=normals))
    for name in ("photometric", "normals"):
        assert cost(name, fit, own) < 2e-3, name
    assert cost("photometric", fit, seen) > 1e-2
    for observed, agrees in ((own, True), (seen, False)):
        still = StillSurface.of(fit.finished(), fit.distance, observed, exact())
        assert (still.seen.loss(fit.field, 500, torch.Generator().manual_seed(0)) < 2e-3) == agrees


def test_normals_cost_more_the_further_off_they_are_and_nothing_where_none_are_known():
    fit = new_fit()
    seen = Observations.of(capture(0.4))  # the ball of the mean code is larger, so every ray inside meets it

    def turned(share: float) -> float:
        normals = nn.functional.normalize(seen.inside.normals + share * torch.tensor([0.0, 1, 0]), dim=-1)
        return cost("normals", fit, replace(seen, inside=replace(seen.inside, normals=normals)))

    assert turned(0.0) < turned(0.5) < turned(1.0)
    flipped = -seen.inside.normals
    wrong = cost("normals", fit, replace(seen, inside=replace(seen.inside, normals=flipped)))
    assert wrong > turned(1.0)
    half = flipped.clone()
    half[::2] = 0
    assert 0.3 * wrong < cost("normals", fit, replace(seen, inside=replace(seen.inside, normals=half))) < 0.7 * wrong
    assert cost("normals", fit, replace(seen, inside=replace(seen.inside, normals=0 * flipped))) == 0


def test_estimated_normals_of_a_single_view_are_not_believed_close_to_outlines():
    fit = new_fit()
    seen = Observations.of(capture(0.55))
    hits = exact()(fit.distance, seen.inside.rays)
    rays = seen.inside[hits.hit]
    radius = hits.points.norm(dim=-1, keepdim=True)
    outline = torch.stack([(hits.points + b * rays.directions).norm(dim=-1, keepdim=True) > radius for b in BEHIND])
    outline = outline.any(dim=0)
    assert 0 < outline.sum() < len(outline) / 2
    for where, believed in ((outline, False), (~outline, True)):
        flipped = replace(rays, normals=torch.where(where, -rays.normals, 0.0))
        assert (cost("normals", fit, replace(seen, inside=flipped, estimated=True)) > 0) == believed
        assert cost("normals", fit, replace(seen, inside=flipped)) > 0
        assert cost("normals", fit, replace(seen, inside=flipped, estimated=True, cameras=2 * seen.cameras)) > 0


@pytest.mark.parametrize(("around", "flat"), [(surface_fit.AROUND, True), (0.6, False)])
def test_estimated_normals_of_a_single_view_are_not_believed_at_the_nose_where_it_is_not_flat(
    monkeypatch, around, flat
):
    monkeypatch.setattr(surface_fit, "AROUND", around)  # so far around it no ball is flat
    fit = new_fit()
    seen = Observations.of(capture(0.55))
    hits = exact()(fit.distance, seen.inside.rays)
    rays = seen.inside[hits.hit]
    nose = torch.from_numpy(CANONICAL_NOSE).float()
    at_nose = (hits.points - nose).norm(dim=-1, keepdim=True) < surface_fit.AT_NOSE
    straight = (rays.directions * hits.points).sum(dim=-1, keepdim=True) < -0.4  # far from the outline
    for where, believed in ((at_nose, flat), (straight & ~at_nose, True)):
        assert where.any()
        flipped = replace(rays, normals=torch.where(where, -rays.normals, 0.0))
        assert (cost("normals", fit, replace(seen, inside=flipped, estimated=True)) > 0) == believed


def test_the_silhouette_pulls_the_ball_to_its_size():
    fit = new_fit()
    fit.u.requires_grad_()
    slope = {}
    for radius in (0.42, 0.58):
        (slope[radius],) = torch.autograd.grad(loss("silhouette", fit, Observations.of(capture(radius))), fit.u)
    radius_grows = torch.autograd.grad(fit.distance(torch.tensor([[0.0, 0.5, 0.0]])).sum(), fit.u)[0]
    # Where the distance at a fixed place falls, the ball grows.
    assert float(slope[0.42] @ radius_grows) < 0 < float(slope[0.58] @ radius_grows)


def test_what_a_mask_shows_far_beside_the_shape_pulls_within_the_family_alone():
    fit, far = new_fit(), Observations.of(capture(0.7))
    least = torch.linalg.cross(far.inside.origins, far.inside.directions).norm(dim=-1) - 0.5
    none = torch.zeros(0, dtype=torch.long)
    ring = replace(far, inside=far.inside[least > 0.1], beside=far.beside[none], beyond=far.beyond[none])
    fit.u.requires_grad_()
    for weights, pulls in (({"silhouette": 1.0}, True), ({"silhouette": 1.0, "held": 1.0}, False)):
        term = SurfaceObjectives(fit, ring, OPTIONS)(info(weights))["silhouette"]
        (slope,) = torch.autograd.grad(term, fit.u, allow_unused=True)
        assert (slope is not None and bool(slope.any())) == pulls


def test_what_no_view_sees_is_held_to_the_shape_at_the_beginning():
    fit, seen = new_fit(), Observations.of(capture(0.55))
    with torch.no_grad():
        fit.u += 0.5
    objectives = SurfaceObjectives(fit, seen, OPTIONS)
    assert objectives(info({"held": 1.0}))["held"].item() == 0
    assert torch.equal(fit.u_held, fit.u)
    with torch.no_grad():
        fit.u -= 0.2
    later = replace(info({"held": 1.0}, step=3), fresh=False)
    moved = objectives(later)["held"].item()
    assert moved > 1e-3
    # Going on from a checkpoint in the middle of the stage holds to the same shape.
    resumed = SurfaceObjectives(fit, seen, OPTIONS)
    assert resumed(replace(later, fresh=True))["held"].item() == moved
    # So does going back, which puts back what the stage before was held to.
    fit.u_held.zero_()
    assert objectives(replace(later, fresh=True))["held"].item() == moved


def test_one_picture_teaches_colours_alone_several_shape_too():
    fit = new_fit()
    fit.u.requires_grad_()
    for azimuths, bends in (((0.0,), False), ((0.0, 30.0), True)):
        term = loss("photometric", fit, Observations.of(capture(RADIUS, azimuths)))
        shape, *colours = torch.autograd.grad(term, [fit.u, *fit.field.appearance.parameters()], allow_unused=True)
        assert (shape is not None) == bends
        assert any(gradient.any() for gradient in colours)


def test_where_a_view_looks_the_surface_may_be_kept_near_the_beginning_too():
    fit, seen = new_fit(), Observations.of(capture(0.55))
    with torch.no_grad():
        fit.u[0] += 0.5
    assert cost("near", fit, seen) < 1e-4
    before = radii_of(fit.distance)
    with torch.no_grad():
        fit.u[0] -= 0.5
    fit.u.requires_grad_()
    away = loss("near", fit, seen, step=3)
    grown = float((radii_of(fit.distance) - before).abs().mean())
    assert away.item() == pytest.approx(grown - NEAR / 2, rel=0.2)
    (slope,) = torch.autograd.grad(away, fit.u)
    with torch.no_grad():
        fit.u -= 0.1 * slope / slope.norm()
    assert cost_later("near", fit, seen) < away.item()


def test_an_unusual_code_costs_its_square():
    fit, seen = new_fit(), Observations.of(capture(0.55))
    with torch.no_grad():
        fit.u.copy_(torch.arange(len(fit.u)))
    assert cost("latent", fit, seen) == pytest.approx(fit.u.square().mean().item())


def test_the_field_begins_as_the_prior_and_the_prior_stays_its_own():
    fit, prior = new_fit(), family()
    points = torch.rand(50, 3, generator=torch.Generator().manual_seed(0)) - 0.5
    assert torch.equal(fit.distance(points), prior.geometry.distance(points, prior.codes.mean))
    with torch.no_grad():
        for parameter in fit.field.parameters():
            parameter += 1
    assert torch.equal(fit.held(points), prior.geometry.distance(points, prior.codes.mean))


def test_the_finished_field_is_read_with_the_code_of_the_fit():
    fit = new_fit()
    with torch.no_grad():
        fit.u += 0.3
    points = torch.rand(50, 3, generator=torch.Generator().manual_seed(0)) - 0.5
    before = fit.distance(points)
    assert torch.equal(fit.finished().distance(points), before)


def test_without_a_prior_there_is_no_code():
    fit = new_fit(with_prior=False)
    assert fit.code is None
    points = torch.rand(50, 3, generator=torch.Generator().manual_seed(0)) - 0.5
    assert torch.equal(fit.finished().distance(points), fit.distance(points))
    assert cost("eikonal", fit, Observations.of(capture(0.55))) < 0.1


@pytest.mark.parametrize("name", ["photometric", "normals", "silhouette", "held", "near", "colour"])
def test_where_nothing_is_hit_nothing_breaks(name):
    fit = new_fit()
    seen = Observations.of(capture(0.55))

    def nothing() -> HitFinder:
        return lambda sdf, rays: SurfaceHits(rays, torch.full((len(rays.origins),), torch.inf))

    value = loss(name, fit, seen, nothing)
    assert value.isfinite()
    assert name not in ("photometric", "normals", "near", "colour") or value.item() == 0


def test_where_nothing_lies_beside_the_subject_the_silhouette_asks_inside_alone():
    fit = new_fit()
    seen = Observations.of(capture(0.55))
    none = seen.inside[torch.zeros(0, dtype=torch.long)]
    assert cost("silhouette", fit, replace(seen, beside=none, beyond=none)) >= 0


def test_hits_are_made_anew_at_the_beginning_alone():
    fit, seen = new_fit(), Observations.of(capture(0.55))
    made = []

    def counted() -> HitFinder:
        made.append(1)
        return exact()

    objectives = SurfaceObjectives(fit, seen, OPTIONS, counted)
    for step in range(4):
        objectives(replace(info({"photometric": 1.0}, step=step), fresh=step in (0, 2)))
    assert len(made) == 2


def test_views_of_every_kind_go_together():
    bare = view(RADIUS, camera(120.0, pixels=40), "bare", normals=False)
    known = view(RADIUS, camera(0.0), "known")
    seen = Observations.of(replace(capture(RADIUS), views=(bare, known)))
    terms = SurfaceObjectives(new_fit(), seen, OPTIONS)(
        info({"photometric": 1.0, "normals": 1.0, "silhouette": 1.0, "latent": 1.0, "held": 1.0})
    )
    assert all(value.isfinite() for value in terms.values())
