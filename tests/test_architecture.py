"""The rooms of the house import one way only (docs/architecture.md)."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import headfield

SOURCE = Path(headfield.__file__).parent

FOUNDATION = {
    "errors",
    "files",
    "units",
    "transforms",
    "cameras",
    "rigs",
    "surface",
    "capture",
    "canonical",
    "workers",
    "chunks",
}
ROOMS = {
    # room: the rooms it may import from, besides the foundation and itself
    "mesh": set(),
    "fields": set(),
    "metrics": {"mesh"},
    "data": {"mesh"},
    "studio": {"mesh", "data"},
    "render": {"mesh"},
    "optim": set(),
    "photo": {"data", "fields", "mesh", "optim"},
    "head": {"mesh", "fields", "data", "render"},
    "fitting": {"mesh", "data", "fields", "render", "optim"},
    "methods": {"fitting", "mesh", "data", "fields", "render", "optim"},
    "portraits": {"fitting", "photo"},
    "videos": {"portraits", "fitting", "photo", "data"},
    "placing": {"data", "photo"},
    "reconstruction": {"methods", "fitting", "head", "optim", "photo", "portraits"},
    "report": {"mesh", "metrics", "data", "render", "head"},
    "results": {"mesh", "data", "render", "head", "reconstruction", "report"},
    "bench": {
        "mesh",
        "metrics",
        "data",
        "fields",
        "render",
        "optim",
        "photo",
        "head",
        "fitting",
        "methods",
        "reconstruction",
    },
    "cli": {
        "mesh",
        "metrics",
        "data",
        "studio",
        "render",
        "head",
        "optim",
        "photo",
        "fitting",
        "methods",
        "placing",
        "reconstruction",
        "report",
        "results",
        "bench",
    },
}


def imported_rooms(file: Path) -> set[str]:
    """The first name under ``headfield`` of everything a module imports."""
    rooms = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            rooms.add(node.module)
        elif isinstance(node, ast.Import):
            rooms.update(alias.name for alias in node.names)
    parts = (name.split(".") for name in rooms)
    return {part[1] for part in parts if part[0] == "headfield" and len(part) > 1}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_lies_below_it(room):
    for file in [*(SOURCE / room).rglob("*.py"), *SOURCE.glob(f"{room}.py")]:
        wrong = imported_rooms(file) - FOUNDATION - ROOMS[room] - {room}
        assert not wrong, f"{file.relative_to(SOURCE)} imports from {sorted(wrong)}"


def test_the_foundation_stands_on_nothing():
    for name in FOUNDATION:
        wrong = imported_rooms(SOURCE / f"{name}.py") - FOUNDATION
        assert not wrong, f"{name}.py imports from {sorted(wrong)}"


def test_every_module_has_its_room():
    found = {path.stem for path in SOURCE.iterdir() if path.is_dir() or path.suffix == ".py"} - {"__pycache__"}
    assert found - FOUNDATION - set(ROOMS) == {"__init__", "__main__"}


def test_modules_stay_small():
    long = {str(file.relative_to(SOURCE)): n for file in SOURCE.rglob("*.py") if (n := lines(file)) > 400}
    assert not long


def lines(file: Path) -> int:
    return file.read_text(encoding="utf-8").count("\n")
