"""Fits that start from how heads look: the appearance's code among what moves."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from headfield.fitting.observations import Observations
from headfield.fitting.surface_fit import Speed, SurfaceFit, SurfaceObjectives
from headfield.render.cached_samples import CachedSamples
from headfield.render.proxy import Proxy
from headfield.render.selective import SelectiveSampling

from ..balls import LOOKS, OPTIONS, capture, head_family
from .test_surface_fit import RADIUS, exact, in_double, info, loss


def new_fit() -> SurfaceFit:
    return SurfaceFit(head_family().field(LOOKS), head_family())


def test_the_field_begins_as_the_prior_looks():
    fit, prior = new_fit(), head_family()
    points = torch.rand(20, 3, generator=torch.Generator().manual_seed(0)) - 0.5
    up = torch.tensor([[0.0, 1, 0]]).expand(20, 3)
    features = prior.geometry(points, prior.codes.mean)[1]
    places, handed_on = points + features[:, :3], features[:, 3:]
    expected = prior.appearance(places, up, up, handed_on, prior.looks.mean)
    torch.testing.assert_close(fit.finished().colour(points, up, up), expected)


def test_the_finished_field_is_read_with_both_codes_of_the_fit():
    fit = new_fit()
    points = torch.rand(20, 3, generator=torch.Generator().manual_seed(0)) - 0.5
    up = torch.tensor([[0.0, 1, 0]]).expand(20, 3)
    with torch.no_grad():
        fit.u += 0.3
        fit.w -= 0.7
        features = fit.field.geometry(points, fit.code)[1]
        before = fit.field.shaded(points, up, up, features, fit.look)
    torch.testing.assert_close(fit.finished().colour(points, up, up), before)
    assert torch.equal(fit.field.look, fit.looks.code(fit.w))


def test_one_picture_teaches_shape_too_where_looks_are_known():
    fit = new_fit()
    term = loss("photometric", fit, Observations.of(capture(RADIUS)), exact)
    shape, look = torch.autograd.grad(term, [fit.u, fit.w])
    assert shape.any()
    assert look.any()


def test_an_unusual_look_costs_its_square():
    fit = new_fit()
    with torch.no_grad():
        fit.w.copy_(torch.arange(len(fit.w)))
    found = loss("look", fit, Observations.of(capture(RADIUS)))
    assert found.item() == pytest.approx(fit.w.square().mean().item())


def test_the_look_s_code_moves_colours_as_finite_differences_find():
    fit, seen = new_fit().double(), Observations.of(capture(RADIUS))
    none = torch.zeros(0, dtype=torch.long)
    every = torch.arange(len(seen.inside))
    seen = replace(seen, inside=in_double(seen.inside, every), beside=seen.beside[none], beyond=seen.beyond[none])
    (gradient,) = torch.autograd.grad(loss("photometric", fit, seen, exact), fit.w)
    step, values = 1e-6, []
    for sign in (1, -2):
        with torch.no_grad():
            fit.w[0] += sign * step
        values.append(loss("photometric", fit, seen, exact).item())
    assert float(gradient[0]) == pytest.approx((values[0] - values[1]) / (2 * step), rel=1e-4)


def test_fewer_rays_past_the_subject_are_looked_at_as_time_goes_by():
    fit, seen = new_fit(), Observations.of(capture(RADIUS))
    counts = []

    class Counting(type(seen)):
        def draw(self, *given):
            drawn = super().draw(*given)
            counts.append(len(drawn))
            return drawn

    counting = Counting(**{name: getattr(seen, name) for name in seen.__dataclass_fields__})
    speed = Speed(selective=SelectiveSampling(drop=0.5, every=10, times=1))
    objectives = SurfaceObjectives(fit, counting, OPTIONS, speed=speed)
    for step in (0, 9, 10):
        objectives(info({"silhouette": 1.0}, step=step))
    rays = OPTIONS.rays
    assert counts == [rays.inside + rays.past] * 2 + [rays.inside + rays.past // 2]


@pytest.mark.parametrize(("name", "kind"), [("proxy", Proxy), ("cached samples", CachedSamples)])
def test_hits_are_found_as_a_method_wants_and_made_anew_at_the_beginning(name, kind):
    objectives = SurfaceObjectives(new_fit(), Observations.of(capture(RADIUS)), OPTIONS, speed=Speed(hits=name))
    objectives(info({"photometric": 1.0}))
    first = objectives._finder
    assert isinstance(first, kind)
    objectives(replace(info({"photometric": 1.0}, step=1), fresh=False))
    assert objectives._finder is first
    objectives(info({"photometric": 1.0}, step=2))
    assert objectives._finder is not first
