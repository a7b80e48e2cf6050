from __future__ import annotations

import numpy as np
import pytest
import torch

from headfield.errors import InputError
from headfield.metrics.comparison import align, compare
from headfield.surface import Mesh
from headfield.transforms import Similarity, so3_exp

from ..shapes import bumpy, can, sphere

MILLIMETRE = 1 / 200
HEAD = bumpy()
NOSE = HEAD.vertices[np.argmax(HEAD.vertices[:, 2])]
OFF = Similarity(
    torch.tensor(1.0, dtype=torch.float64),
    so3_exp(torch.tensor([0.1, -0.08, 0.05], dtype=torch.float64)),
    torch.tensor([0.02, 0.03, -0.02], dtype=torch.float64),
)


def with_other_back(mesh: Mesh) -> Mesh:
    """The same face on a much larger back of the head."""
    vertices = mesh.vertices.copy()
    behind = vertices[:, 2] < 0.1
    vertices[behind, 2] = 0.1 + 1.6 * (vertices[behind, 2] - 0.1)
    return Mesh.of(vertices, mesh.faces)


def test_a_head_against_itself_is_perfect(rng):
    results = compare(HEAD, HEAD, nose=NOSE, between="surfaces", samples=2000, rng=rng)
    assert set(results) == {"face", "head"}
    for result in results.values():
        assert result.distance.max < 1e-6
        assert result.agreement.f_scores == (1, 1, 1, 1)


def test_the_face_is_judged_alone(rng):
    results = compare(with_other_back(HEAD), HEAD, nose=NOSE, between="surfaces", samples=4000, rng=rng)
    assert results["face"].distance.median < 1e-6
    assert results["head"].distance.p90 > 10
    assert results["face"].distance.count < results["head"].distance.count == 4000


def test_without_a_nose_there_is_no_face(rng):
    assert set(compare(HEAD, HEAD, nose=None, between="surfaces", samples=100, rng=rng)) == {"head"}


def test_between_vertices_counts_vertices(rng):
    coarse = sphere(0.5, rings=12)
    result = compare(sphere(0.505, rings=12), coarse, nose=None, between="vertices", samples=1, rng=rng)["head"]
    assert result.distance.count == len(coarse.vertices)
    assert result.distance.max == pytest.approx(1.0)
    assert result.distance.mean == pytest.approx(1.0)


@pytest.mark.parametrize("between", ["surfaces", "vertices"])
def test_what_lies_open_is_told_without_cavities(between, rng):
    truth, closed = can(hole=0.1, depth=0.6), can()
    results = compare(closed, truth, nose=None, between=between, samples=5000, rng=rng, open_too=True)
    whole, seen = results["head"].distance, results["open head"].distance
    assert whole.max > 70
    assert seen.max < 60  # the well is 40 mm wide
    assert seen.count < whole.count
    assert seen.mean < whole.mean / 2


def test_a_ball_lies_all_open(rng):
    ball, nose = sphere(0.5), np.array([0.0, 0.0, 0.5])
    results = compare(sphere(0.51), ball, nose=nose, between="surfaces", samples=2000, rng=rng, open_too=True)
    assert results["open head"] == results["head"]
    assert results["open face"] == results["face"]


def test_a_mesh_that_is_turned_over_has_nothing_that_lies_open(rng):
    ball = sphere(0.5)
    turned = Mesh.of(ball.vertices, ball.faces[:, ::-1].copy())
    with pytest.raises(InputError, match="all of the prediction lies in cavities; turn its faces over"):
        compare(turned, ball, nose=None, between="surfaces", samples=500, rng=rng, open_too=True)


def test_the_same_seed_gives_the_same_numbers():
    one, other = (
        compare(sphere(0.6), HEAD, nose=NOSE, between="surfaces", samples=500, rng=np.random.default_rng(7))
        for _ in range(2)
    )
    assert one == other


def test_alignment_on_the_face_ignores_another_back_of_the_head(rng):
    prediction = with_other_back(HEAD).transformed(OFF)
    found = align(prediction, HEAD, Similarity.identity(), nose=NOSE, with_scale=False, rng=rng)
    face = HEAD.vertices[HEAD.vertices[:, 2] > 0.2]
    back = (found @ OFF).apply(torch.from_numpy(face)).numpy()
    assert np.linalg.norm(back - face, axis=1).max() < 0.1 * MILLIMETRE


def test_alignment_changes_the_size_only_when_told(rng):
    small = Mesh.of(0.9 * HEAD.vertices, HEAD.faces)
    for told, scale in ((False, 1), (True, 1 / 0.9)):
        found = align(small, HEAD, Similarity.identity(), nose=None, with_scale=told, rng=rng)
        assert found.scale == pytest.approx(scale, rel=1e-4)


def test_a_nose_off_the_truth_is_refused(rng):
    with pytest.raises(InputError, match="no surface within 95 mm of the tip of its nose"):
        align(HEAD, HEAD, Similarity.identity(), nose=np.full(3, 9.0), with_scale=False, rng=rng)
    with pytest.raises(InputError, match="no points"):
        compare(HEAD, HEAD, nose=np.full(3, 9.0), between="surfaces", samples=10, rng=rng)
