"""What a run says while it goes, and what it leaves: losses, progress, dropped steps, a log."""

from __future__ import annotations

import json
import time
from array import array
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from headfield.errors import reading, writing
from headfield.files import new_file

TOTAL = "total"
"""The name under which the weighted sum of all objectives is recorded."""


@dataclass(frozen=True)
class Update:
    """How far a run is after a step."""

    stage: str
    done: int
    """How many steps of the whole run are done."""
    steps: int
    """How many there are."""
    losses: Mapping[str, float]
    """The objectives of this step, without their weights, and ``total``, with them."""
    rates: Mapping[str, float]
    """How fast the parameters of each pattern move."""
    seconds_left: float
    """How long the rest takes if it goes on as in this stage so far."""
    problem: str | None = None
    """Why this step was dropped, if it was."""


Callback = Callable[[Update], None]


@dataclass(frozen=True)
class Drop:
    """A step that was not taken."""

    stage: str
    step: int
    """Which step of the whole run."""
    culprit: str
    """What was not finite."""
    returned: bool
    """Whether the run went back to an earlier state because of it."""

    def __str__(self) -> str:
        back = "; went back to an earlier state, with half the rates" if self.returned else ""
        return f"dropped step {self.step} in stage {self.stage!r}: {self.culprit} was not finite{back}"


@dataclass(frozen=True, eq=False)
class Report:
    """What a run did."""

    history: Mapping[str, Float64[np.ndarray, "n"]]
    """Each objective and ``total`` at every step of the run; NaN where a stage has no such objective."""
    dropped: tuple[Drop, ...]
    interrupted: bool
    """Whether somebody stopped the run before its end."""
    resumed_at: int
    """How many steps had been done by earlier runs."""
    seconds: float
    """How long this run took."""

    @property
    def done(self) -> int:
        """How many steps are done, by this run and by those it went on from."""
        return len(self.history[TOTAL])

    def lately(self, steps: int) -> dict[str, float]:
        """The mean of each objective over the last ``steps`` that had it and were finite."""
        finite = {name: values[np.isfinite(values)] for name, values in self.history.items()}
        return {name: float(values[-steps:].mean()) for name, values in finite.items() if len(values)}


def seldom(callback: Callback, seconds: float = 0.2) -> Callback:
    """Pass updates on only every so often, but always a problem, a new stage and the last step."""
    stage, last = "", 0.0

    def passed_on(update: Update) -> None:
        nonlocal stage, last
        now = time.monotonic()
        if now - last >= seconds or update.stage != stage or update.problem or update.done == update.steps:
            stage, last = update.stage, now
            callback(update)

    return passed_on


class History:
    """Losses of every step, compact enough for runs of millions of steps."""

    def __init__(self, names: Iterable[str]):
        self._values = {name: array("d") for name in (*names, TOTAL)}

    def append(self, losses: Mapping[str, float]) -> None:
        """Add a step."""
        for name, values in self._values.items():
            values.append(losses.get(name, float("nan")))

    def arrays(self) -> dict[str, Float64[np.ndarray, "n"]]:
        """A copy of everything so far."""
        return {name: np.array(values, np.float64) for name, values in self._values.items()}

    def tensors(self) -> dict[str, Tensor]:
        """The same for a checkpoint."""
        return {name: torch.from_numpy(values) for name, values in self.arrays().items()}

    def put(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from a checkpoint."""
        self._values = {name: array("d", tensors[name].numpy().tobytes()) for name in self._values}


class LossLog:
    """A callback that writes a line of JSON every so many steps, for whoever plots or watches a long run.

    A run that goes on from a checkpoint goes on in the same file: lines of steps that are done again are replaced.
    """

    def __init__(self, path: Path, every: int = 100):
        self._path = path
        self._every = every
        self._started = False

    def __call__(self, update: Update) -> None:
        """Write the step down if it is time to, if it was dropped, or if it is the last one."""
        if not self._started:
            self._keep_lines_before(update.done)
            self._started = True
        if update.done % self._every and update.done < update.steps and update.problem is None:
            return
        line = {"step": update.done, "stage": update.stage, **_finite(update.losses), "rates": dict(update.rates)}
        if update.problem is not None:
            line["problem"] = update.problem
        with writing(self._path), self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, allow_nan=False) + "\n")

    def _keep_lines_before(self, step: int) -> None:
        old: list[str] = []
        if self._path.exists():
            with reading(self._path):
                old = self._path.read_text(encoding="utf-8", errors="replace").splitlines()
        with new_file(self._path) as temporary:
            temporary.write_text("".join(line + "\n" for line in old if _step_of(line) < step), encoding="utf-8")


def _step_of(line: str) -> float:
    """The step that a line of a log is about; infinite for what is no such line, as after a kill."""
    try:
        content = json.loads(line)
    except ValueError:
        return float("inf")
    step = content.get("step") if isinstance(content, dict) else None
    return step if isinstance(step, int) else float("inf")


def _finite(losses: Mapping[str, float]) -> dict[str, float | None]:
    """JSON knows no NaN."""
    return {name: value if np.isfinite(value) else None for name, value in losses.items()}
