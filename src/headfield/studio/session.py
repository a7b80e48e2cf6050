"""A session in front of the studio's cameras: the views an order takes of a figure, each when it is asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from headfield.cameras import Camera
from headfield.capture import Capture, LazyViews, View
from headfield.studio.backgrounds import sample_background
from headfield.studio.chance import stream
from headfield.studio.figure import Figure
from headfield.studio.light import sample_light
from headfield.studio.order import Order
from headfield.studio.phone import phone_photo
from headfield.studio.photograph import expose
from headfield.studio.rigs import rig
from headfield.studio.sight import visible_landmarks
from headfield.studio.sitter import LitSitter, Sitter


@dataclass(frozen=True, eq=False)
class Session:
    """One figure, made ready as a sitter, and what decides its pictures."""

    order: Order
    figure: Figure
    sitter: Sitter
    seed: int
    expression: int

    @property
    def capture(self) -> Capture:
        """All views of the order, each taken when it is asked for."""
        return Capture(LazyViews(list(self.cameras), self._take))

    @cached_property
    def cameras(self) -> dict[str, Camera]:
        """Each view's camera by the view's name, which is its rig's with a number."""
        return {
            f"{name}_{k:03d}": camera
            for name in self.order.rig
            for k, camera in enumerate(rig(name, pixels=self.order.size, rng=self._chance("rig", name)))
        }

    @cached_property
    def _in_one_light(self) -> LitSitter:
        return self.sitter.lit(sample_light(self._chance("light")))

    def _chance(self, *decision: str) -> np.random.Generator:
        return stream(self.seed, "session", self.expression, *decision)

    def _take(self, index: int) -> View:
        name, camera = list(self.cameras.items())[index]
        each = self.order.light == "view"
        lit = self.sitter.lit(sample_light(self._chance("light", name))) if each else self._in_one_light
        plate = expose(lit, camera)
        background = sample_background(self._chance("background", name), camera.height, camera.width)
        if name.startswith("phone"):
            view = phone_photo(plate, background, self._chance("phone", name), name=name)
        else:
            view = plate.view(name, plate.over(background))
        wanted = self.order.layers
        return replace(
            view,
            landmarks=visible_landmarks(self.sitter, camera, self.figure.landmarks),
            mask=view.mask if "mask" in wanted else None,
            normals=view.normals if "normals" in wanted else None,
            depth=view.depth if "depth" in wanted else None,
        )
