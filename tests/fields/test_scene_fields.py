from __future__ import annotations

import pytest
import torch
from torch import nn

from headfield.fields import weights
from headfield.fields.background import Background, BackgroundSettings
from headfield.fields.scene_fields import NetworksSettings, SceneFields, SceneFieldsSettings
from headfield.fields.scene_layers import SceneLayer, SceneLayersSettings

SMALL = NetworksSettings(width=24, sdf=5, radiance=3, frequencies=2)
OWN = SceneLayersSettings(sdf=(1, 2), radiance=(1,), rank=3, spread=1.0)


def points(n: int = 64) -> torch.Tensor:
    return 2 * torch.rand(n, 3, generator=torch.Generator().manual_seed(5)) - 1


def fields(layers: SceneLayersSettings = OWN, scenes: int = 3) -> SceneFields:
    torch.manual_seed(0)
    return SceneFields(SceneFieldsSettings(SMALL, layers, scenes))


def layer_of(kind: str, *, scenes: int, rank: int = 1) -> SceneLayer:
    return SceneLayer(nn.Linear(4, 3), scenes, SceneLayersSettings(kind=kind, rank=rank))


def test_low_rank_is_independent_when_the_rank_is_the_number_of_scenes():
    independent, low = layer_of("independent", scenes=4), layer_of("low-rank", scenes=4, rank=4)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for own in independent.own:
            own.copy_(torch.randn(own.shape, generator=generator))
        low.basis.copy_(torch.stack(list(independent.own)))
        for own, row in zip(low.own, torch.eye(4), strict=True):
            own.copy_(row)
    for scene in range(4):
        independent.scene = low.scene = scene
        assert torch.equal(low.weight, independent.weight)
        assert torch.equal(low.bias, independent.bias)


def test_weights_are_sums_of_the_basis_by_the_scenes_coefficients():
    layer = layer_of("low-rank", scenes=2, rank=3)
    layer.scene = 1
    expected = sum(c * b for c, b in zip(layer.own[1], layer.basis, strict=True))
    assert torch.allclose(torch.cat([layer.weight.flatten(), layer.bias]), expected, atol=1e-6)


@pytest.mark.parametrize("kind", ["independent", "low-rank"])
def test_a_scene_moves_its_own_numbers_and_shared_ones_alone(kind):
    many = fields(SceneLayersSettings((1, 2), (1,), kind, rank=3))
    many.choose(1)
    many.distance(points()).sum().backward()
    moved = {name for name, parameter in many.named_parameters() if parameter.grad is not None}
    assert any(".own.1" in name for name in moved)
    assert not any(".own.0" in name or ".own.2" in name for name in moved)
    assert any("basis" in name for name in moved) == (kind == "low-rank")


def test_every_scene_starts_close_to_a_ball_of_its_own():
    torch.manual_seed(0)
    many = SceneFields(SceneFieldsSettings(NetworksSettings(width=128, frequencies=4), SceneLayersSettings(), 3))
    distances = []
    for scene in range(3):
        many.choose(scene)
        distances.append(many.distance(points()).detach())
        ball = points().norm(dim=-1) - 0.5
        assert float((distances[-1] - ball)[points().norm(dim=-1) < 1].abs().mean()) < 0.1
    assert not torch.equal(distances[0], distances[1])
    assert float(many.sharpness.detach()) == pytest.approx(20, rel=1e-5)


def test_a_new_scene_begins_at_the_mean_of_all():
    many = fields()
    one = many.of_mean_scene()
    layers = [[layer for layer in it.modules() if isinstance(layer, SceneLayer)] for it in (many, one)]
    assert len(layers[0]) == len(layers[1]) == 3
    for theirs, mine in zip(*layers, strict=True):
        assert len(mine.own) == 1
        assert torch.allclose(mine.own[0], sum(theirs.own) / 3)
        assert torch.equal(mine.basis, theirs.basis)
    shared = dict(many.named_parameters())
    for name, parameter in one.named_parameters():
        assert ".own." in name or torch.equal(parameter, shared[name])
    assert one.settings.scenes == 1


def test_a_field_alone_is_that_of_the_chosen_scene():
    many = fields()
    many.choose(2)
    alone = many.alone()
    up = torch.tensor([[0.0, 1, 0]]).expand(64, 3)
    assert torch.allclose(alone.distance(points()), many.distance(points()), atol=1e-6)
    assert torch.allclose(alone.colour(points(), up, up), many.surface.colour(points(), up, up), atol=1e-6)
    assert not any(isinstance(layer, SceneLayer) for layer in alone.modules())


def test_colours_are_the_same_from_everywhere():
    surface = fields().surface
    up, across = torch.tensor([[0.0, 1, 0]]).expand(64, 3), torch.tensor([[1.0, 0, 0]]).expand(64, 3)
    assert torch.equal(surface.colour(points(), up, up), surface.colour(points(), up, across))


@pytest.mark.parametrize("kind", ["independent", "low-rank"])
def test_a_file_brings_all_of_it_back(tmp_path, kind):
    one = fields(SceneLayersSettings((1, 3), (2,), kind, rank=2)).of_mean_scene()
    weights.save(tmp_path / "it.safetensors", {"fields": one})
    again = weights.load(tmp_path / "it.safetensors", {"fields": SceneFields}).part("fields", SceneFields)
    assert torch.equal(again.distance(points()), one.distance(points()))
    assert torch.equal(again.sharpness, one.sharpness)


def test_networks_are_as_large_as_the_paper_says():
    paper = SceneFields(SceneFieldsSettings(layers=SceneLayersSettings((), ())))
    assert len(paper.surface.geometry.decoder.layers) == 9
    assert len(paper.surface.appearance.look.layers) == 5
    assert paper.surface.geometry.decoder.settings.width == 256
    assert sum(1 for _ in paper.modules() if isinstance(_, SceneLayer)) == 0


@pytest.mark.parametrize("own", [(0,), (6,), (1, 1)])
def test_layers_that_are_not_there_cannot_be_a_scenes_own(own):
    with pytest.raises(ValueError, match="scenes can have the layers 1 to 5 of their own"):
        fields(SceneLayersSettings(own, ()))


def test_a_background_has_density_and_colour_everywhere():
    torch.manual_seed(0)
    density, colours = Background(BackgroundSettings(width=8, depth=2))(torch.rand(20, 4), torch.rand(20, 3))
    assert (density >= 0).all()
    assert ((colours >= 0) & (colours <= 1)).all()
