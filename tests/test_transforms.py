from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from torch.testing import assert_close

from headfield.errors import InputError
from headfield.transforms import Similarity, check_rotation, cross_matrix, nearest_rotation, so3_exp

from .strategies import numbers, point_sets, rotations, similarities, vectors


@given(rotations())
def test_exponentials_are_rotations(rotation):
    assert_close(rotation.T @ rotation, torch.eye(3, dtype=torch.float64))
    assert_close(torch.det(rotation), torch.tensor(1.0, dtype=torch.float64))


@given(vectors(), vectors())
def test_cross_matrix_is_the_cross_product(w, v):
    assert_close(cross_matrix(w) @ v, torch.linalg.cross(w, v))


@given(numbers(-math.pi, math.pi))
def test_rotation_about_an_axis_is_by_its_length(angle):
    turned = so3_exp(torch.tensor([0.0, 0.0, angle], dtype=torch.float64)) @ torch.tensor([1.0, 0, 0]).double()
    assert_close(turned, torch.tensor([math.cos(angle), math.sin(angle), 0.0], dtype=torch.float64))


@pytest.mark.parametrize("w", [[0.0, 0.0, 0.0], [1e-9, 0.0, 0.0], [0.3, -0.2, 1.0], [math.pi, 0.0, 0.0]])
def test_exponential_has_exact_gradients(w):
    assert torch.autograd.gradcheck(so3_exp, torch.tensor(w, dtype=torch.float64, requires_grad=True))


@given(similarities(), similarities(), similarities(), point_sets())
def test_similarities_are_a_group(f, g, h, points):
    assert_close((f @ g).apply(points), f.apply(g.apply(points)), rtol=1e-9, atol=1e-9)
    assert_close(((f @ g) @ h).matrix(), (f @ (g @ h)).matrix(), rtol=1e-8, atol=1e-8)
    assert_close((f @ f.inverse()).matrix(), torch.eye(4, dtype=torch.float64), rtol=0, atol=1e-9)
    assert_close((f.inverse() @ f).matrix(), torch.eye(4, dtype=torch.float64), rtol=0, atol=1e-9)
    assert_close((f @ Similarity.identity()).matrix(), f.matrix())


@given(similarities(), similarities())
def test_matrices_compose_as_transforms_do(f, g):
    assert_close((f @ g).matrix(), f.matrix() @ g.matrix(), rtol=1e-9, atol=1e-9)
    assert_close(Similarity.from_matrix(f.matrix()).matrix(), f.matrix())


@given(similarities(), point_sets(2))
def test_lengths_scale_and_directions_do_not(f, points):
    a, b = f.apply(points)
    assert_close((a - b).norm(), f.scale * (points[0] - points[1]).norm(), rtol=1e-9, atol=1e-9)
    assert_close(f.apply_to_directions(points).norm(dim=-1), points.norm(dim=-1))


def test_batches_do_what_their_members_do():
    members = [Similarity(torch.tensor(s), so3_exp(torch.rand(3)), torch.rand(3)) for s in (0.5, 1.0, 2.0)]
    batch = Similarity(*(torch.stack([getattr(m, k) for m in members]) for k in ("scale", "rotation", "translation")))
    points = torch.rand(3, 7, 3)
    for i, member in enumerate(members):
        assert_close(batch.apply(points)[i], member.apply(points[i]))
        assert_close(batch.inverse().matrix()[i], member.inverse().matrix())
        assert_close((batch @ batch).matrix()[i], (member @ member).matrix())


@given(rotations(), vectors(-1e-4, 1e-4))
def test_a_rotation_with_rounding_errors_is_repaired(rotation, noise):
    repaired = check_rotation(rotation + noise[None] * 0.3, "r")
    assert_close(repaired.T @ repaired, torch.eye(3, dtype=torch.float64))
    assert (repaired - rotation).abs().max() < 1e-3


@given(rotations())
def test_the_nearest_rotation_never_mirrors(rotation):
    assert_close(nearest_rotation(rotation), rotation)
    assert torch.det(nearest_rotation(-rotation)) > 0


@pytest.mark.parametrize(
    ("matrix", "sentence"),
    [
        (torch.diag(torch.tensor([1.0, 1.0, -1.0])), "mirrors"),
        (torch.diag(torch.tensor([1.0, 1.1, 1.0])), "not orthonormal"),
        (torch.full((3, 3), float("nan")), "not finite"),
        (torch.zeros(3, 3), "not orthonormal"),
    ],
)
def test_what_is_no_rotation_is_refused(matrix, sentence):
    with pytest.raises(InputError, match=rf"frame 3 is not a rotation: .*{sentence}"):
        check_rotation(matrix, "frame 3")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ((3, 0, 1.0), "last row"),
        ((0, 0, 0.0), "flattens"),
        ((0, 0, -1.0), "mirrors"),
        ((0, 0, 2.0), "not orthonormal"),
        ((1, 3, float("inf")), "not finite"),
    ],
)
def test_what_is_no_similarity_is_refused(change, sentence):
    matrix = torch.eye(4, dtype=torch.float64)
    matrix[change[0], change[1]] = change[2]
    with pytest.raises(InputError, match=sentence):
        Similarity.from_matrix(matrix)
