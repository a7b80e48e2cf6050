from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from headfield.bench import ablations
from headfield.bench.pool import try_missing
from headfield.bench.sira import (
    ALL,
    BENT,
    LEARNED_BY,
    MASKED,
    NOISES,
    PLAIN,
    WHOLE,
    Fits,
    SiraPlan,
    Variants,
    trainings,
)
from headfield.bench.trying import misplaced, tried
from headfield.capture import Capture
from headfield.errors import InputError
from headfield.files import write_json
from headfield.fitting.prior import ShapePrior
from headfield.methods import h3d_net, sira

from .. import balls
from .room import FITS, bench, few_points, prior, sira_prior

SHORT = sira.Fitting(latent_steps=3, network_steps=2, colour_steps=2, options=balls.OPTIONS)


def variants(**given) -> Variants:
    fits = Fits(SHORT, FITS.instant_avatar, FITS.h3d_net, FITS.idr)
    return replace(Variants.of(sira_prior(), prior(), None, {}, "true", fits), **given)


def plan(out, views=(1, 3), names=ALL, **given) -> SiraPlan:
    return SiraPlan.of(bench(out), variants(**given), views, names)


def test_cameras_are_off_by_as_much_as_is_asked_for():
    capture = balls.capture(0.5, tuple(range(0, 360, 10)))
    off = misplaced(capture, 0.02, seed=1)
    assert off.rough
    turns, steps = [], []
    for before, after in zip(capture.views, off.views, strict=True):
        turn = after.camera.rotation.double() @ before.camera.rotation.double().T
        turns.append(torch.stack([turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]]) / 2)
        steps.append(after.camera.centre - before.camera.centre)
        torch.testing.assert_close(after.camera.rotation @ after.camera.rotation.T, torch.eye(3, dtype=torch.float64))
    for found in (torch.stack(turns), torch.stack(steps)):
        assert float(found.std()) == pytest.approx(0.02, rel=0.2)
    again = misplaced(capture, 0.02, seed=1)
    assert torch.equal(again.views[3].camera.rotation, off.views[3].camera.rotation)


def test_without_noise_a_capture_stays_itself():
    capture = Capture((balls.view(0.5, balls.camera()),))
    assert misplaced(capture, 0.0, seed=1) is capture


@pytest.mark.usefixtures("only_instant_avatar_comes_along")
def test_a_trial_without_noise_is_the_plain_one(tmp_path):
    found = plan(tmp_path)
    trials = found.trials()
    assert {trial.variant.noise for trial in trials} == set(NOISES)
    plain = [t for t in trials if t.variant.name == "sira" and (t.views, t.subject, t.timed) == (3, "ball-0", False)]
    assert len(plain) == 1
    assert "noise" not in plain[0].follows_from()
    noisy = next(trial for trial in trials if trial.variant.noise == 0.01)
    assert noisy.follows_from()["noise"] == 0.01
    assert noisy.variant.name == "sira-noise-0.01"


@pytest.mark.usefixtures("only_instant_avatar_comes_along")
def test_tables_are_the_papers(tmp_path):
    found = plan(tmp_path, views=(1, 3, 4, 6))
    titles = {table.name: [column.title for column in table.columns] for table in found.tables}
    assert titles["table-2"] == ["1 view, face", "1 view, head", "4 views, face", "4 views, head"]
    assert titles["table-3"] == ["3 views, face", "3 views, head"]
    assert titles["table-4"][:4] == ["1 view, face", "1 view, head", "3 views, face", "3 views, head"]
    assert titles["open"][:5] == [*(f"{n} view{'s' * (n > 1)}, open face" for n in (1, 3, 4, 6)), "1 view, open head"]
    rows = {row.label: row.paper for table in found.tables if table.name == "table-4" for row in table.rows}
    assert rows["SIRA++"][:4] == (1.57, 10.79, 1.18, 8.63)
    assert "H3D-Net" not in rows
    assert [row.finder for row in found.speeds.rows][1:] == [
        "parallel samples",
        "parallel samples",
        "cached samples",
        "cached samples",
        "proxy",
    ]
    assert plan(tmp_path, views=(6,), names=("1", "2")).speeds is None


def test_h3d_net_is_tried_with_the_prior_that_comes_along(tmp_path):
    rows = {row.label for table in plan(tmp_path).tables for row in table.rows}
    assert "H3D-Net" in rows


@pytest.fixture(scope="module")
def tried_plan(tmp_path_factory):
    """Table III of one person, tried."""
    out = tmp_path_factory.mktemp("bench")
    known = variants()
    one = SiraPlan.of(bench(out, ("ball-0",)), known, (3,), ("3",))
    with few_points():
        list(try_missing(one.trials(), one.bench.results, workers=1))
    return one


