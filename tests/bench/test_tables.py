from __future__ import annotations

import json
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headfield.bench.chart import Line, svg, ticks
from headfield.bench.instant_avatar import Variants
from headfield.bench.plan import ALL, Plan
from headfield.bench.pool import try_missing
from headfield.bench.report import write_blocks
from headfield.bench.tables import Block, Column, Row, Table, markdown
from headfield.errors import InputError

from .room import bench, few_points, variants


@pytest.fixture(scope="module")
def tried_plan(tmp_path_factory):
    """Everything but what is timed, with short priors that are the prior itself."""
    out = tmp_path_factory.mktemp("bench")
    known = variants()
    short = {"whole": known.prior, "no-masking": known.prior}
    plan = Plan.of(bench(out), replace(known, short=short), (1, 3), tuple(name for name in ALL if name != "speed"))
    with few_points():
        list(try_missing(plan.trials(), plan.bench.results, workers=1))
    return plan


def cells(text: str) -> dict[str, list[str]]:
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("|")]
    return {line[0]: line[1:] for line in lines[2:]}


def test_numbers_are_the_means_of_the_files(tried_plan):
    plan = tried_plan
    table = next(table for table in plan.tables if table.name == "table-4")
    found = cells(markdown(table, plan.bench).text)
    assert list(found) == [row.label for row in table.rows]
    for row in table.rows:
        results = [
            json.loads(path.read_text())
            for path in (plan.bench.results.folder / row.variant.name).glob("*.json")
            if ("-3v-" in path.name and "proxy" not in path.name) or row.variant.method is None
        ]
        results = [result for result in results if result["trial"]["finder"] is None]
        assert len(results) == 2
        for place, region in enumerate(("face", "head")):
            mean = np.mean([result["scores"][region]["mean"] for result in results])
            assert found[row.label][place] == f"{mean:.2f}"
    assert found["mean head, no view looked at"][2] == "–"
    assert found["InstantAvatar"][3] == "1.39 / 9.71 / 15"


def test_rows_without_a_prior_are_left_out(tried_plan):
    labels = {row.label for table in tried_plan.tables for row in table.rows}
    assert "(A) without progressive masking" in labels
    assert "(B) all grid levels at once" not in labels
    assert "H3D-Net" not in labels


def test_numbers_of_views_not_asked_for_are_left_out(tried_plan):
    assert [column.title for column in tried_plan.tables[0].columns] == ["3 views, face"]
    assert not Plan.of(tried_plan.bench, variants(), (1,), ("1", "4")).tables


def test_a_watched_fit_serves_its_table_too(tried_plan):
    whole = [trial for trial in tried_plan.trials() if trial.variant.name == "instant-avatar" and trial.views == 3]
    assert {trial.kind for trial in whole} == {"watched", "proxy", "sphere-tracing", "parallel-samples"}


def test_the_page_holds_everything_once_and_the_same_again(tried_plan, tmp_path):
    page = tmp_path / "docs" / "benchmarks.md"
    tried_plan.write([page])
    text = page.read_text()
    for name in ("table-1", "table-2", "table-3", "table-4", "steps", "hits"):
        assert text.count(f"<!-- bench:instant-avatar:{name}-two-balls begin -->") == 1
    page.write_text(text.replace("## Ways", "What came out: by hand.\n\n## Ways"))
    tried_plan.write([page])
    assert page.read_text() == text.replace("## Ways", "What came out: by hand.\n\n## Ways")
    picture = page.parent / "pictures" / "instant-avatar-steps-two-balls.svg"
    assert f"({picture.relative_to(page.parent)})" in text
    lines = ElementTree.parse(picture).findall(".//{http://www.w3.org/2000/svg}polyline")
    assert len(lines) == len(tried_plan.steps.rows)


def test_a_table_of_nothing_tried_says_so(tmp_path):
    table = variants().table_3((1,))
    text = markdown(table, bench(tmp_path)).text
    assert cells(text)["InstantAvatar"][:3] == ["–", "–", "–"]
    assert "Nothing has been tried yet." in text


