"""The open data the studio is made from: what there is, under which licence, and where it lies on this machine.

None of it comes with headfield. ``headfield assets fetch`` brings it from its public sources into a cache folder; the
environment variable ``HEADFIELD_ASSETS`` names a folder with the same layout to use instead.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from headfield.errors import InputError, MissingExtraError
from headfield.studio.packing import BUILDERS, Fingerprint, differs

VARIABLE = "HEADFIELD_ASSETS"


@dataclass(frozen=True)
class VerbatimFile:
    """A file that is kept as its source has it."""

    source: str
    """Repository, commit and path, as in the address of a raw file on GitHub."""
    size: int
    sha256: str


@dataclass(frozen=True)
class Asset:
    """Some data that belongs together, in a folder of its own."""

    name: str
    what: str
    folder: str
    licence: str
    authors: str
    homes: tuple[str, ...]
    """Where the data can be looked at: each repository at its pinned commit."""
    verbatim: Mapping[str, VerbatimFile]
    built: Mapping[str, Fingerprint]
    """Files that headfield makes from the ingredients, and how to know them."""
    ingredients: tuple[str, ...]

    @property
    def file_names(self) -> list[str]:
        """Every file of the asset."""
        return [*self.verbatim, *self.built]


@lru_cache(maxsize=1)
def registry() -> Mapping[str, Asset]:
    """Every asset by its name."""
    content = json.loads((files("headfield.studio") / "assets.json").read_text(encoding="utf-8"))
    return {name: _asset(name, entry) for name, entry in content.items()}


def _asset(name: str, entry: dict) -> Asset:
    return Asset(
        name=name,
        what=entry["what"],
        folder=entry["folder"],
        licence=entry["licence"],
        authors=entry["authors"],
        homes=tuple(entry["homes"]),
        verbatim={file: VerbatimFile(**facts) for file, facts in entry.get("verbatim", {}).items()},
        built=entry.get("built", {}),
        ingredients=tuple(entry.get("ingredients", ())),
    )


def find(name: str) -> Asset:
    """The asset of that name; InputError if there is none."""
    if name not in registry():
        raise InputError(f"there is no asset {name!r}; there are {', '.join(registry())}.")
    return registry()[name]


def root() -> Path:
    """The folder that holds all assets: the one ``HEADFIELD_ASSETS`` names, or the cache of this user."""
    named = os.environ.get(VARIABLE)
    if named:
        if not Path(named).is_dir():
            raise InputError(f"{VARIABLE} names {named}, which is no folder; name one or unset the variable.")
        return Path(named)
    return cache()


def cache() -> Path:
    """Where fetched assets are kept."""
    try:
        import pooch
    except ImportError:
        raise MissingExtraError("pooch, which fetches the open data", "studio") from None
    return Path(pooch.os_cache("headfield")) / "assets"


def available(name: str) -> bool:
    """Whether all files of an asset are on this machine."""
    try:
        asset(name)
    except InputError:
        return False
    return True


def asset(name: str) -> Path:
    """The folder that holds an asset's files, all of them there and of the right size."""
    wanted = find(name)
    folder = root() / wanted.folder
    for file in wanted.file_names:
        path = folder / file
        if not path.is_file():
            raise InputError(f"{path} is missing; {_remedy(name)}.")
        if file in wanted.verbatim and path.stat().st_size != wanted.verbatim[file].size:
            raise InputError(f"{path} is damaged (its size is wrong); {_remedy(name)}.")
    return folder


def verify(name: str) -> None:
    """Read every file of an asset; InputError names the first that is missing or differs from its source."""
    folder = asset(name)
    check_files(find(name), folder, _remedy(name))


def check_files(wanted: Asset, folder: Path, remedy: str) -> None:
    """InputError, with the remedy, if a file in the folder is not what the registry says."""
    for file, facts in wanted.verbatim.items():
        if hashlib.sha256((folder / file).read_bytes()).hexdigest() != facts.sha256:
            raise InputError(f"{folder / file} is damaged (its checksum differs); {remedy}.")
    for file, fingerprint in wanted.built.items():
        if differs(BUILDERS[wanted.name].read(folder / file), fingerprint):
            raise InputError(f"{folder / file} is damaged (its content differs); {remedy}.")


def _remedy(name: str) -> str:
    if os.environ.get(VARIABLE):
        return f"put it there or unset {VARIABLE} and run `headfield assets fetch {name}`"
    return f"run `headfield assets fetch {name}`"
