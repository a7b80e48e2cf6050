from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pytest
import torch

from headfield.bench import ablations, scene_trials
from headfield.bench import multi_neus as variants
from headfield.bench.multi_neus import SceneVariants, patterns, rank_name, trainings
from headfield.bench.plan import bench_on
from headfield.bench.pool import try_missing
from headfield.bench.scene_plan import SHOWN, ScenePlan, drawn
from headfield.bench.scene_trials import view_from
from headfield.capture import Capture
from headfield.cli import main
from headfield.data.store import create_dataset, write_subject
from headfield.errors import InputError
from headfield.fields.background import BackgroundSettings
from headfield.fields.scene_fields import NetworksSettings
from headfield.fields.scene_layers import SceneLayersSettings
from headfield.fitting.scene_prior import ScenePrior
from headfield.fitting.scene_training import RaysOfAScene
from headfield.fitting.volume_fit import VolumeOptions
from headfield.methods import multi_neus

from .. import balls
from ..shapes import sphere
from .room import few_points

NETWORKS = NetworksSettings(width=16, sdf=4, radiance=3, frequencies=1)
LEARNING = multi_neus.Training(
    NETWORKS,
    SceneLayersSettings((1, 2), (1,), rank=2),
    BackgroundSettings(width=8, depth=1),
    batch=RaysOfAScene(rays=32, everywhere=8, beyond=2),
    precision="float32",
)
FIT = multi_neus.Fitting(scene_steps=2, shared_steps=3, options=VolumeOptions(inside=32, past=16, everywhere=8))


@cache
def data() -> Path:
    """Two balls in arcs; made once, not to be changed."""
    folder = Path(mkdtemp()) / "arcs"
    create_dataset(folder, name="arcs", made={})
    for number, radius in enumerate((0.45, 0.55)):
        shown = balls.capture(radius, (-45.0, -20.0, 0.0, 20.0, 45.0))
        person = replace(balls.subject(radius), name=f"ball-{number}", capture=Capture(shown.views))
        write_subject(replace(person, truth=sphere(radius)), folder)
    return folder


@cache
def priors() -> Path:
    """The folder of a bench with some of the priors that it needs."""
    folder = Path(mkdtemp())
    wanted = trainings(2, LEARNING)
    some = {name: wanted[name] for name in (rank_name(32), "transferred-1", variants.HALF_SDF)}
    people = balls.scenes((0.45, 0.55))
    methods = dict.fromkeys(some, "multi-neus")
    assert ablations.learn(lambda: people, folder, some, methods=methods, made_from=None)
    return folder


@pytest.fixture
def quick(monkeypatch, only_instant_avatar_comes_along):
    monkeypatch.setattr(scene_trials, "REFINING_STEPS", 2)
    monkeypatch.setattr(scene_trials, "SAMPLES", 2000)
    monkeypatch.setattr(scene_trials, "LOOKING", replace(scene_trials.LOOKING, resolution=12))
    with few_points():
        yield


def plan(out: Path, *names: str) -> ScenePlan:
    known = SceneVariants.of(None, None, ablations.learned(priors(), trainings(1)), FIT)
    bench = replace(bench_on(data(), out, subjects=None, views=3), resolution=32)
    return ScenePlan(bench, known, names)


def cells(text: str) -> dict[str, list[str]]:
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("|")]
    return {line[0]: line[1:] for line in lines[2:]}


def test_priors_differ_in_what_they_are_about_and_nothing_else():
    wanted = trainings(70)
    base = replace(multi_neus.Training(), steps=70)
    for name, training in wanted.items():
        assert replace(training, layers=base.layers, scene=None) == base, name
    assert wanted["independent"].layers == replace(base.layers, kind="independent")
    assert {wanted[rank_name(rank)].layers.rank for rank in variants.RANKS} == set(variants.RANKS)
    assert not wanted["transferred-0"].layers.used
    assert [wanted[f"transferred-{scene}"].scene for scene in (0, 1)] == [0, 1]


def test_the_prior_that_comes_along_is_the_main_one():
    main = SceneVariants.of(None, None, {}, FIT).main
    assert main is not None
    assert main.name == "multi-neus"


def test_patterns_are_drawn_as_in_the_paper():
    own = patterns(SceneLayersSettings(), NetworksSettings())
    assert drawn(SceneLayersSettings()) == "■■■■□□□□□ ■■□□□"
    assert drawn(own[variants.EVERYTHING]) == "■■■■■■■■■ ■■■■■"
    assert drawn(own[variants.RADIANCE]) == "□□□□□□□□□ ■■■■■"
    assert drawn(own[variants.HALF_SDF]) == "■■■■□□□□□ □□□□□"


