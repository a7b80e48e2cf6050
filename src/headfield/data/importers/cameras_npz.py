"""``cameras.npz`` or ``cameras_sphere.npz`` as IDR and NeuS write it, beside the folders ``image`` and ``mask``.

For picture i, ``world_mat_i`` projects the world to pixels (P = K [R t]), and ``scale_mat_i`` takes the unit sphere,
in which those methods work, to the object in the world. Pixel centres are at whole numbers there, half a pixel from
here.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float64

from headfield.cameras import Camera
from headfield.capture import Subject
from headfield.data.importers.shots import DEFAULTS, Settings, Shot, pictures_in, plain_name, shot, subject, view_names
from headfield.data.pictures import picture_size
from headfield.data.placement import Placement, by_cameras, by_sphere
from headfield.errors import InputError, reading
from headfield.transforms import Similarity
from headfield.units import head_units_per

FILES = ("cameras.npz", "cameras_sphere.npz", "cameras_large.npz")
IMAGE_FOLDERS = ("image", "images", "rgb")
MASK_FOLDERS = ("mask", "masks")

SKEW = 1e-3
"""How far from square pixels' axes may be, in focal lengths, before the camera is no pinhole for us."""


def read(source: Path, *, settings: Settings = DEFAULTS) -> Iterator[Subject]:
    """Read one subject from the folder that holds ``cameras.npz``, or from that file."""
    path = _find(source)
    folder = path.parent
    shots, sphere = read_shots(path)
    scale = None if settings.unit is None else head_units_per(settings.unit)

    def otherwise(cameras: Sequence[Camera]) -> Placement:
        if sphere is None:
            return by_cameras(cameras, scale=scale, what=f"{folder}")
        return by_sphere(cameras, sphere.translation.numpy(), float(sphere.scale), scale=scale)

    yield subject(
        plain_name(folder.resolve().name),
        shots,
        folder,
        unit=settings.unit,
        otherwise=otherwise,
        facts={"source": "cameras-npz"},
    )


def read_shots(path: Path) -> tuple[list[Shot], Similarity | None]:
    """The shots of a ``cameras.npz``, and what takes the unit sphere to the object in their world, if it says so."""
    matrices = _read_matrices(path)
    images = _pictures(path.parent, IMAGE_FOLDERS)
    if not images:
        raise InputError(
            f"{path.parent} has no pictures in {IMAGE_FOLDERS[0]}; put them there, named by their numbers."
        )
    by_number, masks = _numbered(images), _numbered(_pictures(path.parent, MASK_FOLDERS))
    numbers = sorted(int(key[10:]) for key in matrices if re.fullmatch(r"world_mat_\d+", key))
    if not numbers:
        raise InputError(f"{path} has no world_mat_0; it is not a cameras.npz of IDR or NeuS.")
    # Pictures with gaps in their numbers stand in the order of the cameras.
    if not set(numbers) <= set(by_number) and len(images) == len(numbers):
        kept = sorted(by_number)
        by_number = {i: by_number[key] for i, key in zip(numbers, kept, strict=True)}
        masks = {i: masks[key] for i, key in zip(numbers, kept, strict=True) if key in masks}
    for i in numbers:
        if i not in by_number:
            raise InputError(
                f"{path} has a camera {i} but {images[0].parent} has no picture {i}; add it, e.g. {i:03}.png."
            )
    names = view_names([by_number[i].name for i in numbers], images[0].parent)
    shots = [
        _shot(n, matrices[f"world_mat_{i}"], by_number[i], masks, i, path) for n, i in zip(names, numbers, strict=True)
    ]
    return shots, _sphere(matrices, path)


def decompose(
    projection: Float64[np.ndarray, "3 4"], what: str
) -> tuple[Float64[np.ndarray, "3 3"], Float64[np.ndarray, "3 3"], Float64[np.ndarray, "3"]]:
    """K, R and t of P = λ K [R t]: K upper triangular with a positive diagonal that ends with 1, R a proper rotation.

    InputError that names ``what`` if P is no projection of a camera at a finite place.
    """
    if not np.isfinite(projection).all() or np.linalg.matrix_rank(projection[:, :3]) < 3:
        raise InputError(f"the projection of {what} is that of no camera: its left part has no inverse.")
    # P, 5 P and -P are the same projection; with only one sign it has a proper rotation.
    projection = projection / np.abs(projection[:, :3]).max()
    projection = projection * np.sign(np.linalg.det(projection[:, :3]))
    intrinsics, rotation = _rq(projection[:, :3])
    translation = np.linalg.solve(intrinsics, projection[:, 3])
    return intrinsics / intrinsics[2, 2], rotation, translation


