"""What the importers of posed pictures share: where the pictures of a view lie, and how they become a view."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from jaxtyping import Float32, Shaped

from headfield.cameras import Camera
from headfield.capture import Capture, Landmarks, LazyViews, Subject, View
from headfield.data.layout import inside
from headfield.data.marks import read_landmarks, read_view_landmarks
from headfield.data.pictures import picture_size, read_depth, read_foreign_mask, read_image_and_alpha
from headfield.data.placement import Placement, by_cameras, by_landmarks, triangulate
from headfield.data.undistort import Lens, Straightening
from headfield.errors import InputError, reading
from headfield.files import read_json
from headfield.transforms import Similarity
from headfield.units import MILLIMETRES_PER_UNIT, Unit, head_units_per


@dataclass(frozen=True)
class Settings:
    """What posed pictures do not say themselves."""

    unit: Unit | None = None
    """The length of one unit of the world, if known: the head then keeps its true size."""


DEFAULTS = Settings()

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".PNG", ".JPG", ".JPEG")


@dataclass(frozen=True, eq=False)
class Shot:
    """One view that lies on disk: its files, and its camera in the world of the source.

    ``camera`` has the size of the picture file, and a ``lens`` before it. One step of the depth picture is
    ``depth_step`` of the source's units. ``landmarks`` are in pixels of the picture file.
    """

    name: str
    camera: Camera
    image: Path
    mask: Path | None = None
    depth: Path | None = None
    depth_step: float = 1.0
    lens: Lens = field(default_factory=Lens)
    landmarks: Landmarks | None = None

    def pinhole(self) -> Shot:
        """The camera and landmarks as they are once the lens is taken out."""
        if self.lens.is_straight:
            return self
        straightening = self._straightening()
        marks = self.landmarks
        if marks is not None:
            points = straightening.points(marks.points.astype(np.float64))
            seen = np.isfinite(points).all(axis=1)
            marks = replace(marks, points=np.where(seen[:, None], points, 0.0), visible=marks.visible & seen)
        return replace(self, camera=straightening.straight, lens=Lens(), landmarks=marks)

    def read(self, to_head: Similarity) -> View:
        """Read the pictures, straight, with the camera in head space."""
        image, alpha = read_image_and_alpha(self.image, upright=False)
        mask = alpha if self.mask is None else read_foreign_mask(self.mask, upright=False)
        depth = None if self.depth is None else self._read_depth(float(to_head.scale))
        if not self.lens.is_straight:
            straightening = self._straightening()
            image = straightening.picture(image)
            mask = None if mask is None else straightening.picture(mask)
            depth = None if depth is None else straightening.picture(depth, smooth=False)
        straight = self.pinhole()
        camera = straight.camera.transformed(to_head)
        return View(self.name, camera, image, mask, None, depth, straight.landmarks)

    def _straightening(self) -> Straightening:
        return Straightening.of(self.camera, self.lens, f"the camera of view {self.name} ({self.image})")

    def _read_depth(self, scale: float) -> Float32[np.ndarray, "h w"]:
        assert self.depth is not None
        if self.depth.suffix.lower() == ".npy":
            return (read_array(self.depth).astype(np.float64) * (self.depth_step * scale)).astype(np.float32)
        return read_depth(self.depth, self.depth_step * scale * MILLIMETRES_PER_UNIT)


@dataclass(frozen=True, eq=False)
class _ViewReader:
    """Reads the views of shots; a plain object, so that it can go to other processes."""

    shots: Sequence[Shot]
    to_head: Similarity

    def __call__(self, index: int) -> View:
        return self.shots[index].read(self.to_head)


def shot(
    name: str,
    camera: Camera,
    image: Path,
    *,
    what: str,
    mask: Path | None = None,
    depth: Path | None = None,
    depth_step: float = 1.0,
    lens: Lens | None = None,
) -> Shot:
    """A shot whose files are there and fit together; InputError that names ``what`` is wrong with which.

    Where the picture has another size than the camera states but the same shape, as in folders of smaller copies,
    the camera follows the picture.
    """
    size = picture_size(image, upright=False)
    camera = fitted(camera.checked(f"the camera of {what}"), size, f"{image}")
    for layer, path in (("mask", mask), ("depth", depth)):
        if path is None:
            continue
        found = read_array(path).shape[1::-1] if path.suffix.lower() == ".npy" else picture_size(path, upright=False)
        if found != size:
            raise InputError(
                f"{path} is {found[0]} x {found[1]} pixels but its image {image} is {size[0]} x {size[1]}; the {layer} "
                f"must have the image's size."
            )
    return Shot(name, camera, image, mask, depth, depth_step, lens or Lens())


def fitted(camera: Camera, size: tuple[int, int], what: str) -> Camera:
    """``camera`` for a picture of another ``size`` and the same shape; InputError if the shape is another."""
    width, height = size
    if (width, height) == (camera.width, camera.height):
        return camera
    # A copy of 1/n the size may have been rounded either way.
    if abs(width * camera.height - height * camera.width) > max(camera.width, camera.height):
        raise InputError(
            f"{what} is {width} x {height} pixels but its camera is for {camera.width} x {camera.height}; give it the "
            f"picture that was calibrated, or a smaller copy of the same shape."
        )
    return camera.resize(width, height)


def subject(
    name: str,
    shots: Sequence[Shot],
    folder: Path,
    *,
    unit: Unit | None = None,
    given: Placement | None = None,
    marks: Landmarks | None = None,
    otherwise: Callable[[Sequence[Camera]], Placement] | None = None,
    before: Similarity | None = None,
    facts: Mapping[str, object] | None = None,
) -> Subject:
    """A subject from shots, brought into head space.

    By the placement that is ``given``; else by ``marks``, landmarks in the world, or those that the ``landmarks.json``
    in ``folder`` has in the world or in the pictures; else ``otherwise``; else by what the cameras look at. ``unit``
    is the length of one unit of the world, if known: the head then keeps its true size. ``before`` took the data from
    where they came from into this world.
    """
    if not shots:
        raise InputError(f"{folder} has no views; a capture needs at least one.")
    scale = None if unit is None else head_units_per(unit)
    shots, marks_beside = _with_landmarks(shots, folder / "landmarks.json")
    straight = [shot.pinhole() for shot in shots]
    cameras = [shot.camera for shot in straight]
    marks = marks or marks_beside or _triangulated(straight, folder)
    if given is not None:
        placement = given
    elif marks is not None:
        placement = by_landmarks(marks, scale=scale, what=f"{folder}")
    elif otherwise is not None:
        placement = otherwise(cameras)
    else:
        placement = by_cameras(cameras, scale=scale, what=f"{folder}")
    to_head = placement.to_head
    # How far each has the origin before it: mirrored cameras have everything behind them.
    if np.median([float(camera.transformed(to_head).translation[2]) for camera in cameras]) <= 0:
        raise InputError(
            f"the cameras of {folder} look away from the head, whose place is known by its {placement.how}; they may "
            "be mirrored, so export them again."
        )
    return Subject(
        name=name,
        capture=Capture(LazyViews([shot.name for shot in shots], _ViewReader(shots, to_head))),
        landmarks=moved(marks, to_head),
        facts={**(facts or {}), "placement": placement.how, "true_size": scale is not None},
        to_head=to_head if before is None else to_head @ before,
    )


def moved(landmarks: Landmarks | None, similarity: Similarity) -> Landmarks | None:
    """Landmarks in space after a similarity transform."""
    if landmarks is None:
        return None
    points = torch.from_numpy(landmarks.points.astype(np.float64))
    return replace(landmarks, points=similarity.to(dtype=torch.float64).apply(points).numpy())


def picture_inside(folder: Path, relative: object, named_in: Path) -> Path:
    """The picture that ``named_in`` calls ``relative``, which may lack its suffix, inside ``folder``."""
    if isinstance(relative, str) and relative and not (folder / relative).is_file():
        found = picture_beside(folder / relative)
        if found is not None:
            return inside(folder, relative + found.suffix, named_in)
    return inside(folder, relative, named_in)


def picture_beside(path: Path) -> Path | None:
    """The picture called ``path`` and a suffix, if there is one."""
    if not path.name:
        return None
    return next((p for suffix in PICTURES if (p := path.with_name(path.name + suffix)).is_file()), None)


def pictures_in(folder: Path) -> list[Path]:
    """The pictures in a folder, sorted by name."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix in PICTURES and not path.name.startswith("."))


