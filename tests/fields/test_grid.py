from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.autograd import gradcheck, gradgradcheck
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from headfield.fields.grid import FeatureGrid, GridSettings, trilinear


def corners(voxels: int) -> torch.Tensor:
    line = torch.linspace(-1, 1, voxels + 1, dtype=torch.float64)
    return torch.cartesian_prod(line, line, line)


def filled(settings: GridSettings) -> FeatureGrid:
    torch.manual_seed(0)
    grid = FeatureGrid(settings).double()
    for table in grid.parameters():
        torch.nn.init.normal_(table)
    return grid


def sampled(table: torch.Tensor, points: torch.Tensor, voxels: int) -> torch.Tensor:
    """The plain way, by PyTorch's own sampling."""
    side = voxels + 1
    volume = table.t().reshape(1, -1, side, side, side)
    places = points.flip(-1)[None, None, None]
    return (
        functional.grid_sample(volume, places, padding_mode="border", align_corners=True)
        .flatten(1)[0]
        .unflatten(0, (table.shape[1], -1))
        .t()
    )


coordinate = st.floats(-1, 1)


@given(st.tuples(coordinate, coordinate, coordinate))
def test_linear_functions_are_reproduced(point):
    slope = torch.tensor([[2.0, -1.0], [0.5, 3.0], [-1.5, 0.25]], dtype=torch.float64)
    table = corners(4) @ slope + 0.7
    points = torch.tensor([point], dtype=torch.float64)
    torch.testing.assert_close(trilinear(table, points, 4), points @ slope + 0.7)


def test_the_features_at_a_corner_are_the_corners():
    table = torch.randn(5**3, 3, dtype=torch.float64)
    torch.testing.assert_close(trilinear(table, corners(4), 4), table)


def test_it_agrees_with_pytorchs_own_sampling_and_so_do_the_gradients():
    torch.manual_seed(0)
    points = (torch.rand(200, 3, dtype=torch.float64) * 2.2 - 1.1).requires_grad_()
    table = torch.randn(9**3, 4, dtype=torch.float64, requires_grad=True)
    fast, slow = trilinear(table, points, 8), sampled(table, points, 8)
    torch.testing.assert_close(fast, slow)
    weight = torch.randn_like(fast)
    found, expected = (torch.autograd.grad((out * weight).sum(), (points, table)) for out in (fast, slow))
    torch.testing.assert_close(found, expected)


class NoWholeMatrices(TorchDispatchMode):
    """Refuses products of matrices of whole numbers, as a GPU does."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.overloadpacket.__name__
        if name in {"mm", "mv", "addmm", "addmv", "bmm", "dot"} and not args[0].is_floating_point():
            raise RuntimeError(f'"{name}_impl_cuda" not implemented for whole numbers')
        return function(*args, **(kwargs or {}))


def test_a_gpu_can_do_it():
    with NoWholeMatrices():
        with pytest.raises(RuntimeError, match="whole numbers"):
            torch.ones(2, 2, dtype=torch.long) @ torch.ones(2, dtype=torch.long)
        trilinear(torch.randn(27, 3), torch.rand(5, 3), 2)


def test_gradients():
    torch.manual_seed(0)
    points = (torch.rand(4, 3, dtype=torch.float64) * 2.4 - 1.2).requires_grad_()
    table = torch.randn(3**3, 2, dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda t, p: trilinear(t, p, 2), (table, points))
    assert gradgradcheck(lambda t, p: trilinear(t, p, 2), (table, points))


def test_it_starts_at_zero():
    assert (FeatureGrid(GridSettings((1, 2), 3))(torch.rand(5, 3)) == 0).all()


def test_levels_are_summed_and_only_active_ones():
    grid, points = filled(GridSettings((1, 2, 3), 2)), torch.rand(2, 5, 3, dtype=torch.float64)
    flat = points.flatten(0, 1)
    each = [trilinear(grid.levels[i][0], flat, 2 ** (i + 1)) for i in range(3)]
    for active in range(4):
        grid.activate(active)
        expected = torch.stack(each)[:active].sum(0).unflatten(0, (2, 5))
        torch.testing.assert_close(grid(points), expected)


def test_what_is_not_active_gets_no_gradient():
    grid = filled(GridSettings((1, 2), 2))
    grid.activate(1)
    grid(torch.rand(5, 3, dtype=torch.float64)).sum().backward()
    assert grid.levels[0][0].grad is not None
    assert grid.levels[1][0].grad is None


@given(st.tuples(*[st.floats(-5, 5)] * 3))
def test_outside_it_is_what_it_is_at_the_nearest_point_inside(point):
    grid = filled(GridSettings((2, 3), 2))
    points = torch.tensor([point], dtype=torch.float64)
    torch.testing.assert_close(grid(points), grid(points.clamp(-1, 1)))


@given(st.tuples(*[st.floats(-1.5, 1.5)] * 3), st.tuples(*[st.floats(-1e-4, 1e-4)] * 3))
def test_it_is_continuous(point, step):
    grid = filled(GridSettings((2, 3), 2))
    points = torch.tensor([point], dtype=torch.float64)
    assert (grid(points + torch.tensor([step])) - grid(points)).abs().max() < 0.05


def test_a_place_that_is_none_has_no_features():
    grid, points = filled(GridSettings((1,), 2)), torch.rand(3, 3, dtype=torch.float64)
    points[1, 2] = torch.nan
    features = grid(points)
    assert features[1].isnan().all()
    assert features[[0, 2]].isfinite().all()


def test_each_subject_has_its_own_and_pays_alone():
    settings = GridSettings((1, 2), 2, subjects=3)
    grid = filled(settings)
    points = torch.rand(2, 5, 3, dtype=torch.float64)
    found = grid(points, torch.tensor([2, 0]))
    for row, subject in enumerate((2, 0)):
        alone = FeatureGrid(GridSettings((1, 2), 2)).double()
        for level in range(2):
            alone.levels[level][0] = grid.levels[level][subject]
        torch.testing.assert_close(found[row], alone(points[row]))
    found.sum().backward()
    assert [[table.grad is not None for table in tables] for tables in grid.levels] == [[True, False, True]] * 2


def test_one_subject_may_be_asked_for_alone():
    grid, points = filled(GridSettings((1,), 2, subjects=3)), torch.rand(5, 3, dtype=torch.float64)
    batch = grid(points[None], torch.tensor([1]))
    torch.testing.assert_close(grid(points, torch.tensor(1)), batch[0])


def test_the_mean_subject_has_the_mean_features():
    grid, points = filled(GridSettings((1, 2), 2, subjects=3)), torch.rand(5, 3, dtype=torch.float64)
    grid.activate(1)
    everybody = grid(points.expand(3, 5, 3), torch.arange(3))
    torch.testing.assert_close(grid.mean_subject()(points), everybody.mean(0))


def test_the_number_of_active_levels_is_saved():
    grid, other = (FeatureGrid(GridSettings((1, 2), 2)) for _ in range(2))
    grid.activate(1)
    other.load_state_dict(grid.state_dict())
    assert other.active == 1


def test_mistakes():
    grid = FeatureGrid(GridSettings((1, 2), 2, subjects=2))
    with pytest.raises(ValueError, match="2 levels, 3 cannot be active"):
        grid.activate(3)
    with pytest.raises(ValueError, match="read for named ones"):
        grid(torch.rand(5, 3))
