"""The ways to find where rays meet a surface, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from headfield.render.cached_samples import CachedSamples
from headfield.render.hits import HitFinder
from headfield.render.parallel_samples import ParallelSamples
from headfield.render.proxy import Proxy, ProxySettings
from headfield.render.sphere_tracing import SphereTracing

Finder = Literal["proxy", "sphere tracing", "parallel samples", "cached samples"]


def finders(name: Finder, proxy: ProxySettings) -> Callable[[], HitFinder]:
    """How finders of that name are made."""
    made: dict[Finder, Callable[[], HitFinder]] = {
        "proxy": lambda: Proxy(proxy),
        "sphere tracing": SphereTracing,
        "parallel samples": ParallelSamples,
        "cached samples": CachedSamples,
    }
    return made[name]
