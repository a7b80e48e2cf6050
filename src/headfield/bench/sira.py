"""SIRA++'s tables I to IV (sections IV and VI): which variants there are, and what the paper says of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from headfield.bench.plan import Planned
from headfield.bench.speeds import SpeedRow, Speeds
from headfield.bench.tables import Bench, Block, Column, Quantity, Row, Table, markdown
from headfield.bench.trials import Cues, Trial, Variant, shipped_prior
from headfield.errors import InputError
from headfield.fitting.prior import ShapePrior
from headfield.fitting.shape_training import Lessons
from headfield.fitting.training import PriorTraining
from headfield.methods import h3d_net, idr, instant_avatar, sira
from headfield.methods.registry import find_method

Name = Literal["1", "2", "3", "4", "open"]

ALL: tuple[Name, ...] = ("1", "2", "3", "4", "open")

PLAIN, MASKED, BENT, WHOLE = "h3d-net-plain", "h3d-net-masked", "sira-shapes-alone", "sira-whole"

LEARNED_BY = {PLAIN: h3d_net.NAME, MASKED: h3d_net.NAME, BENT: sira.NAME, WHOLE: sira.NAME}
"""By which method each of the ablation's priors is learned."""

NOISES = (0.0, 0.002, 0.01, 0.02, 0.03)

REGIONS: tuple[Quantity, ...] = ("face", "head")
OPEN_REGIONS: tuple[Quantity, ...] = ("open face", "open head")

Paper = Mapping[tuple[int, Quantity], float]


@dataclass(frozen=True)
class Fits:
    """How heads are fitted: each method's own settings where nothing else is said."""

    sira: sira.Fitting = field(default_factory=sira.Fitting)
    instant_avatar: instant_avatar.Fitting = field(default_factory=instant_avatar.Fitting)
    h3d_net: h3d_net.Fitting = field(default_factory=h3d_net.Fitting)
    idr: idr.Fitting = field(default_factory=idr.Fitting)


def trainings(
    steps: int, base: sira.Training | None = None, h3d: h3d_net.Training | None = None
) -> dict[str, PriorTraining[Lessons, ShapePrior]]:
    """How each prior of the ablation is learned in so many steps (section VI-B, figure 6)."""
    if steps < 1:
        raise InputError(f"{steps} steps are too few to learn anything in; take more --ablation-steps.")
    plain = replace(h3d or h3d_net.Training(), steps=(steps,))
    whole = replace(base or sira.Training(), steps=steps)
    masked = plain.masked_until or whole.masked_until
    return {
        PLAIN: replace(plain, masked_until=0.0),
        MASKED: replace(plain, masked_until=masked),
        BENT: replace(whole, appearance=None),
        WHOLE: whole,
    }


