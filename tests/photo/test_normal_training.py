from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from headfield.data.store import create_dataset, write_subject
from headfield.errors import InputError
from headfield.fields import weights
from headfield.optim.engine import optimise
from headfield.photo.normal_crops import CropSettings, take_crops
from headfield.photo.normal_network import NormalNetwork
from headfield.photo.normal_training import FILE, NormalTraining, losses, objectives, train_normals
from headfield.photo.normals import PART, EstimatorSettings, NormalEstimator

from ..data.subjects import sphere_subject
from .test_normal_crops import drawn, of_balls
from .test_normal_network import TINY, tiny

SHORT = NormalTraining(
    pixels=48, sizes=(32, 64), steps=(3, 2), batches=(2, 2), rates=(1e-3, 1e-3), held_out=1, precision="float32"
)


@pytest.fixture
def balls(tmp_path):
    folder = tmp_path / "balls"
    create_dataset(folder, made={"by": "hand"})
    for name in ("a", "b", "c"):
        write_subject(sphere_subject(name, views=1, points=10), folder)
    return folder


def test_the_truth_loses_nothing():
    crops = take_crops(of_balls(4), 64, CropSettings(), drawn(0), plain=True)
    sure = 40 * (crops.masks.round() - 0.5)
    right = losses(crops.normals, sure, replace(crops, masks=crops.masks.round()), face=1.0)
    assert right["normals"] < 2e-3
    assert right["leaning"] < 2e-3
    assert right["mask"] < 1e-6
    wrong = losses(-crops.normals, -sure, crops, face=1.0)
    assert wrong["normals"] == pytest.approx(2, abs=1e-3)
    assert wrong["mask"] > 10


def test_normals_that_lean_together_cost_more_than_normals_that_lean_each_its_own_way():
    crops = take_crops(of_balls(4), 64, CropSettings(), drawn(0), plain=True)
    one = torch.tensor([0.0, 0.3, 0.0])[None, :, None, None].expand_as(crops.normals)
    sign = torch.where(torch.rand(one.shape[0], 1, *one.shape[2:], generator=drawn(3)) < 0.5, -1.0, 1.0)
    together, each = (losses(crops.normals + off, crops.masks, crops, face=1.0) for off in (one, sign * one))
    assert together["normals"] == pytest.approx(float(each["normals"]), rel=1e-5)
    assert together["leaning"] == pytest.approx(0.3, abs=2e-3)
    assert each["leaning"] < 0.5 * together["leaning"]


def test_what_lies_beyond_the_picture_or_outside_the_mask_does_not_count():
    crops = take_crops(of_balls(4), 64, CropSettings(zoom=(1.2, 1.3), shift=0.3), drawn(1), plain=True)
    outside = ((crops.known == 0) | (crops.masks == 0))[:, None]
    guess = torch.nn.functional.normalize(torch.randn(crops.normals.shape, generator=drawn(2)), dim=1)
    other = torch.where(outside, -guess, guess)
    unsure = torch.where(crops.known == 0, 5.0, 0.0)
    assert losses(guess, 0 * unsure, crops, face=1.0) == losses(other, unsure, crops, face=1.0)


def test_a_network_learns_what_a_ball_looks_like():
    balls = of_balls(8)
    training = NormalTraining(sizes=(32,), steps=(60,), batches=(8,), rates=(5e-3,), precision="float32")
    network = tiny()
    report = optimise(network, training.stages(), objectives(network, balls, training, CropSettings()), seed=0)
    first, last = report.history["normals"][:10].mean(), report.history["normals"][-10:].mean()
    assert last < 0.7 * first


def test_a_training_leaves_an_estimator_and_says_how_it_came_about(balls, tmp_path):
    taught = train_normals([balls], tmp_path / "out", network=TINY, training=SHORT, seed=3)
    assert taught.report.done == 5
    assert taught.errors.pictures == 1
    facts = weights.load(tmp_path / "out" / FILE, {PART: NormalNetwork}).facts
    assert facts["seed"] == 3
    assert facts["training"]["steps"] == [3, 2]
    assert facts["datasets"] == [{"name": "balls", "made": {"by": "hand"}, "subjects": 2}]
    assert facts["errors"]["face"] == taught.errors.face
    estimator = NormalEstimator.load(tmp_path / "out" / FILE, EstimatorSettings(pixels=32))
    assert estimator.network.settings == TINY


def test_the_same_seed_teaches_the_same_and_an_interruption_changes_nothing(balls, tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    every = replace(SHORT, checkpoint=2)
    train_normals([balls], whole, network=TINY, training=every)
    train_normals([balls], parts, network=TINY, training=every)
    (parts / "checkpoints" / "step-000000005.safetensors").unlink()
    (parts / FILE).unlink()
    resumed = train_normals([balls], parts, network=TINY, training=every)
    assert resumed.report.resumed_at == 4
    first, second = (weights.load(it / FILE, {PART: NormalNetwork}).parts[PART].state_dict() for it in (whole, parts))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_training_can_go_on_from_weights_that_are_there(balls, tmp_path):
    weights.save(tmp_path / "start.safetensors", {PART: tiny()}, {"from": "before"})
    train_normals([balls, balls], tmp_path / "out", training=SHORT, begin=tmp_path / "start.safetensors")
    loaded = weights.load(tmp_path / "out" / FILE, {PART: NormalNetwork})
    assert loaded.part(PART, NormalNetwork).settings == TINY
    assert loaded.facts["begin"] == {"from": "before"}
    assert [part["subjects"] for part in loaded.facts["datasets"]] == [2, 3]


def test_what_cannot_be_taught_is_said_in_one_sentence(balls, tmp_path):
    with pytest.raises(InputError, match="nobody is left"):
        train_normals([balls], tmp_path / "out", training=replace(SHORT, held_out=3))
    with pytest.raises(InputError, match="no data set"):
        train_normals([], tmp_path / "out")
    with pytest.raises(InputError, match="one number for each stage"):
        replace(SHORT, steps=(3,))
    with pytest.raises(InputError, match="multiples of 32"):
        replace(SHORT, sizes=(32, 40))
    with pytest.raises(InputError, match="at least 1"):
        replace(SHORT, steps=(0, 1))
    assert not (tmp_path / "out").exists()
