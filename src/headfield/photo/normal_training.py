"""How a network of normals is taught: on crops that grow, in random dress, with rates that fall to nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

import headfield
from headfield.data.store import Dataset
from headfield.errors import InputError
from headfield.fields import weights
from headfield.optim.checkpoints import Checkpoints, checksum
from headfield.optim.engine import optimise
from headfield.optim.record import Callback, LossLog, Report
from headfield.optim.schedules import Cosine, WarmUp
from headfield.optim.stages import Moving, Stage
from headfield.optim.step import Objectives, Precision, StepInfo
from headfield.photo.guide import Guide
from headfield.photo.normal_crops import Crops, CropSettings, length, take_crops
from headfield.photo.normal_examples import Examples, read_examples
from headfield.photo.normal_network import STRIDE, NormalNetwork, NormalNetworkSettings
from headfield.photo.normal_validation import NormalErrors, mean_angle
from headfield.photo.normals import GUIDE, PART, NormalEstimator, read_network
from headfield.surface import Mesh

FILE = "normals.safetensors"

TOGETHER = (8, 16, 32)
"""Over squares of how many pixels a side normals may lean together."""


@dataclass(frozen=True)
class NormalTraining:
    """How a network of normals is taught."""

    pixels: int = 256
    """How large the pictures are that crops are taken from."""
    sizes: tuple[int, ...] = (128, 192, 256)
    """How large the crops are in each stage."""
    steps: tuple[int, ...] = (8000, 4500, 2000)
    """How many steps each stage has."""
    batches: tuple[int, ...] = (16, 8, 6)
    """How many crops a step looks at in each stage."""
    rates: tuple[float, ...] = (2e-3, 8e-4, 3e-4)
    """How fast weights move when each stage begins; at the end of the last one they stand still."""
    decay: float = 0.02
    """How much weights shrink, as a multiple of the rate."""
    face: float = 1.0
    """How much more a pixel of the face counts than another."""
    leaning: float = 1.0
    """How much it counts against single normals that normals lean one way together over a part of the face: shapes are
    sums of normals, in which what differs from pixel to pixel drops out and what leans together adds up."""
    mask: float = 0.3
    """How much the mask counts against the normals."""
    held_out: int = 12
    """How many subjects at the end of the first data set are kept to measure with."""
    checkpoint: int = 300
    """How many steps lie between two checkpoints."""
    precision: Precision = "bfloat16"
    """In which numbers the network computes while it learns."""

    def __post_init__(self) -> None:
        if not 0 < len(self.sizes) == len(self.steps) == len(self.batches) == len(self.rates):
            raise InputError("sizes, steps, batches and rates have one number for each stage; give as many of each.")
        if any(size % STRIDE or size < STRIDE for size in self.sizes):
            raise InputError(f"the sizes of crops are multiples of {STRIDE}; {self.sizes} are not.")
        if min(*self.steps, *self.batches, self.checkpoint, self.pixels) < 1 or self.held_out < 0:
            raise InputError("numbers of steps, crops and pixels are at least 1, and that of held-out subjects 0.")

    def stages(self) -> tuple[Stage, ...]:
        """The stages that the engine goes through."""
        counts = {"normals": 1.0, "leaning": self.leaning, "mask": self.mask}
        stages = []
        for i, (size, steps) in enumerate(zip(self.sizes, self.steps, strict=True)):
            rate: Cosine | WarmUp = Cosine(self.rates[i], self.rates[i + 1] if i + 1 < len(self.rates) else 0.0)
            if i == 0 and steps > 1:
                rate = WarmUp(min(0.5, 300 / steps), rate)
            stages.append(
                Stage(f"{i + 1}: crops of {size}", steps, (Moving("*", rate, decay=self.decay, clip=1.0),), counts)
            )
        return tuple(stages)


@dataclass(frozen=True, eq=False)
class Taught:
    """How teaching a network went."""

    report: Report
    errors: NormalErrors | None
    """On the subjects that were held out; None where there were none, or the training was interrupted."""


def objectives(network: NormalNetwork, examples: Examples, training: NormalTraining, crops: CropSettings) -> Objectives:
    """What a step is about: how far normals are from the true ones, and whether the person was told from the rest."""
    order = [stage.name for stage in training.stages()]

    def computed(info: StepInfo) -> dict[str, Tensor]:
        i = order.index(info.stage.name)
        chosen = torch.randint(len(examples), (training.batches[i],), generator=info.generator)
        batch = take_crops(examples[chosen], training.sizes[i], crops, info.generator)
        network.train()
        normals, mask = network(batch.pictures, batch.guides)
        return losses(normals, mask, batch, face=training.face)

    return computed


def losses(
    normals: Float[Tensor, "n 3 h w"], mask: Float[Tensor, "n h w"], batch: Crops, *, face: float
) -> dict[str, Tensor]:
    """The mean length of the chord between found and true normals, the same for means over squares of
    :data:`TOGETHER` pixels a side, and the mask's cross entropy."""
    counts = batch.masks * batch.known * (1 + face * batch.face) * (length(batch.normals)[:, 0] > 0.5)
    off = normals - batch.normals
    together = []
    for side in TOGETHER:
        share = functional.avg_pool2d(counts[:, None], side)
        means = functional.avg_pool2d(off * counts[:, None], side) / share.clamp(min=1e-6)
        together.append(_mean_length(means, share[:, 0]))
    unsure = functional.binary_cross_entropy_with_logits(mask, batch.masks, reduction="none")
    return {
        "normals": _mean_length(off, counts),
        "leaning": torch.stack(together).mean(),
        "mask": (unsure * batch.known).sum() / batch.known.sum().clamp(min=1),
    }


