"""What it costs to find where rays meet a network's surface while it moves as in a fit: the ways side by side."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import mean, median

import torch
from rich.table import Table
from torch import Tensor, nn

from benchmarks.extraction import bust
from headfield.cameras import Camera, Rays
from headfield.render.cached_samples import CachedSamples
from headfield.render.hits import HitFinder, SurfaceHits
from headfield.render.parallel_samples import ParallelSamples
from headfield.render.proxy import Proxy, ProxySettings
from headfield.render.queries import Counted
from headfield.render.span import Span
from headfield.render.sphere_tracing import SphereTracing
from headfield.render.views import all_pixels, pixel_rays, some_of
from headfield.units import MILLIMETRES_PER_UNIT

STEPS, RAYS = 40, 1024
DRIFT = 5e-5
"""By how much the distances change at every step: the surface moves by about 0.01 mm."""

TRAINING_STEPS, TRAINING_POINTS = 300, 2048

TRUTH = SphereTracing(steps=200, safety=2.0, least_step=5e-4)

WAYS: dict[str, Callable[[], HitFinder]] = {
    "sphere tracing": SphereTracing,
    "parallel samples 75 + 25": ParallelSamples,
    "cached samples 75 + 25": CachedSamples,
    "proxy of 64³": lambda: Proxy(ProxySettings(resolution=64)),
    "proxy of 128³": lambda: Proxy(ProxySettings(resolution=128)),
}


class SmallField(nn.Module):
    """A network of 3 layers of 256 over 6 frequencies, added to the distance to a ball."""

    def __init__(self) -> None:
        super().__init__()
        self.frequencies: Tensor
        self.register_buffer("frequencies", 2.0 ** torch.arange(6))
        self.layers = nn.Sequential(
            nn.Linear(39, 256),
            nn.SiLU(),
            nn.Linear(256, 256),
            nn.SiLU(),
            nn.Linear(256, 256),
            nn.SiLU(),
            nn.Linear(256, 1),
        )

    def forward(self, points: Tensor) -> Tensor:
        angles = (points[:, None] * self.frequencies[:, None]).flatten(1)
        encoded = torch.cat([points, angles.sin(), angles.cos()], dim=1)
        return points.norm(dim=-1) - 0.6 + self.layers(encoded)[:, 0]


@dataclass
class Cost:
    """What one way took at all steps, and how far off it was at the last one."""

    queries: list[int] = field(default_factory=list)
    seconds: float = 0.0
    typical: float = 0.0
    worst: float = 0.0
    differs: float = 0.0


def run() -> Table:
    torch.manual_seed(0)
    network = trained()
    rays = [rays_of_a_step(step) for step in range(STEPS)]
    offset = DRIFT * (STEPS - 1)
    truth = TRUTH(lambda x: network(x) - offset, rays[-1])
    met = sum(int(Span.of(some).meets.sum()) for some in rays) / STEPS
    table = Table(
        title=f"Hits of {RAYS} rays ({met:.0f} meet the unit sphere) a step, {STEPS} steps in which the surface moves "
        f"{DRIFT * MILLIMETRES_PER_UNIT:g} mm each, {torch.get_num_threads()} threads"
    )
    for column in (
        "way",
        "queries a ray",
        "at most steps",
        "ms a step",
        "99 % within, mm",
        "worst, mm",
        "hit or not differs",
    ):
        table.add_column(column, justify="left" if column == "way" else "right")
    for name, way in WAYS.items():
        cost = cost_of(way(), network, rays, truth)
        table.add_row(
            name,
            f"{mean(cost.queries) / RAYS:.1f}",
            f"{median(cost.queries) / RAYS:.1f}",
            f"{1000 * cost.seconds / STEPS:.0f}",
            f"{cost.typical:.4f}",
            f"{cost.worst:.4f}",
            f"{cost.differs:.2%}",
        )
    return table


def trained() -> SmallField:
    """The network after a short training on the distances of a bust."""
    network = SmallField()
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    for _ in range(TRAINING_STEPS):
        points = 2 * torch.rand(TRAINING_POINTS, 3) - 1
        loss = (network(points) - bust(points)).abs().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return network.requires_grad_(False)


def rays_of_a_step(step: int) -> Rays:
    """Random pixels of one of six portraits around the bust."""
    angle = torch.tensor(step % 6 * torch.pi / 3)
    eye = torch.stack([5 * angle.sin(), torch.tensor(0.5), 5 * angle.cos()])
    camera = Camera.look_at(eye, torch.zeros(3), focal=1000.0, width=512, height=512)
    return pixel_rays(camera, some_of(all_pixels(camera), RAYS, torch.Generator().manual_seed(step)))


def cost_of(find: HitFinder, network: SmallField, rays: list[Rays], truth: SurfaceHits) -> Cost:
    cost = Cost()
    for step, some in enumerate(rays):
        offset = DRIFT * step
        counted = Counted(lambda x, offset=offset: network(x) - offset)  # type: ignore[misc]
        start = time.perf_counter()
        hits = find(counted, some)
        cost.seconds += time.perf_counter() - start
        cost.queries.append(counted.points)
    both = hits.hit & truth.hit
    errors = (hits.distance - truth.distance)[both].abs() * MILLIMETRES_PER_UNIT
    cost.typical, cost.worst = float(errors.quantile(0.99)), float(errors.max())
    cost.differs = float((hits.hit != truth.hit).float().mean())
    return cost
