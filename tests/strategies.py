"""What the property tests draw: rotations, transforms and cameras as double-precision tensors."""

from __future__ import annotations

import torch
from hypothesis import strategies as st

from headfield.cameras import Camera
from headfield.transforms import Similarity, so3_exp


def numbers(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_nan=False, allow_subnormal=False)


def vectors(low: float = -2.0, high: float = 2.0) -> st.SearchStrategy[torch.Tensor]:
    return st.lists(numbers(low, high), min_size=3, max_size=3).map(lambda v: torch.tensor(v, dtype=torch.float64))


def point_sets(n: int = 5) -> st.SearchStrategy[torch.Tensor]:
    return st.lists(vectors(), min_size=n, max_size=n).map(torch.stack)


def rotations() -> st.SearchStrategy[torch.Tensor]:
    return vectors(-3.0, 3.0).map(so3_exp)


def similarities() -> st.SearchStrategy[Similarity]:
    return st.builds(
        Similarity,
        scale=numbers(0.1, 10.0).map(lambda s: torch.tensor(s, dtype=torch.float64)),
        rotation=rotations(),
        translation=vectors(),
    )


@st.composite
def cameras(draw: st.DrawFn) -> Camera:
    """Cameras outside the cube in which :func:`point_sets` lie, anywhere, looking at something near its middle."""
    direction = draw(vectors(-1, 1).filter(lambda v: v.norm() > 0.1))
    focal = torch.tensor([draw(numbers(50, 2000)), draw(numbers(50, 2000))], dtype=torch.float64)
    camera = Camera.look_at(
        direction / direction.norm() * draw(numbers(8, 20)),
        draw(vectors(-0.5, 0.5)),
        focal=1.0,
        width=draw(st.integers(1, 2000)),
        height=draw(st.integers(1, 2000)),
    )
    return Camera(camera.rotation, camera.translation, focal, camera.principal, camera.width, camera.height)
