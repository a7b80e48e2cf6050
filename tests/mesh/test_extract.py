from __future__ import annotations

import math
import warnings
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree
from skimage.measure import marching_cubes
from torch import Tensor

from headfield.errors import InputError
from headfield.mesh.extract import SurfaceCutWarning, extract
from headfield.mesh.topology import boundary, components, euler_number, is_watertight
from headfield.surface import Mesh

Function = Callable[[Tensor], Tensor]


def ball(radius: float, centre: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Function:
    return lambda p: (p - p.new_tensor(centre)).norm(dim=-1) - radius


def torus(large: float, small: float) -> Function:
    return lambda p: ((p[:, :2].norm(dim=-1) - large) ** 2 + p[:, 2] ** 2).sqrt() - small


def sheet(thickness: float) -> Function:
    """A hollow half sphere, like a lock of hair over the head."""

    def function(p: Tensor) -> Tensor:
        shell = (p.norm(dim=-1) - 0.6).abs() - thickness / 2
        return torch.maximum(shell, -p[:, 1])

    return function


def waves(seed: int, *, roughness: float = 5.0, slope: float = 1.4) -> Function:
    """A smooth function of no particular shape that nowhere changes by more than ``slope`` per unit of length."""
    rng = np.random.default_rng(seed)
    frequencies = torch.from_numpy(rng.normal(size=(8, 3)) * roughness)
    phases = torch.from_numpy(rng.uniform(0, 2 * np.pi, 8))
    level = rng.uniform(-1, 1)
    scale = slope / frequencies.norm(dim=1).sum()

    def function(p: Tensor) -> Tensor:
        return (torch.sin(p.double() @ frequencies.T + phases).sum(dim=-1) + level) * scale

    return function


class Counted:
    """A function that remembers what it was asked."""

    def __init__(self, function: Function):
        self.function, self.asked, self.largest = function, [], 0

    def __call__(self, points: Tensor) -> Tensor:
        self.asked.append(points.double().numpy().copy())
        self.largest = max(self.largest, len(points))
        return self.function(points)

    @property
    def points(self) -> np.ndarray:
        return np.concatenate(self.asked)


def volume(mesh: Mesh) -> float:
    a, b, c = np.moveaxis(mesh.corners, 1, 0)
    return float(np.einsum("fk,fk->", a, np.cross(b, c)) / 6)


def as_set(mesh: Mesh) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and faces whatever their order."""
    order = np.lexsort(mesh.vertices.T)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    faces = rank[mesh.faces]
    start = faces.argmin(axis=1)[:, None]
    faces = np.take_along_axis(faces, (start + np.arange(3)) % 3, axis=1)
    return mesh.vertices[order], faces[np.lexsort(faces.T)]


def assert_same_surface(one: Mesh, other: Mesh) -> None:
    for a, b in zip(as_set(one), as_set(other), strict=True):
        np.testing.assert_array_equal(a, b)


def full_grid(function: Function, resolution: int, **options) -> Mesh:
    """The plain path: with every block taken for near, every grid point is evaluated."""
    return extract(function, resolution=resolution, safety=math.inf, dtype=torch.float64, **options)


@pytest.mark.parametrize(
    ("function", "distance", "euler", "parts"),
    [
        (ball(0.7), lambda v: np.linalg.norm(v, axis=1) - 0.7, 2, 1),
        (torus(0.6, 0.2), lambda v: np.hypot(np.hypot(v[:, 0], v[:, 1]) - 0.6, v[:, 2]) - 0.2, 0, 1),
        (
            lambda p: torch.minimum(ball(0.3, (0.5, 0.1, 0.0))(p), ball(0.25, (-0.4, -0.3, 0.2))(p)),
            lambda v: np.minimum(
                np.linalg.norm(v - [0.5, 0.1, 0], axis=1) - 0.3, np.linalg.norm(v - [-0.4, -0.3, 0.2], axis=1) - 0.25
            ),
            4,
            2,
        ),
    ],
    ids=["sphere", "torus", "two spheres"],
)
def test_closed_shapes_are_found_whole_and_to_second_order(function, distance, euler, parts):
    errors = []
    for resolution in (32, 64):
        mesh = extract(function, resolution=resolution, dtype=torch.float64)
        assert is_watertight(mesh)
        assert euler_number(mesh) == euler
        assert components(mesh).max() + 1 == parts
        assert volume(mesh) > 0, "faces turned inwards"
        errors.append(np.abs(distance(mesh.vertices)).max())
    spacing = 2 / 64
    assert errors[1] < spacing**2
    assert errors[1] < errors[0] / 2.5


def test_volume_and_area_of_an_ellipsoid():
    radii = np.array([0.5, 0.8, 0.6])
    mesh = extract(lambda p: ((p / torch.tensor(radii)).norm(dim=-1) - 1) * 0.5, resolution=96, dtype=torch.float64)
    assert volume(mesh) == pytest.approx(4 / 3 * np.pi * radii.prod(), rel=2e-3)
    # Knud Thomsen's formula, itself good to about one per cent.
    p = 1.6075
    a, b, c = radii**p
    assert mesh.face_areas.sum() == pytest.approx(4 * np.pi * ((a * b + a * c + b * c) / 3) ** (1 / p), rel=0.015)


def test_vertices_are_those_of_marching_cubes(rng):
    """Against an implementation of another origin: every cut of a grid edge in the same place."""
    function, resolution = waves(3), 40
    axis = np.linspace(-1, 1, resolution + 1)
    points = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1)
    values = function(torch.from_numpy(points.reshape(-1, 3))).numpy().reshape(points.shape[:3])
    theirs, *_ = marching_cubes(values, 0.0)
    ours = extract(function, resolution=resolution, dtype=torch.float64, border="open")
    distance, _ = cKDTree(theirs * (2 / resolution) - 1).query(ours.vertices)
    # Two of a cell's thousandths: single precision there, no vertex exactly on a grid point here.
    assert distance.max() < 2e-3 * 2 / resolution
    assert 0 <= len(theirs) - len(ours.vertices) < 0.01 * len(theirs), "they add vertices inside ambiguous cells"


@pytest.mark.parametrize(
    "function", [ball(0.7), torus(0.6, 0.15), sheet(0.06), waves(0)], ids=["ball", "torus", "sheet", "waves"]
)
@pytest.mark.parametrize("resolution", [50, 64, 75])
def test_coarse_to_fine_gives_the_surface_of_the_full_grid(function, resolution):
    assert_same_surface(
        extract(function, resolution=resolution, dtype=torch.float64, border="open"),
        full_grid(function, resolution, border="open"),
    )


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), roughness=st.floats(1, 8), border=st.sampled_from(["open", "closed"]))
def test_any_smooth_function_gives_the_surface_of_the_full_grid_without_a_gap(seed, roughness, border):
    function = waves(seed, roughness=roughness)
    mesh = extract(function, resolution=24, dtype=torch.float64, border=border)
    assert_same_surface(mesh, full_grid(function, 24, border=border))
    if border == "closed":
        assert is_watertight(mesh)
        assert volume(mesh) > 0
    else:
        places = mesh.vertices[np.unique(boundary(mesh))]
        assert (np.abs(np.abs(places).max(axis=1) - 1) < 1e-12).all(), "open elsewhere than at the border"


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), slope=st.floats(2, 50))
def test_of_a_function_far_too_steep_every_part_that_is_found_is_found_whole(seed, slope):
    function = waves(seed, slope=slope)
    mesh, full = (
        extract(function, resolution=32, dtype=torch.float64, border="open"),
        full_grid(function, 32, border="open"),
    )
    found = {tuple(vertex) for vertex in mesh.vertices}
    is_found = np.array([tuple(vertex) in found for vertex in full.vertices])
    for part in range(components(full).max() + 1):
        corners = full.faces[components(full) == part]
        assert is_found[corners].all() or not is_found[corners].any()


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000))
def test_noise_at_every_grid_point_still_gives_a_watertight_surface(seed):
    """The worst there is: every sign for itself, so every kind of cell beside every other."""
    noise = torch.from_numpy(np.random.default_rng(seed).normal(size=(13, 13, 13)))

    def function(points: Tensor) -> Tensor:
        x, y, z = ((points + 1) * 6).round().long().T
        return noise[x, y, z]

    mesh = extract(function, resolution=12, border="closed", safety=math.inf, dtype=torch.float64)
    assert is_watertight(mesh)
    assert (mesh.face_areas > 0).all()


def test_at_256_far_less_than_a_tenth_of_the_grid_is_asked_for_and_nothing_twice():
    counted = Counted(ball(0.7))
    extract(counted, resolution=256)
    assert len(counted.points) < 0.05 * 257**3
    # Grid points as whole numbers, so that equal ones are equal.
    index = np.rint((counted.points + 1) * 128).astype(np.int64)
    np.testing.assert_allclose(index / 128 - 1, counted.points, atol=1e-6)
    assert len(np.unique(index @ [1, 257, 257**2])) == len(index)


def test_the_function_is_asked_in_chunks():
    counted = Counted(ball(0.7))
    chunked = extract(counted, resolution=32, chunk=1000)
    assert counted.largest <= 1000
    assert_same_surface(chunked, extract(ball(0.7), resolution=32))


def test_the_function_sees_the_precision_asked_for_and_no_gradients():
    seen = set()

    def function(points: Tensor) -> Tensor:
        seen.add((points.dtype, torch.is_grad_enabled()))
        return points.norm(dim=-1) - 0.5

    extract(function, resolution=8)
    extract(function, resolution=8, dtype=torch.float64)
    assert seen == {(torch.float32, False), (torch.float64, False)}


@pytest.mark.parametrize("slope", [0.2, 3.0])
def test_a_function_that_is_no_exact_distance_still_gives_the_whole_surface(slope):
    """Too steep by more than the safety allows: parts are seen by their change of sign, and followed from there."""
    assert_same_surface(
        extract(lambda p: slope * ball(0.7)(p), resolution=128, dtype=torch.float64),
        extract(lambda p: slope * ball(0.7)(p), resolution=128, dtype=torch.float64, safety=20.0),
    )


def test_a_surface_found_at_one_end_is_followed_to_the_other():
    """A thin rod whose distances are exaggerated except near its tip."""

    def rod(p: Tensor) -> Tensor:
        axis = torch.stack([p[:, 0].clamp(-0.8, 0.8), torch.zeros_like(p[:, 0]), torch.zeros_like(p[:, 0])], dim=1)
        distance = (p - axis).norm(dim=-1) - 0.05
        return torch.where((p[:, 0] < 0.6) & (distance > 0), 40 * distance, distance)

    mesh = extract(rod, resolution=128, dtype=torch.float64)
    assert is_watertight(mesh)
    np.testing.assert_allclose(mesh.bounds[:, 0], [-0.85, 0.85], atol=0.02)


def test_bounds_are_those_of_the_cube():
    small = extract(ball(0.7), resolution=32, dtype=torch.float64)
    large = extract(ball(1.4), resolution=32, bounds=2.0, dtype=torch.float64)
    np.testing.assert_allclose(large.vertices, 2 * small.vertices, atol=1e-12)


def test_a_surface_that_leaves_the_cube_is_left_open_there_and_said_so():
    with pytest.warns(SurfaceCutWarning, match="goes on beyond 1 from the origin"):
        mesh = extract(ball(0.9, (0, -0.5, 0)), resolution=32, dtype=torch.float64)
    rim = mesh.vertices[np.unique(boundary(mesh))]
    assert len(rim)
    np.testing.assert_allclose(rim[:, 1], -1, atol=1e-12)


@pytest.mark.parametrize("resolution", [32, 33])
def test_a_border_can_be_left_open_or_closed_on_purpose(resolution):
    function = ball(0.9, (0, -0.5, 0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        open_mesh = extract(function, resolution=resolution, border="open", dtype=torch.float64)
        closed = extract(function, resolution=resolution, border="closed", dtype=torch.float64)
    assert not is_watertight(open_mesh)
    assert is_watertight(closed)
    assert closed.vertices[:, 1].min() == pytest.approx(-1, abs=1e-3)
    height, radius = 1.4, 0.9  # of the cap of the ball that is in the cube
    assert volume(closed) == pytest.approx(np.pi * height**2 * (3 * radius - height) / 3, rel=0.01)


def test_a_surface_inside_the_cube_is_no_reason_for_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        extract(ball(0.9), resolution=32)


def test_zeros_exactly_on_grid_points_make_no_flat_triangles():
    mesh = extract(lambda p: p.abs().amax(dim=-1) - 0.5, resolution=16, dtype=torch.float64)
    assert is_watertight(mesh)
    assert (mesh.face_areas > 0).all()
    # All that is lost are the cube's edges, bevelled within the cells that hold them.
    assert 1 - 12 * (2 / 16) ** 2 / 2 < volume(mesh) < 1


@pytest.mark.parametrize("sign", [1, -1])
def test_no_surface_is_one_sentence(sign):
    with pytest.raises(InputError, match="there is no surface within 1 of the origin"):
        extract(lambda p: sign * (p.norm(dim=-1) + 1), resolution=16)


def test_a_broken_field_is_one_sentence():
    with pytest.raises(InputError, match="not a finite number"):
        extract(lambda p: p.norm(dim=-1) * float("nan"), resolution=16)


def test_nonsense_settings_are_one_sentence():
    for options in ({"resolution": 1}, {"bounds": 0.0}, {"chunk": 0}, {"safety": 0.0}):
        with pytest.raises(InputError, match="extraction needs at least 2 cells"):
            extract(ball(0.7), **options)
