"""Bringing open data from its public sources into the cache: pinned commits, checksums, licences recorded."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath

from headfield.errors import InputError, MissingExtraError
from headfield.files import new_folder, write_json
from headfield.studio.assets import Asset, cache, check_files
from headfield.studio.packing import BUILDERS

HOST = "https://raw.githubusercontent.com"

NOTICE = "NOTICE.json"


def fetch(
    wanted: Asset,
    *,
    into: Path | None = None,
    host: str | None = None,
    progress: Callable[[Iterable[str]], Iterable[str]] = iter,
) -> Path:
    """Fetch an asset into a folder (the cache, unless one is given) and return where it is.

    Everything is fetched, built and checked beside its final place first: what fails leaves nothing behind, and what
    was there stays. ``progress`` wraps the addresses that are fetched one after the other.
    """
    folder = (into or cache()) / wanted.folder
    with new_folder(folder) as fresh, tempfile.TemporaryDirectory(dir=fresh.parent) as scratch:
        targets = {facts.source: fresh / name for name, facts in wanted.verbatim.items()}
        targets.update({source: Path(scratch) / PurePosixPath(source).name for source in wanted.ingredients})
        for source in progress(targets):
            _download(f"{host or HOST}/{source}", targets[source])
        if wanted.ingredients:
            BUILDERS[wanted.name].build(Path(scratch), fresh)
        try:
            check_files(wanted, fresh, "its source has changed or was cut off on the way, so nothing was kept")
        except InputError as error:
            raise InputError(str(error).replace(str(fresh), str(folder))) from None
        write_json(
            fresh / NOTICE,
            {"what": wanted.what, "licence": wanted.licence, "authors": wanted.authors, "sources": list(wanted.homes)},
        )
    return folder


def _download(address: str, target: Path) -> None:
    try:
        import pooch
        import requests
    except ImportError:
        raise MissingExtraError("pooch, which fetches the open data", "studio") from None
    try:
        pooch.HTTPDownloader(timeout=60)(address, target, None)
    except requests.HTTPError as error:
        answer = error.response.status_code if error.response is not None else "nothing"
        raise InputError(f"{address} could not be fetched: the server answers {answer}; try again later.") from None
    except requests.RequestException:
        raise InputError(f"{address} could not be fetched; check the network and try again.") from None
