from __future__ import annotations

import pytest
import torch
from torch import Tensor

from headfield.fitting.statistics import CodeStatistics
from headfield.rigs import around, on_sphere

SUBJECTS, CODE, HIDDEN = 200, 8, 3


class Family:
    """Codes of eight numbers that only three decide, and landmarks that the same three move along straight lines."""

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(0)

        def some(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator, dtype=torch.float64)

        self.mean, self.spread = some(CODE), some(HIDDEN, CODE)
        self.places, self.moves = 0.3 * some(68, 3), 0.03 * some(HIDDEN, 68, 3)
        self.places[:, 2] = self.places[:, 2].abs() + 0.1
        hidden = some(SUBJECTS, HIDDEN)
        self.codes, self.landmarks = self.of(hidden)
        self.known = torch.ones(SUBJECTS, 68, dtype=torch.bool)

    def of(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        return self.mean + hidden @ self.spread, self.places + torch.einsum("sh,hlc->slc", hidden, self.moves)

    def statistics(self) -> CodeStatistics:
        return CodeStatistics.of(self.codes, self.landmarks, self.known)


@pytest.fixture(scope="module")
def family() -> Family:
    return Family()


@pytest.fixture(scope="module")
def statistics(family) -> CodeStatistics:
    return family.statistics()


def new_subject(family: Family) -> tuple[Tensor, Tensor]:
    code, landmarks = family.of(torch.tensor([[0.8, -1.2, 0.5]]).double())
    return code[0].float(), landmarks[0].float()


def cameras(*azimuths: float):
    directions = on_sphere(torch.tensor(azimuths).double(), torch.zeros(len(azimuths)).double())
    return list(around(directions, distance=4.0, pixels=512))


def projected(landmarks: Tensor, cameras: list) -> Tensor:
    return torch.stack([camera.project(landmarks.double())[0] for camera in cameras]).float()


EVERY = torch.ones(68, dtype=torch.bool)


def test_codes_are_the_gaussian_of_the_ones_learned(family, statistics):
    assert statistics.settings.kept == HIDDEN
    torch.testing.assert_close(statistics.code(torch.zeros(HIDDEN)), family.codes.mean(0).float())
    spread = (statistics.factor @ statistics.factor.T).double()
    torch.testing.assert_close(spread, family.codes.T.cov(), rtol=1e-4, atol=1e-5)


def test_batches_of_codes_are_read_at_once(statistics):
    u = torch.randn(2, 5, HIDDEN, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(statistics.code(u)[1, 3], statistics.code(u[1, 3]))


def test_landmarks_in_space_tell_the_code(family, statistics):
    code, landmarks = new_subject(family)
    u = statistics.from_places(landmarks, EVERY)
    torch.testing.assert_close(statistics.code(u), code, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(statistics.landmarks(u), landmarks, rtol=1e-3, atol=1e-4)


def test_a_few_landmarks_in_space_are_enough_and_unknown_ones_are_not_looked_at(family, statistics):
    code, landmarks = new_subject(family)
    known = EVERY.clone()
    known[5:] = False
    u = statistics.from_places(torch.where(known[:, None], landmarks, torch.nan), known)
    torch.testing.assert_close(statistics.code(u), code, rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("azimuths", [(0.0,), (30.0,), (-40.0, 10.0, 60.0)])
def test_landmarks_in_pictures_tell_the_code(family, statistics, azimuths):
    code, landmarks = new_subject(family)
    them = cameras(*azimuths)
    pixels = projected(landmarks, them)
    known = EVERY.repeat(len(them), 1)
    known[:, ::3] = False
    pixels[~known] = 1e6
    u = statistics.from_views(them, pixels, known, torch.full(known.shape, 0.01))
    torch.testing.assert_close(statistics.code(u), code, rtol=5e-3, atol=5e-3)


def test_the_less_pictures_are_believed_the_more_usual_is_the_code(family, statistics):
    _, landmarks = new_subject(family)
    them = cameras(0.0)
    pixels, known = projected(landmarks, them), EVERY[None]
    lengths = [
        float(statistics.from_views(them, pixels, known, torch.full(known.shape, noise)).norm())
        for noise in (1.0, 30.0, 1000.0)
    ]
    assert lengths[0] > lengths[1] > lengths[2] > 0


def test_where_no_landmark_is_known_the_code_is_the_mean_one(family, statistics):
    _, landmarks = new_subject(family)
    mean = statistics.code(torch.zeros(HIDDEN))
    assert torch.equal(statistics.code(statistics.from_places(landmarks, ~EVERY)), mean)
    them = cameras(0.0, 30.0)
    u = statistics.from_views(them, projected(landmarks, them), (~EVERY).repeat(2, 1), torch.ones(2, 68))
    assert torch.equal(statistics.code(u), mean)


def test_subjects_without_landmarks_do_not_shift_the_others(family):
    known = family.known.clone()
    known[family.codes[:, 0] > family.codes[:, 0].median()] = False  # those that are known are no fair sample
    landmarks = torch.where(known[..., None], family.landmarks, 1e3)
    statistics = CodeStatistics.of(family.codes, landmarks, known)
    code, places = new_subject(family)
    torch.testing.assert_close(statistics.code(statistics.from_places(places, EVERY)), code, rtol=1e-3, atol=2e-3)


def test_without_any_landmarks_there_is_still_a_gaussian(family):
    statistics = CodeStatistics.of(family.codes, family.landmarks, torch.zeros_like(family.known))
    assert not statistics.landmark_basis.any()
    assert statistics.settings.kept == HIDDEN


def test_noise_of_landmarks_is_what_the_model_leaves_unexplained(family):
    noise = 0.01 * torch.randn(family.landmarks.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    statistics = CodeStatistics.of(family.codes, family.landmarks + noise, family.known)
    assert float(statistics.landmark_noise) == pytest.approx(0.01, rel=0.05)


@pytest.mark.parametrize("subjects", [1, 2, 5])
def test_few_subjects_or_equal_ones_are_no_trouble(family, subjects):
    for codes in (family.codes[:subjects], family.codes[:1].repeat(subjects, 1)):
        statistics = CodeStatistics.of(codes, family.landmarks[:subjects], family.known[:subjects])
        u = statistics.from_places(family.landmarks[0].float(), EVERY)
        assert statistics.code(u).isfinite().all()
        torch.testing.assert_close(statistics.code(torch.zeros_like(u)), codes.mean(0).float())
