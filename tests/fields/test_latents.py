from __future__ import annotations

import pytest
import torch

from headfield.fields.latents import Codes, CodesSettings, length_penalty


def test_codes_start_about_zero_with_the_given_spread():
    torch.manual_seed(0)
    codes = Codes(CodesSettings(subjects=200, size=64, spread=0.3))
    assert codes.table.mean().item() == pytest.approx(0, abs=0.01)
    assert codes.table.std().item() == pytest.approx(0.3, rel=0.02)


def test_each_subject_has_its_row():
    codes = Codes(CodesSettings(subjects=4, size=3))
    subjects = torch.tensor([[3, 0], [1, 1]])
    assert torch.equal(codes(subjects), codes.table[subjects])
    assert torch.equal(codes(torch.tensor(2)), codes.table[2])


def test_a_step_reaches_only_the_subjects_in_it():
    codes = Codes(CodesSettings(subjects=4, size=3))
    codes(torch.tensor([1, 3])).sum().backward()
    assert codes.table.grad.any(dim=1).tolist() == [False, True, False, True]


def test_mean_and_spread_of_the_subjects():
    codes = Codes(CodesSettings(subjects=2, size=2))
    with torch.no_grad():
        codes.table.copy_(torch.tensor([[1.0, 2.0], [3.0, 2.0]]))
    assert codes.mean().tolist() == [2.0, 2.0]
    assert codes.std().tolist() == [1.0, 0.0]


def test_a_new_code_starts_at_the_mean_and_goes_its_own_way():
    codes = Codes(CodesSettings(subjects=3, size=2))
    new = codes.new()
    torch.testing.assert_close(new.detach(), codes.mean())
    before = codes.table.detach().clone()
    new.sum().backward()
    with torch.no_grad():
        new += 1
    assert codes.table.grad is None
    assert torch.equal(codes.table, before)


def test_the_penalty_is_the_length_over_the_variance():
    codes = torch.tensor([[3.0, 4.0], [0.0, 1.0]])
    assert length_penalty(codes, sigma=0.5).item() == pytest.approx((5 + 1) / 2 / 0.25)


def test_the_penalty_of_nothing_pulls_nowhere():
    code = torch.zeros(3, requires_grad=True)
    length_penalty(code, sigma=1.0).backward()
    assert code.grad.tolist() == [0, 0, 0]