def test_fits_from_cameras_that_are_off_are_tried(tried_plan, tmp_path):
    page = tmp_path / "page.md"
    tried_plan.write([page])
    lines = [line for line in page.read_text().splitlines() if line.startswith("| SIRA++, noise")]
    assert [line.split("|")[1].strip() for line in lines] == [f"SIRA++, noise {noise:g}" for noise in NOISES]
    assert all("–" not in line.split("|")[2] for line in lines)
    assert tried_plan.programs() == 1


def test_hits_from_a_cache_are_as_good(tmp_path):
    """What table I times, untimed: the cached fit asks less and comes out alike."""
    people, known = bench(tmp_path), variants()
    results = {}
    with few_points():
        for finder in ("parallel samples", "cached samples"):
            trial = replace(people.trial(known.whole, "ball-0", 3), finder=finder)
            results[finder] = tried(trial)
    asked = {finder: result["queries_a_ray"] for finder, result in results.items()}
    assert asked["cached samples"] < asked["parallel samples"]
    assert results["cached samples"]["scores"]["face"]["mean"] == pytest.approx(
        results["parallel samples"]["scores"]["face"]["mean"], abs=0.2
    )


def test_the_table_of_times_says_what_is_saved(tmp_path):
    found = plan(tmp_path, names=("1",))
    speeds = found.speeds
    machine = {"gpu": None, "threads": 2, "processor": "P", "headfield": "1", "torch": "2"}
    for row in speeds.rows:
        for views in speeds.views:
            seconds = {"cues": 1.0, "fit": {None: 98.0, "parallel samples": 48.0}.get(row.finder, 23.0), "mesh": 1.0}
            result = {"seconds": seconds, "queries_a_ray": 3.0, "scores": {"face": {"mean": 1.5}}, "machine": machine}
            write_json(found.bench.results.path(speeds._trial(row, views)), result)
    lines = {line.split(" | ")[0].strip("| "): line.split(" | ")[1:] for line in speeds.block().text.splitlines()}
    assert lines["SIRA++, all rays, no cache"][:3] == ["50", "50", "0 %"]
    assert lines["SIRA++, selected rays, cache"] == ["25", "25", "50 %", "3.0", "1.50", "191 |"]
    assert lines["IDR"][2] == "-100 %"
    assert all(trial.timed for trial in speeds.trials())


def test_nothing_timed_yet_is_no_numbers(tmp_path):
    text = plan(tmp_path, names=("1",)).speeds.block().text
    assert "Nothing has been tried yet." in text
    assert "| – | – | – | – | – | 191 |" in text


def test_priors_of_the_ablation_take_as_many_steps_and_differ_in_one_thing():
    wanted = trainings(500)
    assert set(wanted) == set(LEARNED_BY)
    assert {sum(stage.steps for stage in training.stages()) for training in wanted.values()} == {500}
    assert wanted[PLAIN].masked_until == 0
    assert wanted[MASKED] == replace(wanted[PLAIN], masked_until=wanted[MASKED].masked_until)
    assert wanted[WHOLE] == sira.Training(steps=500)
    assert wanted[BENT] == replace(wanted[WHOLE], appearance=None)
    with pytest.raises(InputError, match="too few"):
        trainings(0)


def test_priors_of_the_ablation_are_learned_and_fitted(tmp_path):
    plain = h3d_net.Training(geometry=replace(balls.GEOMETRY, grid=None), batch=balls.TRAINING.batch)
    wanted = trainings(3, balls.SIRA, plain)
    assert ablations.learn(balls.coloured_lessons, tmp_path, wanted, methods=LEARNED_BY, made_from=None)
    short = ablations.learned(tmp_path, LEARNED_BY)
    assert set(short) == set(LEARNED_BY)
    for name, path in short.items():
        learned = ShapePrior.load(path).checked_for(LEARNED_BY[name])
        assert (learned.appearance is not None) == (name == WHOLE)
    found = SiraPlan.of(bench(tmp_path), variants(short=short), (1,), ("2",))
    assert len(found.tables[0].rows) == 6
    with few_points():
        result = tried(bench(tmp_path).trial(variants(short=short).ablation(BENT), "ball-0", 1))
    assert "scores" in result


def test_a_bench_without_a_prior_is_one_sentence(monkeypatch):
    monkeypatch.setattr("headfield.bench.sira.shipped_prior", lambda name: None)
    with pytest.raises(InputError, match="no prior of sira comes with headfield; train one"):
        Variants.of(None, None, None, {}, "none", Fits())
    with pytest.raises(InputError, match="learned by instant-avatar"):
        Variants.of(prior(), None, None, {}, "none", Fits())
