from __future__ import annotations

import json
from dataclasses import replace

import pytest

from headfield.capture import Subject
from headfield.cli import main
from headfield.data.store import create_dataset, write_subject
from headfield.fitting.expressions import Expressions
from headfield.fitting.prior import ShapePrior
from headfield.fitting.scene_prior import ScenePrior
from headfield.head import Head

from ..balls import capture, subject

SMALL = [
    *("--learn.geometry.decoder.width", "16", "--learn.geometry.decoder.depth", "1", "--learn.geometry.code", "4"),
    *("--learn.geometry.grid.levels", "1", "2", "--learn.batch.subjects", "2"),
]


@pytest.fixture(scope="module")
def balls(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("data") / "balls"
    create_dataset(folder)
    for radius in (0.4, 0.5):
        write_subject(subject(radius), folder)
    return str(folder)


def test_a_prior_is_learned_and_says_how(balls, tmp_path, capsys):
    assert main(["train", "instant-avatar", balls, str(tmp_path), *SMALL, "--learn.steps", "4", "2"]) == 0
    prior = ShapePrior.load(tmp_path / "prior.safetensors")
    assert prior.method == "instant-avatar"
    assert prior.facts["subjects"] == 2
    assert prior.facts["settings"]["steps"] == [4, 2]
    assert json.loads((tmp_path / "prior.json").read_text())["seed"] == 0
    assert [json.loads(line)["step"] for line in (tmp_path / "losses.jsonl").read_text().splitlines()] == [6]
    shown = capsys.readouterr().out
    assert shown.startswith(f"Wrote {tmp_path / 'prior.safetensors'}.\nNext: headfield reconstruct")


def test_the_same_command_again_learns_nothing_more(balls, tmp_path):
    words = ["train", "h3d-net", balls, str(tmp_path), "--learn.geometry.decoder.width", "16", "--learn.steps", "3"]
    assert main(words) == 0
    first = (tmp_path / "prior.safetensors").read_bytes()
    (tmp_path / "prior.safetensors").unlink()
    assert main(words) == 0
    again = ShapePrior.load(tmp_path / "prior.safetensors")
    assert again.facts["resumed"]
    (tmp_path / "first.safetensors").write_bytes(first)
    before = ShapePrior.load(tmp_path / "first.safetensors")
    for name, tensor in before.geometry.state_dict().items():
        assert tensor.equal(again.geometry.state_dict()[name]), name


TINY = [
    *("--learn.geometry.reference.decoder.width", "16", "--learn.geometry.deformation.width", "16"),
    *("--learn.geometry.code", "4", "--learn.appearance.look.width", "16", "--learn.appearance.code", "2"),
    *("--learn.steps", "3", "--learn.batch.subjects", "2", "--learn.coloured", "50"),
]


def test_a_prior_of_shape_and_appearance_is_learned_from_views_and_fitted(tmp_path, capsys):
    people, out, head = tmp_path / "people", tmp_path / "out", tmp_path / "head"
    create_dataset(people)
    for radius in (0.4, 0.5):
        write_subject(replace(subject(radius), capture=capture(radius, (0.0, 120.0), marked=True)), people)
    assert main(["train", "sira", str(people), str(out), *TINY]) == 0
    prior = out / "prior.safetensors"
    learned = ShapePrior.load(prior).checked_for("sira")
    assert learned.appearance is not None
    assert learned.facts["settings"]["coloured"] == 50
    assert "--method sira" in capsys.readouterr().out
    words = ["reconstruct", str(people / "ball-0.5"), "-o", str(head), "--method", "sira", "--prior", str(prior)]
    words += ["--resolution", "24", "--fit.latent-steps", "2", "--fit.network-steps", "2", "--fit.colour-steps", "2"]
    assert main(words) == 0
    assert Head.load(head).facts["method"] == "sira"
    assert type(Head.load(head).field).__name__ == "DeformedField"


def test_expressions_are_learned_from_the_studio_s_head_model(assets, tmp_path):
    written = [tmp_path / name for name in ("one.safetensors", "other.safetensors")]
    for path in written:
        assert main(["train", "expressions", str(path), "--faces", "40", "--kept", "3"]) == 0
    assert Expressions.load(written[0]).basis.shape == (68, 3, 3)
    assert written[0].read_bytes() == written[1].read_bytes()


def test_what_cannot_be_learned_is_said_in_a_sentence(balls, tmp_path, capsys):
    for words, sentence in (
        (
            ["idr", balls],
            "'idr' learns nothing; there are instant-avatar, sira, h3d-net, multi-neus, normals, expressions.",
        ),
        (["instant-avatar", str(tmp_path / "nowhere")], "is not a folder; a data set was expected."),
        (["sira", balls], "ball-0.4 has no colours to learn from, since it has neither views nor a coloured scan"),
        (["instant-avatar", balls, *SMALL, "--learn.steps", "1", "1", "1"], "3 stages do not suit 2 grid levels"),
        (
            ["instant-avatar", balls, *SMALL, "--learn.steps", "0", "1"],
            "'level 1' has 0 steps; give it 1 or more",
        ),
        (["instant-avatar", balls, "--subjects", "-1"], "--subjects are 1 or more."),
    ):
        what, data, *more = words
        assert main(["train", what, data, str(tmp_path / "out"), *more]) == 2
        shown = capsys.readouterr()
        assert shown.out == ""
        assert sentence in shown.err
        assert shown.err.count("\n") == 1


def test_the_overview_lists_what_can_be_learned(capsys):
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    shown = capsys.readouterr().out
    for name in ("instant-avatar", "sira", "h3d-net", "multi-neus", "normals"):
        assert f"  {name} " in shown


def test_a_prior_is_learned_from_pictures_alone_and_makes_a_head(tmp_path, capsys):
    data, prior, out = tmp_path / "data", tmp_path / "prior", tmp_path / "head"
    create_dataset(data)
    for radius in (0.45, 0.55):
        write_subject(Subject(f"ball-{radius}", capture(radius, (0.0, 90.0, 200.0))), data)
    learning = {"networks.width": "24", "networks.sdf": "5", "networks.radiance": "3", "networks.frequencies": "2"}
    learning |= {"layers.rank": "2", "layers.sdf": "1", "background.depth": "1", "steps": "3", "batch.rays": "32"}
    words = ["train", "multi-neus", str(data), str(prior), "--learn.precision", "float32"]
    for name, value in learning.items():
        words += [f"--learn.{name}", value]
    assert main(words) == 0
    assert "--method multi-neus --prior" in capsys.readouterr().out
    assert ScenePrior.load(prior / "prior.safetensors").facts["subjects"] == 2
    fitting = ["--fit.scene-steps", "2", "--fit.shared-steps", "2", "--fit.options.inside", "32", "--resolution", "24"]
    shown = ["reconstruct", str(data / "ball-0.45"), "-o", str(out), "--method", "multi-neus", "--texture", "64"]
    assert main([*shown, "--prior", str(prior / "prior.safetensors"), *fitting]) == 0
    head = Head.load(out)
    assert head.facts["method"] == "multi-neus"
    assert head.light is not None
    assert head.light.texture is not None


def test_people_without_pictures_teach_nothing_by_pictures(balls, tmp_path, capsys):
    assert main(["train", "multi-neus", balls, str(tmp_path)]) == 2
    assert "has no subject with posed views; there is nothing to learn from." in capsys.readouterr().err
