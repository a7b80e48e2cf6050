from __future__ import annotations

import pytest
import torch
from torch.autograd import gradcheck
from torch.nn import functional

from headfield.fields.appearance import Appearance, AppearanceSettings, PlaceSettings
from headfield.fields.mlp import MLPSettings

SMALL = AppearanceSettings(
    PlaceSettings(MLPSettings(16, 2, skips=(1,), sharpness=10.0), frequencies=2, size=5),
    MLPSettings(16, 2, activation="silu", sharpness=10.0),
    frequencies=1,
)
LIKE_IDR = AppearanceSettings(None, MLPSettings(16, 2, activation="relu"), 0, direction_frequencies=4, features=6)


def surface(*shape: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Points, normals and directions."""
    torch.manual_seed(1)
    points, normals, directions = torch.randn(3, *shape, 3, dtype=torch.float64)
    return points, functional.normalize(normals, dim=-1), functional.normalize(directions, dim=-1)


def test_colours_lie_between_black_and_white():
    torch.manual_seed(0)
    appearance = Appearance(SMALL).double()
    for parameter in appearance.parameters():
        parameter.data *= 20
    colours = appearance(*surface(2, 500))
    assert colours.shape == (2, 500, 3)
    assert colours.min() >= 0
    assert colours.max() <= 1
    assert colours.std() > 0.1


def test_they_depend_on_place_normal_and_direction():
    appearance, seen = Appearance(SMALL).double(), surface(10)
    colours = appearance(*seen)
    for i in range(3):
        moved = list(seen)
        moved[i] = -moved[i]
        assert (appearance(*moved) != colours).all()


def test_gradients():
    appearance = Appearance(SMALL).double()
    assert gradcheck(appearance, tuple(tensor.requires_grad_() for tensor in surface(2)))


def test_the_published_sizes():
    appearance = Appearance(AppearanceSettings())
    assert [layer.out_features for layer in appearance.place.linears] == [512] * 8 + [256]
    assert [layer.out_features for layer in appearance.look.linears] == [512] * 4 + [3]
    assert appearance.place.linears[4].in_features == 512 + 39
    assert appearance.look.linears[0].in_features == 27 + 3 + 3 + 256


def test_features_of_the_geometry_are_seen_where_asked_for():
    appearance, seen = Appearance(LIKE_IDR).double(), surface(10)
    features = torch.randn(10, 6, dtype=torch.float64)
    assert (appearance(*seen, features) != appearance(*seen, -features)).any(dim=-1).all()
    with pytest.raises(ValueError, match="read with 6 features"):
        appearance(*seen)


def test_a_code_tells_subjects_apart():
    appearance = Appearance(AppearanceSettings(SMALL.place, SMALL.look, code=4)).double()
    points, normals, directions = (tensor.expand(2, 10, 3) for tensor in surface(10))
    codes = torch.randn(2, 4, dtype=torch.float64)
    colours = appearance(points, normals, directions, code=codes)
    assert (colours[0] != colours[1]).all()
    torch.testing.assert_close(colours[1], appearance(*surface(10), code=codes[1]))
    with pytest.raises(ValueError, match="a code of 4 numbers"):
        appearance(*surface(10))