def test_views_are_taken_from_the_side_that_is_asked_for():
    subject = replace(balls.subject(0.5), capture=balls.capture(0.5, (-45.0, 3.0, 45.0)))
    assert [view_from(subject, azimuth).name for azimuth in (45.0, 0.0, -45.0)] == ["at-45", "at-3", "at--45"]
    with pytest.raises(InputError, match="has no view from 90° to the side"):
        view_from(subject, 90.0)


def test_numbers_are_means_over_people_and_sides(quick, tmp_path):
    planned = plan(tmp_path, "figure-6", "queries")
    planned = replace(planned, bench=replace(planned.bench, subjects=planned.bench.subjects[:1]))
    trials = planned.trials()
    assert {trial.variant.name for trial in trials} == {"short-rank-32", "short-transferred-1", "hierarchical"}
    list(try_missing(trials, planned.bench.results, workers=1))
    assert not planned.bench.results.missing(trials)
    assert list(try_missing(trials, planned.bench.results, workers=1)) == [(len(trials), len(trials))]
    page = tmp_path / "page.md"
    planned.write([page])
    figure = cells(page.read_text().split("<!-- bench:multi-neus:figure-6-arcs begin -->")[1].split("<!--")[0])
    assert list(figure) == ["low-rank, r = 32", "NeuS transferred from a second person"]
    found = [json.loads(path.read_text()) for path in (planned.bench.results.folder / "short-rank-32").glob("*-1v-*")]
    assert len(found) == 3
    for column, stage in ((0, "scene"), (3, "everything")):
        mean = np.mean([value for result in found for value in result["psnr"][stage]])
        assert figure["low-rank, r = 32"][column] == f"{mean:.2f}"
    assert figure["NeuS transferred from a second person"][:3] == ["–"] * 3
    assert 3 < float(figure["NeuS transferred from a second person"][5]) < 40
    costs = cells(page.read_text().split("<!-- bench:multi-neus:queries-arcs begin -->")[1].split("<!--")[0])
    assert float(costs["NeuS's schedule"][0]) > 230
    planned.write([page])
    assert page.read_text().count("begin -->") == 2
    next((planned.bench.results.folder / "short-rank-32").glob("*-1v-*")).unlink()
    planned.write([page])
    assert cells(page.read_text())["low-rank, r = 32"][0].endswith(" (of 2)")


def test_one_view_from_each_side_is_measured_in_millimetres(quick, tmp_path):
    planned = plan(tmp_path, "1", "2")
    few = replace(planned, names=("1",), bench=replace(planned.bench, subjects=("ball-0",)))
    trials = few.trials()
    assert {(trial.variant.name, trial.shown) for trial in trials} == {
        ("mean-head", ("front",)),
        *(("short-rank-32", (side,)) for side in ("front", "left", "right")),
    }
    list(try_missing(trials, few.bench.results, workers=1))
    few.write([tmp_path / "page.md"])
    rows = cells((tmp_path / "page.md").read_text())
    assert set(rows) == {"mean head, no view looked at", "Multi-NeuS"}
    assert all(float(cell) > 0 for cell in rows["Multi-NeuS"][:8])
    assert rows["Multi-NeuS"][8].startswith("1.89 / 1.77")
    assert len(replace(planned, names=("2",)).trials()) == 2 * 2 * sum(map(len, SHOWN.values()))


def test_better_colours_are_seen_better(quick):
    prior = ScenePrior.load(ablations.learned(priors(), trainings(1))[rank_name(32)])
    view = balls.view(0.5, balls.camera(20.0))
    grey = replace(view, image=np.full_like(view.image, 128))
    with torch.no_grad():
        for parameter in prior.fields.surface.appearance.parameters():
            parameter.zero_()  # grey everywhere
        prior.fields.deviation.fill_(0.6)
    told = [scene_trials._psnr(prior.fields, it, 0) for it in (view, grey)]
    assert told[1] > told[0] + 3


def test_the_bench_from_data_to_page(quick, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("headfield.bench.multi_neus.RANKS", (2,))
    monkeypatch.setattr("headfield.bench.scene_plan.RANKS", (2,))
    words = ["bench", "multi-neus", str(data()), "-o", str(tmp_path), "--tables", "1", "--subjects", "1"]
    assert main(words) == 2
    assert "there is no prior of multi-neus to try; train one" in capsys.readouterr().err
    short = ablations.learned(priors(), trainings(1) | {rank_name(32): None})[rank_name(32)]
    words += ["--prior", str(short), "--fit.scene-steps", "1", "--fit.shared-steps", "1", "--workers", "1"]
    assert main([*words, "--report-only"]) == 0
    told = capsys.readouterr().out
    assert "H3D-Net is left out" in told
    assert "(results: 0 of 4, in" in told
    assert "| Multi-NeuS | – |" in (tmp_path / "benchmarks.md").read_text()