def view_names(files: Sequence[str], named_in: Path) -> list[str]:
    """Names that tell the views apart: the files' stems, or their whole paths where stems repeat."""
    if len(set(files)) != len(files):
        twice = next(file for i, file in enumerate(files) if file in files[:i])
        raise InputError(f"{named_in} lists {twice} twice; remove one of them.")
    paths = [PurePosixPath(file) for file in files]
    numbered = [f"{i:04}_{path.stem}" for i, path in enumerate(paths)]
    for candidates in ([path.stem for path in paths], [str(path.with_suffix("")) for path in paths], numbered):
        names = [plain_name(candidate) for candidate in candidates]
        if len({name.lower() for name in names}) == len(names):
            break
    return names


def plain_name(name: str) -> str:
    """``name`` with nothing in it that a file's name may not have."""
    return re.sub(r"^[^A-Za-z0-9_]+|[^A-Za-z0-9._-]+", "_", name)[:100] or "_"


def read_array(path: Path) -> Shaped[np.ndarray, "h w"]:
    """A picture of numbers from a ``.npy`` file."""
    pixels = read_numbers(path)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    if pixels.ndim != 2:
        raise InputError(f"{path} holds an array of shape {pixels.shape} where a picture of numbers was expected.")
    return pixels


def read_numbers(path: Path) -> Shaped[np.ndarray, "*n"]:
    """The numbers in a ``.npy`` file; they are not loaded before they are used."""
    with reading(path):
        try:
            values = np.load(path, mmap_mode="r", allow_pickle=False)
        except (ValueError, EOFError):
            values = None
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "fiu":
        raise InputError(f"{path} is not an array of numbers, or it was cut off; write it again.")
    return values


