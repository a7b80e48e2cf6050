"""HTML that is well-formed by the way it is made: every element closes, and every text is escaped."""

from __future__ import annotations

import base64
import io
from html import escape

from PIL import Image

from headfield.report.content import Picture

VOID = frozenset({"img", "input", "meta", "wbr"})
"""Elements that hold nothing and have no end."""

QUALITY = 80
"""Of WebP: what it loses is not seen."""


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def tag(element: str, *children: str, **attributes: str | float | bool | None) -> Markup:
    """An element with its children: :class:`Markup` as it is, any other text escaped.

    Attributes are named as in HTML with ``_`` for ``-``; one behind a name keeps it from being a word of Python's. None
    and False leave an attribute out.
    """
    given = [
        f" {name.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{escape(str(value))}"')
        for name, value in attributes.items()
        if value is not None and value is not False
    ]
    start = f"<{element}{''.join(given)}>"
    if element in VOID:
        return Markup(start)
    return Markup(start + joined(*children) + f"</{element}>")


def joined(*children: str) -> Markup:
    """Children one after the other."""
    return Markup("".join(child if isinstance(child, Markup) else escape(child) for child in children))


def image(picture: Picture, alt: str, *, side: int, **attributes: str) -> Markup:
    """A picture within the page, made smaller where a side is longer than ``side``."""
    shown = Image.fromarray(picture)
    shown.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    shown.save(buffer, format="WEBP", quality=QUALITY)
    source = "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()
    return tag("img", src=source, alt=alt, width=shown.width, height=shown.height, **attributes)
