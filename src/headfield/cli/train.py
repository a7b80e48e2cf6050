"""``headfield train``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import tyro

from headfield.cli.devices import Device, checked
from headfield.cli.progress import progress
from headfield.data.store import Dataset
from headfield.errors import InputError
from headfield.files import write_json
from headfield.fitting.training import train_prior
from headfield.methods.registry import Method, methods
from headfield.optim.distributed import Processes, joined
from headfield.optim.record import LossLog, Update

PRIOR, CHECKPOINTS, LOG, ABOUT = "prior.safetensors", "checkpoints", "losses.jsonl", "prior.json"


def run_for(what: str) -> Callable[..., None]:
    """The command for one method, for the network of normals, or for expressions, its settings among the options."""
    if what in ("-h", "--help"):
        print(_overview())
        raise SystemExit(0)
    if what == "normals":
        from headfield.cli.train_normals import run as run_normals

        return run_normals
    if what == "expressions":
        from headfield.cli.train_expressions import run as run_expressions

        return run_expressions
    method = methods().get(what)
    training = method.training if method else None
    if method is None or training is None:
        learnable = [name for name, known in methods().items() if known.training is not None]
        raise InputError(f"{what!r} learns nothing; there are {', '.join([*learnable, 'normals', 'expressions'])}.")

    def run(
        data: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DATA")],
        out: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="OUT")],
        learn: Any,
        *,
        subjects: int | None = None,
        seed: int = 0,
        device: Device = "cpu",
    ) -> None:
        """Learn a prior from a data set: from its scans, or multi-neus from its posed views.

        A training that was interrupted goes on where it stopped when the same command is given again. With
        `torchrun` several processes share the work.

        Args:
            data: The data set's folder.
            out: A folder for the prior, the checkpoints and the losses.
            learn: How the prior is learned.
            subjects: Learn from the first few subjects only.
            seed: Decides every random number.
            device: Where the work is done.
        """
        _learn(method, data, out, learn, subjects=subjects, seed=seed, device=device)

    run.__annotations__["learn"] = training
    return run


def _learn(
    method: Method,
    data: Path,
    out: Path,
    settings: Any,
    *,
    subjects: int | None,
    seed: int,
    device: Device,
) -> None:
    dataset = Dataset(data)
    if not len(dataset):
        raise InputError(f"{data} has no subjects to learn from; `headfield studio {data}` makes some.")
    if subjects is not None and subjects < 1:
        raise InputError("--subjects are 1 or more.")
    settings.stages()  # what is wrong with the settings is said before all is read
    out.mkdir(parents=True, exist_ok=True)
    with joined(checked(device)) as own_device, progress() as bar:
        is_first = Processes.current().first
        lessons = settings.lessons(dataset, subjects=subjects)
        task = bar.add_task(f"Learning from {len(lessons)} subjects", total=None)

        def show(update: Update) -> None:
            bar.update(task, total=update.steps, completed=update.done, description=f"Learning, {update.stage}")

        prior = train_prior(
            method.name,
            lessons,
            settings,
            seed=seed,
            device=own_device,
            checkpoints=out / CHECKPOINTS,
            callbacks=[LossLog(out / LOG)],
            progress=show,
            made_from={"name": dataset.name or data.name, "made": dict(dataset.made)},
        )
    if not is_first:
        return
    if not prior.facts["finished"]:
        print(f"Stopped; the same command goes on from {out / CHECKPOINTS}.")
        return
    prior.save(out / PRIOR)
    write_json(out / ABOUT, dict(prior.facts))
    print(f"Wrote {out / PRIOR}.")
    print(f"Next: headfield reconstruct CAPTURE -o HEAD --method {method.name} --prior {out / PRIOR}")


def _overview() -> str:
    learnable = {name: method.summary for name, method in methods().items() if method.training is not None}
    learnable["normals"] = "The network that sees normals and the person's mask in one picture."
    learnable["expressions"] = "How landmarks move with expressions, from the studio's head model; needs no DATA."
    width = max(map(len, learnable))
    return "\n".join(
        [
            "usage: headfield train WHAT DATA OUT [OPTIONS]",
            "",
            "Learn a prior, the network of normals from a data set, or how expressions move landmarks.",
            "",
            *(f"  {name:<{width}}  {summary}" for name, summary in learnable.items()),
            "",
            "`headfield train WHAT --help` says what can be set.",
        ]
    )
