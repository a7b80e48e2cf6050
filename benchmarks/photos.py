"""How well heads made from people's own photos agree with them, and with the truth where there is one.

Photographs are those that come with packages, and those of the folder ``photos`` of the open data. The people whose
truth is known are the studio's, photographed with a phone: only the files are looked at, which tell a focal length as
those of phones do, no camera and no mask. Of their pictures those are taken that were made most from the front. Such
photos do not tell how large a head is, so heads are measured as they are, and with their size left to the alignment.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from PIL.ExifTags import IFD, Base
from rich.table import Table

from headfield.bench.scoring import scores
from headfield.bench.trials import SAMPLES
from headfield.capture import View
from headfield.data.store import Dataset
from headfield.errors import InputError
from headfield.mesh.raycast import RayCaster
from headfield.photo.exif import FILM_DIAGONAL
from headfield.reconstruction import Made, Making
from headfield.report.of_head import photo_of
from headfield.report.photos import numbers_of
from headfield.results import reprojected
from headfield.studio.assets import root
from headfield.studio.order import Order
from headfield.studio.production import produce

METHODS = ("instant-avatar", "sira")
"""Those by surface rendering with a prior for photos; a head by volume rendering takes four minutes."""

PARTS = ("face", "head")

PEOPLE = Order(subjects=4, split="validation", seed=100, rig=("phones",), size=768, layers=("mask",), light="subject")


@dataclass(frozen=True)
class Case:
    """Photos of one person, and where the truth lies if it is known."""

    name: str
    photos: tuple[Path, ...]
    truth: tuple[Path, str] | None = None


def run() -> Table:
    table = Table(title=f"Heads from photos, {torch.get_num_threads()} threads")
    agreeing = ("landmarks, %", "outlines, IoU %", "PSNR, dB")
    numbers = (*agreeing, *(f"{part}, mm{size}" for size in ("", ", any size") for part in PARTS), "seconds")
    for column in ("photos", "method", *numbers):
        table.add_column(column, justify="left" if column in ("photos", "method") else "right")
    with tempfile.TemporaryDirectory() as folder:
        for case in [*photographs(Path(folder)), *people(Path(folder))]:
            for method in METHODS:
                start = time.perf_counter()
                try:
                    made = Making(method).head(case.photos)
                except InputError as error:
                    table.add_row(case.name, method, f"{error}")
                    continue
                seconds = time.perf_counter() - start
                seen = [f"{value:.1f}" for value in agreement(made)]
                table.add_row(case.name, method, *seen, *_off(case, made), f"{seconds:.0f}")
    return table


def photographs(folder: Path) -> Iterator[Case]:
    """Real photographs."""
    import matplotlib
    import skimage.data

    Image.fromarray(skimage.data.astronaut()).save(folder / "astronaut.png")
    packaged = [folder / "astronaut.png", Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"]
    for path in [*packaged, *sorted((root() / "photos").glob("*.jpg"))]:
        yield Case(path.stem, (path,))


def people(folder: Path) -> Iterator[Case]:
    """The studio's people, whose truth is known."""
    for _ in produce(PEOPLE, folder / "people", workers=2):
        pass
    dataset = Dataset(folder / "people")
    for name in dataset.names:
        capture = dataset.read(name, scan=False).capture
        assert capture is not None
        squarest = sorted(capture.views, key=_from_the_front)[:3]
        photos = tuple(_taken(view, folder / f"{name}-{view.name}.jpg") for view in squarest)
        for count in (1, 3):
            yield Case(f"{name}, {count}", photos[:count], (dataset.folder, name))


def _from_the_front(view: View) -> tuple[bool, float]:
    """Smaller where a camera stands more before the face."""
    x, _, z = (view.camera.centre / view.camera.centre.norm()).tolist()
    return z < 0, abs(x)


def _taken(view: View, path: Path) -> Path:
    """The picture as phones write it: a JPEG that tells its focal length, rounded, as that of 35 mm film."""
    picture, notes = Image.fromarray(view.image), Image.Exif()
    on_film = float(view.camera.focal.mean()) * FILM_DIAGONAL / math.hypot(*picture.size)
    notes.get_ifd(IFD.Exif)[Base.FocalLengthIn35mmFilm] = round(on_film)
    picture.save(path, quality=92, exif=notes)
    return path


def agreement(made: Made) -> list[float]:
    """The numbers of the report, each the mean over the photos."""
    head = made.head
    caster = RayCaster(head.shown)
    found = [numbers_of(reprojected(photo_of(view, head, caster), view, head)) for view in made.views]
    return np.mean([[number.value for number in numbers] for numbers in found], axis=0).tolist()


def _off(case: Case, made: Made) -> list[str]:
    if case.truth is None:
        return [""] * (2 * len(PARTS))
    folder, name = case.truth
    subject = Dataset(folder).read(name, scan=False)
    found = [scores(made.head.mesh, subject, samples=SAMPLES, with_scale=free) for free in (False, True)]
    return [f"{it[part]['mean']:.2f}" for it in found for part in PARTS]
