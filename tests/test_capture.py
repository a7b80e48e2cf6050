from __future__ import annotations

import numpy as np
import pytest
import torch

from headfield import rigs
from headfield.capture import LazyViews, View
from headfield.errors import InputError


def view(name: str = "front", **layers: np.ndarray) -> View:
    camera = rigs.around(rigs.orbit(1), distance=4.0, pixels=8)[0]
    return View(name, camera, **{"image": np.zeros((8, 8, 3), np.uint8), **layers})


@pytest.mark.parametrize(
    ("layer", "pixels"),
    [
        ("image", np.zeros((8, 9, 3), np.uint8)),
        ("mask", np.zeros((7, 8), np.uint8)),
        ("normals", np.zeros((4, 4, 3), np.float32)),
        ("depth", np.zeros((8, 16), np.float32)),
    ],
)
def test_layers_of_another_size_are_refused(layer, pixels):
    height, width = pixels.shape[:2]
    sentence = f"view front: the {layer} is {width} x {height} pixels but its camera is 8 x 8"
    with pytest.raises(InputError, match=sentence):
        view(**{layer: pixels})


def test_lazy_views_read_one_when_one_is_asked_for():
    read = []

    def load(index: int) -> View:
        read.append(index)
        return view(f"view_{index}")

    views = LazyViews([f"view_{i}" for i in range(5)], load)
    assert len(views) == 5
    assert read == []
    assert views[-1].name == "view_4"
    assert views[1:4].names == ("view_1", "view_2", "view_3")
    assert read == [4]
    assert [v.name for v in views[1:4][::-1]] == ["view_3", "view_2", "view_1"]
    assert read == [4, 3, 2, 1]
    with pytest.raises(IndexError):
        views[5]


def test_views_keep_their_camera_exactly():
    assert torch.equal(view().camera.centre, torch.tensor([0.0, 0, 4], dtype=torch.float64))
