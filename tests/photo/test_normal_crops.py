from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from headfield.capture import View
from headfield.photo import normal_crops
from headfield.photo.normal_crops import CropSettings, crop_rotation, take_crops
from headfield.photo.normal_examples import Examples, example
from headfield.rigs import around, orbit

from ..data.subjects import sphere_view

PIXELS = 96
WILD = CropSettings(zoom=(0.4, 0.8), shift=0.25, turn=40.0)


def drawn(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def of_balls(count: int = 16) -> Examples:
    camera = around(orbit(1), distance=2.0, size=1.6, pixels=PIXELS)[0]
    ball = example(sphere_view("ball", camera), PIXELS)
    return Examples.together([ball] * count)


def of_walls_facing_the_camera(count: int = 16) -> Examples:
    """Pictures in which every pixel's surface looks straight back along its ray."""
    camera = around(orbit(1), distance=2.0, size=2.0, pixels=PIXELS)[0].to(dtype=torch.float64)
    rays = camera.rays(camera.pixel_centres().reshape(-1, 2)).directions @ camera.rotation.T
    shape = (PIXELS, PIXELS)
    view = View(
        "walls",
        camera,
        image=np.zeros((*shape, 3), np.uint8),
        mask=np.full(shape, 255, np.uint8),
        normals=-rays.reshape(*shape, 3).numpy().astype(np.float32),
    )
    return Examples.together([example(view, PIXELS)] * count)


def test_a_rotation_to_a_crop_takes_its_central_ray_to_the_axis():
    centre = torch.tensor([[10.0, 80.0], [48.0, 48.0], [200.0, -30.0]])
    focal, principal = torch.full((3,), 90.0), torch.full((3, 2), 48.0)
    rotation = crop_rotation(centre, focal, principal)
    rays = torch.nn.functional.normalize(torch.cat([centre - principal, focal[:, None]], dim=1), dim=1)
    torch.testing.assert_close((rotation @ rays[..., None])[..., 0], torch.eye(3)[2].expand(3, 3), atol=1e-6, rtol=0)
    torch.testing.assert_close(rotation @ rotation.mT, torch.eye(3).expand(3, 3, 3), atol=1e-6, rtol=0)
    torch.testing.assert_close(torch.det(rotation), torch.ones(3))
    torch.testing.assert_close(rotation[1], torch.eye(3))


def test_normals_are_those_of_a_camera_that_looks_at_the_middle_of_the_crop():
    crops = take_crops(of_walls_facing_the_camera(), 64, WILD, drawn(0), plain=True)
    middle = crops.normals[:, :, 31:33, 31:33].mean(dim=(2, 3))
    torch.testing.assert_close(middle, torch.tensor([0.0, 0.0, -1.0]).expand(16, 3), atol=0.02, rtol=0)
    along = torch.linspace(-1, 1, 64)
    known = crops.known > 0
    # What is further right (down) looks further left (up), however the crop was turned and mirrored.
    for axis, place in enumerate([along.expand(64, 64), along[:, None].expand(64, 64)]):
        seen = known & (place.abs() > 0.3)
        assert (crops.normals[:, axis] * place < 0)[seen].all()


def test_a_mirrored_and_turned_ball_is_still_a_ball():
    crops = take_crops(of_balls(), 64, WILD, drawn(1), plain=True)
    handedness = set()
    for i in range(16):
        inside = (crops.masks[i] > 0.99) & (crops.known[i] > 0)
        world = 2 * crops.pictures[i][:, inside] - 1
        found = crops.normals[i][:, inside]
        u, _, v = torch.linalg.svd(found @ world.T)
        assert (u @ v @ world - found).norm(dim=0).mean() < 0.03
        handedness.add(round(float(torch.det(u @ v))))
    assert handedness == {-1, 1}


def test_everything_is_cropped_alike():
    balls = of_balls()
    shown = replace(balls, images=balls.masks.expand(-1, 3, -1, -1))
    crops = take_crops(shown, 64, WILD, drawn(2), plain=True)
    known = crops.known > 0
    torch.testing.assert_close(crops.pictures[:, 0][known], crops.masks[known])
    assert (crops.pictures[:, 0][~known] == normal_crops.GREY).all()
    assert 0 < (~known).float().mean() < 0.5


def test_the_face_lies_around_the_tip_of_the_nose():
    balls = of_balls()
    middle = torch.tensor([PIXELS / 2, PIXELS / 2, 20.0])
    there = replace(balls, face=middle.expand(16, 3), images=torch.zeros_like(balls.images))
    crops = take_crops(there, 64, CropSettings(zoom=(1.0, 1.0), shift=0.0), drawn(3), plain=True)
    radius = 20.0 * 64 / PIXELS
    assert crops.face.sum(dim=(1, 2)).mean() == pytest.approx(math.pi * radius**2, rel=0.05)


def test_the_same_numbers_give_the_same_crops():
    balls = of_balls(4)
    first, again, other = (take_crops(balls, 64, CropSettings(), drawn(seed)).pictures for seed in (5, 5, 6))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.min() >= 0
    assert first.max() <= 1


def test_another_background_leaves_the_person_alone():
    crops = take_crops(of_balls(), 64, WILD, drawn(7), plain=True)
    changed = normal_crops._before_something_else(crops.pictures, crops.masks, 1.0, drawn(8))
    masks = crops.masks[:, None].expand_as(changed)
    torch.testing.assert_close(changed[masks > 0.999], crops.pictures[masks > 0.999], atol=1e-3, rtol=0)
    assert (changed != crops.pictures)[masks < 0.5].float().mean() > 0.99


def test_weak_compression_changes_little_and_strong_compression_much():
    pictures = torch.rand(2, 3, 32, 32, generator=drawn(9))
    weak, strong = (
        (normal_crops._compressed(pictures, torch.full((2, 1, 1, 1), strength)) - pictures).abs().mean()
        for strength in (0.0, 0.5)
    )
    assert weak < 1e-3
    assert strong > 0.05
