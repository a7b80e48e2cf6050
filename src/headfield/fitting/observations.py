"""What a capture shows, as rays to fit to: rays through the subject, rays past it, and what was seen along them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from headfield.cameras import Camera, Rays
from headfield.canonical import BUST_END
from headfield.capture import Capture, View
from headfield.errors import InputError
from headfield.fitting.agreement import Brightness
from headfield.fitting.landmarks import LandmarksSeen
from headfield.optim.checkpoints import checksum
from headfield.render.span import Span
from headfield.render.views import ViewOnDevice

BAND = 0.12
"""How far from the silhouette most of the rays past a subject lie, as a share of the subject's width."""

MOST = 16_000_000
"""How many pixels of all views together are looked at; where there are more, some of them by chance. A fit draws some
hundred thousand rays, and each that it may draw takes 61 bytes."""

SHADE = 0.5
"""From which coverage on a pixel shows the subject."""


@dataclass(frozen=True, eq=False)
class RaysSeen:
    """n rays, each with the view it belongs to and what that view shows there."""

    origins: Float[Tensor, "n 3"]
    directions: Float[Tensor, "n 3"]
    view: Int64[Tensor, "n"]
    colours: Float[Tensor, "n 3"]
    coverage: Float[Tensor, "n"]
    normals: Float[Tensor, "n 3"]
    """Unit vectors in head space; zero where none are known."""
    above: Bool[Tensor, "n"]
    """Whether the ray passes where the silhouette counts."""

    def __len__(self) -> int:
        return len(self.origins)

    def __getitem__(self, index: Tensor) -> RaysSeen:
        return RaysSeen(*(getattr(self, f.name)[index] for f in fields(self)))

    @property
    def rays(self) -> Rays:
        """The rays alone."""
        return Rays(self.origins, self.directions)

    @staticmethod
    def joined(parts: Sequence[RaysSeen]) -> RaysSeen:
        """All of them one after the other."""
        return RaysSeen(*(torch.cat([getattr(part, f.name) for part in parts]) for f in fields(RaysSeen)))


@dataclass(frozen=True, eq=False)
class Observations:
    """Everything a fit looks at."""

    names: tuple[str, ...]
    cameras: tuple[Camera, ...]
    inside: RaysSeen
    """Rays through the subject."""
    beside: RaysSeen
    """Rays past the subject but close to its silhouette."""
    beyond: RaysSeen
    """Rays that pass further away."""
    checksum: str
    """Tells them from others."""
    landmarks: LandmarksSeen | None = None
    rough: bool = False
    """Whether the cameras may be corrected."""
    estimated: bool = False
    """Whether normals are estimates."""
    pictures: tuple[Brightness, ...] = ()
    """What each view shows as a whole."""

    @property
    def has_normals(self) -> bool:
        """Whether any view says which way the surface faces."""
        return bool(self.inside.normals.any())

    def draw(self, inside: int, past: int, generator: torch.Generator, share: float = 1.0) -> RaysSeen:
        """Rays by chance: so many through the subject, then so many past it, three quarters of those close to it.

        Of those past it only a ``share`` is drawn; those that pass further away are left out first.
        """
        chosen = [self.inside[_some(len(self.inside), inside, generator, self.inside.origins)]]
        drawn = round(share * past)
        close = min(round(0.75 * past) if len(self.beyond) else past, drawn)
        for pool, count in ((self.beside, close), (self.beyond, drawn - close)):
            if len(pool) and count:
                chosen.append(pool[_some(len(pool), count, generator, pool.origins)])
        return RaysSeen.joined(chosen)

    @staticmethod
    def of(capture: Capture, *, device: torch.device | str = "cpu") -> Observations:
        """What the views of a capture show; InputError that names the first view that cannot be used."""
        views = different(list(capture.views))
        if not views:
            raise InputError("the capture has no views; a fit needs at least one.")
        share = MOST / sum(view.camera.width * view.camera.height for view in views)
        chance = np.random.default_rng(0)
        parts: list[list[RaysSeen]] = [[], [], []]
        for number, view in enumerate(views):
            for part, pixels in zip(parts, _pools(view), strict=True):
                part.append(_seen(view, number, _share_of(pixels, share, chance), device))
            if not len(parts[0][-1]):
                raise InputError(
                    f"view {view.name}: no ray through the subject meets the unit sphere, which holds the head; check "
                    "the mask and the camera, or align the capture to head space."
                )
        inside, beside, beyond = (RaysSeen.joined(part) for part in parts)
        cameras = tuple(view.camera.to(dtype=torch.float32) for view in views)
        names = tuple(view.name for view in views)
        landmarks, estimated = LandmarksSeen.of(views, device=device), any(view.estimated for view in views)
        return Observations(
            names,
            cameras,
            inside,
            beside,
            beyond,
            _checksum(views, landmarks, f"{capture.rough} {estimated}"),
            landmarks,
            capture.rough,
            estimated,
            tuple(Brightness.of(view) for view in views),
        )


