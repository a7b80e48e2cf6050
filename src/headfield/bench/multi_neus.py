"""Multi-NeuS's figure 6 and tables 1 and 2 (sections 4.2 to 4.4): the variants there are, and what the paper says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from headfield.bench.trials import Variant, shipped_prior
from headfield.errors import InputError
from headfield.fields.scene_fields import NetworksSettings
from headfield.fields.scene_layers import SceneLayersSettings
from headfield.fitting.scene_prior import ScenePrior
from headfield.methods import h3d_net, instant_avatar, multi_neus
from headfield.methods.registry import find_method
from headfield.render.sampling import Sampling

RANKS = (4, 32, 128)

INDEPENDENT, TRANSFERRED = "independent", "transferred"

RADIANCE, ONE_EACH, HALF_SDF, SDF = "pattern-radiance", "pattern-one-each", "pattern-half-sdf", "pattern-sdf"
EVERYTHING = "pattern-everything"

PAPER: dict[str, tuple[float, ...]] = {
    RADIANCE: (17.61, 19.35, 20.78, 18.19, 19.21, 23.67),
    HALF_SDF: (21.85, 23.85, 24.56, 21.84, 24.28, 25.23),
    SDF: (21.92, 24.25, 24.77, 21.59, 24.03, 25.22),
    "whole": (22.43, 24.26, 24.66, 21.99, 24.39, 25.27),
}
"""PSNR for 1, 2, 3 views after step one and in full, with rank 1000 on SmartPortraits (table 2)."""

PAPER_FACES = {"h3d-net": (1.82, 1.83, 1.91, 1.85, 13.83, 13.01, 12.51, 13.12)}
PAPER_FACES["multi-neus"] = (1.89, 1.77, 1.86, 1.84, 13.00, 13.27, 11.95, 12.74)
"""Millimetres for front, left, right and their mean: of the face, then of the head, on H3DS (table 1)."""


def patterns(like: SceneLayersSettings, networks: NetworksSettings) -> dict[str, SceneLayersSettings]:
    """Which layers are a scene's own (table 2), besides the first halves of both networks."""
    half, sdf, radiance = like.sdf, tuple(range(1, networks.sdf + 1)), tuple(range(1, networks.radiance + 1))
    own = {
        EVERYTHING: (sdf, radiance),
        RADIANCE: ((), radiance),
        ONE_EACH: (sdf[1:2], radiance[:1]),
        HALF_SDF: (half, ()),
        SDF: (sdf, ()),
    }
    return {name: replace(like, sdf=of_sdf, radiance=of_radiance) for name, (of_sdf, of_radiance) in own.items()}


def trainings(steps: int, base: multi_neus.Training | None = None) -> dict[str, multi_neus.Training]:
    """How each prior of figure 6 and table 2 is learned in so many steps; ``base`` is the whole method's training."""
    base = replace(base or multi_neus.Training(), steps=steps)
    layers = base.layers
    made = {rank_name(rank): replace(base, layers=replace(layers, kind="low-rank", rank=rank)) for rank in RANKS}
    made[INDEPENDENT] = replace(base, layers=replace(layers, kind="independent"))
    shared = SceneLayersSettings((), ())
    made |= {f"{TRANSFERRED}-{scene}": replace(base, layers=shared, scene=scene) for scene in (0, 1)}
    return made | {name: replace(base, layers=own) for name, own in patterns(layers, base.networks).items()}


@dataclass(frozen=True)
class SceneVariants:
    """The variants that can be tried with the priors there are."""

    short: Mapping[str, Path]
    """The priors that were learned for these tables."""
    prior: Path | None
    h3d_prior: Path | None
    mean_prior: Path | None
    """The prior of shapes whose mean head is in table 1."""
    fit: multi_neus.Fitting = field(default_factory=multi_neus.Fitting)

    @staticmethod
    def of(
        prior: Path | None, h3d_prior: Path | None, short: Mapping[str, Path], fit: multi_neus.Fitting
    ) -> SceneVariants:
        """With the priors that come with headfield where none is named; InputError where one cannot be used."""
        main = prior or shipped_prior(multi_neus.NAME)
        if main is not None:
            ScenePrior.load(main).checked_for(multi_neus.NAME)
        if main is None and not short:
            raise InputError(
                "there is no prior of multi-neus to try; train one and name it with --prior, or let --train-ablations "
                "learn those of the tables."
            )
        other = h3d_prior or shipped_prior(h3d_net.NAME)
        if other is not None:
            find_method(h3d_net.NAME).prior.load(other).checked_for(h3d_net.NAME)
        return SceneVariants(short, main, other, shipped_prior(instant_avatar.NAME), fit)

    def left_out(self) -> list[str]:
        """What is not tried and why, a sentence each."""
        sentences = []
        if self.h3d_prior is None:
            sentences.append("H3D-Net is left out, since there is no prior of it; name one with --h3d-prior.")
        if set(self.short) != set(trainings(1)):
            sentences.append("Variants without a prior of their own are left out; --train-ablations learns them.")
        return sentences

    def short_one(self, name: str) -> Variant | None:
        """Multi-NeuS with a prior learned for these tables; None where nobody learned it."""
        if name not in self.short:
            return None
        return Variant(f"short-{name}", find_method(multi_neus.NAME), self.fit, self.short[name])

    @property
    def main(self) -> Variant | None:
        """Multi-NeuS with its long prior, or with the middle rank of the short ones."""
        if self.prior is None:
            return self.short_one(rank_name(RANKS[1]))
        return Variant(multi_neus.NAME, find_method(multi_neus.NAME), self.fit, self.prior)

    def plain_sampling(self) -> Variant | None:
        """The same with NeuS's schedule of samples."""
        main = self.main
        if main is None:
            return None
        options = replace(self.fit.options, sampling=Sampling("hierarchical"))
        return replace(main, name="hierarchical", settings=replace(self.fit, options=options))


def rank_name(rank: int) -> str:
    """What the prior of a rank is called."""
    return f"rank-{rank}"
