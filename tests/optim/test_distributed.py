from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from headfield.errors import InputError
from headfield.optim.distributed import Processes, joined
from tests.optim.worker import STEPS, Scenes, optimise_scenes


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """What two processes that torchrun started found."""
    folder = tmp_path_factory.mktemp("two")
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    subprocess.run(
        [*command, "-m", "tests.optim.worker", str(folder)],
        cwd=root,
        env=environment,
        check=True,
        timeout=120,
        capture_output=True,
    )
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(2)]


@pytest.fixture(scope="module")
def one():
    """The same with the doubled batch in one process."""
    return optimise_scenes(halves=[0, 1])


def flat(module):
    return torch.cat([parameter.detach().flatten() for parameter in module.parameters()])


def test_two_processes_do_what_one_does_with_the_doubled_batch(one, two):
    module, report = one
    for found in two:
        torch.testing.assert_close(torch.tensor(found["losses"]), torch.tensor(report.history["a"].tolist()))
        torch.testing.assert_close(torch.tensor(found["parameters"]), flat(module), rtol=1e-5, atol=1e-6)
    assert two[0]["parameters"] == two[1]["parameters"]


def test_each_process_has_random_numbers_of_its_own(two):
    """The mean of two different seeds, the same mean told to both."""
    assert two[0]["seeds"] == two[1]["seeds"]
    _, alone = optimise_scenes(halves=[0])
    assert two[0]["seeds"] != alone.history["rank"].tolist()


def test_what_nobody_uses_does_not_move(one, two):
    torch.manual_seed(0)
    untouched = Scenes()
    size = sum(p.numel() for p in untouched.shared.parameters())
    found = torch.tensor(two[0]["parameters"])
    assert torch.equal(found[size : 2 * size], flat(untouched)[size : 2 * size])  # frozen
    assert found[-3:].tolist() == [4.0, 4.0, 4.0]  # the scene in no batch
    assert not torch.equal(found[:size], flat(untouched)[:size])


def test_an_interrupt_of_one_process_stops_all_at_the_same_step(two):
    assert two[0]["stopped"] == two[1]["stopped"]
    interrupted, done = two[0]["stopped"]
    assert interrupted
    assert done == 6


def test_they_go_on_together_from_their_checkpoint(two):
    for found in two:
        assert found["resumed"] == [two[0]["stopped"][1], STEPS]
        assert found["ended"] == found["parameters"]


def test_no_thread_outlives_the_group(two):
    """One that does may abort the process when it ends. PyTorch's compiler keeps them, and takes seconds to import."""
    for found in two:
        assert found["threads"] == []
        assert not found["compiler"]


def test_processes_that_see_different_checkpoints_are_one_sentence(monkeypatch):
    """As if another process had found one after five steps, and this one none."""
    monkeypatch.setattr(Processes, "current", staticmethod(lambda: Processes(rank=0, count=2)))
    monkeypatch.setattr(Processes, "sum", lambda self, tensor: tensor + 5)
    with pytest.raises(InputError, match="found different checkpoints; put them in a folder that all of them see"):
        optimise_scenes(halves=[0])


def test_alone_there_is_nobody_to_wait_for(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with joined("cpu") as device:
        assert device == torch.device("cpu")
        assert Processes.current() == Processes(rank=0, count=1)
