"""``headfield train normals``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from headfield.cli.progress import progress
from headfield.optim.record import Update
from headfield.photo.normal_crops import CropSettings
from headfield.photo.normal_network import NormalNetworkSettings
from headfield.photo.normal_training import FILE, NormalTraining, train_normals

Data = Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="DATA...")]
Training = Annotated[NormalTraining, tyro.conf.OmitArgPrefixes]


def run(
    data: Data,
    *,
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    training: Training = NormalTraining(),  # noqa: B008 - frozen
    network: NormalNetworkSettings = NormalNetworkSettings(),  # noqa: B008 - frozen
    crops: CropSettings = CropSettings(),  # noqa: B008 - frozen
    seed: int = 0,
    begin: Path | None = None,
) -> None:
    """Teach a network to see normals and the person's mask in one picture.

    What was interrupted goes on where it stopped when the same command is given again.

    Args:
        data: Data sets whose pictures have masks and normals, as `headfield studio --layers mask normals` makes them.
        output: A folder for the weights, checkpoints and losses.
        training: How the network is taught.
        network: How large it is; with --begin it is as large as that one.
        crops: How what it learns from differs from the pictures.
        seed: The same seed gives the same network.
        begin: A file of weights to go on from, instead of random ones.
    """
    with progress() as bar:
        reading, steps = bar.add_task("subjects", total=None), bar.add_task("steps", total=None)

        def read(done: int, total: int) -> None:
            bar.update(reading, completed=done, total=total)

        def went_on(update: Update) -> None:
            bar.update(steps, description=update.stage, completed=update.done, total=update.steps)

        taught = train_normals(
            data,
            output,
            network=network,
            training=training,
            crops=crops,
            seed=seed,
            begin=begin,
            told=read,
            progress=went_on,
        )
    if taught.report.interrupted:
        print(f"Stopped after {taught.report.done} steps; the same command goes on from there.")
        return
    print(f"Wrote {output / FILE} ({taught.report.done} steps).")
    if taught.errors is not None:
        errors = taught.errors
        print(
            f"On {errors.pictures} pictures of people it never saw: {errors.face:.1f}° off on the face, "
            f"{errors.head:.1f}° on the whole head; masks overlap by {errors.overlap:.1%}."
        )