@dataclass(frozen=True)
class Variants:
    """The variants that can be tried with the priors there are."""

    prior: Path
    avatar_prior: Path | None
    h3d_prior: Path | None
    short: Mapping[str, Path]
    """The ablation's own priors."""
    cues: Cues
    """Which normals InstantAvatar sees; the others look at none."""
    fits: Fits

    @staticmethod
    def of(
        prior: Path | None,
        avatar_prior: Path | None,
        h3d_prior: Path | None,
        short: Mapping[str, Path],
        cues: Cues,
        fits: Fits,
    ) -> Variants:
        """With the priors that come with headfield where none is named; InputError where one cannot be used."""
        given = {sira.NAME: prior, instant_avatar.NAME: avatar_prior, h3d_net.NAME: h3d_prior}
        found = {name: path or shipped_prior(name) for name, path in given.items()}
        for name, path in found.items():
            if path is not None:
                ShapePrior.load(path).checked_for(name)
        main, avatar, h3d = found.values()
        if main is None:
            raise InputError("no prior of sira comes with headfield; train one and name it with --prior.")
        return Variants(main, avatar, h3d, short, cues, fits)

    def left_out(self) -> list[str]:
        """What is not tried and why, a sentence each."""
        sentences = []
        if self.avatar_prior is None:
            sentences.append("InstantAvatar is left out, since there is no prior of it; name one with --avatar-prior.")
        if self.h3d_prior is None:
            sentences.append("H3D-Net is left out, since there is no prior of it; name one with --h3d-prior.")
        if set(self.short) != set(LEARNED_BY):
            sentences.append("Ablations without a prior of their own are left out; --train-ablations learns them.")
        return sentences

    @property
    def mean_head(self) -> Variant:
        """The prior's mean head."""
        return Variant("mean-head", None, None, self.prior)

    @property
    def whole(self) -> Variant:
        """SIRA++."""
        return Variant("sira", find_method("sira"), self.fits.sira, self.prior)

    @property
    def with_all_rays(self) -> Variant:
        """SIRA++ that goes on looking at all rays past the subject."""
        fitting = replace(self.fits.sira, speed=replace(self.fits.sira.speed, selective=None))
        return replace(self.whole, name="sira-all-rays", settings=fitting)

    @property
    def idr(self) -> Variant:
        """IDR."""
        return Variant("idr", find_method("idr"), self.fits.idr)

    @property
    def h3d_net(self) -> Variant | None:
        """H3D-Net; None without a prior of it."""
        if self.h3d_prior is None:
            return None
        return Variant("h3d-net", find_method("h3d-net"), self.fits.h3d_net, self.h3d_prior)

    @property
    def instant_avatar(self) -> Variant | None:
        """InstantAvatar; None without a prior of it."""
        if self.avatar_prior is None:
            return None
        method, settings = find_method("instant-avatar"), self.fits.instant_avatar
        return Variant("instant-avatar", method, settings, self.avatar_prior, self.cues)

    def ablation(self, name: str) -> Variant | None:
        """A prior of the ablation, fitted as its method does; None where nobody learned it."""
        if name not in self.short:
            return None
        method = LEARNED_BY[name]
        settings = self.fits.sira if method == sira.NAME else self.fits.h3d_net
        return Variant(f"short-{name}", find_method(method), settings, self.short[name])

    def table_1(self, views: tuple[int, ...], bench: Bench) -> Speeds:
        """How long fits take with and without what makes them fast."""
        slow, fast = self.with_all_rays, self.whole
        rows = [
            SpeedRow("IDR", self.idr, None, 1000),
            *([] if self.h3d_net is None else [SpeedRow("H3D-Net", self.h3d_net, None, 1050)]),
            SpeedRow("SIRA++, all rays, no cache", slow, "parallel samples", 379, is_base=True),
            SpeedRow("SIRA++, selected rays, no cache", fast, "parallel samples", 275),
            SpeedRow("SIRA++, all rays, cache", slow, "cached samples", 232),
            SpeedRow("SIRA++, selected rays, cache", fast, "cached samples", 191),
            SpeedRow("SIRA++, selected rays, proxy mesh", fast, "proxy"),
        ]
        return Speeds(tuple(rows), tuple(count for count in (1, 3) if count in views), bench)

    def table_2(self, views: tuple[int, ...]) -> Table:
        """What each part of the method is good for."""
        plain: Paper = {(1, "face"): 1.97, (1, "head"): 15.40, (4, "face"): 1.49, (4, "head"): 11.38}
        whole: Paper = {(1, "face"): 1.46, (1, "head"): 14.16, (4, "face"): 1.29, (4, "head"): 10.51}
        rows: list[tuple[str, Variant | None, Paper]] = [
            ("mean head, no view looked at", self.mean_head, {}),
            ("(a) short prior, H3D-Net", self.ablation(PLAIN), plain),
            ("(b) short prior, and progressive masking", self.ablation(MASKED), {}),
            ("(c) short prior, and deformation of a reference", self.ablation(BENT), {}),
            ("(d) short prior, SIRA++", self.ablation(WHOLE), whole),
            ("SIRA++ with its long prior", self.whole, {}),
        ]
        return _table("table-2", "Ablation: what each part is good for", (1, 4), views, rows)

    def table_3(self, views: tuple[int, ...]) -> Table:
        """Cameras that are off."""
        h3d = {0.0: (1.44, 11.6), 0.002: (1.51, 12.35), 0.02: (1.71, 12.96)}
        ours = {0.0: (1.30, 10.59), 0.002: (1.30, 10.62), 0.02: (1.48, 10.83), 0.03: (1.71, 11.84)}
        rows: list[tuple[str, Variant | None, Paper]] = []
        for noise in NOISES:
            for label, variant, paper in (("H3D-Net", self.h3d_net, h3d), ("SIRA++", self.whole, ours)):
                told = _both({3: paper[noise]}) if noise in paper else {}
                rows.append((f"{label}, noise {noise:g}", _with_noise(variant, noise), told))
        return _table("table-3", "Cameras that are off", (3,), views, rows)

    def table_4(self, views: tuple[int, ...]) -> Table:
        """Methods side by side, from one view to many."""
        faces = {1: (1.57, 10.79), 3: (1.18, 8.63), 4: (1.23, 5.31), 6: (1.04, 4.81), 8: (1.18, 4.63)}
        faces |= {16: (1.07, 4.26), 32: (1.02, 4.12)}
        h3d = {3: (1.44, 11.6), 4: (1.41, 8.32), 6: (1.21, 5.75), 8: (1.35, 7.88), 16: (1.17, 6.91), 32: (1.04, 5.67)}
        idr_ = {3: (3.51, 28.8), 4: (3.33, 14.3), 6: (3.12, 16.4), 8: (2.97, 12.6), 16: (2.88, 12.4), 32: (2.04, 10.6)}
        rows: list[tuple[str, Variant | None, Paper]] = [
            ("mean head, no view looked at", self.mean_head, {}),
            ("IDR, without a prior", self.idr, _both(idr_)),
            ("H3D-Net", self.h3d_net, _both(h3d)),
            ("InstantAvatar", self.instant_avatar, {}),
            ("SIRA++", self.whole, _both(faces)),
        ]
        return _table("table-4", "Methods side by side", (1, 3, 4, 6, 8, 16, 32), views, rows)

    def table_open(self, views: tuple[int, ...]) -> Table:
        """Methods side by side, where cavities do not count."""
        rows = tuple(Row(row.label, row.variant) for row in self.table_4(views).rows)
        columns = tuple(Column(count, region) for region in OPEN_REGIONS for count in (1, 3, 4, 6) if count in views)
        return Table("open", "Methods side by side, without what lies in cavities", columns, rows)


