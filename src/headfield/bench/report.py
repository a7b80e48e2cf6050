"""A page of tables in which what was written by hand stays: only what lies between a block's two marks is replaced."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from headfield.bench.tables import Block
from headfield.errors import InputError, reading
from headfield.files import new_file


def write_blocks(path: Path, bench: str, blocks: Sequence[Block], *, title: str) -> None:
    """Put blocks into a page in place of those of their names; new ones come at its end, under their titles."""
    text = f"# {title}\n"
    if path.exists():
        with reading(path):
            text = path.read_text(encoding="utf-8")
    for block in blocks:
        text = _with(text, f"bench:{bench}:{block.name}", block, path)
    with new_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _with(text: str, name: str, block: Block, path: Path) -> str:
    begin, end = f"<!-- {name} begin -->", f"<!-- {name} end -->"
    first, last = text.find(begin), text.find(end)
    if first < 0 and last < 0:
        return f"{text.rstrip()}\n\n## {block.title}\n\n{begin}\n\n{block.text}\n\n{end}\n"
    if first < 0 or last < first:
        raise InputError(f"{path} has lost one of the two marks of {name}; put it back, or take the other one out.")
    return f"{text[:first]}{begin}\n\n{block.text}\n\n{text[last:]}"
