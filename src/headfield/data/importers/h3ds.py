"""The H3DS data set: heads scanned in millimetres, each with 60 to 107 posed photographs all around.

A folder a scene: ``image/img_0000.jpg``, ``mask/mask_0000.png``, ``cameras.npz``, ``full_head.obj``,
``landmarks.txt`` (a name and a vertex of the mesh a line) and ``regions/face.txt``, ``face_sphere.txt``, ``nose.txt``
(a vertex a line). Which views belong to the configurations with 3, 4, 8 and more views is said by the data set's
``config.toml`` (``config_v1.toml``, ``config_v2.toml``), which its Python package brings and which may lie beside the
scenes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from headfield.capture import Landmarks, Subject
from headfield.data.importers.cameras_npz import read_shots
from headfield.data.importers.shots import plain_name, subject
from headfield.data.placement import fit_landmarks
from headfield.errors import InputError, reading
from headfield.mesh.files import read_mesh
from headfield.surface import Mesh
from headfield.units import head_units_per

MESH = "full_head.obj"
CONFIGS = ("config.toml", "config_v2.toml", "config_v1.toml")


@dataclass(frozen=True)
class Settings:
    """What is wanted of the data set."""

    scenes: tuple[str, ...] = ()
    """The scenes to read, by their names; all of them if none is named."""
    config: Path | None = None
    """The file with the views configurations, if it does not lie beside the scenes."""


DEFAULTS = Settings()


def read(source: Path, *, settings: Settings = DEFAULTS) -> Iterator[Subject]:
    """Read the scenes in the data set's folder, or one scene's folder, one after the other."""
    scenes = _scenes(source, settings.scenes)
    configs = _read_configs(_find_config(source, settings.config))
    for scene in scenes:
        yield _read_scene(scene, configs.get(scene.name, {}))


def _scenes(source: Path, wanted: tuple[str, ...]) -> list[Path]:
    if (source / "cameras.npz").is_file():
        return [source]
    found = sorted(path.parent for path in source.glob("*/cameras.npz"))
    if not found:
        raise InputError(f"{source} holds no scenes of H3DS: no folder in it has a cameras.npz; check the path.")
    unknown = sorted(set(wanted) - {scene.name for scene in found})
    if unknown:
        raise InputError(f"{source} has no scene {unknown[0]}; it has {', '.join(scene.name for scene in found)}.")
    return [scene for scene in found if not wanted or scene.name in wanted]


def _read_scene(folder: Path, views_configs: Mapping[str, list[int]]) -> Subject:
    mesh, marks = None, None
    if (folder / MESH).is_file():
        # Numbers as they stand in the file: landmarks, regions and cameras are in its space.
        mesh = _with_regions(read_mesh(folder / MESH, unit="unit"), folder / "regions")
        marks = _read_landmarks(folder / "landmarks.txt", mesh)
    shots, _ = read_shots(folder / "cameras.npz")
    last = max((view for views in views_configs.values() for view in views), default=-1)
    if last >= len(shots):
        raise InputError(
            f"{folder} has {len(shots)} views, but its views configurations name view {last}; copy it again."
        )
    configs = {count: [shots[view].name for view in views] for count, views in views_configs.items()}
    facts = {"source": "h3ds", "views_configs": configs}
    made = subject(plain_name(folder.resolve().name), shots, folder, unit="mm", marks=marks, facts=facts)
    truth = None if mesh is None else mesh.transformed(made.to_head)
    return replace(made, truth=truth, identity=made.name)


def _read_landmarks(path: Path, mesh: Mesh) -> Landmarks | None:
    """The named landmarks in the space of the mesh; None where the scene has none."""
    if not path.is_file():
        return None
    with reading(path):
        rows = [
            line.split() for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()
        ]
    if not rows or any(len(row) != 2 or not _is_count(row[1]) for row in rows):
        raise InputError(
            f"{path} is not the landmarks of a scene: each line must be a name and the number of a vertex."
        )
    vertices = _vertices([int(row[1]) for row in rows], mesh, path)
    names = tuple(row[0] for row in rows)
    points = mesh.vertices[vertices]
    return Landmarks(points, np.ones(len(points), dtype=bool), "named", _own_sides(names, points, path))


def _own_sides(names: tuple[str, ...], points: Float64[np.ndarray, "n 3"], path: Path) -> tuple[str, ...]:
    """The names with left and right as the subject has them, whichever way the file means them."""
    swapped = tuple(re.sub("left|right", lambda side: {"left": "right", "right": "left"}[side[0]], n) for n in names)

    def misfit(candidate: tuple[str, ...]) -> float:
        marks = Landmarks(points, np.ones(len(points), dtype=bool), "named", candidate)
        return fit_landmarks(marks, scale=head_units_per("mm"), what=f"{path}")[1]

    return min((names, swapped), key=misfit)


def _with_regions(mesh: Mesh, folder: Path) -> Mesh:
    """The mesh with an attribute for each region: 1 at its vertices, else 0."""
    regions = {}
    for path in sorted(folder.glob("*.txt")):
        with reading(path):
            words = path.read_text(encoding="utf-8", errors="replace").split()
        if not all(_is_count(word) for word in words):
            raise InputError(f"{path} is not a region: each line must be the number of a vertex.")
        inside = np.zeros(len(mesh.vertices), dtype=np.uint8)
        inside[_vertices([int(word) for word in words], mesh, path)] = 1
        regions[f"region_{path.stem}"] = inside
    return replace(mesh, attributes={**mesh.attributes, **regions})


def _is_count(word: str) -> bool:
    return word.isdecimal() and len(word) < 19  # so that it fits into an array


def _vertices(numbers: list[int], mesh: Mesh, path: Path) -> list[int]:
    if numbers and max(numbers) >= len(mesh.vertices):
        raise InputError(
            f"{path} names vertex {max(numbers)}, but {MESH} beside it has {len(mesh.vertices)} vertices; they do not "
            f"belong together."
        )
    return numbers


def _find_config(source: Path, named: Path | None) -> Path | None:
    if named is not None:
        return named
    places = (folder / name for folder in (source, source.resolve().parent) for name in CONFIGS)
    return next((path for path in places if path.is_file()), None)


_SECTION = re.compile(r"\[(?:scenes|views)\.([\w-]+)(?:\.default_views_configs)?\]")
_VIEWS = re.compile(r'"?(\d+)"?\s*=\s*\[([\d,\s]*)\]')


def _read_configs(path: Path | None) -> dict[str, dict[str, list[int]]]:
    """The views of each configuration of each scene. Of TOML just what these files hold: Python 3.10 has no parser."""
    if path is None:
        return {}
    with reading(path):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    scenes: dict[str, dict[str, list[int]]] = {}
    scene = ""
    for line in map(str.strip, lines):
        if match := _SECTION.fullmatch(line):
            scene = match[1]
        elif scene and (match := _VIEWS.match(line)):
            views = [int(view) for view in re.findall(r"\d+", match[2])]
            # Some configurations list a view twice.
            scenes.setdefault(scene, {})[match[1]] = list(dict.fromkeys(views))
    if not scenes:
        raise InputError(f"{path} has no views configurations; name the config.toml that belongs to H3DS.")
    return scenes
