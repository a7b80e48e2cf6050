"""People who are balls with a face of one colour, and hair behind of another that goes with it, or does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from headfield.capture import Subject
from headfield.fitting.prior import ShapePrior
from headfield.fitting.scans import Scans
from headfield.fitting.shape_training import Lessons
from headfield.fitting.training import train_prior
from headfield.fitting.usual_colours import APART, UsualColours, colours_at, places_on, usual_colours
from headfield.rigs import fibonacci

from ..balls import RADII, TRAINING, lessons, scan, subject

PLACES = 0.5 * fibonacci(300).float()
FACE = PLACES[:, 2] > 0.1


def ball(points: Tensor) -> Tensor:
    return points.norm(dim=-1) - 0.5


def people(count: int = 40, *, scatter: float = 0.0, seed: int = 0) -> Tensor:
    """Their colours at the places: the hair is the face's colour the other way round, give or take some scatter."""
    generator = torch.Generator().manual_seed(seed)
    skin = 0.2 + 0.6 * torch.rand(count, 1, 3, generator=generator)
    hair = 1 - skin + scatter * torch.randn(count, 1, 3, generator=generator)
    return torch.where(FACE[:, None], skin, hair)


def learned(colours: Tensor) -> UsualColours:
    found = UsualColours.of(PLACES, FACE, colours)
    assert found is not None
    return found


def seen(colour: list[float], count: int = 3000) -> tuple[Tensor, Tensor]:
    points = 0.5 * fibonacci(2 * count).float()
    points = points[points[:, 2] > 0.2]
    return points, torch.tensor(colour).expand(len(points), 3)


def test_hair_has_the_colour_that_goes_with_the_face():
    skin = [0.3, 0.6, 0.7]
    hair = learned(people()).guessed(*seen(skin), torch.tensor([[0.0, 0.0, -0.5], [0.3, 0.2, -0.4]]))
    torch.testing.assert_close(hair, 1 - torch.tensor([skin, skin]), atol=0.02, rtol=0)


def test_where_the_face_tells_nothing_of_the_hair_it_is_the_average():
    colours = people(400)
    generator = torch.Generator().manual_seed(1)
    colours[:, ~FACE] = 0.2 + 0.6 * torch.rand(400, 1, 3, generator=generator)
    told = learned(colours).guessed(*seen([0.2, 0.2, 0.2]), torch.tensor([[0.0, 0.0, -0.5]]))
    assert (told - colours[:, ~FACE].mean(dim=(0, 1))).abs().max() < 0.1


def test_what_is_usually_like_a_seen_place_has_its_colour_however_unusual_that_is():
    """Hair behind goes on from hair in front, though nobody had red hair before."""
    generator = torch.Generator().manual_seed(0)
    skin, hair = (0.3 * torch.rand(100, 1, 3, generator=generator) for _ in range(2))
    top = PLACES[:, 1] > 0.2
    colours = torch.where(top[:, None], 0.1 + hair, 0.5 + skin)
    points, seen_colours = seen([0.7, 0.6, 0.6])
    seen_colours = torch.where(points[:, 1:2] > 0.2, torch.tensor([0.9, 0.1, 0.1]), seen_colours)
    told = learned(colours).guessed(points, seen_colours, torch.tensor([[0.0, 0.35, -0.35], [0.0, -0.3, -0.4]]))
    torch.testing.assert_close(told, torch.tensor([[0.9, 0.1, 0.1], [0.7, 0.6, 0.6]]), atol=0.05, rtol=0)


def test_where_nothing_was_seen_it_is_the_average():
    statistics = learned(people())
    nothing = torch.zeros(0, 3)
    told = statistics.guessed(nothing, nothing, PLACES)
    torch.testing.assert_close(told, statistics.mean, atol=0.02, rtol=0)


def test_less_is_believed_of_what_is_seen_the_less_it_tells():
    sure, doubtful = learned(people(60)), learned(people(60, scatter=0.4))
    assert sure.noise < doubtful.noise or sure.settings.kept > doubtful.settings.kept


def test_guesses_are_colours():
    told = learned(people()).guessed(*seen([5.0, -3.0, 0.5]), PLACES)
    assert told.min() >= 0
    assert told.max() <= 1


def test_one_person_is_no_statistics():
    assert UsualColours.of(PLACES, FACE, people(1)) is None


def test_places_are_spread_over_the_shape():
    places, facing = places_on(ball)
    torch.testing.assert_close(places.norm(dim=-1), torch.full((len(places),), 0.5), atol=1e-2, rtol=0)
    apart = torch.cdist(places, places) + torch.eye(len(places))
    assert apart.amin(dim=1).min() > APART
    assert apart.amin(dim=1).max() < 2 * APART
    assert float(facing.float().mean()) == pytest.approx(0.325, abs=0.03)  # of a sphere, (1 - 0.35) / 2


def test_a_scan_has_at_places_the_colours_that_are_nearest():
    points = 0.5 * fibonacci(4000).float()
    colours = (points + 0.5).clamp(0, 1)
    torch.testing.assert_close(colours_at(PLACES, points, colours), PLACES + 0.5, atol=0.02, rtol=0)


def coloured(radius: float, seed: int) -> Subject:
    one, bare = subject(radius, seed), scan(radius, seed=seed)
    shade = np.random.default_rng(seed).integers(0, 256, 3, dtype=np.uint8)
    return replace(one, scan=replace(bare, colours=np.broadcast_to(shade, bare.points.shape).copy()))


def test_a_prior_knows_them_where_all_scans_have_colours(tmp_path):
    them = [coloured(radius, seed) for seed, radius in enumerate(RADII)]
    taught = replace(lessons(), scans=Scans.of(them, kept=1000))
    prior = train_prior("instant-avatar", taught, replace(TRAINING, steps=(2, 2)))
    assert prior.colours is not None
    prior.save(tmp_path / "prior.safetensors", half=False)
    loaded = ShapePrior.load(tmp_path / "prior.safetensors")
    assert loaded.colours is not None
    assert torch.equal(loaded.colours.basis, prior.colours.basis)
    assert loaded.colours.settings == prior.colours.settings


def test_it_does_not_where_one_has_none(tmp_path):
    them = [coloured(radius, seed) for seed, radius in enumerate(RADII)]
    them[2] = subject(RADII[2])
    assert Scans.of(them, kept=1000).colours is None
    assert usual_colours(ball, Scans.of(them, kept=1000)) is None
    prior = train_prior("instant-avatar", Lessons(Scans.of(them), *_marks(5)), replace(TRAINING, steps=(2, 2)))
    prior.save(tmp_path / "prior.safetensors")
    assert ShapePrior.load(tmp_path / "prior.safetensors").colours is None


def _marks(count: int) -> tuple[Tensor, Tensor]:
    return torch.zeros(count, 68, 3), torch.zeros(count, 68, dtype=torch.bool)
