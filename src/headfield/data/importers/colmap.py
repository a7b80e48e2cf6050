"""COLMAP's sparse models, text or binary, beside the pictures they were made from.

Found in the usual layouts: the model in the folder itself, ``sparse/0``, ``sparse`` or ``colmap/sparse/0``, the
pictures in ``images``, masks in ``masks`` as ``IMAGE.png`` or ``IMAGE.jpg.png``. Cameras already stand world to
camera with OpenCV's axes and the corner of the picture at (0, 0). The world is arbitrary in place, turn and size.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from headfield.cameras import Camera
from headfield.capture import Subject
from headfield.data.importers.shots import (
    DEFAULTS,
    Settings,
    Shot,
    picture_beside,
    plain_name,
    shot,
    subject,
    view_names,
)
from headfield.data.layout import inside
from headfield.data.undistort import Lens
from headfield.errors import InputError, reading
from headfield.transforms import ORTHONORMAL_TOLERANCE


@dataclass(frozen=True)
class Model:
    """A camera model: its number in binary files, its count of parameters, and how they make a pinhole and a lens."""

    number: int
    parameters: int
    pinhole: tuple[int, int, int, int]
    lens: Callable[[Sequence[float]], Lens]


# The parameters are f or fx fy, then cx cy, then those of the lens.
_ONE_FOCAL, _TWO_FOCALS = (0, 0, 1, 2), (0, 1, 2, 3)

MODELS = {
    "SIMPLE_PINHOLE": Model(0, 3, _ONE_FOCAL, lambda p: Lens()),
    "PINHOLE": Model(1, 4, _TWO_FOCALS, lambda p: Lens()),
    "SIMPLE_RADIAL": Model(2, 4, _ONE_FOCAL, lambda p: Lens((p[3],))),
    "RADIAL": Model(3, 5, _ONE_FOCAL, lambda p: Lens((p[3], p[4]))),
    "OPENCV": Model(4, 8, _TWO_FOCALS, lambda p: Lens((p[4], p[5]), (p[6], p[7]))),
    "FULL_OPENCV": Model(6, 12, _TWO_FOCALS, lambda p: Lens((p[4], p[5], p[8]), (p[6], p[7]), (p[9], p[10], p[11]))),
}
"""The perspective models; k₁ k₂ p₁ p₂ k₃ k₄ k₅ k₆ is the order of the fullest."""

OTHERS = {5: "OPENCV_FISHEYE", 7: "FOV", 8: "SIMPLE_RADIAL_FISHEYE", 9: "RADIAL_FISHEYE", 10: "THIN_PRISM_FISHEYE"}
"""Models that are no pinhole with a lens, by their numbers in binary files."""


@dataclass(frozen=True)
class Intrinsics:
    """What ``cameras`` says of one camera."""

    model: str
    width: int
    height: int
    parameters: tuple[float, ...]


@dataclass(frozen=True)
class Pose:
    """What ``images`` says of one picture: world to camera as a quaternion (w, x, y, z) and a translation."""

    name: str
    camera: int
    quaternion: tuple[float, ...]
    translation: tuple[float, ...]


def read(source: Path, *, settings: Settings = DEFAULTS) -> Iterator[Subject]:
    """Read one subject from a COLMAP project."""
    folder, model = _find(source)
    intrinsics, poses, cameras_file, images_file = _read_model(model)
    poses = sorted(poses, key=lambda pose: pose.name)
    names = view_names([pose.name for pose in poses], images_file)
    shots = []
    for name, pose in zip(names, poses, strict=True):
        if pose.camera not in intrinsics:
            raise InputError(
                f"{images_file} has {pose.name} by camera {pose.camera}, which {cameras_file} does not list."
            )
        shots.append(_shot(name, pose, intrinsics[pose.camera], folder, images_file))
    yield subject(plain_name(folder.resolve().name), shots, folder, unit=settings.unit, facts={"source": "colmap"})


def placed_pictures(model: Path) -> list[str]:
    """The file names of the pictures whose poses a model knows."""
    return [pose.name for pose in _read_model(model)[1]]


def _find(source: Path) -> tuple[Path, Path]:
    """The folder of the project and that of the model in it."""
    if not source.is_dir():
        raise InputError(f"{source} is not a folder; name the folder with the pictures and the sparse model.")
    for place in ("sparse/0", "sparse", "colmap/sparse/0", "."):
        if any((source / place / f"cameras{suffix}").is_file() for suffix in (".bin", ".txt")):
            return source, source / place
    raise InputError(f"{source} has no sparse model: no cameras.bin or cameras.txt in it, in sparse or in sparse/0.")


def _read_model(model: Path) -> tuple[dict[int, Intrinsics], list[Pose], Path, Path]:
    """The cameras and poses, and the files they come from; binary before text, as COLMAP does."""
    suffix = ".bin" if (model / "cameras.bin").is_file() else ".txt"
    cameras, images = model / f"cameras{suffix}", model / f"images{suffix}"
    if suffix == ".bin":
        return _binary_cameras(cameras), _binary_images(images), cameras, images
    return _text_cameras(cameras), _text_images(images), cameras, images


def _shot(name: str, pose: Pose, intrinsics: Intrinsics, folder: Path, images_file: Path) -> Shot:
    what = f"{images_file}, image {pose.name}"
    model = MODELS[intrinsics.model]
    fx, fy, cx, cy = (intrinsics.parameters[i] for i in model.pinhole)
    camera = Camera(
        rotation=_rotation(pose.quaternion, what),
        translation=torch.tensor(pose.translation, dtype=torch.float64),
        focal=torch.tensor([fx, fy], dtype=torch.float64),
        principal=torch.tensor([cx, cy], dtype=torch.float64),
        width=intrinsics.width,
        height=intrinsics.height,
    )
    images = folder / "images" if (folder / "images").is_dir() else folder
    image = inside(images, pose.name, images_file)
    lens = model.lens(intrinsics.parameters)
    return shot(name, camera, image, what=what, mask=_mask(folder / "masks", pose.name), lens=lens)


def _model(name: str, path: Path) -> Model:
    if name not in MODELS:
        raise InputError(
            f"{path} has a camera of the model {name}; undistort the pictures first (colmap image_undistorter), or "
            f"take one of {', '.join(MODELS)}."
        )
    return MODELS[name]


def _mask(masks: Path, name: str) -> Path | None:
    """``masks/a.jpg.png`` is COLMAP's way; ``masks/a.png`` everyone's."""
    if not masks.is_dir():
        return None
    full = masks / name
    return picture_beside(full) or picture_beside(full.with_suffix("")) or (full if full.is_file() else None)


def _rotation(quaternion: Sequence[float], what: str) -> torch.Tensor:
    q = torch.tensor(quaternion, dtype=torch.float64)
    if not (q.norm() - 1).abs() < ORTHONORMAL_TOLERANCE:
        raise InputError(f"the rotation of {what} is none: its quaternion has the length {q.norm():g} instead of 1.")
    w, x, y, z = (q / q.norm()).tolist()
    return torch.tensor(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ],
        dtype=torch.float64,
    )


def _text_lines(path: Path) -> list[tuple[int, str]]:
    """The lines of a text file with their numbers, without comments."""
    with reading(path):
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise InputError(f"{path} is not a text file; export the model again.") from None
    lines = enumerate(text.splitlines(), start=1)
    return [(number, line) for number, line in lines if not line.lstrip().startswith("#")]


def _text_cameras(path: Path) -> dict[int, Intrinsics]:
    cameras = {}
    for number, line in _text_lines(path):
        words = line.split()
        if not words:
            continue
        try:
            key, model, width, height = int(words[0]), words[1], int(words[2]), int(words[3])
            parameters = tuple(map(float, words[4:]))
        except (ValueError, IndexError):
            raise _broken_line(path, number) from None
        if len(parameters) != _model(model, path).parameters:
            raise _broken_line(path, number)
        cameras[key] = Intrinsics(model, width, height, parameters)
    return cameras


def _text_images(path: Path) -> list[Pose]:
    """Two lines a picture: the pose, and the points seen in it, which may be none (an empty line)."""
    poses = []
    lines = iter(_text_lines(path))
    for number, line in lines:
        words = line.split(maxsplit=9)
        if not words:
            continue
        try:
            values = tuple(map(float, words[1:8]))
            poses.append(Pose(words[9].strip(), int(words[8]), values[:4], values[4:]))
        except (ValueError, IndexError):
            raise _broken_line(path, number) from None
        next(lines, None)
    return poses


def _broken_line(path: Path, number: int) -> InputError:
    return InputError(f"{path}, line {number} is not what COLMAP writes, or it was cut off; export the model again.")


class _Bytes:
    """A binary file, taken from the front; InputError where it ends too early."""

    def __init__(self, path: Path):
        self.path, self.at = path, 0
        with reading(path):
            self.content = path.read_bytes()

    def take(self, layout: str) -> tuple:
        """The next values in the layout of :mod:`struct`, little endian."""
        size = struct.calcsize("<" + layout)
        self._need(size)
        values = struct.unpack_from("<" + layout, self.content, self.at)
        self.at += size
        return values

    def skip(self, size: int) -> None:
        """Leave out ``size`` bytes, which must be there."""
        self._need(size)
        self.at += size

    def text(self) -> str:
        """The next text, which ends with a zero byte."""
        end = self.content.find(b"\0", self.at)
        self._need(end + 1 - self.at if end >= 0 else len(self.content))
        name = self.content[self.at : end].decode("utf-8", errors="replace")
        self.at = end + 1
        return name

    def _need(self, size: int) -> None:
        if self.at + size > len(self.content) or not self.content:
            raise InputError(f"{self.path} is not what COLMAP writes, or it was cut off; export the model again.")


def _binary_cameras(path: Path) -> dict[int, Intrinsics]:
    file = _Bytes(path)
    names: Mapping[int, str] = {model.number: name for name, model in MODELS.items()} | OTHERS
    cameras = {}
    for _ in range(*file.take("Q")):
        key, number, width, height = file.take("IiQQ")
        name = names.get(number, f"number {number}")
        cameras[key] = Intrinsics(name, width, height, file.take(f"{_model(name, path).parameters}d"))
    return cameras


def _binary_images(path: Path) -> list[Pose]:
    file = _Bytes(path)
    poses = []
    for _ in range(*file.take("Q")):
        _, *values, camera = file.take("I7dI")
        poses.append(Pose(file.text(), camera, tuple(values[:4]), tuple(values[4:])))
        (seen,) = file.take("Q")
        file.skip(seen * struct.calcsize("<ddQ"))
    return poses
