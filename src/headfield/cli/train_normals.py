"""``headfield train normals``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import torch
import tyro

from headfield.cli.progress import progress
from headfield.fitting.prior import ShapePrior
from headfield.mesh.clean import largest_component
from headfield.mesh.extract import extract
from headfield.methods.mean_head import mean_head
from headfield.methods.registry import DEFAULT
from headfield.optim.record import Update
from headfield.photo.normal_crops import CropSettings
from headfield.photo.normal_network import NormalNetworkSettings
from headfield.photo.normal_training import FILE, NormalTraining, train_normals
from headfield.surface import Mesh

COARSE = 64
"""Cells a side of the average head that a network is shown."""

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
    prior: Path | None = None,
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
        prior: A prior whose average head the network is shown and corrects, instead of the one that comes along.
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
            guide=_average_head(prior) if network.guided else None,
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


def _average_head(path: Path | None) -> Mesh:
    """The average head of a prior, as coarse as a first guess may be."""
    prior = ShapePrior.shipped(DEFAULT) if path is None else ShapePrior.load(path)
    mesh = extract(mean_head(prior).distance, resolution=COARSE, border="open", dtype=torch.float32)
    return largest_component(mesh)
