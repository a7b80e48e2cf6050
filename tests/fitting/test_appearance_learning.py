from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from headfield.errors import InputError
from headfield.fields.geometry import Sample
from headfield.fitting.appearance_learning import HeadObjectives, _part, deformation_size, landmark_mismatch
from headfield.fitting.prior import ShapePrior
from headfield.fitting.training import train_prior
from headfield.optim.distributed import Processes
from headfield.optim.step import StepInfo

from ..balls import RADII, SIRA, coloured_lessons, head_family, lessons, radii_of, tint

LESSONS = coloured_lessons()
SHORT = replace(SIRA, steps=6)
ALL = torch.ones(3, 6, dtype=torch.bool)


def objectives(training=SHORT, given=LESSONS) -> HeadObjectives:
    torch.manual_seed(0)
    return training.objectives(training.family(len(RADII)), given)


def info(training=SHORT, step: int = 0) -> StepInfo:
    (stage,) = training.stages()
    return StepInfo(
        stage=stage,
        step=step,
        overall=step,
        weights=stage.weights_at(0.0),
        seed=1,
        device=torch.device("cpu"),
        processes=Processes.current(),
        fresh=step == 0,
    )


def state(module: torch.nn.Module) -> dict[str, list[float]]:
    return {name: value.flatten().tolist() for name, value in module.state_dict().items()}


def test_landmarks_that_agree_cost_nothing():
    assert landmark_mismatch(torch.rand(1, 6, 3).expand(3, 6, 3), ALL) == 0


def test_landmarks_cost_their_distances_to_those_of_all_others():
    places = torch.rand(3, 6, 3, dtype=torch.float64)
    expected = sum((places[i] - places[j]).norm(dim=-1).sum() for i in range(3) for j in range(3) if i != j) / 3
    assert float(landmark_mismatch(places, ALL)) == pytest.approx(float(expected))


def test_landmarks_that_are_not_known_cost_nothing():
    places, known = torch.zeros(3, 6, 3), ALL.clone()
    places[1, 2], known[1, 2] = 5.0, False
    assert landmark_mismatch(places, known) == 0
    assert landmark_mismatch(places[:1], known[:1]) == 0


def test_a_deformation_costs_its_length_and_once_more_what_it_has_in_common():
    up = torch.tensor([0.0, 1.0, 0.0]).expand(2, 8, 3)
    back_and_forth = up * torch.tensor([1.0, -1] * 4)[:, None]
    assert float(deformation_size(0 * up)) == 0
    assert float(deformation_size(up)) == pytest.approx(2)
    assert float(deformation_size(back_and_forth)) == pytest.approx(1)


def test_the_colours_are_asked_for_where_they_were_seen():
    """With a rendering network that says the true colour everywhere, they cost nothing."""
    objective = objectives(given=coloured_lessons())

    class True_(torch.nn.Module):
        def forward(self, points, normals, directions, features, look):
            colours = torch.tensor(np.stack([tint(i) for i in range(len(RADII))])).float() / 255
            nearest = (points.norm(dim=-1)[..., None] - torch.tensor(RADII)).abs().argmin(dim=-1)
            return colours[nearest]

    objective.family.appearance = True_()
    for parameter in objective.family.geometry.deformation.parameters():
        parameter.data.zero_()
    assert objective(info())["colour"].item() == pytest.approx(0, abs=1e-6)


def test_frequencies_of_the_reference_are_let_in_over_the_share_of_the_training():
    """Equation 15, with the mask's parameter in proportion to the progress."""
    objective = objectives(replace(SHORT, masked_until=0.5))
    encoding = objective.family.geometry.reference.encoding
    seen = []
    for step in (0, 1, 2, 3, 5):
        objective(info(step=step))
        seen.append(float(encoding.progress))
    share = encoding.frequencies / 3
    assert seen == pytest.approx([0, share, 2 * share, 3 * share, 3 * share])


def test_the_weights_and_the_schedule_are_the_papers():
    (stage,) = SIRA.stages()
    weights = stage.weights_at(0.0)
    # Section V: λ₁ = 0.1, λ₂ = λ₃ = λ₅ = 10⁻³, λ₄ = 1, and half the rate every 15 of 100 epochs.
    assert (weights["surface"], weights["eikonal"], weights["colour"]) == (1, 0.1, 1)
    assert weights["deformation"] == weights["landmarks"] == weights["embedding"] == 1e-3
    rate = stage.moving[0].rate
    assert [rate(epoch / 100) / rate(0) for epoch in (14, 15.01, 30.01, 90.01)] == [1, 0.5, 0.25, 2**-6]