def test_what_is_missing_of_a_row_is_told(tried_plan):
    more = replace(tried_plan.bench, subjects=("ball-0", "ball-1", "ball-2"))
    more.results.folder.mkdir(exist_ok=True)

    class Known(type(more.results)):
        def of(self, trial):
            return None if trial.subject == "ball-2" else super().of(trial)

        def path(self, trial):
            return super().path(replace(trial, subject="ball-0") if trial.subject == "ball-2" else trial)

    table = variants().table_3((1,))
    assert cells(markdown(table, replace(more, results=Known(more.results.folder))).text)["InstantAvatar"][0].endswith(
        "(of 2)"
    )


def test_predicted_normals_need_the_network_and_bring_an_upper_bound(monkeypatch, tmp_path):
    monkeypatch.setattr("headfield.photo.normals.SHIPPED", tmp_path / "none")
    known = variants("predicted")
    assert "InstantAvatar with the views' true normals" in {row.label for row in known.table_3((1,)).rows}
    with pytest.raises(InputError, match="choose --cues true or --cues none"):
        bench(tmp_path).results.missing([bench(tmp_path).trial(known.whole, "ball-0", 1)])


def test_a_prior_of_another_method_is_refused():
    known = variants()
    with pytest.raises(InputError, match="h3d-net"):
        Variants.of(known.prior, known.prior, {}, "true", known.fits)


BLOCKS = [Block("one", "One", "first"), Block("two", "Two", "second")]


def test_what_was_written_by_hand_stays(tmp_path):
    page = tmp_path / "page.md"
    write_blocks(page, "x", BLOCKS, title="Page")
    assert page.read_text() == (
        "# Page\n\n## One\n\n<!-- bench:x:one begin -->\n\nfirst\n\n<!-- bench:x:one end -->\n"
        "\n## Two\n\n<!-- bench:x:two begin -->\n\nsecond\n\n<!-- bench:x:two end -->\n"
    )
    by_hand = page.read_text().replace("## Two", "My thoughts.\n\n## Second, by hand") + "\nThe end.\n"
    page.write_text(by_hand)
    write_blocks(page, "x", [Block("one", "One", "new"), BLOCKS[1]], title="Page")
    assert page.read_text() == by_hand.replace("first", "new")


def test_a_page_that_lost_a_mark_is_refused_and_kept(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("words <!-- bench:x:two end --> words")
    with pytest.raises(InputError, match="lost one of the two marks"):
        write_blocks(page, "x", BLOCKS, title="Page")
    assert page.read_text() == "words <!-- bench:x:two end --> words"


@given(st.floats(1e-3, 1e5))
def test_ticks_are_few_round_and_reach_the_end(end):
    found = ticks(end)
    assert found[0] == 0
    assert found[-2] < end <= found[-1] * (1 + 1e-9)
    assert 2 <= len(found) <= 7
    assert f"{found[1]:.0e}"[0] in "125"


def test_a_chart_says_what_its_lines_are():
    drawn = ElementTree.fromstring(svg([Line("a < b", ((0, 1), (10, 2)))], title="T & U", x="steps", y="mm"))
    texts = [element.text for element in drawn.iter() if element.text]
    assert "a < b" in texts
    assert "T & U" in texts
    points = drawn.find(".//{http://www.w3.org/2000/svg}polyline").get("points").split()
    (x0, y0), (x1, y1) = (map(float, point.split(",")) for point in points)
    assert x0 < x1
    assert y0 > y1, "up is more"


def test_results_from_before_a_quantity_was_told_are_not_counted_for_it(tmp_path):
    known = bench(tmp_path)

    class Told(type(known.results)):
        def of(self, trial):
            regions = ("face", "open face") if trial.subject == "ball-1" else ("face",)
            about = {"gpu": None, "threads": 1, "processor": "any", "headfield": "0", "torch": "0"}
            return {"machine": about, "scores": {region: {"mean": 2.0} for region in regions}}

    row = Row("InstantAvatar", variants().whole)
    table = Table("open", "Open", (Column(1, "face"), Column(1, "open face")), (row,))
    text = markdown(table, replace(known, results=Told(tmp_path))).text
    assert cells(text)["InstantAvatar"] == ["2.00", "2.00 (of 1)"]
