"""The network that sees normals and the person's mask in one picture: a nested U-Net over inverted residuals.

A U-Net++ decoder over an encoder in the manner of EfficientNet, as in InstantAvatar (section 3.2); without weights
learned elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

STRIDE = 32
"""Pictures are padded to multiples of this."""

MOMENTUM = 0.03
"""How much of what the layers see on average is forgotten each step, since steps look at few pictures."""


@dataclass(frozen=True)
class NormalNetworkSettings:
    """How large a network of normals is. Widths and depths are those at 1/2, 1/4, 1/8, 1/16 and 1/32 of the picture."""

    widths: tuple[int, ...] = (16, 32, 64, 128, 256)
    """How many channels the encoder has at each level."""
    depths: tuple[int, ...] = (1, 2, 3, 4, 2)
    """How many inverted residuals it has there."""
    decoder_widths: tuple[int, ...] = (16, 32, 64, 96)
    """How many channels each node of the decoder has, at all levels but the last."""
    expansion: float = 2.0
    """How many times wider an inverted residual is inside."""
    convolution: Literal["dense", "depthwise"] = "dense"
    """Whether an inverted residual mixes channels where it looks around, which is faster on CPUs, or beside it, which
    takes fewer numbers."""
    guided: bool = True
    """Whether it can be shown the normals of an average head where the camera is known."""

    def __post_init__(self) -> None:
        if len(self.widths) < 2 or not len(self.widths) == len(self.depths) == len(self.decoder_widths) + 1:
            raise ValueError("a network has as many depths as widths, and one width of the decoder less")
        if min(*self.widths, *self.depths, *self.decoder_widths) < 1 or 2 ** len(self.widths) > STRIDE:
            raise ValueError("widths and depths are at least 1, and there are at most five levels")


EFFICIENTNET_B1 = NormalNetworkSettings(
    widths=(16, 24, 40, 112, 320),
    depths=(2, 3, 3, 8, 7),
    decoder_widths=(32, 64, 128, 256),
    expansion=6.0,
    convolution="depthwise",
)
"""About the size that InstantAvatar has."""


class NormalNetwork(nn.Module):
    """Pictures to normals and masks. Nodes of the decoder see all before them at their level, and the level below."""

    settings: NormalNetworkSettings

    def __init__(self, settings: NormalNetworkSettings):
        super().__init__()
        self.settings = settings
        widths, nodes = settings.widths, settings.decoder_widths
        self.stem = _convolution(6 if settings.guided else 3, widths[0], stride=2)
        before = (widths[0], *widths[:-1])
        levels = enumerate(zip(before, widths, settings.depths, strict=True))
        self.encoder = nn.ModuleList(
            _level(wide_in, wide, depth, settings, stride=2 if i else 1) for i, (wide_in, wide, depth) in levels
        )
        self.decoder = nn.ModuleDict()
        for column in range(1, len(widths)):
            for level in range(len(widths) - column):
                below = widths[level + 1] if column == 1 else nodes[level + 1]
                beside = widths[level] + (column - 1) * nodes[level]
                self.decoder[_node(level, column)] = _convolution(beside + below, nodes[level])
        self.head = nn.Sequential(_convolution(nodes[0], nodes[0]), nn.Conv2d(nodes[0], 4 * 4, 3, padding=1))

    def forward(
        self, pictures: Float[Tensor, "n 3 h w"], guides: Float[Tensor, "n 3 h w"] | None = None
    ) -> tuple[Float[Tensor, "n 3 h w"], Float[Tensor, "n h w"]]:
        """Unit normals in the camera's axes, and how sure it is that a pixel shows the person (a logit).

        Pictures have values from 0 to 1 and any size. Guides are the normals of an average head there, zero where it
        is not, or where nothing is known.
        """
        height, width = pictures.shape[-2:]
        padding = (0, -width % STRIDE, 0, -height % STRIDE)
        shown = 2 * pictures - 1
        if self.settings.guided:
            shown = torch.cat([shown, torch.zeros_like(pictures) if guides is None else guides], dim=1)
        padded = functional.pad(shown, padding, mode="replicate" if any(padding) else "constant")
        found = self._found(padded.contiguous(memory_format=torch.channels_last)).float()[..., :height, :width]
        normals = found[:, :3]
        if self.settings.guided and guides is not None:
            normals = normals + guides  # A guide is a guess to be corrected, not to be copied through all layers.
        return functional.normalize(normals, dim=1), found[:, 3]

    def _found(self, pictures: Tensor) -> Tensor:
        seen = self.stem(pictures)
        rows: list[list[Tensor]] = []
        for look in self.encoder:
            seen = look(seen)
            rows.append([seen])
        for column in range(1, len(rows)):
            for level in range(len(rows) - column):
                below = functional.interpolate(rows[level + 1][column - 1], scale_factor=2, mode="nearest")
                rows[level].append(self.decoder[_node(level, column)](torch.cat([*rows[level], below], dim=1)))
        return functional.pixel_shuffle(self.head(rows[0][-1]), 2)


class InvertedResidual(nn.Module):
    """Wider inside than outside, with channels weighed by what the whole picture shows."""

    def __init__(self, wide_in: int, wide_out: int, settings: NormalNetworkSettings, *, stride: int):
        super().__init__()
        inside = round(wide_in * settings.expansion)
        if settings.convolution == "dense":
            self.widen: nn.Module = _convolution(wide_in, inside, stride=stride)
        else:
            self.widen = nn.Sequential(
                _convolution(wide_in, inside, size=1), _convolution(inside, inside, stride=stride, groups=inside)
            )
        squeezed = max(8, wide_in // 4)
        self.weigh = nn.Sequential(nn.Conv2d(inside, squeezed, 1), nn.SiLU(), nn.Conv2d(squeezed, inside, 1))
        self.narrow = nn.Sequential(
            nn.Conv2d(inside, wide_out, 1, bias=False), nn.BatchNorm2d(wide_out, momentum=MOMENTUM)
        )
        self.residual = stride == 1 and wide_in == wide_out

    def forward(self, seen: Tensor) -> Tensor:
        """The same pixels, or half of them, with other channels."""
        wide = self.widen(seen)
        weights = torch.sigmoid(self.weigh(wide.mean(dim=(2, 3), keepdim=True)))
        found = self.narrow(wide * weights)
        return seen + found if self.residual else found


def _level(wide_in: int, wide_out: int, depth: int, settings: NormalNetworkSettings, *, stride: int) -> nn.Sequential:
    first = InvertedResidual(wide_in, wide_out, settings, stride=stride)
    return nn.Sequential(first, *(InvertedResidual(wide_out, wide_out, settings, stride=1) for _ in range(depth - 1)))


def _convolution(wide_in: int, wide_out: int, *, size: int = 3, stride: int = 1, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(wide_in, wide_out, size, stride=stride, padding=size // 2, groups=groups, bias=False),
        nn.BatchNorm2d(wide_out, momentum=MOMENTUM),
        nn.SiLU(inplace=True),
    )


def _node(level: int, column: int) -> str:
    return f"{level}_{column}"
