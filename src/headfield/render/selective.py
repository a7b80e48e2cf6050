"""Fewer and fewer rays past the subject, since they soon have nothing more to say (SIRA++, section IV)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SelectiveSampling:
    """How many of the rays past the subject are still looked at after so many steps; those furthest away go first.

    As it stands: the paper's, for its 2,000 epochs.
    """

    drop: float = 0.12
    """Which share of them goes each time."""
    every: int = 250
    """After how many steps some go."""
    times: int = 4
    """How often some go."""

    def __post_init__(self) -> None:
        if not 0 <= self.drop <= 1 or self.every < 1 or self.times < 0:
            raise ValueError("a share of 0 to 1 can be dropped, every step or more seldom, never or some times")

    def share(self, step: int) -> float:
        """Which share of the rays past the subject is looked at in a step."""
        return (1 - self.drop) ** min(step // self.every, self.times)
