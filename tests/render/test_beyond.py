from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from headfield.cameras import Rays
from headfield.render.beyond import FARTHEST, Glow, beyond, render_beyond


def rays(n: int = 20) -> Rays:
    generator = torch.Generator().manual_seed(0)
    origins = 3 * normalize(torch.randn(n, 3, generator=generator).double(), dim=-1)
    targets = torch.rand(n, 3, generator=generator).double() * 2.4 - 1.2
    return Rays(origins, normalize(targets - origins, dim=-1))


def test_places_lie_on_the_rays_beyond_the_sphere():
    them = rays()
    places, lengths = beyond(them, 12)
    assert torch.allclose(places[..., :3].norm(dim=-1), torch.ones_like(lengths))
    assert (lengths > 0).all()
    assert ((places[..., 3] > FARTHEST) & (places[..., 3] <= 1)).all()
    points = places[..., :3] / places[..., 3:]
    off = torch.linalg.cross(points - them.origins[:, None], them.directions[:, None].expand(points.shape))
    assert float(off.norm(dim=-1).max()) < 1e-6
    ahead = ((points - them.origins[:, None]) * them.directions[:, None]).sum(-1)
    assert (ahead.diff(dim=1) > 0).all()
    reach = lengths.sum(dim=1)
    assert float(reach.min()) > 0.8 / FARTHEST


def test_an_opaque_ball_around_everything_is_seen_where_it_is():
    """Dense from r = 4 on, coloured by the direction from the middle there."""

    def shell(places: Tensor, directions: Tensor) -> Glow:
        density = 200.0 * (places[:, 3] < 1 / 4).to(places)
        return Glow(density, (places[:, :3] + 1) / 2)

    them = rays()
    closest = -(them.origins * them.directions).sum(-1)
    aside = them.at(closest).square().sum(-1)
    hit = them.at(closest + (16 - aside).sqrt()) / 4
    seen = render_beyond(them, shell, 2000)
    assert float((seen - (hit + 1) / 2).abs().max()) < 0.01


def test_where_nothing_stops_light_the_farthest_section_does():
    seen = render_beyond(rays(), lambda p, d: Glow(0 * p[:, 0], torch.full_like(d, 0.3)), 8)
    assert torch.allclose(seen, torch.full_like(seen, 0.3))


def test_chance_moves_the_sections_and_keeps_their_order():
    a, b = (beyond(rays(), 8, torch.Generator().manual_seed(seed))[0] for seed in (0, 1))
    assert not torch.equal(a, b)
    assert (a[..., 3].diff(dim=1) < 0).all()
    assert torch.equal(a, beyond(rays(), 8, torch.Generator().manual_seed(0))[0])
    assert float(a[..., 3].max()) == pytest.approx(1, abs=0.3)