def _with_landmarks(shots: Sequence[Shot], path: Path) -> tuple[list[Shot], Landmarks | None]:
    """The shots with the pixels, and the points in space, that ``path`` holds; it may be missing."""
    if not path.exists():
        return list(shots), None
    if "views" not in read_json(path):
        return list(shots), read_landmarks(path)
    marks = read_view_landmarks(path)
    unknown = sorted(set(marks) - {key for shot in shots for key in (shot.name, shot.image.name)})
    if unknown:
        raise InputError(
            f"{path} has landmarks for view {unknown[0]}, which there is not; use the names of the pictures."
        )
    return [replace(shot, landmarks=marks.get(shot.name, marks.get(shot.image.name))) for shot in shots], None


def _triangulated(shots: Sequence[Shot], folder: Path) -> Landmarks | None:
    """Landmarks in space from those in at least two pictures; None if no two pictures share enough of them."""
    marked = [(shot.camera, shot.landmarks) for shot in shots if shot.landmarks is not None]
    if len(marked) < 2:
        return None
    marks = [landmarks for _, landmarks in marked]
    first = marks[0]
    if any((m.scheme, m.names) != (first.scheme, first.names) for m in marks):
        raise InputError(
            f"the landmarks of the views in {folder} are not the same points in the same order; mark the same in each."
        )
    points, found = triangulate(
        [camera for camera, _ in marked], np.stack([m.points for m in marks]), np.stack([m.visible for m in marks])
    )
    return replace(first, points=points, visible=found)
