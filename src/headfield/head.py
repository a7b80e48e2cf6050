"""Head: what a fit results in. It can be saved, loaded, rendered and taken to other programs."""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor, nn
from torch.nn.functional import normalize

from headfield import __version__
from headfield.cameras import Camera
from headfield.canonical import SHOULDERS
from headfield.capture import View
from headfield.data import layout
from headfield.errors import InputError
from headfield.fields import blending, weights
from headfield.fields.blending import are_related
from headfield.fields.deformed_field import DeformedField
from headfield.files import new_folder, write_json
from headfield.mesh.clean import largest_component, without_lumps
from headfield.mesh.extract import extract
from headfield.mesh.files import FORMATS, read_mesh, write_mesh
from headfield.mesh.grid import SignedDistance
from headfield.mesh.raycast import RayCaster
from headfield.mesh.seen import squareness
from headfield.render.pictures import render_view
from headfield.render.proxy import Proxy, ProxySettings
from headfield.render.queries import CHUNK, gradients, roughly
from headfield.surface import Mesh, unit
from headfield.transforms import Similarity
from headfield.units import head_units_per

FIELDS = {
    "SurfaceField": "headfield.fields.surface_field",
    "DeformedField": "headfield.fields.deformed_field",
}
"""The classes of fields that heads are made of, and where they live. A saved head names its field's class."""

HEAD, CAMERAS, FIELD, MESH = "head.json", "cameras.json", "field.safetensors", "head.glb"
SURFACE = "surface.glb"
"""The whole mesh, where ``head.glb`` is the light one with a texture."""
CONFIDENCE, VIEWS = "confidence", "views"

GLIMPSED = 0.2
"""From which confidence on a view counts among those that show a vertex."""

THREADS, CORE = (0.015, 0.0225, 0.03), 128
"""Hoods, collars and tails of hair that priors half remember hang on heads by less than twice so much, 6 to 12 mm. They
are found in meshes of so many cells a side at most."""

STRAIGHT = 0.05
"""How much looking straight at the surface counts beside a camera that does, where a vertex gets its colour."""


