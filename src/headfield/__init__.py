"""headfield: from a few portrait photos to a full textured 3D head.

The names below are the public API. They are imported when first used, so that ``import headfield`` stays fast.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headfield.cameras import Camera
    from headfield.capture import Capture, Landmarks, Scan, Subject, View
    from headfield.errors import InputError
    from headfield.head import Head, load
    from headfield.reconstruction import reconstruct
    from headfield.surface import Mesh
    from headfield.transforms import Similarity

__version__ = version("headfield")

_HOME = {
    "Camera": "headfield.cameras",
    "Capture": "headfield.capture",
    "Head": "headfield.head",
    "InputError": "headfield.errors",
    "Landmarks": "headfield.capture",
    "Mesh": "headfield.surface",
    "Scan": "headfield.capture",
    "Similarity": "headfield.transforms",
    "Subject": "headfield.capture",
    "View": "headfield.capture",
    "load": "headfield.head",
    "reconstruct": "headfield.reconstruction",
}

__all__ = [
    "Camera",
    "Capture",
    "Head",
    "InputError",
    "Landmarks",
    "Mesh",
    "Scan",
    "Similarity",
    "Subject",
    "View",
    "__version__",
    "load",
    "reconstruct",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'headfield' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return __all__
