"""Other formats: each a module whose ``read(source)`` yields the subjects it finds, in head space.

What a format has to be told stands in a frozen dataclass ``Settings`` of its module, and ``read`` takes one as the
keyword ``settings``. Other packages add formats through the entry point group ``headfield.importers``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

from headfield.capture import Subject
from headfield.errors import InputError

ENTRY_POINTS = "headfield.importers"


@dataclass(frozen=True)
class Importer:
    """A format: its name, the module that reads it, and what it is in one line."""

    name: str
    module: str
    summary: str

    @property
    def settings(self) -> type | None:
        """The dataclass of what the format has to be told, if anything."""
        return getattr(import_module(self.module), "Settings", None)

    def read(self, source: Path, settings: object = None) -> Iterator[Subject]:
        """The subjects in ``source``, one after the other."""
        read = import_module(self.module).read
        return read(source) if settings is None else read(source, settings=settings)


def _own(name: str, summary: str) -> Importer:
    return Importer(name, f"{__name__}.{name.replace('-', '_')}", summary)


OWN = (
    _own("nerfstudio", "A transforms.json with its pictures, as nerfstudio and Instant NGP have it."),
    _own("colmap", "A COLMAP model, text or binary, with its pictures."),
    _own("cameras-npz", "A cameras.npz with its image and mask folders, as IDR and NeuS have it."),
    _own("h3ds", "The H3DS data set: posed photos, masks and scans of heads."),
    _own("nphm", "The NPHM data set: scans and registrations of heads with expressions."),
    _own("mesh", "Meshes and point clouds: OBJ, PLY, GLB, STL."),
    Importer("video", "headfield.videos", "A video of one person, or a folder of its frames."),
)


def importers() -> dict[str, Importer]:
    """Every format that can be read, by name: headfield's own, then those of other packages."""
    known = {importer.name: importer for importer in OWN}
    for entry in entry_points(group=ENTRY_POINTS):
        package = entry.dist.name if entry.dist is not None else entry.module
        known.setdefault(entry.name, Importer(entry.name, entry.value, f"From the package {package}."))
    return known


def find_importer(name: str) -> Importer:
    """The importer of the format called ``name``; InputError that lists the known ones if there is none."""
    known = importers()
    if name not in known:
        raise InputError(f"there is no format {name!r}; the known ones are {', '.join(known)}.")
    return known[name]