def different(views: list[View]) -> list[View]:
    """The views without those that show the same picture from the same place as an earlier one."""
    kept: list[View] = []
    for view in views:
        twins = (
            other
            for other in kept
            if torch.allclose(other.camera.centre.double(), view.camera.centre.double())
            and np.array_equal(other.image, view.image)
        )
        if next(twins, None) is None:
            kept.append(view)
    return kept


def _pools(view: View) -> tuple[Int64[np.ndarray, "a"], Int64[np.ndarray, "b"], Int64[np.ndarray, "c"]]:
    """The numbers of the pixels on the subject, close to it, and further away."""
    if view.mask is None:
        raise InputError(f"view {view.name} has no mask; add one, or let the normal network find it.")
    covered = view.mask >= 255 * SHADE
    if not covered.any():
        raise InputError(
            f"view {view.name}: the mask is empty, so there is no subject in it; check it or leave it out."
        )
    if covered.all():
        raise InputError(
            f"view {view.name}: the mask covers the whole picture and tells nothing from the background; "
            "check it, or leave it out to have it estimated."
        )
    away = distance_transform_edt(~covered)
    band = BAND * np.sqrt(covered.sum())
    # Where coverage is partial, the silhouette runs through the pixel: that counts as close.
    close = ~covered & (away <= band)
    return tuple(np.flatnonzero(chosen) for chosen in (covered, close, ~covered & ~close))  # type: ignore[return-value]


def _share_of(pixels: Int64[np.ndarray, "n"], share: float, chance: np.random.Generator) -> Int64[np.ndarray, "_m"]:
    """So much of them by chance, but one at least; all where that is all."""
    if share >= 1 or not len(pixels):
        return pixels
    return np.sort(chance.choice(pixels, max(1, round(share * len(pixels))), replace=False))


def _checksum(views: Sequence[View], landmarks: LandmarksSeen | None, said: str) -> str:
    """Tells what is seen, and what is said of it, from anything else."""
    each = " ".join(checksum(ViewOnDevice.of(view).layers) for view in views)  # one after the other, for memory
    if landmarks is None:
        return checksum({}, f"{each} {said}")
    marks = {"landmarks": landmarks.pixels, "known": landmarks.known, "noise": landmarks.noise}
    return checksum(marks, f"{each} {said}")


def _seen(view: View, number: int, pixels: Int64[np.ndarray, "n"], device: torch.device | str) -> RaysSeen:
    """What a view shows at pixels whose rays meet the unit sphere."""
    on_device = ViewOnDevice.of(view, device=device)
    chosen = torch.from_numpy(pixels).to(device)
    seen = on_device.at(chosen)
    meets = Span.of(seen.rays).meets
    rays = Rays(seen.rays.origins[meets], seen.rays.directions[meets])
    count = len(rays.origins)
    closest = -(rays.origins * rays.directions).sum(dim=-1)
    assert seen.coverage is not None
    return RaysSeen(
        origins=rays.origins.contiguous(),
        directions=rays.directions,
        view=torch.full((count,), number, device=device),
        colours=seen.colours[meets],
        coverage=seen.coverage[meets],
        normals=torch.zeros_like(rays.directions) if seen.normals is None else seen.normals[meets],
        above=rays.at(closest)[:, 1] > BUST_END,
    )


def _some(of: int, n: int, generator: torch.Generator, like: Tensor) -> Tensor:
    return torch.randint(of, (n,), generator=generator, device=like.device)
