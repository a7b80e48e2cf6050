"""``headfield render``."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal, get_args

import numpy as np
import torch
import tyro
from jaxtyping import UInt8
from PIL import Image, ImageColor, ImageOps

from headfield import rigs
from headfield.cameras import Camera
from headfield.capture import View
from headfield.cli.progress import progress
from headfield.data import pictures
from headfield.errors import InputError
from headfield.files import new_file
from headfield.head import MESH, Head
from headfield.mesh.files import FORMATS, read_mesh
from headfield.mesh.raycast import RayCaster
from headfield.render.mesh_view import render_mesh
from headfield.surface import Mesh

Side = Literal["front", "three-quarter", "side", "back"]
Layer = Literal["image", "normals", "depth", "mask"]
Video = Literal["webp", "gif"]

AZIMUTHS: dict[Side, float] = {"front": 0.0, "three-quarter": 45.0, "side": 90.0, "back": 180.0}

WRITERS: dict[Layer, Callable] = {
    "image": pictures.write_image,
    "normals": pictures.write_normals,
    "depth": pictures.write_depth,
    "mask": pictures.write_mask,
}

DISTANCE = 8.0
"""From where pictures are taken, in head units: 1.6 m, as portraits are."""
ROOM = 1.15
"""How much wider than the head a picture is."""
LARGEST = 8192
TURNTABLE, SECONDS = 48, 6.0
"""How many pictures a turntable has if nobody says, and how long one turn takes."""
IN_A_ROW = 8

Draw = Callable[[Camera], View]


def run(
    head: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="HEAD")],
    *,
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    views: tuple[Side, ...] = get_args(Side),
    orbit: int | None = None,
    photos: bool = False,
    size: int = 512,
    what: tuple[Layer, ...] = ("image",),
    background: str = "white",
    sheet: bool = False,
    video: Video | None = None,
    fast: bool = False,
    smooth: bool = False,
    device: Literal["cpu", "cuda"] | None = None,
) -> None:
    """Take pictures of a head.

    Args:
        head: A saved head's folder, or a mesh (GLB, glTF, OBJ, PLY, STL) that stands upright and faces +z.
        output: The folder to write to: NAME.png is an image, NAME-normals.png its normal map and so on.
        views: From where; three-quarter and side are from the subject's left.
        orbit: So many pictures once around the head instead.
        photos: Take pictures where the photos were taken that the head was made from, too.
        size: Width and height in pixels.
        what: Images, normal maps, depths (16-bit, 0.05 mm a step) or masks.
        background: A colour by its name or as '#rrggbb'.
        sheet: Put all pictures on one sheet, sheet.png, too.
        video: Make a film of one turn of the head too, turntable.webp or turntable.gif, of as many pictures as --orbit.
        fast: Draw the head's mesh with its vertex colours instead of its field, many times as fast.
        smooth: Smooth edges: four more rays a pixel for images and masks, and five times the time.
        device: Where the work is done; otherwise on the GPU if there is one.
    """
    _check(views, orbit, size, what)
    colour = _colour(background)
    subject = _Subject.read(head, colour, fast=fast, device=device)
    draw = _smoothly(subject.draw) if smooth else subject.draw
    shots = _orbit(subject.mesh, orbit, size) if orbit else _sides(subject.mesh, views, size)
    if photos:
        shots |= subject.photos(head)
    film = {} if video is None or orbit else _orbit(subject.mesh, TURNTABLE, size)
    written: list[Path] = []
    with progress() as bar:
        task = bar.add_task("Taking pictures", total=len(shots) + len(film))

        def taken(cameras: dict[str, Camera]) -> Iterator[View]:
            for camera in cameras.values():
                yield draw(camera)
                bar.advance(task)

        kept: dict[str, View] = {}
        for name, view in zip(shots, taken(shots), strict=True):
            written += _write_layers(view, output, name, what)
            kept[name] = view
        if sheet:
            written.append(_write_sheet(list(kept.values()), output / "sheet.png", what, colour, size))
        if video:
            frames = [view.image for view in (taken(film) if film else list(kept.values())[:orbit])]
            written.append(_write_film(frames, output / f"turntable.{video}"))
    mesh = head / MESH if head.is_dir() else head
    print(f"Wrote {output} (files: {len(written)}).\nNext: headfield measure {mesh} TRUTH.ply, if the truth is known")


@dataclass(frozen=True, eq=False)
class _Subject:
    """What pictures are taken of."""

    mesh: Mesh
    draw: Draw
    head: Head | None = None

    @staticmethod
    def read(path: Path, background: tuple[float, float, float], *, fast: bool, device: str | None) -> _Subject:
        """A saved head, or a mesh."""
        is_mesh = path.suffix.lower() in FORMATS and not path.is_dir()
        head = None if is_mesh else Head.load(path, device=_device(device))
        mesh = head.mesh if head else read_mesh(path)
        if head and not fast:
            return _Subject(mesh, lambda camera: head.render(camera, background=background), head)
        caster = RayCaster(mesh)
        return _Subject(mesh, lambda camera: render_mesh(caster, camera, background=background), head)

    def photos(self, path: Path) -> dict[str, Camera]:
        """The cameras the head was fitted to, by names that files can have."""
        if self.head is None or not self.head.cameras:
            raise InputError(f"{path} knows no cameras of photos; leave --photos out.")
        return {f"photo-{re.sub('[^A-Za-z0-9._-]', '_', name)}": camera for name, camera in self.head.cameras.items()}


def _smoothly(draw: Draw) -> Draw:
    """Images and masks by four rays a pixel. Normals and depths stay those of one, since a mean of them is none."""

    def halved(pixels: np.ndarray) -> np.ndarray:
        quarters = [pixels[i::2, j::2].astype(np.uint16) for i in (0, 1) for j in (0, 1)]
        return ((np.sum(quarters, axis=0) + 2) // 4).astype(np.uint8)

    def smooth(camera: Camera) -> View:
        fine = draw(camera.resize(2 * camera.width, 2 * camera.height))
        assert fine.mask is not None
        return replace(draw(camera), image=halved(fine.image), mask=halved(fine.mask))

    return smooth


def _check(views: Sequence[Side], orbit: int | None, size: int, what: Sequence[Layer]) -> None:
    if not 1 <= size <= LARGEST:
        raise InputError(f"pictures of {size} pixels a side cannot be taken; ask for 1 to {LARGEST}.")
    if orbit is not None and orbit < 1:
        raise InputError(f"an orbit of {orbit} pictures is none; ask for one or more.")
    if not what or not (views or orbit):
        raise InputError("there is nothing to be drawn; name one or more of --views and of --what.")


def _colour(name: str) -> tuple[float, float, float]:
    try:
        red, green, blue = ImageColor.getrgb(name)[:3]
    except ValueError:
        raise InputError(f"{name!r} is no colour; name one as white, black or grey, or as '#rrggbb'.") from None
    return red / 255, green / 255, blue / 255


def _device(wanted: str | None) -> str:
    if wanted == "cuda" and not torch.cuda.is_available():
        raise InputError("there is no GPU that PyTorch can use; leave --device out, or install PyTorch for CUDA.")
    return wanted or ("cuda" if torch.cuda.is_available() else "cpu")


def _sides(mesh: Mesh, sides: Sequence[Side], size: int) -> dict[str, Camera]:
    azimuths = torch.tensor([AZIMUTHS[side] for side in sides], dtype=torch.float64)
    return dict(zip(sides, _cameras(mesh, rigs.on_sphere(azimuths, torch.zeros_like(azimuths)), size), strict=True))


def _orbit(mesh: Mesh, n: int, size: int) -> dict[str, Camera]:
    names = (f"orbit-{i:03d}" for i in range(n))
    return dict(zip(names, _cameras(mesh, rigs.orbit(n), size), strict=True))


def _cameras(mesh: Mesh, directions: torch.Tensor, size: int) -> Camera:
    """Cameras that see all of the mesh from any side at the same scale."""
    low, high = mesh.bounds
    x, y, z = ((low + high) / 2).tolist()
    radius = np.hypot(mesh.vertices[:, 0] - x, mesh.vertices[:, 2] - z).max()
    extent = float(max(high[1] - low[1], 2 * radius)) or 1.0
    # For a mesh that is not in head space: as far away for its size as for a head, which is nearly two units high.
    distance = DISTANCE * max(extent / 2, 1)
    return rigs.around(directions, distance=distance, size=ROOM * extent, pixels=size, target=(x, y, z))


def _write_layers(view: View, folder: Path, name: str, what: Sequence[Layer]) -> list[Path]:
    paths = []
    for layer in what:
        path = folder / (f"{name}.png" if layer == "image" else f"{name}-{layer}.png")
        with new_file(path) as temporary:
            WRITERS[layer](temporary, getattr(view, layer))
        paths.append(path)
    return paths


def _write_sheet(
    views: Sequence[View], path: Path, what: Sequence[Layer], background: tuple[float, float, float], size: int
) -> Path:
    """All views in a row, or a few where there are many; below each row the same views' other layers."""
    columns = min(len(views), IN_A_ROW)
    paper = tuple(round(255 * share) for share in background)
    page = Image.new("RGB", (columns * size, math.ceil(len(views) / columns) * len(what) * size), paper)
    for i, view in enumerate(views):
        row, column = divmod(i, columns)
        for k, layer in enumerate(what):
            tile = ImageOps.pad(Image.fromarray(_shown(view, layer, paper)), (size, size), color=paper)
            page.paste(tile, (column * size, (row * len(what) + k) * size))
    with new_file(path) as temporary:
        pictures.write_image(temporary, np.asarray(page))
    return path