def _rq(matrix: Float64[np.ndarray, "3 3"]) -> tuple[Float64[np.ndarray, "3 3"], Float64[np.ndarray, "3 3"]]:
    """An upper triangular matrix with positive diagonal, and an orthogonal one, whose product is ``matrix``."""
    # The QR decomposition of the matrix turned over, turned back.
    q, r = np.linalg.qr(matrix[::-1].T)
    upper, orthogonal = r.T[::-1, ::-1], q.T[::-1]
    signs = np.sign(np.diag(upper))
    return upper * signs, orthogonal * signs[:, None]


def _shot(
    name: str, projection: Float64[np.ndarray, "4 4"], image: Path, masks: Mapping[int, Path], number: int, path: Path
) -> Shot:
    what = f"{path}, world_mat_{number}"
    intrinsics, rotation, translation = decompose(projection[:3], what)
    if abs(intrinsics[0, 1]) > SKEW * intrinsics[0, 0]:
        raise InputError(
            f"{what} has a skew of {intrinsics[0, 1]:.3g} pixels; undistort the pictures to square axes first."
        )
    width, height = picture_size(image, upright=False)
    camera = Camera(
        rotation=torch.from_numpy(rotation),
        translation=torch.from_numpy(translation),
        focal=torch.from_numpy(np.diag(intrinsics)[:2].copy()),
        principal=torch.from_numpy(intrinsics[:2, 2] + 0.5),
        width=width,
        height=height,
    )
    return shot(name, camera, image, what=what, mask=masks.get(number))


def _find(source: Path) -> Path:
    if source.is_file() or source.suffix == ".npz":
        return source
    for name in FILES:
        if (source / name).is_file():
            return source / name
    raise InputError(f"{source} has none of {', '.join(FILES)}; name the folder that has one, or the file.")


def _read_matrices(path: Path) -> dict[str, Float64[np.ndarray, "4 4"]]:
    with reading(path):
        try:
            with np.load(path, allow_pickle=False) as content:
                matrices = {key: content[key] for key in content.files if re.fullmatch(r"(world|scale)_mat_\d+", key)}
        except (ValueError, EOFError, zipfile.BadZipFile, zlib.error, AttributeError, TypeError, RuntimeError):
            raise InputError(f"{path} is not an NPZ file of numbers, or it was cut off; copy it again.") from None
    for key, matrix in matrices.items():
        if matrix.shape not in ((4, 4), (3, 4)) or matrix.dtype.kind not in "fiu":
            raise InputError(f"{key} of {path} has the shape {matrix.shape}; it must be 4 x 4 numbers.")
    return {key: np.vstack([m, np.eye(4)[m.shape[0] :]]).astype(np.float64) for key, m in matrices.items()}


def _sphere(matrices: Mapping[str, Float64[np.ndarray, "4 4"]], path: Path) -> Similarity | None:
    spheres = [(key, matrix) for key, matrix in matrices.items() if key.startswith("scale_mat_")]
    if not spheres:
        return None
    key, first = spheres[0]
    other = next((key for key, matrix in spheres if not np.allclose(matrix, first, rtol=1e-4, atol=1e-6)), None)
    if other is not None:
        raise InputError(
            f"{path} has different {key} and {other}; one object has one sphere, so write one capture a file."
        )
    return Similarity.from_matrix(torch.from_numpy(first), f"{key} of {path}")


def _pictures(folder: Path, places: Sequence[str]) -> list[Path]:
    return next((found for place in places if (found := pictures_in(folder / place))), [])


def _numbered(pictures: Sequence[Path]) -> dict[int, Path]:
    """Pictures by the last number in their names: 000.png, img_0000.jpg, rect_001_max.png; else by their order."""
    numbers = [re.findall(r"\d+", path.stem) for path in pictures]
    if not all(numbers) or len({int(n[-1]) for n in numbers}) != len(pictures):
        return dict(enumerate(pictures))
    return {int(n[-1]): path for n, path in zip(numbers, pictures, strict=True)}
