"""The studio's cameras stand where the papers put theirs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from headfield.errors import InputError
from headfield.studio.rigs import FACE, PORTRAIT_DISTANCE, RIGS, rig
from headfield.units import MILLIMETRES_PER_UNIT


def cameras(name: str, seed: int = 0):
    return rig(name, pixels=64, rng=np.random.default_rng(seed))


def angles(name: str, centre=(0.0, 0.0, 0.0)) -> tuple[np.ndarray, np.ndarray]:
    """Azimuth and elevation of each camera as seen from the centre, in degrees."""
    x, y, z = (cameras(name).centre - torch.tensor(centre, dtype=torch.float64)).numpy().T
    return np.degrees(np.arctan2(x, z)), np.degrees(np.arctan2(y, np.hypot(x, z)))


COUNTS = {"orbit": 64, "arc": 77, "grid": 25, "fibonacci": 128, "sphere": 24, "phone": 1, "phones": 6}


@pytest.mark.parametrize("name", RIGS)
def test_each_rig_has_its_number_of_proper_cameras(name):
    batch = cameras(name).checked(name)
    assert len(batch) == COUNTS.get(name) or name == f"views-{len(batch)}"
    assert (batch.width, batch.height) == (64, 64)
    _, depth = batch.project(torch.tensor([FACE], dtype=torch.float64).expand(len(batch), 1, 3))
    assert (depth > 0).all()


def test_the_arc_is_a_walk_of_90_degrees_at_one_and_a_half_metres():
    azimuth, elevation = angles("arc")
    assert (azimuth.min(), azimuth.max()) == pytest.approx((-45, 45))
    assert np.allclose(elevation, 0)
    assert np.allclose(cameras("arc").centre.norm(dim=1) * MILLIMETRES_PER_UNIT, 1500)


def test_the_grid_is_selfies_over_15_by_25_degrees():
    azimuth, elevation = angles("grid", FACE)
    assert (np.ptp(azimuth), np.ptp(elevation)) == pytest.approx((15, 25))
    batch = cameras("grid")
    face = torch.tensor(FACE, dtype=torch.float64)
    assert np.allclose((batch.centre - face).norm(dim=1) * MILLIMETRES_PER_UNIT, 300)
    field_of_view = 2 * torch.rad2deg(torch.atan(32 / batch.focal))
    assert np.allclose(field_of_view, 84)


def test_the_fibonacci_cameras_take_in_just_the_unit_sphere():
    batch = cameras("fibonacci")
    assert np.allclose(batch.centre.norm(dim=1), 2.6)
    outline = torch.tensor([np.sqrt(1 - 1 / 2.6**2), 0.0, 2.6 - 1 / 2.6], dtype=torch.float64)
    pixel = batch[0].focal[0] * outline[0] / outline[2] + 32
    assert pixel.item() == pytest.approx(64)
    assert batch.centre.mean(dim=0).norm() < 0.05


def test_few_views_begin_with_fewer():
    azimuth, elevation = angles("views-6")
    assert azimuth == pytest.approx([0, -45, 45, -90, 90, 0], abs=1e-9)
    assert elevation == pytest.approx([0, 0, 0, 0, 0, -20], abs=1e-9)
    for fewer in (1, 3):
        assert torch.equal(cameras(f"views-{fewer}").rotation, cameras("views-6").rotation[:fewer])


def test_the_sphere_looks_from_everywhere_and_mostly_from_the_front():
    azimuth, elevation = np.concatenate([np.stack(_angles_of(cameras("sphere", seed))) for seed in range(8)], axis=1)
    front = np.abs(azimuth) < 90
    assert 0.6 < front.mean() < 0.85
    assert np.abs(azimuth).max() > 160
    assert (elevation > 0).mean() > 0.5
    assert elevation.min() < -20 < 40 < elevation.max()


def _angles_of(batch) -> tuple[np.ndarray, np.ndarray]:
    x, y, z = batch.centre.numpy().T
    return np.degrees(np.arctan2(x, z)), np.degrees(np.arctan2(y, np.hypot(x, z)))


def test_phone_photos_differ_and_show_the_face():
    face = torch.tensor([FACE], dtype=torch.float64)
    distances, focals = [], []
    for seed in range(60):
        camera = cameras("phone", seed)[0]
        pixel, _ = camera.project(face)
        assert ((pixel > 0) & (pixel < 64)).all()
        distances.append((camera.centre - face[0]).norm().item() * MILLIMETRES_PER_UNIT)
        focals.append(camera.focal[0].item() / 64)
    assert 340 < min(distances) < 500
    assert 1500 < max(distances) < 2010
    assert max(focals) > 5 * min(focals)


def test_the_same_seed_stands_in_the_same_places():
    for name in ("sphere", "phone", "phones"):
        assert torch.equal(cameras(name, 3).rotation, cameras(name, 3).rotation)
        assert not torch.equal(cameras(name, 3).rotation, cameras(name, 4).rotation)
    assert PORTRAIT_DISTANCE * MILLIMETRES_PER_UNIT == 1500


def test_an_unknown_rig_is_refused():
    with pytest.raises(InputError, match="no rig 'dome'; there are orbit, arc"):
        cameras("dome")
