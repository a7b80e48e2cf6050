"""Pictures of where a surface is wrong: the mesh coloured by distance with its scale beside it, and a sheet of views.

The colours are a perceptually uniform map from dark blue to yellow: equal steps look equal, in grey too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64, UInt8
from PIL import Image, ImageDraw, ImageFont

from headfield import rigs
from headfield.mesh.raycast import RayCaster
from headfield.surface import Mesh, SurfaceSamples, unit

VIRIDIS = ("440154", "472d7b", "3b528b", "2c728e", "21918c", "28ae80", "5ec962", "addc30", "fde725")
"""Every 32nd colour of viridis (Smith and van der Walt, CC0)."""

VIEWS = {"front": 0.0, "left": 90.0, "back": 180.0, "right": 270.0}
"""The views of the sheet and their azimuths; left is the subject's."""

VIEW_PIXELS = 400
BAR = (130, 400)
HEADER = 44
TEXTURE = (256, 512)
RAMP_PIXELS = 64
INK, PAPER = (40, 40, 40), (255, 255, 255)
AMBIENT = 0.55
"""How bright the surface stays where it turns away: shading shows the shape and must not be read as a colour."""


@dataclass(frozen=True, eq=False)
class ErrorMap:
    """A mesh, upright and facing +z, with a distance at each vertex; ``limit`` is where the scale ends."""

    mesh: Mesh
    millimetres: Float64[np.ndarray, "v"]
    limit: float
    caption: str

    def model(self) -> Mesh:
        """The mesh coloured by distance, a board with the scale standing on its left side, one texture for both.

        ``distance_mm`` keeps the distances; it is -1 on the board.
        """
        height = (np.clip(self.millimetres / self.limit, 0, 1) * (TEXTURE[1] - 1) + 0.5) / TEXTURE[1]
        uv = np.stack([np.full_like(height, RAMP_PIXELS / 2 / TEXTURE[0]), height], axis=1)
        board, board_uv, board_faces = self._board()
        return Mesh(
            vertices=np.concatenate([self.mesh.vertices, board]),
            faces=np.concatenate([self.mesh.faces, board_faces + len(self.mesh.vertices)]),
            uv=np.concatenate([uv, board_uv]),
            texture=self._texture(),
            attributes={"distance_mm": np.concatenate([self.millimetres, -np.ones(len(board))]).astype(np.float32)},
        )

    def sheet(self) -> UInt8[np.ndarray, "h w 3"]:
        """The mesh from four sides with the scale beside it."""
        size = (VIEW_PIXELS * len(VIEWS) + BAR[0], VIEW_PIXELS + HEADER)
        page = Image.new("RGB", size, PAPER)
        draw = ImageDraw.Draw(page)
        draw.text((12, 10), self.caption, fill=INK, font=ImageFont.load_default(18))
        for i, (name, picture) in enumerate(self._views().items()):
            page.paste(Image.fromarray(picture), (i * VIEW_PIXELS, HEADER))
            draw.text((i * VIEW_PIXELS + 12, HEADER + 6), name, fill=INK, font=ImageFont.load_default(16))
        page.paste(_scale_bar(*BAR, self.limit), (VIEW_PIXELS * len(VIEWS), HEADER))
        return np.array(page)

    def _views(self) -> dict[str, UInt8[np.ndarray, "h w 3"]]:
        low, high = self.mesh.bounds
        centre, extent = (low + high) / 2, float((high - low).max()) or 1.0
        azimuths = torch.tensor(list(VIEWS.values()), dtype=torch.float64)
        directions = rigs.on_sphere(azimuths, torch.zeros_like(azimuths))
        # From far away, so that near and far parts have one scale.
        cameras = rigs.around(
            directions,
            distance=20 * extent,
            size=1.15 * extent,
            pixels=VIEW_PIXELS,
            target=(float(centre[0]), float(centre[1]), float(centre[2])),
        )
        caster = RayCaster(self.mesh)
        pictures = {}
        for i, name in enumerate(VIEWS):
            rays = cameras[i].rays(cameras[i].pixel_centres().reshape(-1, 2))
            pictures[name] = self._shade(caster, rays.origins.numpy(), rays.directions.numpy())
        return pictures

    def _shade(
        self, caster: RayCaster, origins: Float64[np.ndarray, "n 3"], directions: Float64[np.ndarray, "n 3"]
    ) -> UInt8[np.ndarray, "s s 3"]:
        hits = caster.first_hits(origins, directions)
        hit = hits.hit
        seen = SurfaceSamples(self.mesh, hits.faces[hit], hits.weights[hit])
        normals = unit(seen.of_vertices(self.mesh.vertex_normals))
        towards = np.abs(np.einsum("nk,nk->n", normals, directions[hit]))
        distances = seen.of_vertices(self.millimetres[:, None])[:, 0]
        pixels = np.tile(np.array(PAPER, np.uint8), (len(hit), 1))
        light = AMBIENT + (1 - AMBIENT) * towards
        pixels[hit] = (colours(distances / self.limit) * light[:, None]).astype(np.uint8)
        return pixels.reshape(VIEW_PIXELS, VIEW_PIXELS, 3)

    def _texture(self) -> UInt8[np.ndarray, "h w 3"]:
        """The colours from bottom to top for the mesh, and beside them the board's picture."""
        width, height = TEXTURE
        ramp = colours(np.linspace(1, 0, height))[:, None].repeat(RAMP_PIXELS, axis=1)
        return np.concatenate([ramp, np.array(_scale_bar(width - RAMP_PIXELS, height, self.limit))], axis=1)

    def _board(self) -> tuple[Float64[np.ndarray, "8 3"], Float64[np.ndarray, "8 2"], np.ndarray]:
        """A rectangle facing forwards and another facing back, so that the scale reads well from both sides."""
        low, high = self.mesh.bounds
        height = 0.5 * float((high - low)[1])
        width = height * (TEXTURE[0] - RAMP_PIXELS) / TEXTURE[1]
        left = high[0] + 0.1 * float((high - low)[0])
        bottom, depth = float((low + high)[1] / 2) - height / 2, float((low + high)[2] / 2)
        gap = 1e-3 * height
        x, y = np.array([0.0, 1, 1, 0]), np.array([0.0, 0, 1, 1])
        front = np.stack([left + width * x, bottom + height * y, np.full(4, depth + gap)], axis=1)
        back = np.stack([left + width * (1 - x), bottom + height * y, np.full(4, depth - gap)], axis=1)
        edge = RAMP_PIXELS / TEXTURE[0]
        uv = np.stack([edge + (1 - edge) * x, y], axis=1)
        faces = np.array([[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]])
        return np.concatenate([front, back]), np.concatenate([uv, uv]), faces


