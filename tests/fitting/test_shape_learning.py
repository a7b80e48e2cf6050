from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from headfield.errors import InputError
from headfield.fields.geometry import Sample
from headfield.fields.latents import length_penalty
from headfield.fitting.prior import ShapePrior
from headfield.fitting.scans import Drawn
from headfield.fitting.shape_learning import ShapeFamily, ShapeObjectives, shape_terms
from headfield.fitting.shape_training import ShapeTraining
from headfield.fitting.training import train_prior
from headfield.optim.distributed import Processes
from headfield.optim.engine import optimise
from headfield.optim.step import StepInfo

from ..balls import GEOMETRY, RADII, TRAINING, family, lessons, radii_of

SHORT = replace(TRAINING, steps=(6, 5))
LESSONS = lessons()

OPENED = {"geometry.grid._extra_state", "geometry.encoding.progress"}
"""What says how much of the network is in use."""


def new(training: ShapeTraining = SHORT) -> tuple[ShapeFamily, ShapeObjectives]:
    torch.manual_seed(0)
    family = ShapeFamily(training.geometry, len(RADII), training.spread)
    kept = {name: getattr(training, name) for name in ("sigma", "masked_until")}
    return family, ShapeObjectives(family, LESSONS.scans, training.batch, levels=training.levels(), **kept)


def info(training: ShapeTraining, stage: int, step: int) -> StepInfo:
    stages = training.stages()
    return StepInfo(
        stage=stages[stage],
        step=step,
        overall=sum(it.steps for it in stages[:stage]) + step,
        weights=stages[stage].weights_at(0.0),
        seed=1,
        device=torch.device("cpu"),
        processes=Processes.current(),
        fresh=step == 0,
    )


