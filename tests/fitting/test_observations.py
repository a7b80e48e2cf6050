from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from headfield.capture import Capture, LazyViews
from headfield.errors import InputError
from headfield.fitting import observations
from headfield.fitting.observations import BAND, BUST_END, Observations, RaysSeen
from headfield.render.span import Span
from headfield.rigs import around, on_sphere

from ..balls import camera, capture, view

RADIUS = 0.5


def of(*views) -> Observations:
    return Observations.of(Capture(tuple(views)))


def pools(them: Observations) -> tuple[RaysSeen, RaysSeen, RaysSeen]:
    return them.inside, them.beside, them.beyond


def least(rays: RaysSeen) -> torch.Tensor:
    """How close each ray comes to the origin."""
    return torch.linalg.cross(rays.origins.double(), rays.directions.double()).norm(dim=-1)


def equal(one: Observations, other: Observations) -> bool:
    pairs = [(getattr(a, f.name), getattr(b, f.name)) for a, b in zip(pools(one), pools(other), strict=True)
             for f in fields(RaysSeen)]  # fmt: skip
    return one.names == other.names and all(torch.equal(a, b) for a, b in pairs)


def test_rays_lie_where_the_mask_says():
    inside, beside, beyond = pools(Observations.of(capture(RADIUS, (0.0, 90.0))))
    pixel = 1.8 / 48
    assert least(inside).max() < RADIUS
    assert least(beside).min() > RADIUS
    width = BAND * np.sqrt(np.pi) * RADIUS
    assert least(beside).max() < RADIUS + width + 1.5 * pixel
    assert least(beyond).min() > RADIUS + width - 1.5 * pixel
    assert (inside.coverage == 1).all()
    assert (beside.coverage == 0).all()
    # Every pixel is somewhere, unless its ray passes the unit sphere.
    rays = camera().rays(camera().pixel_centres().reshape(-1, 2))
    meeting = int(Span.of(rays).meets.sum())
    assert sum(int((pool.view == 0).sum()) for pool in (inside, beside, beyond)) == pytest.approx(meeting, abs=2)


def test_every_ray_meets_the_unit_sphere():
    wide = around(on_sphere(torch.tensor([20.0]).double(), torch.tensor([5.0]).double()), distance=4, size=5, pixels=48)
    for pool in pools(of(view(RADIUS, wide[0]))):
        assert len(pool)
        assert Span.of(pool.rays).meets.all()
        torch.testing.assert_close(pool.directions.norm(dim=-1), torch.ones(len(pool)))


def test_colours_and_normals_are_those_of_the_pixels():
    for azimuth in (0.0, 70.0):
        it = view(RADIUS, camera(azimuth, elevation=20.0))
        inside = of(it).inside
        pixels, _ = it.camera.project(inside.origins.double() + 4 * inside.directions.double())
        column, row = pixels.floor().long().T
        assert np.array_equal((inside.colours * 255).round().numpy().astype(np.uint8), it.image[row, column])
        along = -(inside.origins * inside.directions).sum(-1)
        back = (RADIUS**2 - (inside.origins.square().sum(-1) - along**2)).sqrt()
        outwards = inside.rays.at(along - back) / RADIUS
        torch.testing.assert_close(inside.normals, outwards, atol=1e-3, rtol=0)
        torch.testing.assert_close(inside.colours, (outwards + 1) / 2, atol=1e-2, rtol=0)


def test_views_without_normals_have_none_and_may_stand_beside_others():
    bare, known = view(RADIUS, camera(), "bare", normals=False), view(RADIUS, camera(90.0), "known")
    assert not of(bare).has_normals
    assert not of(bare).inside.normals.any()
    both = of(bare, known)
    assert both.has_normals
    assert not both.inside.normals[both.inside.view == 0].any()
    assert both.inside.normals[both.inside.view == 1].any(dim=-1).all()


def test_below_the_bust_the_silhouette_does_not_count():
    tall = around(on_sphere(torch.zeros(1).double(), torch.zeros(1).double()), distance=4.0, size=1.9, pixels=40)[0]
    them = of(view(0.3, tall))
    for pool in pools(them):
        closest = pool.origins - (pool.origins * pool.directions).sum(-1, keepdim=True) * pool.directions
        assert torch.equal(pool.above, closest[:, 1] > BUST_END)
    assert not them.beyond.above.all()
    assert them.inside.above.all()


