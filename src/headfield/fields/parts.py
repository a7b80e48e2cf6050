"""The parts of a module by name: which of them learn."""

from __future__ import annotations

from collections.abc import Collection

from torch import nn


def train_only(module: nn.Module, parts: Collection[str]) -> list[nn.Parameter]:
    """Let the parameters of ``parts`` learn and freeze all others; returns those that learn.

    A part is the dotted name of a submodule or parameter, such as ``decoder`` or ``grid.levels.1``.
    """
    named = dict(module.named_parameters())
    for part in parts:
        if not any(_belongs(name, part) for name in named):
            raise ValueError(f"there is no part {part!r} with parameters; there are {', '.join(sorted(named))}")
    for name, parameter in named.items():
        parameter.requires_grad_(any(_belongs(name, part) for part in parts))
    return [parameter for parameter in named.values() if parameter.requires_grad]


def _belongs(name: str, part: str) -> bool:
    return name == part or name.startswith(f"{part}.")
