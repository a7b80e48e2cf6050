"""A bench small enough for tests: two people who are balls, and a prior of balls."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest

from headfield.bench.instant_avatar import Fits, Variants
from headfield.bench.tables import Bench
from headfield.bench.trials import Results
from headfield.capture import Capture
from headfield.data.store import create_dataset, write_subject
from headfield.fields.appearance import AppearanceSettings
from headfield.fields.geometry import GeometrySettings
from headfield.fields.mlp import MLPSettings
from headfield.methods import h3d_net, idr, instant_avatar

from .. import balls
from ..shapes import sphere

RADII = (0.45, 0.55)


@contextmanager
def few_points() -> Iterator[None]:
    """While it lasts, meshes are laid over each other and compared by few points."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("headfield.metrics.comparison.ALIGNMENT_POINTS", 300)
        patch.setattr("headfield.bench.trying.SAMPLES", 3000)
        patch.setattr("headfield.bench.journal.SAMPLES", 3000)
        patch.setattr("headfield.bench.journal.RESOLUTION", 32)
        patch.setattr("headfield.bench.ways.RAYS", 512)
        yield


FITS = Fits(
    instant_avatar.Fitting(
        balls.APPEARANCE, latent_steps=4, grid_steps=2, decoder_steps=2, colour_steps=2, options=balls.OPTIONS
    ),
    h3d_net.Fitting(balls.APPEARANCE, latent_steps=3, decoder_steps=3, colour_steps=3, options=balls.OPTIONS),
    idr.Fitting(
        GeometrySettings(MLPSettings(width=32, depth=2), frequencies=2, grid=None, code=0, features=4),
        AppearanceSettings(None, MLPSettings(16, 1, activation="relu"), frequencies=0, features=4),
        steps=3,
        colour_steps=2,
        options=balls.OPTIONS,
    ),
)


@cache
def data() -> Path:
    """A data set of two balls with three views each and their true surfaces; made once, not to be changed."""
    folder = Path(mkdtemp()) / "balls"
    create_dataset(folder, name="two balls", made={})
    for number, radius in enumerate(RADII):
        shown = balls.capture(radius, (0.0, 0.8, -0.8))
        person = replace(balls.subject(radius), name=f"ball-{number}", capture=Capture(shown.views))
        write_subject(replace(person, truth=sphere(radius)), folder)
    return folder


@cache
def prior() -> Path:
    """The file of a prior of balls."""
    path = Path(mkdtemp()) / "prior.safetensors"
    balls.family().save(path)
    return path


@cache
def sira_prior() -> Path:
    """The file of a prior of coloured balls."""
    path = Path(mkdtemp()) / "prior.safetensors"
    balls.head_family().save(path)
    return path


def bench(out: Path, subjects: tuple[str, ...] = ("ball-0", "ball-1")) -> Bench:
    return Bench(data(), "two-balls", subjects, Results(out / "trials" / "two-balls"), resolution=32)


def variants(cues: str = "true", **given) -> Variants:
    return replace(Variants(prior(), None, {}, cues, FITS), **given)