def colours(values: Float64[np.ndarray, "n"]) -> UInt8[np.ndarray, "n 3"]:
    """The colours of values from 0 to 1; what lies beyond has the end's."""
    anchors = np.array([tuple(bytes.fromhex(code)) for code in VIRIDIS], float)
    at = np.clip(values, 0, 1) * (len(anchors) - 1)
    channels = [np.interp(at, np.arange(len(anchors)), channel) for channel in anchors.T]
    return np.round(np.stack(channels, axis=1)).astype(np.uint8)


def _scale_bar(width: int, height: int, limit: float) -> Image.Image:
    """An upright bar of the colours with its ends and steps in millimetres."""
    page = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(height // 22)
    top, bottom, left, right = height // 12, height - height // 12, width // 8, width // 8 + width // 5
    bar = colours(np.linspace(1, 0, bottom - top))[:, None].repeat(right - left, axis=1)
    page.paste(Image.fromarray(bar), (left, top))
    for i, value in enumerate(steps := np.linspace(0, limit, 6)):
        y = bottom - (bottom - top) * i / (len(steps) - 1)
        draw.line([(right, y), (right + width // 20, y)], fill=INK)
        words = f"{value:g} mm" if i < len(steps) - 1 else f"{value:g}+ mm"
        draw.text((right + width // 12, y), words, fill=INK, font=font, anchor="lm")
    return page