def test_the_same_view_twice_tells_no_more_than_once():
    one, other = view(RADIUS, camera(), "one"), view(RADIUS, camera(90.0), "other")
    assert equal(of(one, other), of(one, other, replace(one, name="again"), other))
    single = replace(one, name="again", camera=one.camera.to(dtype=torch.float32))
    assert of(one, single).names == ("one",)
    assert len(of(one, replace(one, name="darker", image=one.image // 2)).names) == 2


def test_views_are_read_where_they_are_asked_for():
    views = capture(RADIUS, (0.0, 90.0)).views
    lazy = Capture(LazyViews([it.name for it in views], lambda i: views[i]))
    assert equal(Observations.of(lazy), of(*views))


def test_rays_are_drawn_in_order_and_mostly_close_to_the_silhouette():
    them = Observations.of(capture(RADIUS, (0.0, 90.0)))
    drawn = them.draw(100, 40, torch.Generator().manual_seed(0))
    assert len(drawn) == 140
    assert (least(drawn[torch.arange(100)]) < RADIUS).all()
    close, far = least(drawn[torch.arange(100, 130)]), least(drawn[torch.arange(130, 140)])
    assert (close > RADIUS).all()
    assert (far > close.max() - 0.05).all()
    assert set(drawn.view.tolist()) == {0, 1}
    again = them.draw(100, 40, torch.Generator().manual_seed(0))
    assert torch.equal(drawn.origins, again.origins)
    assert torch.equal(drawn.directions, again.directions)


def test_where_nothing_lies_beyond_all_are_drawn_close_by():
    wide = around(on_sphere(torch.zeros(1).double(), torch.zeros(1).double()), distance=4.0, size=2.4, pixels=40)[0]
    them = of(view(0.9, wide))
    assert not len(them.beyond)
    assert len(them.draw(10, 8, torch.Generator().manual_seed(0))) == 18


def with_mask(value: int, name: str = "anna.jpg"):
    it = view(RADIUS, camera(), name)
    return replace(it, mask=np.full_like(it.mask, value))


def in_the_corner():
    wide = around(on_sphere(torch.zeros(1).double(), torch.zeros(1).double()), distance=4, size=9, pixels=48)[0]
    it = view(RADIUS, wide, "anna.jpg")
    mask = np.zeros_like(it.mask)
    mask[:4, :4] = 255
    return replace(it, mask=mask)


def looking_away():
    it = view(RADIUS, camera(), "anna.jpg")
    return replace(it, camera=replace(it.camera, translation=it.camera.translation + torch.tensor([9.0, 0, 0])))


@pytest.mark.parametrize(
    ("views", "sentence"),
    [
        ([], "the capture has no views; a fit needs at least one"),
        ([replace(with_mask(255), mask=None)], "view anna.jpg has no mask"),
        ([with_mask(0)], "view anna.jpg: the mask is empty"),
        ([with_mask(20)], "view anna.jpg: the mask is empty"),
        ([with_mask(255)], "view anna.jpg: the mask covers the whole picture"),
        ([looking_away()], "view anna.jpg: its camera looks past the head"),
        ([in_the_corner()], "view anna.jpg: no ray through the subject meets the unit sphere"),
    ],
)
def test_views_that_cannot_be_used_are_named_in_one_sentence(views, sentence):
    good = [view(RADIUS, camera(45.0))] if views else []
    with pytest.raises(InputError) as error:
        of(*good, *views)
    assert sentence in str(error.value)
    assert str(error.value).count(". ") == 0


def test_of_the_rays_past_the_subject_those_further_away_are_left_out_first():
    seen = Observations.of(capture(RADIUS))
    seen = replace(seen, beyond=replace(seen.beyond, view=torch.full_like(seen.beyond.view, 7)))
    generator = torch.Generator().manual_seed(0)
    for share, past, far in ((1.0, 100, 25), (0.9, 90, 15), (0.6, 60, 0), (0.0, 0, 0)):
        drawn = seen.draw(10, 100, generator, share)
        assert (drawn.coverage[:10] == 1).all()
        assert len(drawn) == 10 + past
        assert (drawn.view == 7).sum() == far


def test_whatever_is_seen_otherwise_is_told_from_it():
    it = view(RADIUS, camera(), "it")
    assert it.mask is not None
    assert it.normals is not None
    longer = replace(it.camera, focal=1.3 * it.camera.focal)
    others = [
        replace(it, image=255 - it.image),
        replace(it, mask=np.roll(it.mask, 1, axis=1)),
        replace(it, normals=np.roll(it.normals, 1, axis=1)),
        replace(it, normals=None),
        replace(it, camera=longer),
        replace(it, estimated=True),
    ]
    told = {of(other).checksum for other in [it, *others]}
    assert len(told) == 1 + len(others)
    assert of(it).checksum in told


def test_of_too_many_pixels_some_are_looked_at(monkeypatch):
    views = [view(RADIUS, camera(azimuth), f"{azimuth}") for azimuth in (0.0, 90.0)]
    every = of(*views)
    monkeypatch.setattr(observations, "MOST", 48 * 48)  # half of two views of 48 x 48
    some, again = of(*views), of(*views)
    assert equal(some, again)
    for few, many in zip(pools(some), pools(every), strict=True):
        for number in range(2):
            count, of_all = (few.view == number).sum(), (many.view == number).sum()
            assert abs(count - of_all / 2) < 0.1 * of_all + 1
        # Each is one of the rays there are, and none comes twice.
        near = torch.cdist(few.directions.double(), many.directions.double()) + (few.view[:, None] != many.view)
        assert (near.min(dim=1).values < 1e-6).all()
        assert len(near.argmin(dim=1).unique()) == len(few)
    monkeypatch.setattr(observations, "MOST", 1)
    assert [len(pool) for pool in pools(of(*views))] == [2, 2, 2]
