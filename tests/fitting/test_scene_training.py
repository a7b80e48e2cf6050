from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from headfield.capture import Capture, Subject
from headfield.data.store import Dataset, create_dataset, write_subject
from headfield.errors import InputError
from headfield.fields.background import BackgroundSettings
from headfield.fields.scene_fields import NetworksSettings
from headfield.fields.scene_layers import SceneLayersSettings
from headfield.fitting.prior import ShapePrior
from headfield.fitting.scene_prior import ScenePrior
from headfield.fitting.scene_training import (
    RaysOfAScene,
    SceneFamily,
    SceneObjectives,
    SceneTraining,
)
from headfield.fitting.scenes import Scenes
from headfield.fitting.training import train_prior
from headfield.optim.checkpoints import Checkpoints
from headfield.optim.engine import optimise
from headfield.render.distance_grid import DistanceGrid
from headfield.render.sampling import AroundSurfaceSettings, Sampling

from ..balls import camera, capture, scenes, view

TRAINING = SceneTraining(
    NetworksSettings(width=24, sdf=5, radiance=3, frequencies=2),
    SceneLayersSettings((1, 2), (1,), rank=3),
    BackgroundSettings(width=8, depth=1),
    steps=6,
    rate=2e-3,
    batch=RaysOfAScene(rays=48, views=4, everywhere=16, beyond=4),
    precision="float32",
)


def family(training: SceneTraining = TRAINING, count: int = 5) -> SceneFamily:
    torch.manual_seed(0)
    return SceneFamily(training, count)


@pytest.mark.parametrize("kind", ["independent", "low-rank"])
def test_what_belongs_to_scenes_that_were_not_looked_at_rests(kind):
    training = replace(TRAINING, layers=replace(TRAINING.layers, kind=kind), steps=3)
    it, seen = family(training), []
    objectives = SceneObjectives(it, scenes(), training)
    before = {name: value.clone() for name, value in it.state_dict().items()}

    def watched(info):
        terms = objectives(info)
        seen.append(it.fields.surface.geometry.decoder.layers[0].scene)
        return terms

    optimise(it, training.stages(), watched, seed=1)
    after = it.state_dict()
    for scene in range(5):
        moved = [
            not torch.equal(before[name], after[name])
            for name in before
            if f".own.{scene}" in name or (name.startswith(f"backgrounds.{scene}.") and name.endswith("bias"))
        ]
        assert moved
        assert any(moved) == (scene in seen)
    assert 0 < len(set(seen)) < 5


def test_moments_of_a_scene_wait_for_it(tmp_path):
    training = replace(TRAINING, steps=4)
    it, seen = family(training), []
    objectives = SceneObjectives(it, scenes(), training)

    def watched(info):
        terms = objectives(info)
        seen.append(it.fields.surface.geometry.decoder.layers[0].scene)
        return terms

    optimise(it, training.stages(), watched, seed=1, checkpoints=Checkpoints(tmp_path))
    saved = Checkpoints(tmp_path).newest()
    for scene in range(5):
        name = f"moments/fields.surface.geometry.decoder.layers.0.own.{scene}/turns"
        turns = int(saved.tensors[name]) if name in saved.tensors else 0
        assert turns == seen.count(scene)
    assert int(saved.tensors["moments/fields.surface.geometry.decoder.layers.0.basis/turns"]) == 4


def test_learning_brings_the_pictures_closer_and_is_the_same_each_time():
    training = replace(TRAINING, steps=60)
    one, other = (train_prior("it", scenes((0.4, 0.6)), training, seed=3) for _ in range(2))
    for name, value in one.fields.state_dict().items():
        assert torch.equal(value, other.fields.state_dict()[name]), name
    it = family(training, 2)
    report = optimise(it, training.stages(), SceneObjectives(it, scenes((0.4, 0.6)), training), seed=3)
    total = report.history["total"]
    assert total[-10:].mean() < 0.7 * total[:10].mean()
    assert one.facts["subjects"] == 2
    assert one.facts["finished"]


def test_a_prior_is_the_mean_scene_and_comes_back_from_its_file(tmp_path):
    prior = train_prior("multi-neus", scenes((0.4, 0.6)), replace(TRAINING, steps=2))
    prior.save(tmp_path / "prior.safetensors", half=False)
    again = ScenePrior.load(tmp_path / "prior.safetensors").checked_for("multi-neus")
    points = 2 * torch.rand(40, 3) - 1
    assert torch.equal(again.fields.distance(points), prior.fields.distance(points))
    assert again.fields.settings.scenes == 1
    with pytest.raises(InputError, match="holds fields where codes and geometry should be"):
        ShapePrior.load(tmp_path / "prior.safetensors")
    with pytest.raises(InputError, match="the prior was learned by multi-neus, neus cannot use it"):
        again.checked_for("neus")


def test_rays_come_evenly_from_a_few_pictures_of_one_scene():
    them = scenes((0.4, 0.6))
    drawn = them.draw(1, 50, 4, torch.Generator().manual_seed(0))
    counts = torch.bincount(drawn.view)
    assert sorted(counts[counts > 0].tolist()) == [12, 12, 13, 13]
    seen = [them.views[1][number] for number in drawn.view.tolist()]
    for ray, it in zip(range(50), seen, strict=True):
        assert torch.allclose(drawn.origins[ray], it.camera.centre, atol=1e-5)
    ball = drawn.coverage > 0.99
    closest = torch.linalg.cross(drawn.origins, drawn.directions).norm(dim=-1)
    assert (closest[ball] < 0.63).all()
    assert (closest[drawn.coverage < 0.01] > 0.57).all()
    assert len(them.draw(0, 8, 100, torch.Generator().manual_seed(0))) == 8


