"""``headfield morph``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
import tyro
from jaxtyping import UInt8

from headfield import rigs
from headfield.cameras import Camera
from headfield.cli.devices import Device, checked
from headfield.cli.progress import progress
from headfield.data.films import check_film, write_film
from headfield.data.pictures import write_image
from headfield.errors import InputError
from headfield.files import new_folder
from headfield.head import Head, between
from headfield.mesh.files import write_mesh
from headfield.mesh.raycast import RayCaster
from headfield.render.mesh_view import render_mesh
from headfield.render.paths import cameras_around
from headfield.surface import Mesh

What = Literal["both", "shape", "look"]
"""What changes on the way: shape and appearance, or one of them while the other stays the first head's."""

STRIP, FILM = "strip.png", "morph"
AZIMUTH = 25.0
"""From how far to the side heads are shown, in degrees."""
SECONDS = 4.0
"""How long the film is."""


@dataclass(frozen=True, eq=False)
class _Way:
    """From one head to another."""

    first: Head
    second: Head
    what: What

    def mesh(self, share: float, resolution: int) -> Mesh:
        """The head so far on the way, as a mesh."""
        shape, look = (share if self.what in ("both", it) else 0.0 for it in ("shape", "look"))
        return between(self.first, self.second, shape=shape, look=look, resolution=resolution).mesh


def run(
    first: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="A")],
    second: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="B")],
    *,
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    what: tuple[What, ...] = ("both",),
    steps: int = 5,
    resolution: int = 192,
    size: int = 384,
    frames: int = 24,
    video: Literal["mp4", "webp", "gif", "none"] = "webp",
    device: Device = "cpu",
) -> None:
    """Make the heads between two heads that were made with one prior by the method sira.

    Args:
        first: A saved head's folder.
        second: Another one.
        output: A folder for the pictures (strip.png), a GLB of each head, and the film.
        what: What changes on the way: shape and appearance, or one of them; a row of pictures each.
        steps: How many heads there are on the way, the first and the second among them.
        resolution: Cells a side of the meshes.
        size: Width and height of a picture in pixels.
        frames: How many different heads the film shows, there and back.
        video: What the film is.
        device: Where the work is done.
    """
    film = None if video == "none" else f"{FILM}.{video}"
    _check(output, steps=steps, resolution=resolution, size=size, frames=frames, what=what)
    if film is not None:
        check_film(output / film)
    one, other = (Head.load(path, device=checked(device)) for path in (first, second))
    camera = _camera(one.mesh, size)
    with progress() as bar, new_folder(output) as folder:
        task = bar.add_task("Between heads", total=len(what) * steps + (frames if film else 0))

        def shown(mesh: Mesh) -> UInt8[np.ndarray, "p p 3"]:
            bar.advance(task)
            return render_mesh(RayCaster(mesh), camera).image

        rows = []
        for kind in what:
            meshes = list(_meshes(_Way(one, other, kind), steps, resolution))
            for number, mesh in enumerate(meshes):
                write_mesh(mesh, folder / f"{kind}-{number}.glb")
            rows.append(np.concatenate([shown(mesh) for mesh in meshes], axis=1))
        write_image(folder / STRIP, np.concatenate(rows))
        if film is not None:
            there = [shown(mesh) for mesh in _meshes(_Way(one, other, what[0]), frames, resolution)]
            write_film([*there, *there[-2:0:-1]], folder / film, seconds=SECONDS)
    print(f"Wrote {output} (heads: {len(what) * steps}).")
    print(f"Next: headfield render {output / f'{what[0]}-0.glb'} -o pictures")


def _meshes(way: _Way, count: int, resolution: int) -> Iterator[Mesh]:
    """So many heads on the way, both ends among them."""
    for number in range(count):
        yield way.mesh(number / (count - 1), resolution)


def _camera(mesh: Mesh, size: int) -> Camera:
    """One place to look from at all heads."""
    angle = torch.tensor([AZIMUTH]).double()
    return cameras_around(mesh, rigs.on_sphere(angle, torch.zeros_like(angle)), size)[0]


def _check(output: Path, *, steps: int, resolution: int, size: int, frames: int, what: tuple[What, ...]) -> None:
    if steps < 2 or frames < 2:
        raise InputError("a way has two ends; ask for --steps and --frames of 2 or more.")
    if not 16 <= resolution <= 512:
        raise InputError(f"a mesh of {resolution} cells a side is not made; choose 16 to 512.")
    if not 16 <= size <= 2048:
        raise InputError(f"pictures of {size} pixels a side are not made; choose 16 to 2048.")
    if not what or len(set(what)) < len(what):
        raise InputError("--what names what changes on the way, each once; leave it out for both.")
    if output.exists() and not (output / STRIP).is_file() and not (output.is_dir() and not any(output.iterdir())):
        raise InputError(f"{output} is there already and holds no heads of this command; choose another place.")
