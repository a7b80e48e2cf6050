from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from headfield.fields import weights
from headfield.fields.deformation import DeformedGeometry, DeformedSettings, apart
from headfield.fields.geometry import GeometrySettings, eikonal
from headfield.fields.mlp import MLPSettings

SMALL = DeformedSettings(
    GeometrySettings(MLPSettings(width=16, depth=2, sharpness=10.0), frequencies=2, grid=None, code=0),
    MLPSettings(width=16, depth=2, skips=(1,), sharpness=10.0),
    frequencies=2,
    code=4,
    features=2,
)


def field(settings: DeformedSettings = SMALL, *, stirred: bool = True) -> DeformedGeometry:
    """A geometry in double precision, with something in every weight."""
    torch.manual_seed(0)
    geometry = DeformedGeometry(settings).double()
    if stirred:
        for parameter in geometry.parameters():
            parameter.data += 0.1 * torch.randn_like(parameter)
    return geometry


def some(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, 3, dtype=torch.float64) * 1.6 - 0.8


def code(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, 4, dtype=torch.float64)


def test_it_starts_as_the_reference_which_is_a_ball_for_every_subject():
    settings = replace(SMALL, reference=GeometrySettings(MLPSettings(256, 3), grid=None, code=0, radius=0.4), code=256)
    geometry = DeformedGeometry(settings)
    points, codes = torch.rand(3, 200, 3) - 0.5, torch.randn(3, 256)
    torch.testing.assert_close(geometry.distance(points, codes), points.norm(dim=-1) - 0.4, atol=0.06, rtol=0)
    displacement, _ = apart(geometry(points, codes)[1])
    assert float(displacement.detach().norm(dim=-1).max()) < 0.05


def test_without_a_deformation_it_is_the_reference():
    geometry, points = field(), some(50)
    for parameter in geometry.deformation.parameters():
        parameter.data.zero_()
    sample, expected = geometry.sample(points, code()), geometry.reference.sample(points)
    assert torch.equal(sample.distance, expected.distance)
    assert torch.equal(sample.gradient, expected.gradient)


def test_a_deformation_that_is_the_same_everywhere_moves_the_reference():
    geometry, points, by = field(), some(50), torch.tensor([0.1, -0.2, 0.05], dtype=torch.float64)
    for parameter in geometry.deformation.parameters():
        parameter.data.zero_()
    geometry.deformation.linears[-1].bias.data[:3] = by
    mine = code()
    torch.testing.assert_close(geometry.distance(points, mine), geometry.reference.distance(points + by))
    torch.testing.assert_close(geometry.in_reference(points, mine), points + by)


def test_the_distance_is_that_of_the_place_in_the_reference_space():
    geometry, points, mine = field(), some(2, 20), code(2)
    distance, features = geometry(points, mine)
    displacement, handed_on = apart(features)
    torch.testing.assert_close(geometry.in_reference(points, mine), points + displacement)
    torch.testing.assert_close(distance, geometry.reference.distance(points + displacement))
    assert handed_on.shape == (2, 20, 2)


def test_the_gradient_is_that_of_finite_differences():
    geometry, points, mine, step = field(), some(20), code(), 1e-6
    gradient = geometry.sample(points, mine).gradient
    for axis, shift in enumerate(step * torch.eye(3, dtype=torch.float64)):
        difference = geometry.distance(points + shift, mine) - geometry.distance(points - shift, mine)
        torch.testing.assert_close(gradient[:, axis], difference.detach() / (2 * step), atol=1e-6, rtol=1e-5)


def test_derivatives_of_distance_gradient_and_features():
    geometry = field()
    points, mine = some(2).requires_grad_(), code().requires_grad_()

    def everything(points, mine):
        sample = geometry.sample(points, mine, create_graph=True)
        return sample.distance, sample.gradient, sample.features

    assert gradcheck(everything, (points, mine))
    assert gradgradcheck(geometry.distance, (points, mine))


def test_a_loss_on_the_gradient_reaches_reference_deformation_and_code():
    geometry, points, mine = field(), some(50), code().requires_grad_()
    eikonal(geometry.sample(points, mine, create_graph=True).gradient).backward()
    assert mine.grad.any()
    for name in ("reference.decoder.layers.0.weight", "deformation.layers.0.weight"):
        assert geometry.get_parameter(name).grad.any(), name


def test_subjects_in_one_batch_are_those_alone():
    geometry, points, codes = field(), some(3, 5), code(3)
    together = geometry.sample(points, codes)
    for i in range(3):
        alone = geometry.sample(points[i], codes[i])
        torch.testing.assert_close(together.distance[i], alone.distance)
        torch.testing.assert_close(together.features[i], alone.features)


def test_masking_the_reference_leaves_the_deformation_alone():
    """Equation 15 lets the frequencies of the reference in one after the other."""
    geometry, points, mine = field(), some(20), code()
    deformed = geometry(points, mine)[1]
    geometry.reference.encoding.open(0.0)
    assert torch.equal(geometry(points, mine)[1], deformed)
    masked = geometry.distance(points, mine)
    geometry.reference.encoding.open(1.0)
    assert not torch.allclose(geometry.distance(points, mine), masked)


def test_it_comes_back_from_a_file(tmp_path):
    geometry, points, mine = field().float(), some(20).float(), code().float()
    weights.save(tmp_path / "shape.safetensors", {"shape": geometry})
    again = weights.load(tmp_path / "shape.safetensors", {"shape": DeformedGeometry}).part("shape", DeformedGeometry)
    assert again.settings == SMALL
    assert torch.equal(again.distance(points, mine), geometry.distance(points, mine))


def test_a_reference_is_everybodys():
    with pytest.raises(ValueError, match="neither a code nor features"):
        DeformedSettings(GeometrySettings(grid=None, code=4))


@pytest.mark.parametrize("wrong", [None, torch.zeros(5)])
def test_a_code_of_another_length_is_a_mistake(wrong):
    with pytest.raises(ValueError, match="a code of 4 numbers"):
        DeformedGeometry(SMALL)(torch.rand(5, 3), wrong)
