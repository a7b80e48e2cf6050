"""LPIPS: how different two pictures look to a network (Zhang et al., "The unreasonable effectiveness of deep features
as a perceptual metric", 2018), with AlexNet's convolutions.

The weights are not part of headfield and are never fetched. They are one safetensors file with AlexNet's convolutions
under torchvision's names (``features.0.weight`` … ``features.10.bias``) and the metric's own five layers under its
authors' names (``lin0.model.1.weight`` … ``lin4.model.1.weight``).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, conv2d, max_pool2d, relu

from headfield.errors import InputError

LAYERS = {
    # place in AlexNet: (channels in, channels out, kernel, stride, padding, whether pooling comes first)
    0: (3, 64, 11, 4, 2, False),
    3: (64, 192, 5, 1, 2, True),
    6: (192, 384, 3, 1, 1, True),
    8: (384, 256, 3, 1, 1, False),
    10: (256, 256, 3, 1, 1, False),
}

SHAPES = {
    name: shape
    for k, (place, (inside, out, kernel, *_)) in enumerate(LAYERS.items())
    for name, shape in (
        (f"features.{place}.weight", (out, inside, kernel, kernel)),
        (f"features.{place}.bias", (out,)),
        (f"lin{k}.model.1.weight", (1, out, 1, 1)),
    )
}
"""What the file of weights must hold."""

SMALLEST = 35
"""The smallest side, in pixels, that leaves every layer something to look at."""

_MEAN = (-0.030, -0.088, -0.188)
_DEVIATION = (0.458, 0.448, 0.450)


class Lpips:
    """The metric with its weights, on the device where they lie."""

    def __init__(self, weights: Mapping[str, Float[Tensor, "..."]]):
        self._weights = weights

    @staticmethod
    def load(path: Path, *, device: torch.device | str = "cpu") -> Lpips:
        """Read the weights; InputError that says that LPIPS is not available where they are not there."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        if not path.is_file():
            raise InputError(f"LPIPS is not available: {path} does not exist; put the weights of its network there.")
        try:
            weights = load_file(path, device=str(device))
        except SafetensorError:
            raise InputError(f"{path} is not a safetensors file, or it was cut off; fetch it again.") from None
        for name, shape in SHAPES.items():
            if name not in weights or tuple(weights[name].shape) != shape:
                raise InputError(f"{path} holds no LPIPS weights for AlexNet: {name} of shape {shape} is missing.")
        return Lpips({name: weights[name].float() for name in SHAPES})

    def __call__(
        self,
        prediction: Float[Tensor, "b 3 h w"],
        truth: Float[Tensor, "b 3 h w"],
        mask: Float[Tensor, "b h w"] | None = None,
    ) -> Float[Tensor, "b"]:
        """The distance of each pair of pictures, whose values go from 0 to 1; zero for equal ones.

        With a mask (0 to 1) each layer's differences are averaged over the part of the mask that its pixels see.
        """
        if min(truth.shape[-2:]) < SMALLEST:
            raise InputError(
                f"LPIPS needs pictures of at least {SMALLEST} x {SMALLEST} pixels; these are "
                f"{truth.shape[-1]} x {truth.shape[-2]}."
            )
        total = truth.new_zeros(len(truth))
        for k, (one, other) in enumerate(zip(self._features(prediction), self._features(truth), strict=True)):
            squared = conv2d((one - other) ** 2, self._weights[f"lin{k}.model.1.weight"])[:, 0]
            total = total + _mean(squared, mask)
        return total

    def _features(self, pictures: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b _ _ _"]]:
        """What each layer sees, every pixel's channels scaled to length one."""
        mean, deviation = (pictures.new_tensor(values)[:, None, None] for values in (_MEAN, _DEVIATION))
        x = (2 * pictures - 1 - mean) / deviation
        seen = []
        for place, (_, _, _, stride, padding, pooled) in LAYERS.items():
            if pooled:
                x = max_pool2d(x, 3, 2)
            weight, bias = self._weights[f"features.{place}.weight"], self._weights[f"features.{place}.bias"]
            x = relu(conv2d(x, weight, bias, stride=stride, padding=padding))
            seen.append(x / (x.norm(dim=1, keepdim=True) + 1e-10))
        return seen


def _mean(values: Float[Tensor, "b i j"], mask: Float[Tensor, "b h w"] | None) -> Float[Tensor, "b"]:
    if mask is None:
        return values.mean(dim=(-2, -1))
    weights = adaptive_avg_pool2d(mask[:, None], (values.shape[-2], values.shape[-1]))[:, 0]
    if (weights.sum(dim=(-2, -1)) == 0).any():
        raise InputError("the mask is empty, so there is nothing to measure; check the mask.")
    return (weights * values).sum(dim=(-2, -1)) / weights.sum(dim=(-2, -1))
