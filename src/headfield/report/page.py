"""The report as one HTML file that asks nothing of the network: its pictures, style and script lie within it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

from headfield import __version__
from headfield.files import new_file
from headfield.report.chart import bars, duration
from headfield.report.content import Number, Photo, Picture, Report, Written
from headfield.report.drawing import GLIMPSED, GUESSED, SEEN
from headfield.report.html import Markup, image, joined, tag
from headfield.report.photos import EDGE, FOUND, REPROJECTED, numbers_of, with_head, with_marks
from headfield.report.words import flat, shown, told

LARGEST = 5_000_000
"""How many bytes a page may have: it is sent as a message and opened on phones."""
SIDES = (900, 640, 480, 360, 240, 160, 100)
"""How many pixels a side the largest pictures may have; the first for which the page is not too large."""

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
"""Browsers hold the page to asking nobody for anything."""

_HERE = Path(__file__).parent


def write_report(path: Path, content: Report) -> None:
    """Write the page; its pictures become smaller where it would be too large."""
    for side in SIDES:
        written = page(content, side=side).encode()
        if len(written) <= LARGEST:
            break
    with new_file(path) as temporary:
        temporary.write_bytes(written)


def page(content: Report, *, side: int = SIDES[0]) -> str:
    """The page as text, its pictures at most ``side`` pixels wide or high."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", content.title),
        tag("style", Markup((_HERE / "page.css").read_text(encoding="utf-8"))),
    )
    script = tag("script", Markup((_HERE / "page.js").read_text(encoding="utf-8")))
    footer = tag("footer", f"Made by headfield {__version__}. All pictures are within this file.")
    body = tag("body", tag("main", *_sections(content, side), footer), script)
    return f"<!DOCTYPE html>\n{tag('html', head, body, lang='en')}\n"


def _sections(content: Report, side: int) -> Iterator[Markup]:
    """What there is to tell, in the order in which people ask."""
    about = [tag("p", content.about)] if content.about else []
    yield tag("header", tag("h1", content.title), *about, _remarks(content.remarks))
    if content.turntable or content.numbers:
        turned = [_turntable(content.turntable, side)] if content.turntable else []
        counted = [_numbers(content.numbers)] if content.numbers else []
        yield _section("The head", tag("div", *turned, *counted, class_="pictures"))
    if content.photos:
        yield _section("Photos", *(_photo(photo, side) for photo in content.photos))
    if content.confidence:
        yield _section("What was seen, and what was guessed", _legend(), _gallery(content.confidence, side))
    if content.normals:
        words = "How the surface is turned: in the picture right is red, up is green, towards you is blue."
        yield _section("The shape", tag("p", words), _gallery(content.normals, side))
    if content.seconds:
        total = tag("p", f"{duration(sum(content.seconds.values()))} in all.")
        yield _section("How long it took", total, bars(content.seconds))
    if content.settings:
        rows = [tag("tr", _setting(name), tag("td", told(value))) for name, value in flat(content.settings)]
        yield tag("section", tag("details", tag("summary", "Settings"), tag("table", tag("tbody", *rows))))
    if content.files:
        yield _section("Files", tag("ul", *map(_file, content.files)))
    if content.commands:
        yield _section("What next", *(tag("pre", tag("code", command)) for command in content.commands))


def _section(title: str, *children: Markup) -> Markup:
    return tag("section", tag("h2", title), *children)


def _remarks(remarks: tuple[str, ...]) -> Markup:
    return tag("ul", *(tag("li", remark) for remark in remarks), class_="remarks") if remarks else Markup()


def _numbers(numbers: tuple[Number, ...]) -> Markup:
    entries = [
        tag("div", tag("dt", number.name), tag("dd", shown(number.value), *([" ", number.unit] if number.unit else [])))
        for number in numbers
    ]
    return tag("dl", *entries)


def _turntable(pictures: tuple[Picture, ...], side: int) -> Markup:
    """All pictures in a row; the script shows one at a time and lets it be turned."""
    turned = [
        image(picture, f"The head, turned by {round(360 * i / len(pictures))} degrees", side=min(side, 480))
        for i, picture in enumerate(pictures)
    ]
    last = len(pictures) - 1
    slider = tag("input", type="range", min=0, max=last, value=0, aria_label="Turn the head", disabled=not last)
    return tag("div", tag("div", *turned, class_="frames"), slider, class_="turn")


def _photo(photo: Photo, side: int) -> Markup:
    figures = [_compared(photo, side) if photo.head is not None else _figure(photo.picture, photo.name, side)]
    if (marked := with_marks(photo)) is not None:
        figures.append(_figure(marked, f"{photo.name} with what was found in it", side, _marks_legend(photo)))
    numbers = (*numbers_of(photo), *photo.numbers)
    parts = [tag("div", *figures, class_="pictures"), *([_numbers(numbers)] if numbers else [])]
    return tag("article", tag("h3", photo.name), *parts, _remarks(photo.remarks))


def _compared(photo: Photo, side: int) -> Markup:
    """The photo on the left of a line that can be moved, the head drawn into it on the right."""
    under = image(photo.picture, f"{photo.name} as it was taken", side=side)
    over = image(with_head(photo), f"{photo.name} with the head drawn into it", side=side, class_="over")
    name = "How much is the photo and how much the head drawn into it"
    slider = tag("input", type="range", min=0, max=100, value=50, step="any", aria_label=name)
    caption = tag("figcaption", tag("span", "the photo"), tag("span", "the head drawn into it"))
    return tag("figure", tag("div", under, over, slider, class_="pair"), caption, class_="compare")


def _figure(picture: Picture, alt: str, side: int, caption: Markup | None = None) -> Markup:
    below = [] if caption is None else [tag("figcaption", caption, class_="words")]
    return tag("figure", image(picture, alt, side=side), *below)


def _marks_legend(photo: Photo) -> Markup:
    marks = [
        ("○", FOUND, "found in the photo", photo.landmarks),
        ("●", REPROJECTED, "the same on the head", photo.reprojected),
        ("—", EDGE, "edge of the person", photo.mask),
    ]
    return joined(
        *(
            tag("span", tag("span", sign, style=f"color:rgb{colour}", aria_hidden="true"), f" {words}")
            for sign, colour, words, found in marks
            if found is not None
        )
    )


def _gallery(pictures: Mapping[str, Picture], side: int) -> Markup:
    figures = [_figure(picture, name, min(side, 480), tag("span", name)) for name, picture in pictures.items()]
    return tag("div", *figures, class_="gallery")


def _legend() -> Markup:
    colours = ", ".join(f"rgb{colour}" for colour in (GUESSED, GLIMPSED, SEEN))
    scale = tag("div", class_="scale", style=f"background:linear-gradient(to right, {colours})")
    ends = tag("div", tag("span", "guessed: no photo shows it"), tag("span", "seen squarely"), class_="ends")
    words = (
        "Orange parts are in no photo: what is known of heads in general filled them in. "
        "The bluer a part is, the more squarely a photo looks at it, and the more it looks there as the head does."
    )
    return tag("div", tag("p", words), scale, ends, class_="legend")


def _setting(name: str) -> Markup:
    """The name of a setting, which narrow pages may break behind its dots."""
    first, *others = name.split(".")
    return tag("th", first, *(joined(".", tag("wbr"), other) for other in others), scope="row")


def _file(file: Written) -> Markup:
    link = tag("a", file.path, href=quote(file.path.replace("\\", "/")))
    return tag("li", link, *([f" – {file.about}"] if file.about else []))
