"""``headfield bench``: one module a paper."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from headfield.errors import InputError

BENCHES = {
    "instant-avatar": "Ablations, methods side by side, convergence, ways to find hits, times.",
    "sira": "Times, ablation, cameras that are off, methods side by side from one view to many.",
    "multi-neus": "Kinds of layers, ranks and patterns by control views; surfaces of one view; queries.",
}
"""The papers, and what their tables show."""


def run_for(what: str) -> Callable[..., None]:
    """The command for one paper."""
    if what in ("-h", "--help"):
        print(_overview())
        raise SystemExit(0)
    if what not in BENCHES:
        raise InputError(f"there is no bench of {what!r}; there are {', '.join(BENCHES)}.")
    command: Callable[..., None] = import_module(f"headfield.cli.bench_{what.replace('-', '_')}").run
    return command


def _overview() -> str:
    return "\n".join(
        [
            "usage: headfield bench PAPER DATA [OPTIONS]",
            "",
            "Make a paper's tables anew, on people whose true surfaces are known.",
            "",
            *(f"  {name:<14}  {summary}" for name, summary in BENCHES.items()),
            "",
            "`headfield bench PAPER --help` says what can be set.",
        ]
    )
