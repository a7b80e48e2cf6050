from __future__ import annotations

import math

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.func import functional_call
from torch.nn import functional

from headfield.fields.mlp import MLP, MLPSettings, _Softplus, become_sphere

ACTIVATIONS = {"softplus": functional.softplus, "silu": functional.silu, "relu": functional.relu}


def plain(mlp: MLP, inputs: torch.Tensor) -> torch.Tensor:
    """The network as it is written down, with everything in one input."""
    settings = mlp.settings
    hidden = inputs
    for number, layer in enumerate(mlp.linears):
        if number in settings.skips:
            hidden = torch.cat([hidden, inputs], dim=-1) / math.sqrt(2)
        hidden = layer(hidden)
        if number < settings.depth:
            hidden = ACTIVATIONS[settings.activation](settings.sharpness * hidden) / settings.sharpness
    return hidden


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("skips", [(), (2,), (1, 3)])
@pytest.mark.parametrize("weight_norm", [False, True])
def test_it_is_the_network_as_written_down(activation, skips, weight_norm):
    torch.manual_seed(0)
    settings = MLPSettings(16, 3, skips, activation, sharpness=20.0, weight_norm=weight_norm)
    mlp = MLP(settings, inputs=5, outputs=2).double()
    inputs = torch.randn(2, 7, 5, dtype=torch.float64)
    torch.testing.assert_close(mlp(inputs), plain(mlp, inputs))


def test_softplus_is_pytorchs_own_and_so_are_its_derivatives():
    x = torch.linspace(-40, 40, 401, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(401, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found, expected = [], []
    for activate, all_three in ((_Softplus.apply, found), (functional.softplus, expected)):
        value = activate(x)
        (slope,) = torch.autograd.grad((weight * value).sum(), x, create_graph=True)
        (bend,) = torch.autograd.grad((weight * slope).sum(), x)
        all_three += [value, slope, bend]
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-8)  # PyTorch's is straight beyond 20


@pytest.mark.parametrize("batch", [(), (3,), (2, 3)])
def test_a_condition_is_more_input_that_a_subject_has_in_common(batch):
    """Without a skip: there the input's own columns and the condition's lie in the same order in both networks."""
    torch.manual_seed(0)
    mlp = MLP(MLPSettings(16, 3, skips=(2,)), inputs=5, outputs=2, condition=4).double()
    inputs = torch.randn(*batch, 7, 5, dtype=torch.float64)
    condition = torch.randn(*batch, 4, dtype=torch.float64)
    together = torch.cat([inputs, condition[..., None, :].expand(*batch, 7, 4)], dim=-1)
    as_input = MLP(MLPSettings(16, 3, skips=(2,)), inputs=9, outputs=2).double()
    as_input.load_state_dict(mlp.state_dict())
    # After a skip the condition is not divided by √2.
    with torch.no_grad():
        as_input.linears[2].weight[:, -4:] *= math.sqrt(2)
    torch.testing.assert_close(mlp(inputs, condition), plain(as_input, together))


def test_no_condition_is_zero():
    mlp = MLP(MLPSettings(16, 2, skips=(1,)), inputs=3, outputs=1, condition=4)
    inputs = torch.randn(7, 3)
    torch.testing.assert_close(mlp(inputs), mlp(inputs, torch.zeros(4)))


@pytest.mark.parametrize("activation", ["softplus", "silu"])
def test_gradients_by_inputs_condition_and_weights(activation):
    torch.manual_seed(0)
    settings = MLPSettings(4, 2, (1,), activation, sharpness=5.0, weight_norm=True)
    mlp = MLP(settings, inputs=3, outputs=2, condition=2).double()
    names, weights = zip(*mlp.named_parameters(), strict=True)

    def value(inputs, condition, *weights):
        return functional_call(mlp, dict(zip(names, weights, strict=True)), (inputs, condition))

    inputs = torch.randn(2, 2, 3, dtype=torch.float64, requires_grad=True)
    condition = torch.randn(2, 2, dtype=torch.float64, requires_grad=True)
    assert gradcheck(value, (inputs, condition, *weights))
    assert gradgradcheck(value, (inputs, condition, *weights))


SPHERES = [
    MLPSettings(),
    MLPSettings(activation="silu", weight_norm=True),
    MLPSettings(depth=8, skips=(4,), weight_norm=True),
    MLPSettings(width=128, activation="silu"),
    MLPSettings(width=256, depth=4, skips=(4,), activation="relu"),
]


@pytest.mark.parametrize("settings", SPHERES, ids=str)
@pytest.mark.parametrize("radius", [0.3, 0.6])
def test_it_starts_as_a_sphere_whatever_the_other_inputs_say(settings, radius):
    torch.manual_seed(0)
    mlp = MLP(settings, inputs=3 + 36 + 8, outputs=5, condition=16)
    become_sphere(mlp, radius, silent=slice(3, 39))
    points = functional.normalize(torch.randn(1000, 3), dim=-1) * torch.rand(1000, 1)
    points.requires_grad_()
    encoding, features, condition = torch.randn(1000, 36), torch.zeros(1000, 8), torch.randn(16)
    distance = mlp(torch.cat([points, encoding, features], dim=-1), condition)[:, 0]
    (gradient,) = torch.autograd.grad(distance.sum(), points)
    length = points.detach().norm(dim=-1)
    error = (distance.detach() - (length - radius)).abs()
    assert error.mean() < 0.02
    assert error.max() < 0.1
    away_from_the_kink = length > 0.2
    slope = gradient.norm(dim=-1)[away_from_the_kink]
    assert slope.mean() == pytest.approx(1, abs=0.08)
    assert (slope - 1).abs().quantile(0.95) < 0.25
    assert ((gradient * points.detach()).sum(-1)[away_from_the_kink] > 0).all()


def test_features_that_start_at_zero_are_heard_when_they_change():
    """Or neither they nor their weights would ever move."""
    mlp = MLP(MLPSettings(), inputs=3 + 8, outputs=1)
    become_sphere(mlp, 0.5, silent=slice(3, 3))
    features = torch.zeros(10, 8, requires_grad=True)
    mlp(torch.cat([torch.rand(10, 3), features], dim=-1)).sum().backward()
    assert (features.grad != 0).all()


def test_in_half_precision_the_last_layer_is_not():
    torch.manual_seed(0)
    mlp = MLP(MLPSettings(128, 3), inputs=3, outputs=1)
    become_sphere(mlp, 0.5, silent=slice(3, 3))
    points = torch.rand(100, 3) - 0.5
    with torch.autocast("cpu", torch.bfloat16):
        coarse = mlp(points)
    assert coarse.dtype == torch.float32
    torch.testing.assert_close(coarse, mlp(points), atol=5e-3, rtol=0)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"depth": 0}, "at least one hidden layer"),
        ({"sharpness": 0.0}, "a sharpness above 0"),
        ({"depth": 3, "skips": (4,)}, r"hidden layers 1 to 3, not \(4,\)"),
    ],
)
def test_settings_that_cannot_be(wrong, words):
    with pytest.raises(ValueError, match=words):
        MLPSettings(**wrong)
