from __future__ import annotations

import pickle

import pytest

from headfield.errors import InputError, MissingExtraError


@pytest.mark.parametrize("error", [InputError("a is none; give another."), MissingExtraError("embreex", "fast")])
def test_errors_come_back_from_other_processes_as_they_were(error):
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is type(error)
    assert str(back) == str(error)


def test_a_missing_extra_says_how_to_get_it():
    assert str(MissingExtraError("embreex", "fast")) == (
        'embreex is not installed; `pip install "headfield[fast]"` brings it.'
    )
