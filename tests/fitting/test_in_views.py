from __future__ import annotations

import pytest
import torch

from headfield.fitting.expressions import Expressions
from headfield.fitting.in_views import likeliest_in_views
from headfield.fitting.landmarks import LandmarksSeen
from headfield.fitting.prior import ShapePrior
from headfield.rigs import around, on_sphere

CODES = ShapePrior.shipped("instant-avatar").codes
MEAN, BASIS = CODES.landmark_mean.double(), CODES.landmark_basis.double()[..., :8]
MOVES = Expressions.shipped().basis.double()
NOBODY, AT_REST = BASIS[..., :0], MOVES[..., :0]


def cameras(*azimuths: float):
    directions = on_sphere(torch.tensor(azimuths).double(), torch.zeros(len(azimuths)).double())
    return list(around(directions, distance=6.0, pixels=512))


def some(*shape: int, seed: int = 0):
    return 0.7 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def seen(them, u, e):
    places = MEAN + BASIS @ u + torch.einsum("lcj,vj->vlc", MOVES, e)
    return torch.stack([camera.project(its)[0] for camera, its in zip(them, places, strict=True)])


def given(pixels, off=0.02):
    return pixels, torch.ones(pixels.shape[:2], dtype=torch.bool), torch.full(pixels.shape[:2], off)


def test_people_who_make_different_faces_are_one_person():
    them, u, e = cameras(-25.0, 0.0, 30.0), some(8), some(3, MOVES.shape[2], seed=1)
    found, own = likeliest_in_views(them, *given(seen(them, u, e)), MEAN, BASIS, MOVES)
    torch.testing.assert_close(found, u, atol=0.05, rtol=0)
    torch.testing.assert_close(own, e, atol=0.1, rtol=0)


def test_without_expressions_a_smile_is_taken_for_the_person():
    them, u, e = cameras(0.0, 30.0), some(8), some(2, MOVES.shape[2], seed=1)
    pixels = seen(them, u, e)
    allowed, blamed = (likeliest_in_views(them, *given(pixels), MEAN, BASIS, moves)[0] for moves in (MOVES, AT_REST))
    assert (allowed - u).norm() < 0.1 * (blamed - u).norm()


def test_a_face_at_rest_has_no_expression():
    them, u, rest = cameras(0.0, 20.0), some(8), torch.zeros(2, MOVES.shape[2]).double()
    found, own = likeliest_in_views(them, *given(seen(them, u, rest)), MEAN, BASIS, MOVES)
    torch.testing.assert_close(found, u, atol=0.02, rtol=0)
    torch.testing.assert_close(own, torch.zeros_like(own), atol=0.02, rtol=0)


def test_eliminating_expressions_changes_nothing():
    """What all views' u and e are at once is what a single one's are with E among what it shares."""
    them, e = cameras(10.0), some(1, MOVES.shape[2], seed=1)
    known = given(seen(them, some(8), e), 2.0)
    u, own = likeliest_in_views(them, *known, MEAN, BASIS, MOVES, noise=0.005)
    both, nothing = likeliest_in_views(them, *known, MEAN, torch.cat([BASIS, MOVES], dim=2), AT_REST, noise=0.005)
    torch.testing.assert_close(torch.cat([u, own[0]]), both, atol=1e-6, rtol=0)
    assert nothing.shape == (1, 0)


def test_landmarks_that_are_far_off_count_less_where_outliers_are_expected():
    them, e = cameras(0.0), some(1, MOVES.shape[2], seed=1)
    pixels = seen(them, torch.zeros(8).double(), e)
    pixels[0, [8, 48, 57]] += 60
    trusting, wary = (
        likeliest_in_views(them, *given(pixels, 2.0), MEAN, NOBODY, MOVES, outlier=outlier)[1]
        for outlier in (float("inf"), 1.0)
    )
    assert (wary - e).norm() < 0.5 * (trusting - e).norm()


def test_views_without_landmarks_say_nothing():
    them = cameras(0.0, 20.0)
    pixels, known, off = given(seen(them, some(8), some(2, MOVES.shape[2])))
    found, own = likeliest_in_views(them, torch.full_like(pixels, torch.nan), ~known, off, MEAN, BASIS, MOVES)
    assert not found.any()
    assert not own.any()


@pytest.mark.parametrize("azimuths", [(0.0,), (-20.0, 30.0)])
def test_gradients_are_right_though_the_expression_is_held(azimuths):
    them, e = cameras(*azimuths), some(len(azimuths), MOVES.shape[2], seed=1)
    pixels, known, off = given(seen(them, some(8), e) + 3 * some(len(azimuths), 68, 2, seed=2), 4.0)
    marks = LandmarksSeen(pixels, known, off.double(), MOVES)

    def cost(u):
        places = marks.moved(MEAN + BASIS @ u, them)
        projected = torch.stack([camera.project(its)[0] for camera, its in zip(them, places, strict=True)])
        own = torch.linalg.lstsq(MOVES.flatten(0, 1), (places - MEAN - BASIS @ u).flatten(1).T).solution
        # What an expression costs by itself is no part of the loss, since nothing of it moves.
        return marks.loss(projected), own.square().sum() / 2 / known.sum()

    u = torch.zeros(8, dtype=torch.float64, requires_grad=True)
    cost(u)[0].backward()
    step, rest = 1e-3, torch.zeros(8, dtype=torch.float64)
    for i in range(8):
        rest[i] = step
        with torch.no_grad():
            slope = (sum(cost(rest)) - sum(cost(-rest))) / (2 * step)
        rest[i] = 0
        torch.testing.assert_close(u.grad[i], slope, rtol=0.02, atol=2e-4)
