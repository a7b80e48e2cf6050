"""``headfield assets``."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Annotated, Literal

import tyro

from headfield.errors import InputError
from headfield.studio.assets import VARIABLE, available, find, registry, root, verify
from headfield.studio.fetching import fetch


def run(
    action: Annotated[Literal["list", "fetch"], tyro.conf.Positional] = "list",
    names: Annotated[tuple[str, ...], tyro.conf.Positional] = (),
    *,
    check: bool = False,
) -> None:
    """List the open data that the studio is made from, or fetch it.

    Args:
        action: What to do.
        names: Which of the data; all if none is named.
        check: Read every file and compare its checksum (list only).
    """
    chosen = names or tuple(registry())
    for name in chosen:
        find(name)
    if action == "fetch":
        _fetch(chosen)
    else:
        _list(chosen, check)


def _list(names: Iterable[str], check: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for title in ("name", "state", "licence", "authors", "what"):
        table.add_column(title, overflow="fold")
    complaints = []
    for name in names:
        state = "there" if available(name) else "not here"
        if check and state == "there":
            try:
                verify(name)
                state = "checked"
            except InputError as error:
                state = "damaged"
                complaints.append(str(error))
        about = find(name)
        table.add_row(name, state, about.licence, about.authors, about.what)
    console = Console()
    console.print(table)
    console.print(f"in {root()}", soft_wrap=True)
    if complaints:
        raise InputError(complaints[0])


def _fetch(names: Iterable[str]) -> None:
    if os.environ.get(VARIABLE):
        raise InputError(f"{VARIABLE} names a folder that is used instead of what is fetched; unset it to fetch.")
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    for name in names:
        about = find(name)
        console.print(f"{name}: {about.what}. {about.licence}, by {about.authors}; from {', '.join(about.homes)}")

        def shown(addresses: Iterable[str], name: str = name) -> Iterable[str]:
            return track(list(addresses), description=name, console=console)

        print(fetch(about, progress=shown))