def state(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def same(one: dict, other: dict) -> set[str]:
    """The names of what is equal to the bit."""
    assert one.keys() == other.keys()
    return {name for name in one if torch.equal(one[name], other[name])}


def terms_of(distance, gradient, *, surface: int, space: int, free: int) -> dict[str, float]:
    n = surface + space + free
    points = torch.zeros(1, 1, 3)
    up = torch.tensor([0.0, 1.0, 0.0])
    drawn = Drawn(
        torch.zeros(1, dtype=torch.long),
        surface=points.expand(1, surface, 3),
        normals=up.expand(1, surface, 3),
        space=points.expand(1, space, 3),
        free=points.expand(1, free, 3),
    )
    sample = Sample(torch.tensor(distance)[None], torch.tensor(gradient).expand(1, n, 3), torch.zeros(1, n, 0))
    return {name: float(value) for name, value in shape_terms(sample, drawn).items()}


def test_the_terms_say_what_they_should():
    up = [0.0, 1.0, 0.0]
    perfect = terms_of([0.0, 0, 0.3, -0.3, 0.5, 0.0], up, surface=2, space=2, free=2)
    assert perfect == {"surface": 0, "normals": 0, "eikonal": 0, "free": 0}
    wrong = terms_of([0.1, -0.3, 9, 9, 0.5, -0.4], [0.0, -2.0, 0.0], surface=2, space=2, free=2)
    assert wrong == pytest.approx({"surface": 0.2, "normals": 3, "eikonal": 1, "free": 0.2})


def test_the_true_ball_costs_nothing_but_its_codes():
    drawn = LESSONS.scans.draw(torch.tensor([2]), TRAINING.batch.points, torch.Generator().manual_seed(0))
    points = torch.cat([drawn.surface, drawn.space, drawn.free], dim=1)
    length = points.norm(dim=-1)
    sample = Sample(length - RADII[2], points / length[..., None], points[..., :0])
    for name, value in shape_terms(sample, drawn).items():
        assert float(value) < 1e-6, name


def test_codes_and_grids_are_held_near_zero():
    it, objectives = new(replace(SHORT, sigma=2.0))
    code = it.codes.table.detach()
    expected = length_penalty(code, 2.0)  # the grid begins at zero, and everybody is drawn
    torch.testing.assert_close(objectives(info(SHORT, 0, 0))["embedding"].detach(), expected)


def test_a_family_of_balls_is_learned_in_seconds():
    prior = family()
    radii = radii_of(lambda x: prior.geometry.distance(x, prior.codes.mean))
    assert float(radii.mean()) == pytest.approx(0.5, abs=0.02)
    assert float(radii.std()) < 0.01
    assert prior.facts["losses"]["surface"] < 0.02
    assert prior.facts["subjects"] == len(RADII)
    assert prior.facts["finished"]
    assert not prior.facts["resumed"]


def test_every_ball_is_found_again_by_its_code():
    training = replace(TRAINING, steps=(150,))
    it, objectives = new(training)
    optimise(it, training.stages(), objectives, seed=0)
    for radius, code in zip(RADII, it.codes.table.detach(), strict=True):
        found = radii_of(lambda x, code=code: it.geometry.distance(x, code))
        assert float(found.mean()) == pytest.approx(radius, abs=0.02)


def test_landmarks_that_grow_with_the_ball_tell_its_size():
    prior = family()
    u = prior.codes.from_places(LESSONS.landmarks[4] * (0.57 / 0.6), LESSONS.known[4])
    radii = radii_of(lambda x: prior.geometry.distance(x, prior.codes.code(u)))
    assert float(radii.mean()) == pytest.approx(0.57, abs=0.03)


def test_each_stage_opens_a_level_and_moves_it_alone():
    it, objectives = new()
    states = {0: state(it)}
    optimise(it, SHORT.stages(), objectives, seed=0, callbacks=[lambda u: states.update({u.done: state(it)})])
    opened = {done: int(them["geometry.grid._extra_state"]) for done, them in states.items()}
    assert (opened[1], opened[6], opened[7], opened[11]) == (1, 1, 2, 2)
    finer = {name for name in states[0] if "levels.1" in name}
    moved = set(states[0]) - same(states[0], states[6])
    assert finer.isdisjoint(moved)
    assert {"codes.table", "geometry.decoder.layers.0.weight", "geometry.grid.levels.0.0"} <= moved
    assert set(states[0]) - same(states[6], states[11]) <= finer | OPENED
    assert finer.isdisjoint(same(states[6], states[11]))


def test_all_levels_at_once_is_one_stage():
    at_once = replace(TRAINING, steps=(4,))
    assert at_once.levels() == {"level 1": 2}
    it, objectives = new(at_once)
    before = state(it)
    optimise(it, at_once.stages(), objectives, seed=0)
    assert same(before, state(it)) <= OPENED


def test_a_geometry_without_grid_learns_too():
    bare = replace(SHORT, geometry=replace(GEOMETRY, grid=None), steps=(3,))
    assert train_prior("h3d-net", LESSONS, bare).geometry.grid is None


@pytest.mark.parametrize(("grid", "steps"), [(True, (1, 1, 1)), (False, (1, 1))])
def test_stages_that_do_not_suit_the_levels_are_one_sentence(grid, steps):
    geometry = GEOMETRY if grid else replace(GEOMETRY, grid=None)
    with pytest.raises(InputError, match=f"{len(steps)} stages do not suit {2 if grid else 0} grid levels; give 1 or"):
        replace(SHORT, geometry=geometry, steps=steps).stages()


def test_frequencies_are_let_in_one_after_the_other_in_the_first_stage():
    masked = replace(SHORT, steps=(10, 10), masked_until=0.5)
    it, objectives = new(masked)
    seen = []
    for stage, step in [(0, 0), (0, 1), (0, 3), (0, 5), (0, 9), (1, 0)]:
        objectives(info(masked, stage, step))
        seen.append(float(it.geometry.encoding.progress))
    assert seen == pytest.approx([0, 0.4, 1.2, 2, 2, 2])
    it, objectives = new(replace(masked, masked_until=0.0))
    objectives(info(masked, 0, 0))
    assert float(it.geometry.encoding.progress) == 2


def test_the_same_seed_learns_the_same_and_another_one_something_else():
    one, again, other = (train_prior("m", LESSONS, SHORT, seed=seed) for seed in (0, 0, 1))
    assert same(state(one.geometry), state(again.geometry)) == set(state(one.geometry))
    assert torch.equal(one.codes.mean, again.codes.mean)
    assert not torch.equal(one.codes.mean, other.codes.mean)


def test_learning_leaves_the_global_random_numbers_alone():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    train_prior("m", LESSONS, replace(SHORT, steps=(1,)))
    assert torch.equal(torch.rand(1), expected)


class Killed(Exception):
    pass


@pytest.mark.parametrize("after", [4, 8])
def test_a_killed_training_goes_on_to_where_an_uninterrupted_one_ends(tmp_path, monkeypatch, after):
    from headfield.fitting import training
    from headfield.optim.checkpoints import Checkpoints

    monkeypatch.setattr(training, "Checkpoints", lambda folder, every: Checkpoints(folder, every=3))

    def kill(update):
        if update.done == after:
            raise Killed

    with pytest.raises(Killed):
        train_prior("m", LESSONS, SHORT, checkpoints=tmp_path, callbacks=[kill])
    resumed = train_prior("m", LESSONS, SHORT, checkpoints=tmp_path)
    whole = train_prior("m", LESSONS, SHORT)
    assert resumed.facts["resumed"]
    assert same(state(resumed.geometry), state(whole.geometry)) == set(state(whole.geometry))
    assert torch.equal(resumed.codes.mean, whole.codes.mean)
    assert resumed.facts["losses"] == whole.facts["losses"]


def test_checkpoints_of_other_settings_are_refused(tmp_path):
    train_prior("m", LESSONS, SHORT, checkpoints=tmp_path)
    with pytest.raises(InputError, match="belongs to another run"):
        train_prior("m", LESSONS, replace(SHORT, steps=(6, 6)), checkpoints=tmp_path)
    with pytest.raises(InputError, match=r"belongs to another run \(other data\)"):
        train_prior("m", lessons((0.4, 0.45, 0.5, 0.55, 0.61)), SHORT, checkpoints=tmp_path)


def test_a_batch_that_is_no_number_is_left_out_and_training_goes_on(tmp_path, monkeypatch):
    draw, drawn = type(LESSONS.scans).draw, []

    def sometimes_broken(scans, subjects, count, generator):
        them = draw(scans, subjects, count, generator)
        drawn.append(them)
        return replace(them, surface=them.surface * torch.nan) if len(drawn) in (3, 4, 11) else them

    monkeypatch.setattr(type(LESSONS.scans), "draw", sometimes_broken)
    problems = []
    prior = train_prior("m", LESSONS, SHORT, callbacks=[lambda update: problems.append(update.problem)])
    assert [k for k, problem in enumerate(problems) if problem] == [2, 3, 10]
    assert all(value.isfinite().all() for value in state(prior.geometry).values())
    prior.save(tmp_path / "prior.safetensors")
    assert ShapePrior.load(tmp_path / "prior.safetensors").facts["losses"].keys() == prior.facts["losses"].keys()


def test_learning_in_16_bits_learns_the_same_balls():
    prior = train_prior("m", LESSONS, replace(TRAINING, steps=(120,), precision="bfloat16"))
    radii = radii_of(lambda x: prior.geometry.distance(x, prior.codes.mean))
    assert float(radii.mean()) == pytest.approx(0.5, abs=0.03)
