from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from headfield.bench.pool import try_missing
from headfield.bench.scoring import scores
from headfield.bench.trials import Results, digest_of, shipped_prior
from headfield.bench.trying import tried
from headfield.data.store import read_subject
from headfield.errors import InputError
from headfield.fitting.prior import ShapePrior
from headfield.head import Head
from headfield.methods.mean_head import mean_head

from .. import balls
from ..shapes import sphere
from .room import FITS, bench, data, few_points, prior, variants


@pytest.fixture
def quick():
    with few_points():
        yield


def files(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*.json")}


def test_the_score_of_a_ball_is_how_much_larger_it_is():
    subject = read_subject(data() / "ball-0", scan=False)
    found = scores(sphere(0.45 + 2 / 200, rings=64), subject, samples=5000)
    # The face pulls the larger ball towards itself until the two nearly touch there, which the back then pays for.
    assert found["face"]["mean"] < 1 < found["head"]["mean"] < 3
    assert scores(sphere(0.45), subject, samples=5000)["head"]["p95"] < 1e-3
    any_size = scores(sphere(0.45 + 2 / 200, rings=64), subject, samples=5000, with_scale=True)
    assert any_size["head"]["mean"] < 0.1


def test_a_ball_that_lies_all_open_scores_the_same_without_cavities():
    subject = read_subject(data() / "ball-0", scan=False)
    ball = sphere(0.45 + 2 / 200, rings=64)
    found = scores(ball, subject, samples=5000)
    assert found["open face"] == found["face"]
    assert found["open head"] == found["head"]
    assert scores(ball, subject, samples=5000, in_short=True) == {name: found[name] for name in ("face", "head")}


def test_a_subject_without_truth_is_refused():
    with pytest.raises(InputError, match="no true surface"):
        scores(sphere(0.5), balls.subject(0.5), samples=100)


@pytest.mark.usefixtures("quick")
def test_the_mean_head_scores_what_a_direct_computation_says(tmp_path):
    people = bench(tmp_path)
    (trial,) = {people.trial(variants().mean_head, "ball-1", views) for views in (1, 3)}
    assert trial.views == 0
    subject = read_subject(data() / "ball-1", scan=False)
    mesh = Head.of(mean_head(ShapePrior.load(prior())), resolution=32).mesh
    result = tried(trial)
    assert result["scores"] == scores(mesh, subject, samples=3000)
    assert result["seconds"] == {}


@pytest.mark.usefixtures("quick")
def test_a_trial_says_the_same_again_and_what_it_took():
    people = bench(data())
    longer = replace(FITS, instant_avatar=replace(FITS.instant_avatar, latent_steps=25))
    trial = replace(people.trial(variants(fits=longer).whole, "ball-0", 1), watched=True)
    one, other = tried(trial), tried(replace(trial, watched=False))
    assert one["scores"] == other["scores"]
    assert one["losses"] == other["losses"]
    assert one["queries_a_ray"] == other["queries_a_ray"] > 1
    assert one["steps"] == {"latent": 25, "grids": 2, "decoder": 2, "colours": 2}
    assert list(one["seconds"]["stages"]) == list(one["steps"])
    assert sum(one["seconds"]["stages"].values()) < one["seconds"]["fit"]
    assert [entry["step"] for entry in one["curve"]] == [0, 25]
    assert "curve" not in other
    # 0.45 where the mean is 0.5: looking helps.
    mean = tried(people.trial(variants().mean_head, "ball-0", 1))
    assert one["scores"]["head"]["mean"] < 0.8 * mean["scores"]["head"]["mean"]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("finder", ["proxy", "sphere tracing", "parallel samples"])
def test_every_way_to_find_hits_is_counted_and_compared(finder):
    trial = replace(bench(data()).trial(variants().whole, "ball-0", 2), finder=finder)
    result = tried(trial)
    assert result["queries_a_ray"] > 0.5
    assert result["hits"]["most_mm"] < 0.1
    assert result["hits"]["differs"] < 0.01


@pytest.mark.usefixtures("quick")
def test_what_came_to_nothing_is_a_result_that_says_so():
    broken = replace(variants().idr, settings=replace(FITS.idr, rate=float("inf")))
    result = tried(bench(data()).trial(broken, "ball-0", 1))
    assert "scores" not in result
    assert "finite" in result["failed"]


@pytest.mark.usefixtures("quick")
def test_true_normals_and_none_are_not_the_same():
    trial = bench(data()).trial(variants().whole, "ball-0", 1)
    without = replace(trial, variant=variants().without_normals)
    assert "normals" in tried(trial)["losses"]
    assert "normals" not in tried(without)["losses"]


@pytest.mark.usefixtures("quick")
def test_a_bench_that_was_killed_goes_on_where_it_stopped(tmp_path):
    people = bench(tmp_path)
    trials = [people.trial(variants().idr, name, 1) for name in people.subjects]
    progress = try_missing([*trials, *trials], people.results, workers=1)
    assert next(progress) == (0, 2)
    assert next(progress) == (1, 2)
    progress.close()
    before = files(tmp_path)
    assert len(before) == 1
    assert list(try_missing(trials, people.results, workers=1)) == [(1, 2), (2, 2)]
    after = files(tmp_path)
    assert after.items() > before.items()
    assert list(try_missing(trials, people.results, workers=1)) == [(2, 2)]
    assert files(tmp_path) == after


def test_workers_change_no_number(tmp_path):
    people, others = bench(tmp_path / "one"), bench(tmp_path / "two")
    trials = [people.trial(variants().idr, name, 1) for name in people.subjects]
    trials.append(replace(trials[0], timed=True))
    list(try_missing(trials[:2], people.results, workers=1))
    assert list(try_missing(trials, others.results, workers=2))[-1] == (3, 3)
    for trial in trials[:2]:
        one, other = people.results.of(trial), others.results.of(trial)
        for same in ("trial", "scores", "losses", "queries_a_ray"):
            assert one[same] == other[same]
        assert one["machine"]["threads"] == other["machine"]["threads"] == 1
    timed = others.results.of(trials[2])
    assert timed["peak_megabytes"] > 50
    assert timed["seconds"]["save"] > 0


def test_a_result_is_taken_for_no_other_trial(tmp_path):
    people = bench(tmp_path)
    trial = people.trial(variants().whole, "ball-0", 1)
    faster = replace(trial.variant, settings=replace(FITS.instant_avatar, latent_rate=0.5))
    other_prior = tmp_path / "other.safetensors"
    other_prior.write_bytes(prior().read_bytes() + b" ")
    others = [
        replace(trial, views=2),
        replace(trial, subject="ball-1"),
        replace(trial, seed=1),
        replace(trial, timed=True),
        replace(trial, finder="proxy"),
        replace(trial, variant=replace(trial.variant, cues="none")),
        replace(trial, variant=faster),
        replace(trial, variant=replace(trial.variant, prior=other_prior)),
    ]
    assert len({people.results.path(one) for one in [trial, *others]}) == len(others) + 1
    moved = replace(trial, variant=replace(trial.variant, prior=copy(prior(), tmp_path / "copy.safetensors")))
    assert people.results.path(moved) == people.results.path(trial), "where a file lies does not matter"


def copy(source, target):
    target.write_bytes(source.read_bytes())
    return target


@pytest.mark.usefixtures("quick")
def test_results_are_plain_json(tmp_path):
    trial = bench(tmp_path).trial(variants().without_prior, "ball-0", 1)
    results = Results(tmp_path)
    list(try_missing([trial], results, workers=1))
    content = json.loads(results.path(trial).read_text())
    assert content["trial"] == json.loads(json.dumps(trial.follows_from()))
    assert np.isfinite(content["scores"]["face"]["mean"])
    assert set(content["losses"]) == {"photometric", "silhouette", "normals", "colour", "total"}


def test_the_prior_that_comes_along_is_found_where_fits_find_it(tmp_path):
    path = shipped_prior("instant-avatar")
    assert path is not None
    assert ShapePrior.load(path).facts == ShapePrior.shipped("instant-avatar").facts
    assert shipped_prior("h3d-net-of-nobody") is None
    assert digest_of(path) == digest_of(copy(path, tmp_path / "copy"))
