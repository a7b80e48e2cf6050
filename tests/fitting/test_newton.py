from __future__ import annotations

import numpy as np
import pytest

from headfield.fitting.newton import DAMPING, Equations, likeliest

RANDOM = np.random.default_rng(0)
A, B = RANDOM.normal(size=(20, 4)), RANDOM.normal(size=20)


def linear(x):
    return Equations.of(A @ x - B, A)


def test_what_is_linear_is_solved_as_by_least_squares():
    wanted = np.linalg.lstsq(A, B, rcond=None)[0]
    np.testing.assert_allclose(likeliest(linear, np.zeros(4), 5), wanted, atol=1e-9)
    np.testing.assert_allclose(-linear(np.zeros(4)).step(), wanted, rtol=20 * DAMPING)


def test_the_cost_is_the_sum_of_squares():
    assert linear(np.ones(4)).cost == pytest.approx(((A @ np.ones(4) - B) ** 2).sum())


def test_a_step_too_far_is_not_kept():
    def steep(x):
        """An arc tangent, on which steps from far away go further away still."""
        return Equations.of(np.arctan(x), np.diag(1 / (1 + x**2)))

    far = np.array([3.0])
    np.testing.assert_array_equal(likeliest(steep, far, 3), far)
    np.testing.assert_allclose(likeliest(steep, np.array([0.5]), 5), 0, atol=1e-6)


def test_it_ends_with_what_was_best_before_all_became_impossible():
    asked = []

    def walled(x):
        asked.append(x)
        return linear(x) if len(asked) < 3 else Equations.impossible(len(x))

    np.testing.assert_array_equal(likeliest(walled, np.zeros(4), 9), asked[1])
    assert len(asked) == 3