def _mean_length(vectors: Float[Tensor, "n 3 h w"], counts: Float[Tensor, "n h w"]) -> Tensor:
    lengths = (vectors.square().sum(dim=1) + 1e-6).sqrt()
    return (lengths * counts).sum() / counts.sum().clamp(min=1e-6)


def train_normals(
    datasets: Sequence[Path],
    out: Path,
    *,
    network: NormalNetworkSettings = NormalNetworkSettings(),  # noqa: B008 - frozen
    training: NormalTraining = NormalTraining(),
    crops: CropSettings = CropSettings(),  # noqa: B008 - frozen
    seed: int = 0,
    begin: Path | None = None,
    guide: Mesh | None = None,
    told: Callable[[int, int], None] = lambda done, total: None,
    progress: Callback | None = None,
) -> Taught:
    """Teach a network, or go on with one, and write ``out/normals.safetensors``.

    InputError if there is nothing to learn from. What was interrupted goes on where it stopped.

    Args:
        datasets: Folders of data sets whose pictures have masks and normals.
        out: Where weights, checkpoints and losses go.
        network: How large it is.
        training: How it is taught.
        crops: How its crops differ from the pictures.
        seed: Decides every random number.
        begin: Weights to begin with instead of random ones.
        guide: An average head in head space, which the network is shown and corrects.
        told: How many subjects are read, and how many there are.
        progress: How far the training is.
    """
    began = time.perf_counter()
    sets = [Dataset(folder) for folder in datasets]
    learned, held_out = _parted(sets, training.held_out)
    chosen = list(zip(sets, learned, strict=True))
    guiding = None if guide is None else Guide.of(guide)
    caster = None if guiding is None else guiding.caster()
    examples = Examples.together(
        [read_examples(dataset, n, training.pixels, guide=caster, told=told) for dataset, n in chosen]
    )
    learner = _made(network, begin, seed)
    report = optimise(
        learner,
        training.stages(),
        objectives(learner, examples, training, crops),
        seed=seed,
        checkpoints=Checkpoints(out / "checkpoints", training.checkpoint),
        callbacks=(LossLog(out / "losses.jsonl", every=50),),
        progress=progress,
        precision=training.precision,
        about=f"{examples.checksum} {training} {crops} {None if begin is None else checksum(learner.state_dict())}",
    )
    if report.interrupted:
        return Taught(report, None)
    errors = mean_angle(NormalEstimator(learner.eval(), guide=guiding), sets[0], held_out) if held_out else None
    facts = {
        "headfield": headfield.__version__,
        "torch": torch.__version__,
        "seed": seed,
        "training": asdict(training),
        "crops": asdict(crops),
        "datasets": [{"name": dataset.name, "made": dataset.made, "subjects": len(n)} for dataset, n in chosen],
        "pictures": len(examples),
        "begin": None if begin is None else dict(read_network(begin)[2]),
        "errors": None if errors is None else asdict(errors),
        "hours": round((time.perf_counter() - began) / 3600, 2),
    }
    parts = {PART: learner} if guiding is None else {PART: learner, GUIDE: guiding}
    weights.save(out / FILE, parts, facts, half=True)
    return Taught(report, errors)


def _parted(sets: Sequence[Dataset], held_out: int) -> tuple[list[tuple[str, ...]], tuple[str, ...]]:
    """The subjects of each data set to learn from, and those at the end of the first to measure with."""
    if not sets:
        raise InputError("there is no data set to learn from; name one.")
    first, *others = sets
    kept = len(first) - held_out
    if kept < 1:
        raise InputError(
            f"{first.folder} has {len(first)} subjects and {held_out} of them would be held out; "
            "nobody is left to learn from."
        )
    return [first.names[:kept], *(dataset.names for dataset in others)], first.names[kept:]


def _made(settings: NormalNetworkSettings, begin: Path | None, seed: int) -> NormalNetwork:
    if begin is not None:
        return read_network(begin)[0]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return NormalNetwork(settings)
