from __future__ import annotations

import numpy as np

from headfield.studio.builtin import load_builtin
from headfield.studio.identity import Identity
from headfield.studio.landmark_moves import landmark_moves
from headfield.studio.recipe import expression_of

SEEDS = (3, 8, 11)


def test_landmarks_move_as_the_faces_of_the_average_person_do():
    model = load_builtin()
    average = Identity.average(model)
    for seed, moves in zip(SEEDS, landmark_moves(model, SEEDS), strict=True):
        face = expression_of(model, seed, 1, all_alone=False)
        expected = (average.shape(model, face.shapes(model)) - average.shape(model))[model.landmarks]
        np.testing.assert_allclose(moves, expected, atol=1e-5)


def test_people_move_their_landmarks_differently():
    first, second, third = landmark_moves(load_builtin(), SEEDS)
    assert np.abs(first - second).max() > 0.005
    assert np.abs(second - third).max() > 0.005
