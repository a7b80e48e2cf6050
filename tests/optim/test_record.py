from __future__ import annotations

import json

import pytest
import torch

from headfield.errors import InputError
from headfield.optim.checkpoints import Checkpoints
from headfield.optim.engine import optimise
from headfield.optim.record import LossLog, Update, seldom
from tests.optim.quadratic import TWO_STAGES, Bowls, noisy


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_log_has_a_line_every_so_often_and_the_last(tmp_path):
    module = Bowls()
    report = optimise(module, TWO_STAGES, noisy(module), seed=0, callbacks=[LossLog(tmp_path / "log.jsonl", every=5)])
    log = lines(tmp_path / "log.jsonl")
    assert [line["step"] for line in log] == [5, 10, 15, 16]
    assert [line["stage"] for line in log] == ["one", "two", "two", "two"]
    assert [line["total"] for line in log] == [report.history["total"][line["step"] - 1] for line in log]
    assert log[0]["rates"] == {"near": 0.1}


def test_a_log_names_dropped_steps_in_honest_json(tmp_path):
    module = Bowls()

    def objectives(info):
        return module.losses(float("nan") if info.overall == 3 else 0.0)

    optimise(module, TWO_STAGES, objectives, seed=0, callbacks=[LossLog(tmp_path / "log.jsonl", every=100)])
    first, last = lines(tmp_path / "log.jsonl")
    assert (first["step"], first["near"]) == (4, None)
    assert first["problem"] == "dropped step 3 in stage 'one': the objective 'near' was not finite"
    assert "problem" not in last


def test_a_resumed_run_goes_on_in_the_same_log(tmp_path):
    """A kill between two checkpoints, in the middle of writing a line."""
    path = tmp_path / "log.jsonl"

    def run(kill_at, log):
        module = Bowls()
        usual = noisy(module)

        def objectives(info):
            if info.overall == kill_at:
                raise ZeroDivisionError
            return usual(info)

        optimise(
            module, TWO_STAGES, objectives, seed=0, checkpoints=Checkpoints(tmp_path / "run", every=4), callbacks=[log]
        )

    with pytest.raises(ZeroDivisionError):
        run(7, LossLog(path, every=1))
    with path.open("a") as file:
        file.write('{"step": 8, "sta')
    run(None, LossLog(path, every=1))
    assert [line["step"] for line in lines(path)] == list(range(1, 17))


def test_where_a_log_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    module = Bowls()
    with pytest.raises(InputError, match=r"file/log\.jsonl cannot be (read|written)"):
        optimise(module, TWO_STAGES, noisy(module), seed=0, callbacks=[LossLog(tmp_path / "file" / "log.jsonl")])


def test_progress_is_shown_seldom_but_what_matters_always():
    shown = []
    show = seldom(lambda update: shown.append(update.done), seconds=3600)
    for done in range(1, 11):
        stage = "one" if done < 5 else "two"
        show(Update(stage, done, 10, {}, {}, 0.0, problem="oh" if done == 7 else None))
    assert shown == [1, 5, 7, 10]


def test_history_survives_as_tensors():
    module = Bowls()
    report = optimise(module, TWO_STAGES, noisy(module), seed=0)
    assert torch.from_numpy(report.history["near"]).dtype == torch.float64
