"""Every method and baseline learns and fits; each by its own stages."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from headfield.capture import Capture
from headfield.errors import InputError
from headfield.fields.background import BackgroundSettings
from headfield.fields.geometry import GeometrySettings
from headfield.fields.mlp import MLPSettings
from headfield.fields.scene_fields import NetworksSettings
from headfield.fields.scene_layers import SceneLayersSettings
from headfield.fitting.doubts import weighed
from headfield.fitting.drive import Run
from headfield.fitting.prior import Prior, ShapePrior
from headfield.fitting.scene_training import RaysOfAScene
from headfield.fitting.training import train_prior
from headfield.fitting.volume_fit import VolumeOptions
from headfield.methods import h3d_net, idr, instant_avatar, mean_head, multi_neus, neus, sira
from headfield.methods.registry import OWN, find_method

from ..balls import (
    APPEARANCE,
    BENT,
    GEOMETRY,
    LOOKS,
    OPTIONS,
    SIRA,
    TRAINING,
    capture,
    coloured_lessons,
    family,
    head_family,
    radii_of,
    scenes,
)

BARE = replace(GEOMETRY, grid=None)
ALONE = GeometrySettings(MLPSettings(width=32, depth=3, skips=(2,)), frequencies=2, grid=None, code=0, features=4)
SEEING_FEATURES = replace(APPEARANCE, place=None, direction_frequencies=1, features=4)

NETWORKS = NetworksSettings(width=24, sdf=5, radiance=3, frequencies=2)
RAYS = VolumeOptions(inside=48, past=16, everywhere=16)

LEARNING = {
    "instant-avatar": instant_avatar.Training(geometry=GEOMETRY, steps=(2, 2), batch=TRAINING.batch),
    "sira": replace(SIRA, steps=2),
    "h3d-net": h3d_net.Training(geometry=BARE, steps=(2,), batch=TRAINING.batch),
    "multi-neus": multi_neus.Training(
        NETWORKS,
        SceneLayersSettings((1, 2), (1,), rank=3),
        BackgroundSettings(width=8, depth=1),
        steps=3,
        batch=RaysOfAScene(rays=64, everywhere=16, beyond=4),
        precision="float32",
    ),
}
SHORT = {"latent_steps": 2, "decoder_steps": 2, "colour_steps": 2}
FITTING = {
    "instant-avatar": instant_avatar.Fitting(appearance=APPEARANCE, grid_steps=2, options=OPTIONS, **SHORT),
    "sira": sira.Fitting(latent_steps=2, network_steps=2, colour_steps=2, options=OPTIONS),
    "h3d-net": h3d_net.Fitting(appearance=APPEARANCE, options=OPTIONS, **SHORT),
    "multi-neus": multi_neus.Fitting(scene_steps=2, shared_steps=2, options=RAYS),
    "idr": idr.Fitting(ALONE, SEEING_FEATURES, steps=2, colour_steps=2, options=OPTIONS),
    "neus": neus.Fitting(NETWORKS, steps=2, options=RAYS),
}


def learned(name: str, **how: object) -> Prior | None:
    if name not in LEARNING:
        return None
    return train_prior(name, scenes() if name == "multi-neus" else coloured_lessons(), LEARNING[name], **how)


def of_parts(prior: Prior) -> dict[str, list[float]]:
    return {f"{part}.{name}": value for part, it in prior.parts().items() for name, value in numbers(it).items()}


def numbers(module: torch.nn.Module) -> dict[str, list[float]]:
    return {name: value.flatten().tolist() for name, value in module.state_dict().items()}


def test_every_method_is_tried_here():
    assert {method.name for method in OWN} == set(FITTING)
    assert {method.name for method in OWN if method.training} == set(LEARNING)


@pytest.mark.parametrize("normals", [True, False])
@pytest.mark.parametrize("name", FITTING)
def test_a_method_learns_and_fits_a_few_steps(tmp_path, name, normals):
    method = find_method(name)
    assert isinstance(FITTING[name], method.fitting)
    prior = learned(name)
    if prior is not None:
        prior.save(tmp_path / "prior.safetensors")
        prior = method.prior.load(tmp_path / "prior.safetensors").checked_for(name)
    them = capture(0.5, (0.0, 120.0), normals=normals)
    fitted = method.fit(them, prior, FITTING[name], Run(checkpoints=tmp_path / "checkpoints"))
    plain = method.fit(them, prior, FITTING[name], Run())
    assert fitted.facts["method"] == name
    assert not fitted.report.dropped
    assert numbers(fitted.field) == numbers(plain.field)  # so few steps are no checkpoint's worth
    assert ("normals" in fitted.report.history) == (normals and name == "instant-avatar")
    radii = radii_of(fitted.field.distance)
    assert 0.3 < float(radii.min()) < float(radii.max()) < 0.7


@pytest.mark.parametrize("name", LEARNING)
def test_a_training_can_be_stopped_and_go_on(tmp_path, name):
    class Stopped(Exception):
        pass

    def stop(update):
        if update.done == 1:
            raise Stopped

    with pytest.raises(Stopped):
        learned(name, checkpoints=tmp_path, callbacks=[stop])
    again = learned(name, checkpoints=tmp_path)
    assert of_parts(again) == of_parts(learned(name))


def test_without_a_prior_a_ball_is_found_from_around_it():
    settings = replace(FITTING["idr"], steps=50, rate=2e-3, colour_steps=1)
    fitted = idr.fit(capture(0.42, (0.0, 120.0, 240.0)), None, settings, Run())
    assert float(radii_of(fitted.field.distance).mean()) == pytest.approx(0.42, abs=0.03)


@pytest.mark.parametrize("name", LEARNING)
def test_the_prior_of_another_method_or_none_is_one_sentence(name):
    other = next(method for method in ("instant-avatar", "h3d-net") if method != name)
    wrong = ShapePrior(other, family().geometry, family().codes, {})
    with pytest.raises(InputError, match=f"the prior was learned by {other}, {name} cannot use it"):
        find_method(name).fit(capture(0.5), wrong, FITTING[name], Run())
    with pytest.raises(InputError, match=f"{name} needs a prior; name one with --prior"):
        find_method(name).fit(capture(0.5), None, FITTING[name], Run())


def test_a_method_that_is_not_there_is_one_sentence():
    known = "instant-avatar, sira, h3d-net, multi-neus, idr, neus"
    with pytest.raises(InputError, match=f"there is no method 'toast'; the known ones are {known}"):
        find_method("toast")


@pytest.mark.parametrize("module", [instant_avatar, h3d_net])
def test_the_stages_suit_the_settings_as_they_come(module):
    training, fitting = module.Training(), module.Fitting()
    assert [stage.steps for stage in training.stages()] == list(training.steps)
    assert all(stage.weights for stage in fitting.stages())
    assert fitting.stages()[-1].weights == {"colour": 1.0}


def test_networks_of_the_papers_are_as_large_as_the_papers_say():
    paper = instant_avatar.PAPER_GEOMETRY  # section 3.3
    assert (paper.decoder.width, paper.decoder.depth, paper.decoder.activation) == (512, 3, "softplus")
    assert (paper.frequencies, paper.code, paper.grid.levels, paper.grid.features) == (6, 256, (4, 5, 6), 8)
    look = instant_avatar.PAPER_APPEARANCE
    assert (look.place.network.width, look.place.network.depth, look.place.network.skips) == (512, 8, (4,))
    assert (look.place.size, look.place.frequencies, look.frequencies) == (256, 6, 4)
    assert (look.look.width, look.look.depth, look.look.activation) == (512, 4, "relu")
    paper = sira.PAPER_GEOMETRY  # section V
    assert paper.deformation.skips == paper.reference.decoder.skips == (4,)
    assert paper.deformation.activation == paper.reference.decoder.activation == "softplus"
    assert paper.features == sira.PAPER_APPEARANCE.features
    # Section 3.2: no eikonal objective while a head is fitted.
    assert all("eikonal" not in stage.weights for stage in instant_avatar.Fitting().stages())


def test_multi_neus_is_as_the_paper_says():
    training, fitting = multi_neus.PAPER_TRAINING, multi_neus.PAPER_FITTING
    assert (training.networks.width, training.networks.sdf, training.networks.radiance) == (256, 9, 5)  # figure 2
    assert training.layers == SceneLayersSettings((1, 2, 3, 4), (1, 2), "low-rank", rank=1000)  # 3.2 and 4.3
    assert (training.batch.rays, training.batch.views) == (512, 8)  # 4.5 and 3.4
    assert (training.steps, training.rate, training.plateau, training.silhouette) == (610_000, 1.8e-4, 0.316, 0)  # 4.5
    scene, everything = fitting.stages()
    assert (scene.steps, everything.steps) == (12_000, 13_000)
    assert [[moving.rate for moving in stage.moving] for stage in (scene, everything)] == [
        [4e-4, pytest.approx(4e-5)],
        [6e-5, pytest.approx(6e-6)],
    ]
    assert fitting.several == fitting.several_steps == 1.0
    assert fitting.options.inside + fitting.options.past == 512
    assert fitting.options.refined == "always"


@pytest.mark.parametrize(
    ("kind", "deep", "faster"), [("low-rank", False, 1), ("low-rank", True, 5), ("independent", True, 1)]
)
def test_where_the_depth_is_seen_coefficients_move_faster_and_everything_moves_longer(kind, deep, faster):
    layers = SceneLayersSettings((1,), (1,), kind, rank=2)
    prior = train_prior("multi-neus", scenes(), replace(LEARNING["multi-neus"], layers=layers))
    fitting = multi_neus.Fitting()
    scene, everything = multi_neus.stages_for(prior, fitting, deep=deep)
    own, cameras = (moving.rate for moving in scene.moving)
    assert own == pytest.approx(faster * fitting.scene_rate)
    assert cameras == pytest.approx(0.1 * fitting.scene_rate)
    assert everything.moving[0].rate == fitting.shared_rate
    assert scene.steps == fitting.scene_steps
    assert everything.steps == (2 if deep else 1) * fitting.shared_steps


@pytest.mark.parametrize("views", ["two", "one twice", "two from rough cameras"])
def test_only_different_views_from_known_cameras_show_the_depth(views, monkeypatch):
    one, two = capture(0.5, (0.0, 40.0)).views
    shown = (one, replace(one, name="again")) if views == "one twice" else (one, two)
    chosen, told = multi_neus.stages_for, []

    def noted(prior, settings, *, deep):
        told.append(deep)
        return chosen(prior, settings, deep=deep)

    monkeypatch.setattr(multi_neus, "stages_for", noted)
    multi_neus.fit(Capture(shown, rough="rough" in views), learned("multi-neus"), FITTING["multi-neus"], Run())
    assert told == [views == "two"]


def test_at_first_only_what_is_the_new_heads_own_moves():
    prior = learned("multi-neus")
    settings = replace(FITTING["multi-neus"], shared_steps=1, shared_rate=0.0, scene_rate=1e-2)
    fitted = find_method("multi-neus").fit(capture(0.5), prior, settings, Run())
    before, after = prior.fields.alone(), fitted.field
    pairs = zip(before.geometry.decoder.layers, after.geometry.decoder.layers, strict=True)
    moved = [not torch.equal(one.weight, other.weight) for one, other in pairs]
    assert moved == [True, True, False, False, False]


def test_neus_that_is_transferred_has_no_first_step():
    training = replace(LEARNING["multi-neus"], layers=SceneLayersSettings((), ()), scene=0)
    prior = train_prior("multi-neus", scenes(), training)
    fitted = find_method("multi-neus").fit(capture(0.5), prior, FITTING["multi-neus"], Run())
    assert fitted.facts["steps"] == {"everything": 2}


BOTH = pytest.mark.parametrize("prior", [head_family, lambda: replace(head_family(), appearance=None, looks=None)])


@BOTH
def test_sira_bends_the_reference_and_leaves_it_as_it_is(prior):
    settings = replace(FITTING["sira"], latent_steps=3, network_steps=6)
    learned = prior()
    fitted = sira.fit(capture(0.45, (0.0, 120.0)), learned, settings, Run())
    assert numbers(fitted.field.geometry.reference) == numbers(learned.geometry.reference)
    assert numbers(fitted.field.geometry.deformation) != numbers(learned.geometry.deformation)
    assert fitted.field.settings.appearance.code == (0 if learned.looks is None else LOOKS.code)
    assert fitted.field.settings.geometry == BENT


@BOTH
@pytest.mark.parametrize("azimuths", [(0.0,), (0.0, 120.0, 240.0)])
def test_sira_finds_a_ball_by_its_codes(prior, azimuths):
    settings = replace(FITTING["sira"], latent_steps=40, network_steps=5)
    fitted = sira.fit(capture(0.44, azimuths, normals=False), prior(), settings, Run())
    assert float(radii_of(fitted.field.distance).mean()) == pytest.approx(0.44, abs=0.03)


def test_sira_weighs_nothing_otherwise_where_normals_are_estimates():
    """It does not look at them, so they give no cause for doubt."""
    (codes, *_), options = sira.Fitting().stages(), sira.Fitting().options
    assert weighed(codes.weights, options.estimated) == codes.weights
    assert "normals" not in codes.weights


def test_sira_begins_with_the_looks_of_the_prior():
    """In the first stage only codes move: colours stay those of the family."""
    prior = head_family()
    codes, networks, colours = FITTING["sira"].stages()
    assert [moving.names for moving in codes.moving] == ["u", "w"]
    assert {moving.names for moving in networks.moving} == {
        "u",
        "w",
        "field.geometry.deformation.*",
        "field.appearance.*",
    }
    assert [moving.names for moving in colours.moving] == ["field.appearance.*"]
    fitted = sira.fit(capture(0.5), prior, replace(FITTING["sira"], network_steps=1, colour_steps=1), Run())
    assert (fitted.field.look != prior.looks.mean).any()


def test_a_sira_fit_can_be_stopped_and_go_on(tmp_path, monkeypatch):
    from headfield.fitting import drive
    from headfield.optim.checkpoints import Checkpoints

    class Killed(Exception):
        pass

    def kill(update):
        if update.done == 6:
            raise Killed

    settings = replace(
        FITTING["sira"], latent_steps=4, network_steps=4, speed=replace(sira.FAST, hits="cached samples")
    )
    them, prior = capture(0.45, (0.0, 120.0), marked=True), head_family()
    monkeypatch.setattr(drive, "Checkpoints", lambda folder, every: Checkpoints(folder, every=5))
    with pytest.raises(Killed):
        sira.fit(them, prior, settings, Run(checkpoints=tmp_path / "one", callbacks=(kill,)))
    resumed = sira.fit(them, prior, settings, Run(checkpoints=tmp_path / "one"))
    whole = sira.fit(them, prior, settings, Run(checkpoints=tmp_path / "other"))
    assert resumed.report.resumed_at == 5
    assert numbers(resumed.field) == numbers(whole.field)


def test_the_mean_head_is_the_prior_at_its_mean_and_grey():
    prior = family()
    head = mean_head.mean_head(prior)
    points = torch.rand(100, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert torch.equal(head.distance(points), prior.geometry.distance(points, prior.codes.mean))
    up = torch.tensor([[0.0, 1, 0]]).expand(100, 3)
    assert (head.colour(points, up, up) == 0.5).all()
    assert float(radii_of(head.distance).mean()) == pytest.approx(0.5, abs=0.02)
