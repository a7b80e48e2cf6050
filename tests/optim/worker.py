"""One of several processes that optimise together; writes what it saw to a file. Not a test itself."""

from __future__ import annotations

import json
import os
import signal
import sys
import warnings
from pathlib import Path

import torch
from torch import nn

from headfield.optim.checkpoints import Checkpoints
from headfield.optim.distributed import joined
from headfield.optim.engine import optimise
from headfield.optim.stages import Moving, Stage

STEPS = 12


class Scenes(nn.Module):
    """A shared part, a frozen one, and scenes of which some processes see some in a step, and nobody sees others."""

    def __init__(self):
        super().__init__()
        self.shared = nn.Linear(3, 3)
        self.frozen = nn.Linear(3, 3)
        self.scenes = nn.ParameterList([nn.Parameter(torch.ones(3) * k) for k in range(5)])


def objectives_of(module, data, halves):
    """The loss over this process's half of the batch, or over the halves it is given."""

    def half(k, info):
        scene = module.scenes[(info.overall + 2 * k) % 4]
        return (module.frozen(module.shared(data[info.overall, k])) - scene).square().mean()

    def objectives(info):
        chosen = halves or [info.processes.rank]
        return {"a": torch.stack([half(k, info) for k in chosen]).mean(), "rank": torch.tensor(float(info.seed % 1000))}

    return objectives


def optimise_scenes(halves, checkpoints=None, rank=0, before=lambda info: None):
    """Optimise; without ``halves`` in this process's share, and from a start that only the first process has right."""
    torch.manual_seed(0 if halves or rank == 0 else 99)
    module = Scenes()
    data = torch.randn(STEPS, 2, 4, 3, generator=torch.Generator().manual_seed(1))
    usual = objectives_of(module, data, halves)

    def objectives(info):
        before(info)
        return usual(info)

    moving = (Moving("shared.*", 0.01, clip=0.1), Moving("scenes.*", 0.05))
    stage = Stage("s", STEPS, moving, {"a": 1.0, "rank": 0.0})
    report = optimise(module, [stage], objectives, seed=7, checkpoints=checkpoints)
    return module, report


def main(folder: Path) -> None:
    """Three runs together: a whole one, one that a process is asked to stop, and the rest of that one."""
    warnings.simplefilter("error")

    def stop(info):
        if info.processes.rank == 1 and info.overall == 5:
            os.kill(os.getpid(), signal.SIGINT)

    rank = int(os.environ["RANK"])
    with joined("cpu"):
        module, report = optimise_scenes(None, rank=rank)
        kept = Checkpoints(folder / "kept", every=2)
        _, stopped = optimise_scenes(None, kept, rank, before=stop)
        ended, resumed = optimise_scenes(None, kept, rank)
    threads = [(task / "comm").read_text().strip() for task in Path("/proc/self/task").glob("*")]
    result = {
        "compiler": "torch._dynamo" in sys.modules,
        "threads": [name for name in threads if "gloo" in name],
        "losses": report.history["a"].tolist(),
        "seeds": report.history["rank"].tolist(),
        "parameters": torch.cat([p.detach().flatten() for p in module.parameters()]).tolist(),
        "ended": torch.cat([p.detach().flatten() for p in ended.parameters()]).tolist(),
        "stopped": [stopped.interrupted, stopped.done],
        "resumed": [resumed.resumed_at, resumed.done],
    }
    (folder / f"{rank}.json").write_text(json.dumps(result))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
