"""The native store: a folder is a data set, each folder in it a subject. See ``docs/data.md`` for the format."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TypeVar

from headfield.capture import Subject
from headfield.data import layout
from headfield.data.read import read_subject
from headfield.data.write import create_dataset, sha256, write_subject
from headfield.errors import InputError, reading

__all__ = ["Dataset", "create_dataset", "read_subject", "write_subject"]

Given = TypeVar("Given")
Result = TypeVar("Result")


class Dataset:
    """The subjects in a folder, by name in alphabetical order; read when asked for.

    What is being written, and what was left behind when a writer was killed, is hidden (its name begins with a dot)
    and not counted.
    """

    def __init__(self, folder: Path):
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise InputError(f"{folder} is not a folder; a data set was expected.")
        if (self.folder / layout.SUBJECT).is_file():
            raise InputError(f"{folder} is one subject; name its data set, {self.folder.resolve().parent}.")
        if not (self.folder / layout.DATASET).is_file():
            raise InputError(f"{folder} is not a data set, since it has no {layout.DATASET}; check the path.")
        about = layout.read_document(self.folder / layout.DATASET, "headfield data set")
        self.name: str = about.get("name", "")
        self.made: dict = about.get("made", {})
        self.names = tuple(
            sorted(path.parent.name for path in self.folder.glob(f"*/{layout.SUBJECT}") if path.parent.name[0] != ".")
        )

    def __len__(self) -> int:
        return len(self.names)

    def read(self, name: str, *, views: bool = True, scan: bool = True, truth: bool = True) -> Subject:
        """The subject called ``name``, with those of its parts that are wanted."""
        if name not in self.names:
            raise InputError(f"{self.folder} has no subject {name!r}; it has {_listed(self.names)}.")
        return read_subject(self.folder / name, views=views, scan=scan, truth=truth)

    def map(
        self, function: Callable[[str], Result], *, subjects: int | None = None, workers: int = 4
    ) -> Iterator[Result]:
        """``function`` of every name, or the first few, in order; some are worked on ahead of the one waited for.

        Threads do, since decoding leaves Python's lock alone. ``dataset.map(dataset.read)`` reads all subjects.
        """
        return _in_order(function, self.names[:subjects], workers)

    def verify(self, *, workers: int = 4) -> None:
        """Compare every file with its checksum; InputError that names the first that is damaged or gone."""
        for damaged in self.map(lambda name: _first_damage(self.folder / name), workers=workers):
            if damaged is not None:
                raise InputError(damaged)


def _in_order(function: Callable[[Given], Result], items: tuple[Given, ...], workers: int) -> Iterator[Result]:
    remaining = iter(items)
    with ThreadPoolExecutor(workers) as pool:
        ahead: deque[Future[Result]] = deque(pool.submit(function, item) for item in islice(remaining, 2 * workers))
        try:
            while ahead:
                result = ahead.popleft().result()
                ahead.extend(pool.submit(function, item) for item in islice(remaining, 1))
                yield result
        finally:
            for future in ahead:
                future.cancel()


def _first_damage(folder: Path) -> str | None:
    listing = folder / layout.CHECKSUMS
    with reading(listing):
        lines = listing.read_text(encoding="utf-8", errors="replace").splitlines()
    for line in lines:
        stated, _, name = line.partition("  ")
        path = folder / name
        if not name or not path.is_file():
            return f"{path if name else listing} is not what was written; bring the subject back from a copy."
        if sha256(path) != stated:
            return f"{path} was changed or damaged since it was written; bring the subject back from a copy."
    return None


def _listed(names: tuple[str, ...]) -> str:
    if not names:
        return "none at all"
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
