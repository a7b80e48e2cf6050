"""The head model laid over heads whose shape is known."""

import numpy as np
import pytest
import torch

from headfield.studio.builtin import load_builtin
from headfield.studio.ict import load_ict
from headfield.studio.model import SKIN
from headfield.studio.overlay import laid_over
from headfield.surface import Mesh
from headfield.transforms import so3_exp
from headfield.units import MILLIMETRES_PER_UNIT

MARKED = (8, 27, 30, 33, 36, 39, 42, 45, 48, 54)


def off(model, weights, turn, move):
    """How far the model's face ends up from where a head of its own has it, median and worst, in millimetres."""
    rotation = so3_exp(torch.tensor(turn, dtype=torch.float64)).numpy()
    truth = model.shape(weights) @ rotation.T + move
    faces = np.concatenate([model.faces[model.parts[part].faces] for part in SKIN])
    used, corners = np.unique(faces, return_inverse=True)
    head = Mesh(truth[used], corners.reshape(-1, 3))
    found = laid_over(model, head, {k: truth[model.landmarks[k]] for k in MARKED}, eyes_closed=False)
    face = model.parts["face"].vertices
    distance = np.linalg.norm(found[face] - truth[face], axis=1) * MILLIMETRES_PER_UNIT
    return np.median(distance), distance.max()


def test_a_head_of_the_built_in_model_is_found_again():
    model = load_builtin()
    rng = np.random.default_rng(1)
    median, _ = off(model, rng.normal(size=model.modes), (0.03, -0.05, 0.02), np.array([0.01, 0.02, -0.01]))
    assert median < 1.0


@pytest.mark.usefixtures("assets")
def test_a_head_of_the_open_model_is_found_again():
    model = load_ict()
    rng = np.random.default_rng(1)
    median, worst = off(model, rng.normal(size=model.modes), (0.03, -0.05, 0.02), np.array([0.01, 0.02, -0.01]))
    assert median < 1.0
    assert worst < 8.0
