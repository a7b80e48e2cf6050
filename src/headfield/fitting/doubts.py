"""What is doubted of what views tell, and how much less, or more, objectives count then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from headfield.optim.schedules import Schedule


def weighed(weights: Mapping[str, float | Schedule], doubts: Estimated | Photographed) -> dict[str, float | Schedule]:
    """The weights of objectives, each as many times as large as the doubts say."""
    return {
        name: weight * getattr(doubts, name, 1.0) if isinstance(weight, (int, float)) else weight
        for name, weight in weights.items()
    }


@dataclass(frozen=True)
class Estimated:
    """How many times as much objectives count where normals are estimates, which are off together over whole faces."""

    normals: float = 0.25
    latent: float = 10.0
    landmarks: float = 10.0
    silhouette: float = 5.0
    """Outlines are seen where they are, which normals are not."""


@dataclass(frozen=True)
class Photographed:
    """The same where cameras are those of several photos, which landmarks have placed and which stay a degree or so
    off, once the shape may leave the family: what seems to agree then gives noses beaks. It stays near the family's,
    too, as with a single view."""

    agreement: float = 0.2
