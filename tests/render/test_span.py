from __future__ import annotations

import torch
from hypothesis import given

from headfield.cameras import Rays
from headfield.render.queries import Counted, ask
from headfield.render.span import Span, spread

from ..strategies import vectors
from .solids import bust, rays_from_around


@given(vectors(-3, 3), vectors(-1, 1).filter(lambda v: v.norm() > 0.1))
def test_the_ends_of_a_span_lie_on_the_unit_sphere_and_all_else_of_the_ray_outside(origin, direction):
    rays = Rays(origin[None], (direction / direction.norm())[None])
    span = Span.of(rays)
    leaves = span.at(span.length)[0].norm()
    if span.meets:
        enters = span.entries[0].norm()
        torch.testing.assert_close(leaves, torch.ones_like(leaves), atol=1e-6, rtol=0)
        assert abs(enters - 1) < 1e-6 or (span.near == 0 and enters < 1)
        assert span.at(span.length / 2)[0].norm() < 1 + 1e-9
    else:
        along = torch.linspace(0, 8, 200, dtype=torch.float64)
        assert (rays.at(along[:, None]).norm(dim=-1) > 1 - 1e-9).all()


def test_backwards_a_span_passes_the_same_points():
    span = Span.of(rays_from_around(50))
    until = 0.25 * span.length
    back = span.reversed(until)
    torch.testing.assert_close(back.at(back.length), span.at(until), atol=1e-6, rtol=0)
    torch.testing.assert_close(back.entries, span.at(span.length), atol=1e-6, rtol=0)


def test_places_are_spread_evenly():
    low, high = torch.tensor([0.0, 1.0]), torch.tensor([1.0, 3.0])
    assert spread(low, high, 3).tolist() == [[0, 0.5, 1], [1, 2, 3]]
    assert spread(low, high, 3, ends=False).tolist() == [[0.25, 0.5, 0.75], [1.5, 2, 2.5]]


def test_asking_in_chunks_asks_every_point_once_and_keeps_no_gradient():
    points = torch.rand(7, 11, 3, requires_grad=True)
    counted = Counted(bust)
    distances = ask(counted, points, chunk=10)
    assert counted.points == 77
    assert not distances.requires_grad
    torch.testing.assert_close(distances, bust(points).detach())
