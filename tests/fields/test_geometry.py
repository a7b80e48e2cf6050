from __future__ import annotations

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from headfield.fields.geometry import Geometry, GeometrySettings, eikonal
from headfield.fields.grid import GridSettings
from headfield.fields.mlp import MLPSettings
from headfield.fields.parts import train_only

SMALL = GeometrySettings(
    MLPSettings(width=16, depth=2, skips=(1,), sharpness=10.0),
    frequencies=2,
    grid=GridSettings((1, 2), 2),
    code=4,
    features=3,
)


def field(settings: GeometrySettings = SMALL, *, stirred: bool = True) -> Geometry:
    """A geometry in double precision, with something in every weight."""
    torch.manual_seed(0)
    geometry = Geometry(settings).double()
    if stirred:
        for parameter in geometry.parameters():
            parameter.data += 0.1 * torch.randn_like(parameter)
    return geometry


def some(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, 3, dtype=torch.float64) * 1.6 - 0.8


def code(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, 4, dtype=torch.float64)


def test_it_starts_as_a_ball_for_every_subject():
    geometry = Geometry(GeometrySettings(radius=0.4))
    points = torch.rand(3, 200, 3) - 0.5
    distance = geometry.distance(points, torch.randn(3, 256))
    torch.testing.assert_close(distance, points.norm(dim=-1) - 0.4, atol=0.06, rtol=0)


def test_the_gradient_is_that_of_finite_differences():
    geometry, points, mine, step = field(), some(20), code(), 1e-6
    gradient = geometry.sample(points, mine).gradient
    for axis, shift in enumerate(step * torch.eye(3, dtype=torch.float64)):
        difference = geometry.distance(points + shift, mine) - geometry.distance(points - shift, mine)
        torch.testing.assert_close(gradient[:, axis], difference.detach() / (2 * step), atol=1e-6, rtol=1e-5)


def test_a_sample_is_what_the_field_says():
    geometry, points, mine = field(), some(2, 5), code(2)
    sample = geometry.sample(points, mine, create_graph=True)
    distance, features = geometry(points, mine)
    torch.testing.assert_close(sample.distance, distance)
    torch.testing.assert_close(sample.features, features)
    torch.testing.assert_close(geometry.distance(points, mine), distance)
    assert features.shape == (2, 5, 3)


def test_subjects_in_one_batch_are_those_alone():
    geometry, points, codes = field(), some(3, 5), code(3)
    together = geometry.sample(points, codes)
    for i in range(3):
        alone = geometry.sample(points[i], codes[i])
        torch.testing.assert_close(together.distance[i], alone.distance)
        torch.testing.assert_close(together.gradient[i], alone.gradient)


def test_a_batch_of_none_is_none():
    sample = field().sample(some(0), code(), create_graph=True)
    assert sample.distance.shape == (0,)
    assert sample.gradient.shape == (0, 3)


def test_without_a_graph_nothing_leads_back_even_where_gradients_are_off():
    geometry, points, mine = field(), some(5).requires_grad_(), code()
    with torch.no_grad():
        sample = geometry.sample(points, mine)
    for part in (sample.distance, sample.gradient, sample.features):
        assert not part.requires_grad
    torch.testing.assert_close(sample.gradient, geometry.sample(points, mine, create_graph=True).gradient.detach())


def test_a_loss_on_the_gradient_reaches_weights_grids_codes_and_points():
    geometry, points, mine = field(), some(50).requires_grad_(), code().requires_grad_()
    eikonal(geometry.sample(points, mine, create_graph=True).gradient).backward()
    for name, parameter in geometry.named_parameters():
        if name != "decoder.layers.2.bias":  # which moves the distances alone
            assert parameter.grad is not None, name
            assert parameter.grad.any(), name
    assert points.grad.any()
    assert mine.grad.any()


def test_derivatives_of_distance_gradient_and_features():
    geometry = field()
    points, mine = some(2).requires_grad_(), code().requires_grad_()

    def everything(points, mine):
        sample = geometry.sample(points, mine, create_graph=True)
        return sample.distance, sample.gradient, sample.features

    assert gradcheck(everything, (points, mine))
    assert gradgradcheck(geometry.distance, (points, mine))


def test_eikonal_is_zero_for_distances_and_counts_the_rest():
    unit = torch.nn.functional.normalize(torch.randn(10, 3, dtype=torch.float64), dim=-1)
    assert eikonal(unit).item() == pytest.approx(0, abs=1e-20)
    assert eikonal(3 * unit).item() == pytest.approx(4)
    assert eikonal(0 * unit).item() == pytest.approx(1)


