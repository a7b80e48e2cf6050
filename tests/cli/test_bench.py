from __future__ import annotations

import pytest

import headfield.cli.bench_work as command
from headfield.bench.pool import try_missing
from headfield.cli import main

from ..bench import room


@pytest.fixture
def only_mean_heads(monkeypatch):
    """Only mean heads are tried, which takes no time; what else was asked for is told."""
    asked = []

    def some(trials, results, *, workers):
        asked.extend(trials)
        return try_missing([trial for trial in trials if trial.variant.method is None], results, workers=1)

    monkeypatch.setattr(command, "try_missing", some)
    with room.few_points():
        yield asked


WORDS = ["bench", "instant-avatar", str(room.data()), "--views", "1", "--cues", "true", "--tables", "2", "3"]


@pytest.mark.usefixtures("only_instant_avatar_comes_along")
def test_a_bench_from_data_to_page_and_on(only_mean_heads, tmp_path, capsys):
    out, page = tmp_path / "out", tmp_path / "docs" / "benchmarks.md"
    words = [*WORDS, "-o", str(out), "--prior", str(room.prior()), "--write", str(page)]
    assert main([*words, "--fits.instant-avatar.latent-steps", "7"]) == 0
    told = capsys.readouterr().out
    assert "H3D-Net is left out" in told
    assert f"Wrote {page} (results: 2 of 6, in {out / 'trials' / 'two-balls'})." in told
    assert "Next: the same command" in told
    assert "| mean head, no view looked at |" in page.read_text()
    assert (out / "benchmarks.md").read_text() == page.read_text()
    whole = [trial for trial in only_mean_heads if trial.variant.name == "instant-avatar"]
    assert {(trial.subject, trial.views) for trial in whole} == {("ball-0", 1), ("ball-1", 1)}
    assert whole[0].variant.settings.latent_steps == 7

    before = page.read_text()
    only_mean_heads.clear()
    page.write_text(before + "\nBy hand.\n")
    assert main([*words, "--report-only"]) == 0
    assert not only_mean_heads
    assert page.read_text() == before + "\nBy hand.\n"


@pytest.mark.usefixtures("only_instant_avatar_comes_along")
def test_another_paper_s_bench_from_data_to_page(only_mean_heads, tmp_path, capsys):
    out, page = tmp_path / "out", tmp_path / "docs" / "benchmarks.md"
    words = ["bench", "sira", str(room.data()), "--views", "1", "3", "--cues", "true", "-o", str(out)]
    words += ["--prior", str(room.sira_prior()), "--avatar-prior", str(room.prior()), "--write", str(page)]
    assert main([*words, "--fits.sira.latent-steps", "7"]) == 0
    told = capsys.readouterr().out
    assert "H3D-Net is left out" in told
    assert "Ablations without a prior of their own are left out" in told
    text = page.read_text()
    for name in ("table-1", "table-2", "table-3", "table-4"):
        assert text.count(f"<!-- bench:sira:{name}-two-balls begin -->") == 1
    assert "| mean head, no view looked at |" in text
    fitted = [trial for trial in only_mean_heads if trial.variant.name == "sira"]
    assert {trial.variant.settings.latent_steps for trial in fitted} == {7}
    assert {trial.variant.noise for trial in only_mean_heads} == {0.0, 0.002, 0.01, 0.02, 0.03}


def test_priors_of_another_paper_s_ablation_are_learned_first(only_mean_heads, monkeypatch, tmp_path):
    learned = []

    def learn(lessons, folder, wanted, **given):
        learned.append((set(wanted), set(given["methods"].values())))
        return False

    monkeypatch.setattr(command.ablations, "learn", learn)
    words = ["bench", "sira", str(room.data()), "--views", "1", "-o", str(tmp_path), "--prior", str(room.sira_prior())]
    assert main([*words, "--train-ablations", str(room.data()), "--ablation-steps", "50", "--cues", "none"]) == 0
    names = {"h3d-net-plain", "h3d-net-masked", "sira-shapes-alone", "sira-whole"}
    assert learned == [(names, {"h3d-net", "sira"})]
    assert not only_mean_heads, "stopped before the bench"


def test_priors_of_ablations_are_learned_first(only_mean_heads, monkeypatch, tmp_path):
    learned = []

    def learn(lessons, folder, wanted, **given):
        learned.append(({sum(training.steps) for training in wanted.values()}, given["made_from"]["name"]))
        return False

    monkeypatch.setattr(command.ablations, "learn", learn)
    words = [*WORDS, "-o", str(tmp_path), "--prior", str(room.prior()), "--train-ablations", str(room.data())]
    assert main([*words, "--ablation-steps", "50"]) == 0
    assert learned == [({50}, "two balls")]
    assert not only_mean_heads, "stopped before the bench"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["bench", "no-such-paper", "x"],
            "there is no bench of 'no-such-paper'; there are instant-avatar, sira, multi-neus.",
        ),
        ([*WORDS, "--views", "9", "--prior", "x"], "ball-0 of {data} has 3 views, so 9 cannot be had"),
        ([*WORDS, "--views", "0"], "--views are 1 or more"),
        ([*WORDS, "--prior", "no-such-file"], "no-such-file does not exist"),
        (["bench", "instant-avatar", "no-such-folder"], "no-such-folder is not a folder"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(words, said, tmp_path, capsys):
    assert main([*words, *(["-o", str(tmp_path)] if "no-such-paper" not in words else [])]) == 2
    assert said.format(data=room.data()) in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_papers_are_listed(capsys):
    with pytest.raises(SystemExit):
        main(["bench", "--help"])
    assert "instant-avatar" in capsys.readouterr().out