def test_pictures_without_masks_say_nothing_of_silhouettes():
    bare = replace(view(0.5, camera()), mask=None)
    them = Scenes.of([Subject("bare", Capture((bare,)))])
    drawn = them.draw(0, 20, 8, torch.Generator().manual_seed(0))
    assert not drawn.above.any()
    terms = SceneObjectives(family(TRAINING, 1), them, TRAINING)
    report = optimise(family(TRAINING, 1), replace(TRAINING, steps=1).stages(), terms, seed=0)
    assert report.history["silhouette"][0] == 0


def photometric(them: Scenes, it: SceneFamily, silhouette: float) -> float:
    training = replace(TRAINING, steps=1, silhouette=silhouette)
    report = optimise(it, training.stages(), SceneObjectives(it, them, training), seed=0)
    return report.history["photometric"][0]


@pytest.mark.parametrize(("has_masks", "silhouette"), [(True, 0.1), (False, 0.1), (True, 0.0)])
def test_where_masks_are_known_and_count_no_background_is_learned(has_masks, silhouette):
    masked = has_masks and silhouette > 0
    seen = view(0.5, camera())
    outside = np.where(seen.mask[..., None] > 0, seen.image, 255 - seen.image)
    shown = [seen, replace(seen, image=outside)]
    them = [Scenes.of([Subject("it", Capture((it if has_masks else replace(it, mask=None),)))]) for it in shown]
    bright = family(TRAINING, 1)
    with torch.no_grad():
        for parameter in bright.backgrounds.parameters():
            parameter.add_(0.5)
    plain = photometric(them[0], family(TRAINING, 1), silhouette)
    assert plain > 0
    assert (photometric(them[1], family(TRAINING, 1), silhouette) == plain) == masked
    assert (photometric(them[0], bright, silhouette) == plain) == masked


@pytest.mark.parametrize(("radii", "grids"), [((0.4, 0.5, 0.6), 12), ((0.5,), 4)])
def test_a_grid_is_not_older_than_so_many_steps_even_where_other_scenes_come_between(monkeypatch, radii, grids):
    made = []
    monkeypatch.setattr(
        DistanceGrid, "of", lambda *given, of=DistanceGrid.of, **named: (made.append(0), of(*given, **named))[1]
    )
    training = replace(TRAINING, steps=12, sampling=Sampling(around_surface=AroundSurfaceSettings(uses=3)))
    it = family(training, len(radii))
    optimise(it, training.stages(), SceneObjectives(it, scenes(radii), training), seed=0)
    assert len(made) == grids


def test_what_is_a_scenes_own_can_move_faster():
    before = family().state_dict()
    moved = []
    for own in (1.0, 3.0):
        it = family(replace(TRAINING, own=own, steps=1))
        optimise(it, replace(TRAINING, own=own, steps=1).stages(), SceneObjectives(it, scenes(), TRAINING), seed=0)
        after = it.state_dict()
        moved.append(
            {name: float((after[name] - before[name]).abs().amax()) for name in before if before[name].numel()}
        )
    for name, once in moved[0].items():
        assert moved[1][name] == pytest.approx((3 if ".own." in name else 1) * once, rel=1e-3, abs=1e-6), name
    assert any(once > 0 for name, once in moved[0].items() if ".own." in name)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"steps": 0}, "nothing is learned in 0 steps"),
        ({"layers": SceneLayersSettings(rank=0)}, "layers of rank 0 are none"),
        ({"layers": SceneLayersSettings(sdf=(1, 9))}, r"cannot have the layers \(1, 9\) of 5 of its own; name some of"),
        ({"scene": 7}, "there are 2 scenes to learn from, so there is no number 7"),
    ],
)
def test_what_cannot_be_learned_is_one_sentence(given, said):
    with pytest.raises(InputError, match=said):
        train_prior("it", scenes((0.4, 0.6)), replace(TRAINING, **given))


def test_one_scene_alone_is_neus_to_be_transferred():
    alone = replace(TRAINING, steps=2, scene=1, layers=SceneLayersSettings((), ()))
    prior = train_prior("it", scenes((0.4, 0.6)), alone)
    assert prior.facts["subjects"] == 1
    assert not prior.fields.settings.layers.used


def test_pictures_are_made_as_small_as_asked_and_bare_subjects_left_out(tmp_path):
    create_dataset(tmp_path / "data")
    write_subject(Subject("nobody"), tmp_path / "data")
    write_subject(Subject("somebody", capture(0.5, (0.0, 90.0))), tmp_path / "data")
    them = Scenes.read(Dataset(tmp_path / "data"), pixels=24)
    assert them.names == ("somebody",)
    assert [tuple(it.image.shape) for it in them.views[0]] == [(24, 24, 3)] * 2
    whole = Scenes.read(Dataset(tmp_path / "data"), pixels=100)
    assert whole.views[0][0].image.shape[0] == 48
    assert whole.checksum != them.checksum
    ratio = whole.views[0][0].camera.focal / them.views[0][0].camera.focal
    assert torch.allclose(ratio, torch.full((2,), 2.0))