@dataclass(frozen=True)
class SiraPlan(Planned):
    """What is to be tried of SIRA++."""

    paper = "sira"
    bench: Bench
    tables: tuple[Table, ...]
    speeds: Speeds | None

    @staticmethod
    def of(bench: Bench, variants: Variants, views: tuple[int, ...], names: tuple[Name, ...]) -> SiraPlan:
        """For the tables that are wanted, as far as they are about so many views."""
        made = {"2": variants.table_2(views), "3": variants.table_3(views), "4": variants.table_4(views)}
        made["open"] = variants.table_open(views)
        tables = tuple(table for name, table in made.items() if name in names and table.columns)
        speeds = variants.table_1(views, bench)
        return SiraPlan(bench, tables, speeds if "1" in names and speeds.views else None)

    def trials(self) -> list[Trial]:
        """All of them, each once, person by person; those that are timed come last."""
        plain = [trial for table in self.tables for trial in self.bench.trials(table)]
        order = {name: place for place, name in enumerate(self.bench.subjects)}
        trials = sorted(plain, key=lambda trial: order[trial.subject])
        trials += self.speeds.trials() if self.speeds else ()
        return list({trial.digest: trial for trial in trials}.values())

    def blocks(self, page: Path) -> Iterator[Block]:
        """The tables."""
        if self.speeds:
            yield self.speeds.block()
        for table in self.tables:
            yield markdown(table, self.bench)


def _with_noise(variant: Variant | None, noise: float) -> Variant | None:
    if variant is None or not noise:
        return variant
    return replace(variant, name=f"{variant.name}-noise-{noise:g}", noise=noise)


def _both(values: Mapping[int, tuple[float, float]]) -> Paper:
    """Values of face and head by the number of views."""
    faces: dict[tuple[int, Quantity], float] = {(views, "face"): face for views, (face, _) in values.items()}
    return {**faces, **{(views, "head"): head for views, (_, head) in values.items()}}


def _table(
    name: str,
    title: str,
    of: tuple[int, ...],
    wanted: tuple[int, ...],
    rows: list[tuple[str, Variant | None, Paper]],
) -> Table:
    columns = tuple(Column(views, region) for views in of if views in wanted for region in REGIONS)
    made = []
    for label, variant, paper in rows:
        if variant is not None:
            values = tuple(paper.get((column.views, column.quantity)) for column in columns)
            made.append(Row(label, variant, values if paper else ()))
    return Table(name, f"{title} (SIRA++, {name.replace('-', ' ')})", columns, tuple(made))
