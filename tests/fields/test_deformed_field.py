from __future__ import annotations

import pytest
import torch

from headfield.fields import weights
from headfield.fields.appearance import AppearanceSettings
from headfield.fields.deformed_field import DeformedField, DeformedFieldSettings, settings_of
from headfield.fields.geometry import GeometrySettings
from headfield.fields.mlp import MLPSettings
from headfield.fields.surface_field import SurfaceFieldSettings

from .test_deformation import SMALL

LOOKS = AppearanceSettings(None, MLPSettings(16, 1, activation="relu"), frequencies=1, features=2, code=3)


def field() -> DeformedField:
    torch.manual_seed(0)
    made = DeformedFieldSettings(SMALL, LOOKS).new()
    assert isinstance(made, DeformedField)
    for parameter in made.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return made


def seen(n: int = 20) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    normals, directions = (torch.nn.functional.normalize(torch.randn(n, 3), dim=-1) for _ in range(2))
    return torch.rand(n, 3) - 0.5, normals, directions


def test_colours_are_those_of_places_in_the_reference_space():
    it, (points, normals, directions) = field(), seen()
    sample = it.sample(points)
    displacement, handed_on = sample.features[:, :3], sample.features[:, 3:]
    expected = it.appearance(points + displacement, normals, directions, handed_on, it.look)
    torch.testing.assert_close(it.colour(points, normals, directions), expected)
    torch.testing.assert_close(it.shaded(points, normals, directions, sample.features), expected)


def test_who_differs_in_shape_alone_has_the_same_colours_at_the_same_place_of_the_reference():
    it, (points, normals, directions) = field(), seen()
    handed_on = torch.randn(20, 2)
    by = 0.1 * torch.randn(20, 3)
    here = it.shaded(points, normals, directions, torch.cat([0 * by, handed_on], dim=1))
    there = it.shaded(points - by, normals, directions, torch.cat([by, handed_on], dim=1))
    torch.testing.assert_close(here, there)


def test_another_appearance_code_changes_colours_and_not_the_shape():
    it, (points, normals, directions) = field(), seen()
    before, shape = it.colour(points, normals, directions), it.distance(points)
    other = it.shaded(points, normals, directions, it.sample(points).features, torch.ones(3))
    assert (before != other).any()
    with torch.no_grad():
        it.look.fill_(1.0)
    torch.testing.assert_close(it.colour(points, normals, directions), other)
    assert torch.equal(it.distance(points), shape)


def test_it_comes_back_from_a_file(tmp_path):
    it, (points, normals, directions) = field(), seen()
    weights.save(tmp_path / "field.safetensors", {"field": it})
    again = weights.load(tmp_path / "field.safetensors", {"field": DeformedField}).part("field", DeformedField)
    assert torch.equal(again.colour(points, normals, directions), it.colour(points, normals, directions))
    assert torch.equal(again.distance(points), it.distance(points))


def test_settings_suit_the_shape():
    plain = GeometrySettings(MLPSettings(16, 2), grid=None)
    assert settings_of(SMALL.new(), LOOKS) == DeformedFieldSettings(SMALL, LOOKS)
    assert settings_of(plain.new(), LOOKS) == SurfaceFieldSettings(plain, LOOKS)


def test_without_its_deformation_it_has_no_colours():
    with pytest.raises(ValueError, match="no colours without its deformation"):
        field().shaded(*seen(), None)
