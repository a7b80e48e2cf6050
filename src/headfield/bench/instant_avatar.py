"""InstantAvatar's tables 1 to 4 (sections 4.3 and 4.4): which variants there are, and what the paper says of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from headfield.bench import ablations
from headfield.bench.stripped import FromSphere
from headfield.bench.tables import Column, Quantity, Row, Table
from headfield.bench.trials import Cues, Variant, shipped_prior
from headfield.errors import InputError
from headfield.fitting.prior import ShapePrior
from headfield.methods import h3d_net, idr, instant_avatar
from headfield.methods.registry import Method, find_method

STRIPPED = Method("instant-avatar", "headfield.bench.stripped", "InstantAvatar with a part taken away.")

Paper = Mapping[tuple[int, Quantity], float]


@dataclass(frozen=True)
class Fits:
    """How heads are fitted: each method's own settings where nothing else is said."""

    instant_avatar: instant_avatar.Fitting = field(default_factory=instant_avatar.Fitting)
    h3d_net: h3d_net.Fitting = field(default_factory=h3d_net.Fitting)
    idr: idr.Fitting = field(default_factory=idr.Fitting)


@dataclass(frozen=True)
class Variants:
    """The variants that can be tried with the priors there are."""

    prior: Path
    h3d_prior: Path | None
    short: Mapping[str, Path]
    """The ablations' own priors."""
    cues: Cues
    fits: Fits

    @staticmethod
    def of(prior: Path | None, h3d_prior: Path | None, short: Mapping[str, Path], cues: Cues, fits: Fits) -> Variants:
        """With the priors that come with headfield where none is named; InputError where one cannot be used."""
        main = prior or shipped_prior(instant_avatar.NAME)
        if main is None:
            raise InputError("no prior of instant-avatar comes with headfield; train one and name it with --prior.")
        ShapePrior.load(main).checked_for(instant_avatar.NAME)
        other = h3d_prior or shipped_prior(h3d_net.NAME)
        if other is not None:
            ShapePrior.load(other).checked_for(h3d_net.NAME)
        return Variants(main, other, short, cues, fits)

    def left_out(self) -> list[str]:
        """What is not tried and why, a sentence each."""
        sentences = []
        if self.h3d_prior is None:
            sentences.append("H3D-Net is left out, since there is no prior of it; name one with --h3d-prior.")
        if set(self.short) != set(ablations.trainings(3)):
            sentences.append("Ablations without a prior of their own are left out; --train-ablations learns them.")
        return sentences

    @property
    def mean_head(self) -> Variant:
        """The prior's mean head."""
        return Variant("mean-head", None, None, self.prior)

    @property
    def whole(self) -> Variant:
        """InstantAvatar."""
        return Variant("instant-avatar", find_method("instant-avatar"), self._fit, self.prior, self.cues)

    @property
    def with_true_normals(self) -> Variant:
        """What it would do if the normals it sees were perfect."""
        return replace(self.whole, name="true-normals", cues="true")

    @property
    def without_normals(self) -> Variant:
        """InstantAvatar that looks at colours and masks alone."""
        return replace(self.whole, name="no-normals", cues="none")

    @property
    def without_agreement(self) -> Variant:
        """InstantAvatar that does not compare views with each other: the paper's objectives alone."""
        return replace(self.whole, name="no-agreement", settings=replace(self._fit, agreement=0.0))

    @property
    def without_prior(self) -> Variant:
        """InstantAvatar's network and objectives, from a sphere."""
        geometry = replace(ShapePrior.load(self.prior).geometry.settings, code=0)
        given = {name: getattr(self._fit, name) for name in self._fit.__dataclass_fields__}
        return Variant("no-prior", STRIPPED, FromSphere(**given, geometry=geometry), None, self.cues)

    @property
    def idr(self) -> Variant:
        """IDR."""
        return Variant("idr", find_method("idr"), self.fits.idr)

    def h3d_net(self) -> Variant | None:
        """H3D-Net; None without a prior of it."""
        if self.h3d_prior is None:
            return None
        return Variant("h3d-net", find_method("h3d-net"), self.fits.h3d_net, self.h3d_prior)

    def ablation(self, name: str) -> Variant | None:
        """InstantAvatar with a prior learned otherwise; None where nobody learned it."""
        if name not in self.short:
            return None
        return Variant(f"short-{name}", STRIPPED, self._fit, self.short[name], self.cues)

    @property
    def _fit(self) -> instant_avatar.Fitting:
        return self.fits.instant_avatar

    @property
    def _upper_bound(self) -> list[tuple[str, Variant | None, Paper]]:
        if self.cues != "predicted":
            return []
        return [("InstantAvatar with the views' true normals", self.with_true_normals, {})]

    def table_1(self, views: tuple[int, ...]) -> Table:
        """What each part of the method is good for."""
        columns = _columns((3, 6), views, ("face",))
        rows: list[tuple[str, Variant | None, Paper]] = [
            ("mean head, no view looked at", self.mean_head, {}),
            ("without shape prior", self.without_prior, {(3, "face"): 6.98, (6, "face"): 20.72}),
            ("without normals", self.without_normals, {(3, "face"): 1.59, (6, "face"): 1.44}),
            ("without agreement of views, as in the paper", self.without_agreement, {}),
            ("InstantAvatar", self.whole, {(3, "face"): 1.39, (6, "face"): 1.22}),
            *self._upper_bound,
            ("short prior, without grid, 3 layers", self.ablation(ablations.THREE_LAYERS), _faces(3, 1.55, 1.38)),
            ("short prior, without grid, 8 layers", self.ablation(ablations.EIGHT_LAYERS), _faces(3, 1.46, 1.34)),
            ("short prior, single grid", self.ablation(ablations.SINGLE_GRID), _faces(3, 1.39, 1.27)),
            ("short prior, InstantAvatar", self.ablation(ablations.WHOLE), _faces(3, 1.39, 1.22)),
        ]
        return _table("table-1", "Ablation: what each part is good for", columns, rows)

    def table_2(self, views: tuple[int, ...]) -> Table:
        """How the prior is learned."""
        columns = _columns((1, 3, 6), views, ("face",))
        rows: list[tuple[str, Variant | None, Paper]] = [
            ("mean head, no view looked at", self.mean_head, {}),
            ("(A) without progressive masking", self.ablation(ablations.UNMASKED), _faces(1, 1.77, 1.48, 1.33)),
            ("(B) all grid levels at once", self.ablation(ablations.AT_ONCE), _faces(1, 1.70, 1.54, 1.35)),
            ("(C) InstantAvatar", self.ablation(ablations.WHOLE), _faces(1, 1.50, 1.39, 1.22)),
            ("InstantAvatar with its long prior", self.whole, {}),
        ]
        return _table("table-2", "Ablation: how the prior is learned", columns, rows)

    def table_3(self, views: tuple[int, ...]) -> Table:
        """Methods from one view."""
        columns = _columns((1,), views, ("face", "head", "seconds"))
        h3d: Paper = {(1, "face"): 1.97, (1, "head"): 14.36, (1, "seconds"): 600}
        ours: Paper = {(1, "face"): 1.50, (1, "head"): 12.43, (1, "seconds"): 5}
        return _table("table-3", "Methods side by side, one view", columns, self._methods(h3d, ours))

    def table_4(self, views: tuple[int, ...]) -> Table:
        """Methods from several views."""
        columns = _columns((3, 6), views, ("face", "head", "seconds"))
        h3d: Paper = {(3, "face"): 1.47, (3, "head"): 11.13, (3, "seconds"): 1200}
        ours: Paper = {(3, "face"): 1.39, (3, "head"): 9.71, (3, "seconds"): 15}
        h3d = {**h3d, (6, "face"): 1.24, (6, "head"): 6.24, (6, "seconds"): 2400}
        ours = {**ours, (6, "face"): 1.22, (6, "head"): 8.03, (6, "seconds"): 30}
        return _table("table-4", "Methods side by side, several views", columns, self._methods(h3d, ours))

    def _methods(self, h3d: Paper, ours: Paper) -> list[tuple[str, Variant | None, Paper]]:
        return [
            ("mean head, no view looked at", self.mean_head, {}),
            ("IDR, without a prior", self.idr, {}),
            ("H3D-Net", self.h3d_net(), h3d),
            ("InstantAvatar", self.whole, ours),
            *self._upper_bound,
        ]


def _columns(of: tuple[int, ...], wanted: tuple[int, ...], quantities: tuple[Quantity, ...]) -> tuple[Column, ...]:
    return tuple(Column(views, quantity) for views in of if views in wanted for quantity in quantities)


def _faces(first: int, *values: float) -> Paper:
    """Values for the face with one, three and six views, or from three on."""
    counts = [views for views in (1, 3, 6) if views >= first]
    return {(views, "face"): value for views, value in zip(counts, values, strict=True)}


def _table(name: str, title: str, columns: tuple[Column, ...], rows: list[tuple[str, Variant | None, Paper]]) -> Table:
    made = []
    for label, variant, paper in rows:
        if variant is not None:
            values = tuple(paper.get((column.views, column.quantity)) for column in columns)
            made.append(Row(label, variant, values if paper else ()))
    return Table(name, f"{title} (InstantAvatar, {name.replace('-', ' ')})", columns, tuple(made))