def test_a_family_of_coloured_balls_is_learned_in_seconds():
    prior = head_family()
    radii = radii_of(lambda x: prior.geometry.distance(x, prior.codes.mean))
    assert float(radii.mean()) == pytest.approx(0.5, abs=0.02)
    assert prior.facts["losses"]["surface"] < 0.02
    assert prior.facts["losses"]["colour"] < 0.1


def test_landmarks_of_different_balls_come_to_lie_at_the_same_places():
    learned = head_family().facts["losses"]["landmarks"]
    before = objectives()(info())["landmarks"].item()
    assert learned < 0.5 * before


def test_every_ball_and_its_colour_are_found_again_by_their_codes():
    losses = {}
    for appearance in (SIRA.appearance, None):
        training = replace(SIRA, steps=150, appearance=appearance)
        torch.manual_seed(0)
        prior = train_prior("sira", LESSONS, training)
        assert (prior.appearance is None) == (appearance is None) == (prior.looks is None)
        losses[appearance is None] = prior.facts["losses"]
    assert losses[False]["surface"] < 0.03
    assert losses[True]["surface"] < 0.03
    assert "colour" not in losses[True]


def test_a_prior_with_appearance_comes_back(tmp_path):
    prior = head_family()
    prior.save(tmp_path / "prior.safetensors", half=False)
    again = ShapePrior.load(tmp_path / "prior.safetensors").checked_for("sira")
    for name, part in prior.parts().items():
        assert state(again.parts()[name]) == state(part), name
    assert again.field(SIRA.appearance) == prior.field(SIRA.appearance)


def test_codes_that_the_appearance_cannot_read_are_one_sentence(tmp_path):
    path = tmp_path / "prior.safetensors"
    replace(head_family(), looks=head_family().codes).save(path)
    with pytest.raises(InputError, match="holds CodeStatistics as looks where CodeGaussian should be"):
        ShapePrior.load(path)


def test_the_first_code_follows_from_landmarks():
    """Balls' landmarks lie on them, so they say how large a ball is."""
    prior = head_family()
    places = 0.58 * LESSONS.landmarks[0] / RADII[0]
    u = prior.codes.from_places(places, torch.ones(68, dtype=torch.bool))
    radii = radii_of(lambda x: prior.geometry.distance(x, prior.codes.code(u)))
    assert float(radii.mean()) == pytest.approx(0.58, abs=0.03)


def test_a_killed_training_goes_on_to_where_an_uninterrupted_one_ends(tmp_path, monkeypatch):
    from headfield.fitting import training
    from headfield.optim.checkpoints import Checkpoints

    class Killed(Exception):
        pass

    def kill(update):
        if update.done == 4:
            raise Killed

    monkeypatch.setattr(training, "Checkpoints", lambda folder, every: Checkpoints(folder, every=3))
    with pytest.raises(Killed):
        train_prior("sira", LESSONS, SHORT, checkpoints=tmp_path, callbacks=[kill])
    resumed = train_prior("sira", LESSONS, SHORT, checkpoints=tmp_path)
    whole = train_prior("sira", LESSONS, SHORT)
    assert resumed.facts["resumed"]
    for name, part in whole.parts().items():
        assert state(resumed.parts()[name]) == state(part), name
    assert resumed.facts["losses"] == whole.facts["losses"]


def test_other_colours_are_other_data(tmp_path):
    train_prior("sira", LESSONS, SHORT, checkpoints=tmp_path)
    coloured = replace(LESSONS.coloured, colours=255 - LESSONS.coloured.colours)
    with pytest.raises(InputError, match=r"belongs to another run \(other data\)"):
        train_prior("sira", replace(LESSONS, coloured=coloured), SHORT, checkpoints=tmp_path)


def test_without_colours_appearance_cannot_be_learned():
    with pytest.raises(InputError, match="there are no colours to learn from"):
        train_prior("sira", lessons(), SHORT)


@pytest.mark.parametrize(
    ("wrong", "said"), [({"features": 5}, "hands on 2 features but .* with 5"), ({"code": 0}, "a code of no numbers")]
)
def test_networks_that_do_not_suit_each_other_are_one_sentence(wrong, said):
    with pytest.raises(InputError, match=said):
        train_prior("sira", LESSONS, replace(SHORT, appearance=replace(SIRA.appearance, **wrong)))


def test_a_part_of_a_sample_is_what_was_said_there():
    sample = Sample(torch.rand(2, 5), torch.rand(2, 5, 3), torch.rand(2, 5, 4))
    first, rest = _part(sample, slice(None, 2)), _part(sample, slice(2, None))
    assert torch.equal(torch.cat([first.features, rest.features], dim=1), sample.features)
    assert rest.distance.shape == (2, 3)