def _shown(view: View, layer: Layer, paper: tuple[int, ...]) -> UInt8[np.ndarray, "h w 3"]:
    """A layer as people like to see it."""
    assert view.mask is not None
    assert view.normals is not None
    assert view.depth is not None
    seen = view.mask[..., None] > 0
    if layer == "image":
        return view.image
    if layer == "normals":
        return np.where(seen, pictures.encode_normals(view.normals), np.array(paper, np.uint8))
    if layer == "mask":
        return np.repeat(view.mask[..., None], 3, axis=2)
    near, far = (view.depth[seen[..., 0]].min(), view.depth.max()) if seen.any() else (0.0, 1.0)
    grey = np.round(255 - 215 * (view.depth - near) / max(far - near, 1e-6)).clip(0, 255).astype(np.uint8)
    return np.where(seen, np.repeat(grey[..., None], 3, axis=2), np.array(paper, np.uint8))


def _write_film(frames: Sequence[UInt8[np.ndarray, "h w 3"]], path: Path) -> Path:
    first, *others = (Image.fromarray(frame) for frame in frames)
    with new_file(path) as temporary:
        duration = round(1000 * SECONDS / len(frames))
        first.save(temporary, save_all=True, append_images=others, duration=duration, loop=0, quality=85)
    return path
