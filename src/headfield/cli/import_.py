"""``headfield import``."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import replace as changed
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from headfield.capture import LazyViews, Subject, View
from headfield.cli.progress import progress
from headfield.data.importers import Importer, find_importer, importers
from headfield.data.layout import DATASET
from headfield.data.store import create_dataset, write_subject
from headfield.errors import InputError

MADE = {"command": "headfield import"}

SCAN_POINTS = 100_000

Source = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="SOURCE")]
Out = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="OUT")]


@dataclass(frozen=True)
class NoSettings:
    """What a format that has to be told nothing is told."""


def run_for(format: str) -> Callable[..., None]:
    """The command for one format, its settings among the options; the list of formats instead of a format's name."""
    if format in ("-h", "--help"):
        print(_overview())
        raise SystemExit(0)
    importer = find_importer(format)

    def run(
        source: Source, out: Out, settings: object, *, replace: bool = False, scan_points: int = SCAN_POINTS
    ) -> None:
        """Bring captures and scans from another format into a data set.

        Args:
            source: The file or folder to read.
            out: The data set's folder: a new one, or one that was imported before, whose other subjects stay.
            settings: What the format has to be told.
            replace: Replace subjects that are there already.
            scan_points: How many points a scanner is made to see of a true surface that comes without a scan, so that
                shapes can be learned from it; 0 for none.
        """
        if scan_points < 0:
            raise InputError("--scan-points are 0 (none) or more.")
        told = settings if importer.settings else None
        import_subjects(importer, source, out, settings=told, replace=replace, scan_points=scan_points)

    run.__annotations__["settings"] = Annotated[importer.settings or NoSettings, tyro.conf.OmitArgPrefixes]
    return run


def import_subjects(
    importer: Importer, source: Path, out: Path, *, settings: object, replace: bool, scan_points: int
) -> None:
    """Write everything that is in ``source`` into the data set ``out``, and say what that was."""
    counts: Counter[str] = Counter()
    names: set[str] = set()
    with _nothing_left_empty(out):
        for subject in importer.read(source, settings):
            if not names:
                create_dataset(out, made=MADE)
            if subject.name in names:
                raise InputError(f"{source} holds two subjects called {subject.name}; rename one of them.")
            if (out / subject.name).exists() and not replace:
                raise InputError(f"{out / subject.name} is there already; --replace replaces it.")
            subject = _scanned(subject, scan_points)
            _write(subject, out)
            names.add(subject.name)
            counts["views"] += len(subject.capture.views) if subject.capture else 0
            counts["scans"] += subject.scan is not None
            counts["meshes"] += subject.truth is not None
    if not names:
        raise InputError(f"{source} holds no subject in the format {importer.name}; check the path and the format.")
    parts = ", ".join(f"{what}: {n}" for what, n in counts.items() if n)
    print(f"Wrote {out} (subjects: {len(names)}, {parts}).\nNext: headfield show {out}")


def _scanned(subject: Subject, points: int) -> Subject:
    """The subject with a scan of its true surface where it has none; without one, and a warning, where none sees it."""
    if not points or subject.scan is not None or subject.truth is None:
        return subject
    from headfield.studio.scanner import scan
    from headfield.studio.sitter import Sitter

    rng = np.random.default_rng(list(subject.name.encode()))
    try:
        return changed(subject, scan=scan(Sitter.of_mesh(subject.truth), rng, points=points))
    except InputError as error:
        warnings.warn(f"{subject.name} comes without a scan: {error}", stacklevel=2)
        return subject


@contextmanager
def _nothing_left_empty(out: Path) -> Iterator[None]:
    """A new data set whose first subject cannot be had is not left behind."""
    is_new = not out.exists()
    try:
        yield
    finally:
        if is_new and out.is_dir() and [path.name for path in out.iterdir()] == [DATASET]:
            (out / DATASET).unlink()
            out.rmdir()


def _write(subject: Subject, out: Path) -> None:
    if subject.capture is None:
        write_subject(subject, out)
        return
    views = subject.capture.views
    with progress() as bar:
        task = bar.add_task(f"{subject.name}, views", total=len(views))

        def read(index: int) -> View:
            bar.advance(task)
            return views[index]

        names = views.names if isinstance(views, LazyViews) else [view.name for view in views]
        write_subject(changed(subject, capture=changed(subject.capture, views=LazyViews(names, read))), out)


def _overview() -> str:
    known = importers()
    width = max(map(len, known))
    return "\n".join(
        [
            "usage: headfield import FORMAT SOURCE OUT [OPTIONS]",
            "",
            "Bring captures and scans from other formats into a data set.",
            "",
            *(f"  {name:<{width}}  {importer.summary}" for name, importer in known.items()),
            "",
            "`headfield import FORMAT --help` says what a format takes.",
        ]
    )
