"""``headfield render``."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
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
from headfield.cli.devices import Device, chosen
from headfield.cli.progress import progress
from headfield.data import pictures
from headfield.data.films import check_film, write_film
from headfield.errors import InputError
from headfield.files import new_file
from headfield.head import MESH, Head
from headfield.mesh.files import FORMATS, read_mesh
from headfield.mesh.raycast import RayCaster
from headfield.render.mesh_view import render_mesh
from headfield.render.paths import CameraPath, cameras_along, cameras_around
from headfield.surface import Mesh

Side = Literal["front", "three-quarter", "side", "back"]
Layer = Literal["image", "normals", "depth", "mask"]
Video = Literal["mp4", "webp", "gif"]

AZIMUTHS: dict[Side, float] = {"front": 0.0, "three-quarter": 45.0, "side": 90.0, "back": 180.0}

WRITERS: dict[Layer, Callable] = {
    "image": pictures.write_image,
    "normals": pictures.write_normals,
    "depth": pictures.write_depth,
    "mask": pictures.write_mask,
}

LARGEST = 8192
SECONDS = 6.0
"""How long a film is."""
FILMS: dict[CameraPath, str] = {"orbit": "turntable", "spiral": "spiral", "dolly-zoom": "dolly-zoom"}
"""What the film of a path is called."""
IN_A_ROW = 8

Draw = Callable[[Camera], View]


def run(
    head: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="HEAD")],
    *,
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None,
    views: tuple[Side, ...] = get_args(Side),
    orbit: int | None = None,
    photos: bool = False,
    size: int = 512,
    what: tuple[Layer, ...] = ("image",),
    background: str = "white",
    sheet: bool = False,
    path: tuple[CameraPath, ...] = (),
    video: Video | None = None,
    frames: int = 90,
    draw: Literal["mesh", "field"] | None = None,
    smooth: bool = False,
    device: Device | None = None,
) -> None:
    """Take pictures of a head.

    Args:
        head: A saved head's folder, or a mesh (GLB, glTF, OBJ, PLY, STL) that stands upright and faces +z.
        output: The folder to write to, HEAD/pictures if nothing is said: NAME.png is an image, NAME-normals.png its
            normal map and so on.
        views: From where; three-quarter and side are from the subject's left.
        orbit: So many pictures once around the head instead.
        photos: Take pictures where the photos were taken that the head was made from, too.
        size: Width and height in pixels.
        what: Images, normal maps, depths (16-bit, 0.05 mm a step) or masks.
        background: A colour by its name or as '#rrggbb'.
        sheet: Put all pictures on one sheet, sheet.png, too.
        path: Make a film too: of one turn around the head (turntable), of a spiral in front of it, or of a dolly zoom,
            which comes closer while the head keeps its size. Films show the head's mesh.
        video: What a film is: mp4, webp (if nothing is said) or gif. Alone it asks for a turntable.
        frames: How many pictures a film has; it lasts 6 seconds.
        draw: Draw the head's mesh, with its texture if it has one, or its neural field, which takes many times as long;
            if nothing is said, the mesh where it has a texture.
        smooth: Smooth edges: four more rays a pixel for images and masks, and five times the time.
        device: Where the work is done; otherwise on the GPU if there is one.
    """
    output = output or (head if head.is_dir() else head.parent / head.stem) / "pictures"
    films = {film: output / f"{FILMS[film]}.{video or 'webp'}" for film in path or (("orbit",) if video else ())}
    _check(views, orbit, size, what, len(films), frames)
    for file in films.values():
        check_film(file)
    colour = _colour(background)
    subject = _Subject.read(head, colour, device=device)
    drawing = subject.draw_field if subject.is_field(draw) else subject.draw_mesh
    shots = _orbit(subject.mesh, orbit, size) if orbit else _sides(subject.mesh, views, size)
    if photos:
        shots |= subject.photos(head)
    written: list[Path] = []
    with progress() as bar:
        task = bar.add_task("Taking pictures", total=len(shots) + len(films) * frames)

        def taken(cameras: Iterable[Camera], draw: Draw) -> Iterator[View]:
            for camera in cameras:
                yield _smoothly(draw)(camera) if smooth else draw(camera)
                bar.advance(task)

        kept = []
        for name, view in zip(shots, taken(shots.values(), drawing), strict=True):
            written += _write_layers(view, output, name, what)
            kept.append(view)
        if sheet and kept:
            written.append(_write_sheet(kept, output / "sheet.png", what, colour, size))
        for film, file in films.items():
            along = taken(cameras_along(film, subject.mesh, frames, size), subject.draw_mesh)
            write_film((view.image for view in along), file, seconds=SECONDS)
            written.append(file)
    mesh = head / MESH if head.is_dir() else head
    print(f"Wrote {output} (files: {len(written)}).\nNext: headfield measure {mesh} TRUTH.ply, if the truth is known")


@dataclass(frozen=True, eq=False)
class _Subject:
    """What pictures are taken of."""

    mesh: Mesh
    head: Head | None
    background: tuple[float, float, float]

    @staticmethod
    def read(path: Path, background: tuple[float, float, float], *, device: Device | None) -> _Subject:
        """A saved head, or a mesh."""
        is_mesh = path.suffix.lower() in FORMATS and not path.is_dir()
        head = None if is_mesh else Head.load(path, device=chosen(device))
        return _Subject(head.shown if head else read_mesh(path), head, background)

    def is_field(self, wanted: Literal["mesh", "field"] | None) -> bool:
        """Whether the field is drawn: where nothing is said, unless there is something better to look at."""
        if wanted == "field" and self.head is None:
            raise InputError(
                "a mesh has no field that could be drawn; name a saved head's folder, or leave --draw out."
            )
        return wanted == "field" or (wanted is None and self.head is not None and self.head.light is None)

    def draw_field(self, camera: Camera) -> View:
        assert self.head is not None
        return self.head.render(camera, background=self.background)

    def draw_mesh(self, camera: Camera) -> View:
        return render_mesh(self._caster, camera, background=self.background)

    @cached_property
    def _caster(self) -> RayCaster:
        return RayCaster(self.mesh)

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


def _check(views: Sequence[Side], orbit: int | None, size: int, what: Sequence[Layer], films: int, frames: int) -> None:
    if not 1 <= size <= LARGEST:
        raise InputError(f"pictures of {size} pixels a side cannot be taken; ask for 1 to {LARGEST}.")
    if orbit is not None and orbit < 1:
        raise InputError(f"an orbit of {orbit} pictures is none; ask for one or more.")
    if frames < 1:
        raise InputError(f"a film of {frames} pictures is none; ask for one or more.")
    if not what or not (views or orbit or films):
        raise InputError("there is nothing to be drawn; name one or more of --views and of --what, or a --path.")


def _colour(name: str) -> tuple[float, float, float]:
    try:
        red, green, blue = ImageColor.getrgb(name)[:3]
    except ValueError:
        raise InputError(f"{name!r} is no colour; name one as white, black or grey, or as '#rrggbb'.") from None
    return red / 255, green / 255, blue / 255


def _sides(mesh: Mesh, sides: Sequence[Side], size: int) -> dict[str, Camera]:
    azimuths = torch.tensor([AZIMUTHS[side] for side in sides], dtype=torch.float64)
    return dict(
        zip(sides, cameras_around(mesh, rigs.on_sphere(azimuths, torch.zeros_like(azimuths)), size), strict=True)
    )


def _orbit(mesh: Mesh, n: int, size: int) -> dict[str, Camera]:
    names = (f"orbit-{i:03d}" for i in range(n))
    return dict(zip(names, cameras_around(mesh, rigs.orbit(n), size), strict=True))


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
