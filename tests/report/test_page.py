from __future__ import annotations

import base64
import io
import re
from dataclasses import fields, replace
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from headfield.capture import View
from headfield.report import page as page_room
from headfield.report.content import Number, Photo, Report, Written
from headfield.report.html import VOID, tag
from headfield.report.page import page, write_report

from ..heads import front

EVIL = "<script>alert('\"&')</script>"


class Reader(HTMLParser):
    """What a page consists of; fails where an element is not closed in its place."""

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        assert len(dict(attrs)) == len(attrs), "no attribute is given twice"
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"script", "style"} & set(self.open):
            self.texts.append(data)

    def count(self, name: str) -> int:
        return sum(name == element for element, _ in self.elements)

    def titles(self) -> list[str]:
        return [text for text in self.texts if text in TITLES]


TITLES = (
    "The head",
    "Photos",
    "What was seen, and what was guessed",
    "The shape",
    "How long it took",
    "Settings",
    "Files",
    "What next",
)


def picture(height: int = 24, width: int = 24, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (height, width, channels), dtype=np.uint8)


def photo(name: str = "anna.jpg") -> Photo:
    mask = np.zeros((24, 24), np.uint8)
    mask[4:20, 4:20] = 255
    points = np.array([[8.0, 8], [16, 8], [np.nan, np.nan]])
    head = View(name, front(24), picture(), mask=mask)
    return Photo(name, picture(), mask, points, points + 1, 8.0, head, (Number("Own", 1.5, "mm"),), ("Dark.",))


def full() -> Report:
    return Report(
        title="Anna",
        about="Made from one photo.",
        remarks=("The back is guessed.",),
        turntable=(picture(channels=4), picture(channels=4)),
        numbers=(Number("Vertices", 149300), Number("Height", 354.2, "mm")),
        photos=(photo(), replace(photo("ben.png"), head=None)),
        confidence={"front": picture(channels=4)},
        normals={"front": picture()},
        seconds={"pose": 3.0, "fit": 100.0},
        settings={"latent": {"steps": 20, "rate": 1e-3}, "seed": 0},
        files=(Written("head.glb", "the mesh"), Written("pictures/a b.png")),
        commands=("headfield render head -o pictures",),
    )


def test_the_page_is_well_formed_and_says_all_it_was_given():
    reader = Reader(page(full()))
    assert reader.titles() == list(TITLES)
    text = "".join(reader.texts)
    for words in (
        "Anna",
        "149,300",
        "354 mm",
        "The back is guessed.",
        "Dark.",
        "latent.steps",
        "1 min 40 s",
        "1.50 mm",
    ):
        assert words in text
    # Two of the turn; photo, head and marks of one photo, photo and marks of the other; confidence; normals.
    assert reader.count("img") == 2 + 3 + 2 + 1 + 1


def test_it_asks_nobody_for_anything():
    text = page(full())
    assert not re.search(r"https?:|//|@import|url\(", re.sub(r"base64,[^\"]*", "", text).replace("<!DOCTYPE", ""))
    for element, attributes in Reader(text).elements:
        assert element not in ("iframe", "object", "embed", "base")
        assert attributes.get("src", "data:").startswith("data:")
        if element == "link":
            pytest.fail("styles lie within the page")


def test_every_picture_decodes_to_the_size_the_page_says_and_is_described():
    for element, attributes in Reader(page(full())).elements:
        if element == "img":
            kind, content = attributes["src"].split(";base64,")
            with Image.open(io.BytesIO(base64.b64decode(content))) as decoded:
                decoded.load()
                assert kind == f"data:image/{decoded.format.lower()}"
                assert decoded.size == (int(attributes["width"]), int(attributes["height"]))
            assert attributes["alt"]


def test_texts_are_texts_whatever_they_hold():
    evil = Report(
        title=EVIL,
        about=EVIL,
        remarks=(EVIL,),
        numbers=(Number(EVIL, 1.0, EVIL),),
        photos=(replace(photo(EVIL), remarks=(EVIL,)),),
        confidence={EVIL: picture()},
        normals={EVIL: picture()},
        seconds={EVIL: 1.0},
        settings={EVIL: EVIL},
        files=(Written(EVIL, EVIL), Written("javascript:alert(1)")),
        commands=(EVIL,),
    )
    reader, harmless = Reader(page(evil)), Reader(page(full()))
    assert reader.count("script") == harmless.count("script") == 1
    assert "".join(reader.texts).count(EVIL) >= 12
    assert not any(name.startswith("on") for _, attributes in reader.elements for name in attributes)
    links = [attributes["href"] for element, attributes in reader.elements if element == "a"]
    assert all(re.fullmatch(r"[\w%./~-]+", link) for link in links), "nothing but a path, without a scheme"


def test_what_is_empty_is_left_out():
    reader = Reader(page(Report("Nobody")))
    assert reader.titles() == []
    assert reader.count("section") == reader.count("img") == 0


@pytest.mark.parametrize("name", [field.name for field in fields(Report) if field.name != "title"])
def test_each_part_can_stand_alone_and_be_missing(name):
    alone = Report("Anna", **{name: getattr(full(), name)})
    empty = getattr(Report(""), name)
    without = replace(full(), **{name: empty})
    titles = set(Reader(page(alone)).titles())
    assert len(titles) == (name not in ("about", "remarks"))
    assert set(TITLES) - set(Reader(page(without)).titles()) <= titles


def test_links_lead_to_files_beside_the_page():
    links = [attributes["href"] for element, attributes in Reader(page(full())).elements if element == "a"]
    assert links == ["head.glb", "pictures/a%20b.png"]


def test_sliders_have_names_and_the_settings_can_be_folded():
    reader = Reader(page(full()))
    sliders = [attributes for element, attributes in reader.elements if element == "input"]
    assert len(sliders) == 2
    assert all(attributes["aria-label"] for attributes in sliders)
    assert reader.count("wbr") == len(["latent.steps", "latent.rate"])
    assert reader.count("details") == reader.count("summary") == 1


def test_a_page_with_many_large_pictures_stays_small(tmp_path, monkeypatch):
    """Noise is the worst there is."""
    assert page_room.LARGEST <= 5_000_000
    monkeypatch.setattr(page_room, "LARGEST", 50_000)
    photos = tuple(Photo(f"{i}.jpg", picture(160, 200)) for i in range(6))
    path = tmp_path / "report.html"
    write_report(path, Report("Much", photos=photos, normals={"front": picture(120, 120)}))
    assert len(page(Report("Much", photos=photos)).encode()) > 50_000
    assert path.stat().st_size <= 50_000
    assert Reader(path.read_text(encoding="utf-8")).count("img") == 7
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]


def test_tags_escape_what_is_not_markup_yet():
    assert tag("p", "a<b", tag("b", '"&"'), title='"<', hidden=True, lang=None) == (
        '<p title="&quot;&lt;" hidden>a&lt;b<b>&quot;&amp;&quot;</b></p>'
    )
    assert tag("img", alt="", aria_label="x", class_="y") == '<img alt="" aria-label="x" class="y">'