@runtime_checkable
class Field(Protocol):
    """What a head relies on in its field, which is a module made from one ``settings`` dataclass."""

    def distance(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n"]:
        """The signed distance of points, negative inside."""
        ...

    def colour(
        self, points: Float[Tensor, "n 3"], normals: Float[Tensor, "n 3"], directions: Float[Tensor, "n 3"]
    ) -> Float[Tensor, "n 3"]:
        """The colours, from 0 to 1, of points with unit normals that are seen along unit directions."""
        ...

    def parameters(self) -> Iterator[nn.Parameter]:
        """As every module has them."""
        ...


@dataclass(frozen=True, eq=False)
class Head:
    """A head as a field and, ready for use, as a mesh; both in canonical head space.

    ``cameras`` are those of the views it was fitted to, by the views' names. ``facts`` say how it came about, in words,
    numbers, lists and objects. ``to_head`` took the capture into head space: ``head.mesh.transformed(
    head.to_head.inverse())`` is the head where the capture was.
    """

    field: Field
    mesh: Mesh
    cameras: Mapping[str, Camera] = dataclasses.field(default_factory=dict)
    facts: Mapping[str, object] = dataclasses.field(default_factory=dict)
    to_head: Similarity = dataclasses.field(default_factory=Similarity.identity)
    light: Mesh | None = None
    """The mesh for other programs: fewer faces, and a texture. None where it was not made."""

    @staticmethod
    def of(
        field: Field,
        *,
        cameras: Mapping[str, Camera] | None = None,
        facts: Mapping[str, object] | None = None,
        to_head: Similarity | None = None,
        resolution: int = 256,
    ) -> Head:
        """The head that a field describes, with a mesh of ``resolution`` cells a side, on the field's device.

        The mesh is the one largest surface within the unit sphere, closed where that cuts it off. Its vertices have the
        colours that the cameras see, or that a look straight at them would show.
        """
        cameras = dict(cameras or {})
        surface = _within_unit_sphere(field)
        mesh = _as_files_have_it(_extracted(surface, _like(field), resolution))
        normals = _in_parts(lambda points: normalize(gradients(surface, points), dim=-1), field, mesh.vertices)
        directions, confidence = _looks(mesh, normals, cameras)
        colours = _in_parts(field.colour, field, mesh.vertices, normals, directions)
        mesh = replace(mesh, colours=np.round(255 * colours.clip(0, 1)).astype(np.uint8))
        if cameras:
            mesh = replace(mesh, attributes={CONFIDENCE: confidence.astype(np.float32)})
        return Head(field, mesh, cameras, dict(facts or {}), to_head or Similarity.identity())

    @property
    def confidence(self) -> Float[np.ndarray, "v"] | None:
        """How well the views show each vertex, from 0 (guessed) to 1 (seen squarely); None without cameras.

        It is the cosine of the squarest look at it that nothing hides; once compared with the views, of the best that
        shows the vertex in the head's own colours, too.
        """
        return self.mesh.attributes.get(CONFIDENCE)

    @property
    def shown(self) -> Mesh:
        """The mesh to look at and to take elsewhere: the light one, where it was made."""
        return self.mesh if self.light is None else self.light

    def compared(self, views: Sequence[View]) -> Head:
        """The head with less confidence where these views, which need masks, look otherwise than it does.

        Its mesh also knows how many of the views show each vertex, as the attribute ``views``.
        """
        from headfield.mesh.texture.agreement import COARSE, agreement
        from headfield.mesh.texture.looks import Look

        caster, normals = RayCaster(self.mesh), self.mesh.vertex_normals
        best, count = np.zeros(len(normals)), np.zeros(len(normals), np.uint16)
        for view in views:
            seen = squareness(caster, view.camera, normals)
            seen *= agreement(Look.of(view, caster, texel=COARSE), normals)
            best = np.maximum(best, seen)
            count += seen > GLIMPSED
        attributes = {**self.mesh.attributes, CONFIDENCE: best.astype(np.float32), VIEWS: count}
        return replace(self, mesh=replace(self.mesh, attributes=attributes))

    def textured(self, views: Sequence[View], *, size: int = 2048) -> Head:
        """The head with a light mesh, whose texture of ``size`` texels a side is painted from these views.

        What they do not see gets the field's colours, smoothed, and strands where hair grows. They need masks.
        """
        from headfield.mesh.texture.bake import baked
        from headfield.mesh.texture.unwrap import light

        def guess(points: np.ndarray, normals: np.ndarray) -> np.ndarray:
            return _in_parts(self.field.colour, self.field, points, normals, -normals)

        return replace(self, light=baked(light(self.mesh), views, guess, size=size).mesh)

    def render(self, camera: Camera, *, background: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> View:
        """The picture that a camera takes of the field, with mask, normals and depth."""
        like = _like(self.field)
        on_device = camera.to(dtype=like.dtype, device=like.device)
        view = render_view(self.field.distance, on_device, self.field.colour, self._hits, background=background)
        return replace(view, camera=camera)

    @cached_property
    def _hits(self) -> Proxy:
        return Proxy(ProxySettings(uses=sys.maxsize))  # the field stays as it is

    def save(self, path: Path | str) -> None:
        """Write the mesh alone where ``path`` ends as a mesh file does, and a folder with all of the head otherwise.

        A head that is there already is replaced; a folder with anything else in it is not.
        """
        path = Path(path)
        if path.suffix.lower() in FORMATS:
            write_mesh(self.shown, path)
            return
        if type(self.field).__name__ not in FIELDS:
            raise TypeError(f"a {type(self.field).__name__} could not be loaded again, since FIELDS does not list it")
        check_place(path)
        with new_folder(path) as folder:
            weights.save(folder / FIELD, {"field": cast(nn.Module, self.field)})
            write_mesh(self.shown, folder / MESH)
            if self.light is not None:
                write_mesh(self.mesh, folder / SURFACE)
            write_json(folder / CAMERAS, _cameras_to_json(self.cameras))
            write_json(folder / HEAD, self._about())

    def _about(self) -> dict:
        content = {
            "headfield": __version__,
            "field": type(self.field).__name__,
            "to_head": layout.similarity_to_json(self.to_head),
            "facts": _plain(self.facts),
        }
        return layout.document("headfield head", content)

    @staticmethod
    def load(folder: Path | str, *, device: torch.device | str = "cpu") -> Head:
        """Read a saved head; InputError where there is none that can be used."""
        folder = Path(folder)
        if folder.suffix.lower() in FORMATS and not folder.is_dir():
            raise InputError(f"{folder} is a mesh and not a saved head, which is a folder; name the folder.")
        if not folder.is_dir():
            raise InputError(f"{folder} is not a folder; a saved head was expected.")
        if not (folder / HEAD).is_file():
            raise InputError(f"{folder} is not a saved head, since it has no {HEAD}; check the path.")
        about = layout.read_document(folder / HEAD, "headfield head")
        facts = about.get("facts")
        if not isinstance(facts, dict):
            raise InputError(f"{folder / HEAD} has facts that are no JSON object; save the head again.")
        kind = _field_class(about.get("field"), folder / HEAD)
        found = weights.load(folder / FIELD, {"field": kind}).part("field", kind)
        whole = (folder / SURFACE).is_file()
        return Head(
            field=cast(Field, found.to(device)),
            mesh=_read_mesh(folder / (SURFACE if whole else MESH)),
            light=_read_mesh(folder / MESH) if whole else None,
            cameras=_cameras_from_json(folder / CAMERAS),
            facts=facts,
            to_head=layout.similarity_from_json(about, "to_head", f"{folder / HEAD}"),
        )


def check_place(folder: Path) -> None:
    """InputError where a head cannot be saved because of what is there already."""
    if folder.exists() and not (folder / HEAD).is_file() and not (folder.is_dir() and not any(folder.iterdir())):
        raise InputError(f"{folder} is there already and is no saved head; choose another place.")


def load(folder: Path | str, *, device: torch.device | str = "cpu") -> Head:
    """Read a saved head: :meth:`Head.load`."""
    return Head.load(folder, device=device)


def between(first: Head, second: Head, *, shape: float, look: float, resolution: int = 256) -> Head:
    """The head ``shape`` of the way from the first to the second in shape, and ``look`` of it in appearance.

    InputError unless both were fitted with one prior that knows shape and appearance.
    """
    one, other = first.field, second.field
    if not isinstance(one, DeformedField) or not isinstance(other, DeformedField):
        raise InputError("there is nothing between these heads; make both with --method sira.")
    if not are_related(one, other):
        raise InputError("these heads are of different families; make both with one prior of shape and appearance.")
    return Head.of(blending.between(one, other, shape=shape, look=look), resolution=resolution)


def _like(field: Field) -> Tensor:
    """A tensor in the field's precision and on its device."""
    return next(field.parameters(), torch.zeros(()))


def _within_unit_sphere(field: Field) -> SignedDistance:
    """The distance to what of the inside lies within the unit sphere, which is all that a field knows."""

    def within(points: Tensor) -> Tensor:
        return torch.maximum(field.distance(points), points.norm(dim=-1) - 1)

    return within


def _extracted(surface: SignedDistance, like: Tensor, resolution: int) -> Mesh:
    """The largest connected part of a surface within the unit sphere, without lumps that hang about the shoulders."""

    def level(distance: SignedDistance, cells: int) -> Mesh:
        return extract(distance, resolution=cells, chunk=CHUNK, dtype=like.dtype, device=like.device, border="open")

    mesh = largest_component(level(surface, resolution))
    for thread in THREADS:
        try:
            with roughly(like.device):
                core = level(lambda points, taken=thread: surface(points) + taken, min(resolution, CORE))  # type: ignore[misc]
        except InputError:  # all of it is thinner than that
            break
        mesh = without_lumps(mesh, core, below=SHOULDERS)
    return mesh


def _as_files_have_it(mesh: Mesh) -> Mesh:
    """The mesh with coordinates that a GLB file holds exactly, so that the mesh that is loaded is the one saved."""
    metre = head_units_per("m")
    return replace(mesh, vertices=(mesh.vertices / metre).astype(np.float32).astype(np.float64) * metre)


def _looks(
    mesh: Mesh, normals: Float64[np.ndarray, "v 3"], cameras: Mapping[str, Camera]
) -> tuple[Float64[np.ndarray, "v 3"], Float64[np.ndarray, "v"]]:
    """Along which direction each vertex is looked at, and how squarely the best camera sees it.

    The direction is the cameras' mean, the squarer the more, so that it changes smoothly along the surface.
    """
    caster = RayCaster(mesh)
    directions, best = -STRAIGHT * normals, np.zeros(len(normals))
    for camera in cameras.values():
        seen = squareness(caster, camera, normals)
        from_camera = mesh.vertices - camera.centre.detach().cpu().double().numpy()
        directions += np.square(seen)[:, None] * unit(from_camera)
        best = np.maximum(best, seen)
    return unit(directions), best


def _in_parts(
    function: Callable[..., Tensor], field: Field, *given: Float64[np.ndarray, "v 3"]
) -> Float64[np.ndarray, "v 3"]:
    """A function of vertices, in the field's precision and on its device, without gradients, not all at once."""
    like = _like(field)
    with torch.no_grad():
        parts = [
            function(*(torch.from_numpy(values[i : i + CHUNK]).to(like) for values in given)).cpu().double().numpy()
            for i in range(0, len(given[0]), CHUNK)
        ]
    return np.concatenate(parts)


def _field_class(name: object, named_in: Path) -> type[nn.Module]:
    if not isinstance(name, str) or name not in FIELDS:
        raise InputError(f"{named_in} names a field of the kind {name}, which is not known; update headfield.")
    return getattr(import_module(FIELDS[name]), name)


def _read_mesh(path: Path) -> Mesh:
    mesh = read_mesh(path)
    confidence = mesh.attributes.get(CONFIDENCE)
    if confidence is not None and (confidence.shape != (len(mesh.vertices),) or confidence.dtype.kind != "f"):
        raise InputError(f"{path} does not say one confidence a vertex; save the head again.")
    return mesh


def _cameras_to_json(cameras: Mapping[str, Camera]) -> dict:
    frames = [{"name": name, **layout.camera_to_frame(camera)} for name, camera in cameras.items()]
    return layout.document("headfield cameras", {"camera_model": "PINHOLE", "unit": "mm", "frames": frames})


def _cameras_from_json(path: Path) -> dict[str, Camera]:
    frames = layout.read_document(path, "headfield cameras").get("frames")
    if not isinstance(frames, list) or not all(isinstance(frame, dict) and "name" in frame for frame in frames):
        raise InputError(f"{path} has no list of cameras with names; save the head again.")
    return {str(frame["name"]): layout.camera_from_frame(frame, f"{path}, {frame['name']}") for frame in frames}


def _plain(fact: object) -> object:
    """A fact as JSON has it: arrays as lists, settings as objects, null for what is no finite number."""
    if dataclasses.is_dataclass(fact) and not isinstance(fact, type):
        return _plain(dataclasses.asdict(fact))
    if isinstance(fact, Mapping):
        return {str(key): _plain(value) for key, value in fact.items()}
    if isinstance(fact, (list, tuple)):
        return [_plain(value) for value in fact]
    if isinstance(fact, (np.ndarray, np.generic, Tensor)):
        return _plain(fact.tolist())
    if isinstance(fact, float) and not math.isfinite(fact):
        return None
    return str(fact) if isinstance(fact, Path) else fact
