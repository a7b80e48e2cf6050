from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from headfield.canonical import CANONICAL_NOSE
from headfield.capture import Capture
from headfield.data.store import Dataset, create_dataset, write_subject
from headfield.errors import InputError
from headfield.photo.normal_examples import FACE_RADIUS, Examples, example, read_examples
from headfield.rigs import around, on_sphere, orbit

from ..data.subjects import sphere_subject, sphere_view


def front(pixels: int = 64):
    return around(on_sphere(torch.tensor([0.0]), torch.tensor([0.0])), distance=4.0, size=2.0, pixels=pixels)[0]


def test_an_example_is_its_view_in_few_bits():
    view = sphere_view("ball", front())
    it = example(view, 64)
    assert np.array_equal(it.images[0].permute(1, 2, 0).numpy(), view.image)
    assert np.array_equal(it.masks[0, 0].numpy(), view.mask)
    assert np.abs(it.normals[0].permute(1, 2, 0).numpy() / 127 - view.normals).max() < 0.01


def test_the_face_is_a_ball_around_the_nose_as_the_camera_sees_it():
    camera = front().to(dtype=torch.float64)
    x, y, radius = example(sphere_view("ball", camera), 64).face[0].tolist()
    nose = torch.from_numpy(CANONICAL_NOSE)
    beside = nose + FACE_RADIUS * camera.rotation[0]
    places, _ = camera.project(torch.stack([nose, beside]))
    assert (x, y) == pytest.approx(places[0].tolist(), abs=1e-4)
    assert radius == pytest.approx(float((places[1] - places[0]).norm()), rel=1e-5)


def test_a_wide_picture_is_filled_up_below_and_keeps_its_camera():
    camera = front()
    wide = camera.crop(0, 16, 64, 32)
    whole, part = example(sphere_view("whole", camera), 32), example(sphere_view("part", wide), 32)
    assert torch.equal(part.normals[:, :, 1:15], whole.normals[:, :, 9:23])
    assert (part.masks[:, :, 17:] == 0).all()
    torch.testing.assert_close(part.principal, whole.principal - torch.tensor([0.0, 8.0]))
    torch.testing.assert_close(part.face, whole.face - torch.tensor([0.0, 8.0, 0.0]))
    assert torch.equal(part.focal, whole.focal)


def test_the_pictures_of_the_subjects_asked_for_are_read(tmp_path):
    create_dataset(tmp_path)
    for name in ("one", "three", "two"):
        write_subject(sphere_subject(name, views=2, pixels=32, points=10), tmp_path)
    seen = []
    found = read_examples(Dataset(tmp_path), ("one", "two"), 32, told=lambda done, total: seen.append((done, total)))
    assert len(found) == 4
    assert found.pixels == 32
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert len(Examples.together([found, found[:1]])) == 5


def test_nothing_to_learn_from_is_said_in_one_sentence(tmp_path):
    create_dataset(tmp_path)
    bare = replace(sphere_view("bare", around(orbit(1), distance=4.0, pixels=32)[0]), normals=None)
    write_subject(replace(sphere_subject("one"), capture=Capture((bare,))), tmp_path)
    with pytest.raises(InputError, match="no pictures with masks and normals"):
        read_examples(Dataset(tmp_path), ("one",), 32)