def test_it_learns_two_balls_that_only_their_codes_tell_apart():
    torch.manual_seed(0)
    geometry = Geometry(GeometrySettings(MLPSettings(64, 2), frequencies=2, grid=GridSettings((2,), 4), code=8))
    codes = torch.nn.Parameter(0.1 * torch.randn(2, 8))
    radii = torch.tensor([[0.35], [0.65]])
    optimiser = torch.optim.Adam([*geometry.parameters(), codes], lr=5e-3)
    for _ in range(100):
        directions = torch.nn.functional.normalize(torch.randn(2, 128, 3), dim=-1)
        on_surface = geometry.sample(radii[..., None] * directions, codes, create_graph=True)
        within = geometry.sample(torch.rand(2, 128, 3) * 2 - 1, codes, create_graph=True)
        loss = on_surface.distance.abs().mean() + 0.1 * eikonal(within.gradient)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    points = torch.nn.functional.normalize(torch.randn(2, 500, 3), dim=-1) * torch.tensor([0.3, 0.5])[:, None, None]
    distance = geometry.distance(points, codes)
    error = (distance - (points.norm(dim=-1) - radii)).abs()
    assert error.mean() < 0.03
    assert error.max() < 0.1


def test_each_subject_may_have_its_own_grid():
    settings = GeometrySettings(MLPSettings(16, 2), 2, GridSettings((1,), 2, subjects=2), code=0)
    geometry, points = field(settings), some(2, 5)
    there = geometry.distance(points, subjects=torch.tensor([0, 1]))
    swapped = geometry.distance(points, subjects=torch.tensor([1, 0]))
    assert (there != swapped).all()
    torch.testing.assert_close(geometry.distance(points[1], subjects=torch.tensor(1)), there[1])


@pytest.mark.parametrize("weight_norm", [False, True])
def test_the_mean_subject_is_everybody_where_all_are_the_same(weight_norm):
    settings = GeometrySettings(
        MLPSettings(16, 2, weight_norm=weight_norm), 2, GridSettings((1, 2), 2, subjects=2), code=4
    )
    geometry, points, mine = field(settings), some(5), code()
    geometry.encoding.open(0.6)
    geometry.grid.activate(1)
    for tables in geometry.grid.levels:
        tables[1] = tables[0]
    mean = geometry.of_mean_subject()
    assert mean.settings.grid.subjects == 1
    torch.testing.assert_close(mean.distance(points, mine), geometry.distance(points, mine, torch.tensor(0)))


def test_it_can_be_one_network_alone():
    settings = GeometrySettings(MLPSettings(16, 2), frequencies=0, grid=None, code=0)
    geometry = field(settings)
    assert geometry.distance(some(5)).shape == (5,)
    assert {name.split(".")[0] for name, _ in geometry.named_parameters()} == {"decoder"}
    assert geometry.of_mean_subject().settings == settings


@pytest.mark.parametrize("wrong", [None, torch.zeros(5)])
def test_a_code_of_another_length_is_a_mistake(wrong):
    with pytest.raises(ValueError, match="a code of 4 numbers"):
        Geometry(SMALL)(torch.rand(5, 3), wrong)


def test_only_named_parts_learn():
    geometry = field()
    learning = train_only(geometry, ["grid.levels.1", "decoder.layers.0.bias"])
    names = [name for name, parameter in geometry.named_parameters() if parameter.requires_grad]
    assert set(names) == {"grid.levels.1.0", "decoder.layers.0.bias"}
    assert {id(parameter) for parameter in learning} == {id(geometry.get_parameter(name)) for name in names}
    geometry.distance(some(5), code()).sum().backward()
    assert {name for name, parameter in geometry.named_parameters() if parameter.grad is not None} == set(names)
    assert len(train_only(geometry, ["decoder", "grid"])) == len(list(geometry.parameters()))
    assert train_only(geometry, []) == []


def test_a_part_that_is_not_there_is_a_mistake_and_changes_nothing():
    geometry = field()
    with pytest.raises(
        ValueError, match=r"no part 'grid\.level' with parameters; there are decoder\.layers\.0\.bias, "
    ):
        train_only(geometry, ["decoder", "grid.level"])
    assert all(parameter.requires_grad for parameter in geometry.parameters())
