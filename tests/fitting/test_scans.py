from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from headfield.capture import Scan, Subject
from headfield.data.store import Dataset, create_dataset, write_subject
from headfield.errors import InputError
from headfield.fitting.scans import FACE_RADIUS, NOSE, PointsASubject, Scans
from headfield.fitting.shape_training import Lessons

from ..balls import RADII, lessons, scan, subject

COUNT = PointsASubject(surface=200, face=0.35, near=4000, anywhere=50, free=100, spread=0.05)


def drawn(scans: Scans, subjects: list[int], seed: int = 0):
    return scans.draw(torch.tensor(subjects), COUNT, torch.Generator().manual_seed(seed))


def of(one: Scan, kept: int = 200) -> Scans:
    return Scans.of([Subject("ball", scan=one)], kept=kept)


def test_points_come_from_the_subjects_asked_for():
    them = drawn(lessons().scans, [3, 0])
    radii = torch.tensor([RADII[3], RADII[0]])[:, None]
    torch.testing.assert_close(them.surface.norm(dim=-1), radii.expand(2, 200))
    torch.testing.assert_close(them.normals, them.surface / radii[..., None])
    assert them.subjects.tolist() == [3, 0]


def test_the_share_asked_for_comes_from_around_the_face():
    them = drawn(lessons().scans, [0, 2])
    in_face = (them.surface - NOSE).norm(dim=-1) < FACE_RADIUS
    assert in_face[:, :70].all()
    # The others come from everywhere, as much of them from the face as of the ball.
    assert 0.02 < float(in_face[:, 70:].float().mean()) < 0.4


def test_points_in_space_are_close_to_the_surface_or_anywhere_in_the_cube():
    space = drawn(lessons().scans, [2]).space[0]
    off = space[:4000].norm(dim=-1) - RADII[2]
    assert float(off.std()) == pytest.approx(0.05, rel=0.1)
    anywhere = space[4000:]
    assert anywhere.abs().max() <= 1
    assert (anywhere.amax(dim=0) > 0.8).all()
    assert (anywhere.amin(dim=0) < -0.8).all()


def test_what_scanners_saw_through_is_outside():
    free = drawn(lessons().scans, [0, 4]).free.norm(dim=-1)
    assert (free[0] > RADII[0]).all()
    assert (free[1] > RADII[4]).all()


def test_nothing_is_called_free_beyond_the_scanner():
    normals = scan(0.5).normals
    close = Scan(0.5 * normals, normals, sensors=0.55 * normals, sensor_of_point=np.arange(len(normals)))
    free = of(close).free.norm(dim=-1)
    assert (free > 0.5).all()
    assert (free < 0.5501).all()


def test_free_space_may_be_given_as_points_or_not_at_all():
    bare = replace(scan(0.5), sensors=None, sensor_of_point=None)
    assert (of(bare).free.norm(dim=-1) > 0.5).all()
    known = replace(bare, free_points=(0.9 * bare.normals).astype(np.float32))
    torch.testing.assert_close(of(known).free.norm(dim=-1), torch.full((1, 100), 0.9))
    both = replace(scan(0.5), free_points=(0.9 * bare.normals).astype(np.float32))
    given = (of(both).free.norm(dim=-1) - 0.9).abs() < 1e-6
    assert int(given.sum()) == 50


def test_as_many_points_of_everybody_no_point_twice_where_there_are_enough():
    few = lessons().scans
    assert few.points.shape == (len(RADII), 1000, 3)
    many = of(scan(0.5, points=300), kept=200)
    assert len(many.points[0].unique(dim=0)) == 200
    repeated = of(scan(0.5, points=150), kept=200)
    assert repeated.points.shape == (1, 200, 3)


def test_the_same_seed_draws_the_same():
    one, same, other = (drawn(lessons().scans, [1], seed=seed) for seed in (0, 0, 1))
    for name in ("surface", "normals", "space", "free"):
        assert torch.equal(getattr(one, name), getattr(same, name))
        assert not torch.equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize(
    ("subjects", "sentence"),
    [
        ([], "there are no subjects to learn from"),
        ([Subject("anna")], "anna has no scan to learn from"),
        ([Subject("anna", scan=scan(0.5, points=0))], "anna has no scan to learn from"),
        ([subject(0.5), Subject("bert", scan=scan(0.01))], "bert has no points where a face should be"),
    ],
)
def test_nothing_to_learn_from_is_one_sentence(subjects, sentence):
    with pytest.raises(InputError, match=sentence) as error:
        Scans.of(subjects)
    assert str(error.value).count(". ") == 0


def test_a_data_set_gives_scans_and_the_landmarks_that_are_known(tmp_path):
    create_dataset(tmp_path)
    write_subject(replace(subject(0.5), name="a"), tmp_path)
    write_subject(replace(subject(0.4), name="b", landmarks=None), tmp_path)
    write_subject(replace(subject(0.6), name="c"), tmp_path)
    read = Lessons.read(Dataset(tmp_path), subjects=2, kept=100)
    assert read.scans.names == ("a", "b")
    torch.testing.assert_close(read.scans.points.norm(dim=-1).mean(dim=1), torch.tensor([0.5, 0.4]))
    assert read.known.all(dim=1).tolist() == [True, False]
    torch.testing.assert_close(read.landmarks[0].norm(dim=-1), torch.full((68,), 0.5))
    again = Scans.read(Dataset(tmp_path), subjects=2, kept=100)
    assert torch.equal(again.points, read.scans.points)


def test_a_data_set_of_nobody_is_one_sentence(tmp_path):
    create_dataset(tmp_path)
    with pytest.raises(InputError, match="there are no subjects to learn from"):
        Lessons.read(Dataset(tmp_path))
