"""What 200 people have among them, without a picture of any being taken."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from headfield.studio.expression import NATURAL
from headfield.studio.hair.styles import FAMILIES
from headfield.studio.identity import masculine
from headfield.studio.recipe import expression_of, load_model, sample_person


@pytest.fixture(scope="module", params=["builtin", "ict"])
def model(request):
    if request.param == "ict":
        request.getfixturevalue("assets")
    return load_model(request.param)


@pytest.fixture(scope="module")
def people(model):
    return [sample_person(model, seed) for seed in range(200)]


def test_every_family_of_hair_is_there(people):
    counts = Counter(person.style.family for person in people)
    assert set(counts) == set(FAMILIES)
    assert max(counts.values()) < 4 * min(counts.values()), "and none is rare"


def test_skin_is_spread_evenly_from_the_lightest_to_the_darkest(people):
    """Typology angles in six bins of 20 degrees: a fair die is within 15 of 33 with near certainty."""
    counts, _ = np.histogram([person.look.skin.angle for person in people], bins=6, range=(-60, 60))
    assert counts.sum() == 200
    assert abs(counts - 200 / 6).max() < 15


def test_both_sexes_shapes_are_covered(model, people):
    """Along the way from the mean woman to the mean man there are people on both sides, far out, and in between."""
    axis = masculine(model)
    along = np.array([person.identity.weights @ axis / (axis @ axis) for person in people])
    femininity = np.array([person.femininity for person in people])
    assert np.corrcoef(along, femininity)[0, 1] < -0.3
    assert (along > 0.5).sum() > 20
    assert (along < -0.5).sum() > 20


def test_hair_ages_and_differs(people):
    kinds = Counter(person.look.hair.kind for person in people)
    assert {"black", "brown", "blond", "grey"} <= set(kinds)
    grey = np.array([person.look.hair.grey for person in people])
    age = np.array([person.age for person in people])
    assert grey[age > 0.7].mean() > grey[age < 0.3].mean()


def test_no_two_people_are_alike(people):
    weights = np.array([person.identity.weights for person in people])
    apart = np.linalg.norm(weights[:, None] - weights, axis=-1) + 99 * np.eye(len(people))
    assert apart.min() > 1
    assert len({person.look for person in people}) == len(people)


def test_a_person_is_the_same_every_time(model, people):
    again = sample_person(model, 7)
    np.testing.assert_array_equal(again.identity.weights, people[7].identity.weights)
    assert (again.style, again.look) == (people[7].style, people[7].look)


def test_faces_are_neutral_first_then_whatever_people_do(model):
    assert expression_of(model, 3, 0, all_alone=False).name == "neutral"
    names = {expression_of(model, seed, 1, all_alone=False).name for seed in range(200)}
    assert len(names & set(NATURAL)) > 20
    assert len(names & set(model.expression_names)) > 10
    alone = [expression_of(model, 3, k + 1, all_alone=True).name for k in range(len(model.expression_names))]
    assert alone == list(model.expression_names)
