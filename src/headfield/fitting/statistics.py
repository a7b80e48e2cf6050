"""What codes are usual, and what they say of landmarks: a Gaussian of the codes and a linear model of the landmarks.

A code is g = μ + F u with u ~ N(0, 1), F from the principal directions of the codes that were learned. Landmarks are
l = m + B u + ε. Both are closed form: landmarks seen in pictures or measured in space give a first code at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Float64
from torch import Tensor, nn

from headfield.cameras import Camera
from headfield.fitting.in_views import likeliest_in_views

LANDMARKS = 68


@dataclass(frozen=True)
class CodeStatisticsSettings:
    """The length of a code, and how many principal directions of the codes are kept."""

    code: int
    kept: int


class CodeGaussian(nn.Module):
    """What codes are usual, as buffers, saved with a prior."""

    settings: CodeStatisticsSettings
    mean: Tensor
    factor: Tensor

    def __init__(self, settings: CodeStatisticsSettings):
        super().__init__()
        self.settings = settings
        self.register_buffer("mean", torch.zeros(settings.code))
        self.register_buffer("factor", torch.zeros(settings.code, settings.kept))

    def code(self, u: Float[Tensor, "*b k"]) -> Float[Tensor, "*b c"]:
        """The code g = μ + F u."""
        return self.mean + u @ self.factor.T

    @staticmethod
    def around(codes: Float[Tensor, "s c"], *, share: float = 0.999) -> CodeGaussian:
        """The Gaussian of codes in their principal directions; ``share`` of the variance is kept."""
        mean, factor, _ = _whitened(codes, share)
        gaussian = CodeGaussian(CodeStatisticsSettings(*factor.shape))
        gaussian.mean.copy_(mean)
        gaussian.factor.copy_(factor)
        return gaussian


class CodeStatistics(CodeGaussian):
    """The statistics of codes of shapes: what codes are usual, and what landmarks they have."""

    landmark_mean: Tensor
    landmark_basis: Tensor
    landmark_noise: Tensor

    def __init__(self, settings: CodeStatisticsSettings):
        super().__init__(settings)
        self.register_buffer("landmark_mean", torch.zeros(LANDMARKS, 3))
        self.register_buffer("landmark_basis", torch.zeros(LANDMARKS, 3, settings.kept))
        self.register_buffer("landmark_noise", torch.ones(()))

    def landmarks(self, u: Float[Tensor, "k"]) -> Float[Tensor, "l 3"]:
        """Where the landmarks of that code are expected, in head space."""
        return self.landmark_mean + self.landmark_basis @ u

    @staticmethod
    def of(
        codes: Float[Tensor, "s c"],
        landmarks: Float[Tensor, "s l 3"],
        known: Bool[Tensor, "s l"],
        *,
        share: float = 0.999,
    ) -> CodeStatistics:
        """The statistics of codes and of their subjects' landmarks, where known; ``share`` of the variance is kept."""
        mean, factor, u = _whitened(codes, share)
        statistics = CodeStatistics(CodeStatisticsSettings(*factor.shape))
        statistics.mean.copy_(mean)
        statistics.factor.copy_(factor)
        statistics._learn_landmarks(u, landmarks.double().cpu(), known.cpu())
        return statistics

    def _learn_landmarks(self, u: Tensor, landmarks: Tensor, known: Tensor) -> None:
        """Ridge regression of each landmark on u, with the ridge that predicts subjects left out best."""
        everywhere = known.all(dim=1)
        if int(everywhere.sum()) < 2:
            return
        u, target = u[everywhere], landmarks[everywhere].flatten(1)
        middle, mean = u.mean(dim=0), target.mean(dim=0)
        u, target = u - middle, target - mean
        errors = {}
        for ridge in torch.logspace(-2, 4, 25, dtype=torch.float64).tolist():
            gram = u.T @ u + ridge * torch.eye(u.shape[1], dtype=u.dtype)
            weights = torch.linalg.solve(gram, u.T @ target)
            leverage = (u * torch.linalg.solve(gram, u.T).T).sum(dim=1) + 1 / len(u)
            left_out = (target - u @ weights) / (1 - leverage.clamp(max=0.999))[:, None]
            errors[ridge] = (float(left_out.square().mean()), weights)
        error, weights = min(errors.values(), key=lambda pair: pair[0])
        self.landmark_mean.copy_((mean - middle @ weights).reshape(-1, 3))
        self.landmark_basis.copy_(weights.T.reshape(-1, 3, u.shape[1]))
        self.landmark_noise.fill_(max(error, 1e-10) ** 0.5)

    @torch.no_grad()
    def from_places(self, landmarks: Float[Tensor, "l 3"], known: Bool[Tensor, "l"]) -> Float[Tensor, "k"]:
        """The likeliest u for landmarks measured in space."""
        basis = self.landmark_basis[known].flatten(0, 1).double()
        offset = (landmarks - self.landmark_mean.to(landmarks))[known].flatten().double()
        return likeliest(basis, offset, float(self.landmark_noise)).to(self.mean)

    @torch.no_grad()
    def from_views(
        self,
        cameras: Sequence[Camera],
        pixels: Float[Tensor, "v l 2"],
        known: Bool[Tensor, "v l"],
        off: Float[Tensor, "v l"],
        expressions: Float[Tensor, "l 3 j"] | None = None,
    ) -> Float[Tensor, "k"]:
        """The likeliest u for landmarks seen in pictures, which ``expressions`` may have moved in each on its own.

        ``off`` is within how many pixels they were found. The landmark model is not exact, either: its own noise is
        seen in the pictures, too, as ``landmark_noise`` at the head.
        """
        mean, basis = self.landmark_mean, self.landmark_basis
        own = basis[..., :0] if expressions is None else expressions
        u, _ = likeliest_in_views(cameras, pixels, known, off, mean, basis, own, noise=float(self.landmark_noise))
        return u.to(self.mean)


def _whitened(
    codes: Float[Tensor, "s c"], share: float
) -> tuple[Float64[Tensor, "c"], Float64[Tensor, "c k"], Float64[Tensor, "s k"]]:
    """The mean μ of codes, the factor F with ``share`` of the variance, and the u of each code."""
    codes = codes.detach().double().cpu()
    mean = codes.mean(dim=0)
    _, sizes, directions = torch.linalg.svd(codes - mean, full_matrices=False)
    variance = sizes.square() / max(len(codes) - 1, 1)
    total = variance.sum()
    kept = int((variance.cumsum(0) < share * total).sum()) + 1 if total > 0 else 1
    kept = min(kept, len(variance))
    scale = variance[:kept].sqrt().clamp(min=1e-8)
    return mean, directions[:kept].T * scale, (codes - mean) @ directions[:kept].T / scale


def likeliest(basis: Float[Tensor, "n k"], offset: Float[Tensor, "n *s"], noise: float) -> Float[Tensor, "k *s"]:
    """The most likely u ~ N(0, 1) given basis · u + N(0, noise²) = offset."""
    left = basis.T @ basis + noise**2 * torch.eye(basis.shape[1], dtype=basis.dtype)
    return torch.linalg.solve(left, basis.T @ offset)
