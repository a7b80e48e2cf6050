from __future__ import annotations

import numpy as np
import pytest
import torch

from headfield.errors import InputError
from headfield.fitting.expressions import KEPT, Expressions

CHIN, BRIDGE, CORNERS = 8, 27, [48, 54]


def moves(*directions: torch.Tensor, faces: int = 500) -> torch.Tensor:
    weights = torch.randn(faces, len(directions), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return torch.einsum("nd,dlc->nlc", weights, torch.stack(directions))


def test_what_landmarks_were_moved_along_is_found_as_far_as_they_usually_were():
    smile, frown = 0.05 * torch.randn(2, 68, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    offsets = moves(smile, frown)
    basis = Expressions.of(offsets, kept=2).basis.double().flatten(0, 1)
    flat = offsets.flatten(1)
    torch.testing.assert_close(basis @ basis.T, flat.T @ flat / len(flat), rtol=1e-4, atol=1e-8)


def test_faces_that_all_smile_are_an_expression_and_no_rest():
    smile = torch.zeros(68, 3, dtype=torch.float64)
    smile[CORNERS, 1] = 0.03
    (direction,) = Expressions.of(smile.repeat(9, 1, 1), kept=1).basis.unbind(-1)
    torch.testing.assert_close(direction.abs().double(), smile, atol=1e-7, rtol=1e-5)


def test_those_that_come_along_move_mouths_and_chins_and_hardly_the_bridge_of_the_nose():
    reach = Expressions.shipped().basis.square().sum(dim=(1, 2)).sqrt().numpy()
    assert reach.shape == (68,)
    assert min(reach[CHIN], *reach[CORNERS]) > 5 * reach[BRIDGE]


def test_those_that_come_along_treat_both_sides_of_the_face_alike():
    reach = Expressions.shipped().basis.square().sum(dim=(1, 2)).sqrt().numpy()
    np.testing.assert_allclose(reach[:8], reach[16:8:-1], rtol=0.15, atol=5e-4)


def test_they_are_saved_and_read_again_and_other_files_are_refused(tmp_path, monkeypatch):
    basis = Expressions.shipped().basis
    assert basis.shape[2] == KEPT
    Expressions.of(moves(*basis.double().unbind(-1)), kept=3).save(tmp_path / "three.safetensors", {"faces": 500})
    assert Expressions.load(tmp_path / "three.safetensors").basis.shape == (68, 3, 3)
    with pytest.raises(InputError, match="does not exist"):
        Expressions.load(tmp_path / "none.safetensors")
