"""Numbers and settings as people read them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping


def shown(value: float) -> str:
    """A number with three digits that count, and never in powers of ten."""
    if math.isnan(value):
        return "unknown"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == 0 or float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:,.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"


def flat(settings: Mapping[str, object], before: str = "") -> Iterator[tuple[str, object]]:
    """Settings within settings by their names with dots between them."""
    for name, value in settings.items():
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def told(value: object) -> str:
    """A setting's value in words."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "–"
    if isinstance(value, (list, tuple)):
        return ", ".join(told(part) for part in value) or "–"
    return f"{value:g}" if isinstance(value, float) else str(value) or "–"
