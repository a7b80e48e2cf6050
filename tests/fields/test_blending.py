from __future__ import annotations

import copy

import torch

from headfield.fields.blending import are_related, between
from headfield.fields.deformed_field import DeformedFieldSettings

from .test_deformation import SMALL
from .test_deformed_field import LOOKS, field, seen


def relative(of):
    """Another head of the family: other codes, other networks, the same reference."""
    other = copy.deepcopy(of)
    for name, parameter in other.named_parameters():
        if not name.startswith("geometry.reference"):
            parameter.data += 0.1 * torch.randn_like(parameter)
    return other


def told(of) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(3)
    points, normals, directions = seen()
    return of.distance(points), of.colour(points, normals, directions)


def test_the_ends_are_the_heads_themselves():
    one = field()
    other = relative(one)
    for share, end in ((0.0, one), (1.0, other)):
        blend = between(one, other, shape=share, look=share)
        assert all(torch.equal(value, end.state_dict()[name]) for name, value in blend.state_dict().items())


def test_shape_and_look_change_each_by_itself():
    one = field()
    other = relative(one)
    (distance, colour), (other_distance, _) = told(one), told(other)
    shaped, looking = between(one, other, shape=1.0, look=0.0), between(one, other, shape=0.0, look=1.0)
    assert torch.equal(told(shaped)[0], other_distance)
    assert torch.equal(told(looking)[0], distance)
    assert not torch.equal(told(looking)[1], colour)
    assert torch.equal(shaped.look, one.look)


def test_codes_change_in_proportion_and_the_heads_stay_as_they_are():
    one = field()
    other = relative(one)
    before = told(one)
    blend = between(one, other, shape=0.25, look=0.5)
    torch.testing.assert_close(blend.code, 0.75 * one.code + 0.25 * other.code)
    torch.testing.assert_close(blend.look, 0.5 * one.look + 0.5 * other.look)
    assert all(torch.equal(a, b) for a, b in zip(told(one), before, strict=True))


def test_heads_of_one_reference_are_related():
    one = field()
    assert are_related(one, relative(one))
    stranger = relative(one)
    next(stranger.geometry.reference.parameters()).data += 1e-3
    assert not are_related(one, stranger)
    without_looks = DeformedFieldSettings(SMALL, type(LOOKS)(None, LOOKS.look, features=2)).new()
    assert not are_related(one, without_looks)
    assert not are_related(without_looks, without_looks)
