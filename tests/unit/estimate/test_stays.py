"""Counts of stays keep their zones; of several days, a person next door on any of them is one too many there."""

import numpy as np
import pytest

from tasks.estimate.stays import FALSE, UNSEEN, chances, of_a_day, of_days, of_false
from tasks.estimate.unfold import ShareMatrix, Unfolding

NEXT_DOOR = 0.1


def places(share: float = NEXT_DOOR) -> Unfolding:
    """Two places; this share of the stays of each is counted in the other one."""
    return Unfolding([ShareMatrix(np.array([0, 1, 1, 0]), np.array([0, 0, 1, 1]), np.array([1 - share, share] * 2), 2)])


def test_a_days_stays_keep_their_places_and_what_unfolding_would_change_is_their_error() -> None:
    counted = np.array([[1_000.0], [100.0]])
    found = of_a_day(places(), counted, np.full((2, 1), 9.0))
    assert found.values.tolist() == counted.tolist()
    assert found.variances.tolist() == [[9.0], [9.0]]
    moved = (np.linalg.inv([[0.9, 0.1], [0.1, 0.9]]) @ counted - counted)[:, 0]
    assert found.model[:, 0] == pytest.approx(np.square(moved), rel=1e-3)


@pytest.mark.parametrize("times", [1, 2])
def test_several_days_lie_between_one_and_two_chances_to_be_counted_next_door(times: int) -> None:
    true, at_least_once = np.array([1_000.0, 100.0]), 1 - (1 - NEXT_DOOR) ** times
    here = 1 - NEXT_DOOR**times
    counted = np.array([[here, at_least_once], [at_least_once, here]]) @ true
    found = of_days(chances(places()), counted[:, None], np.zeros((2, 1)))
    errors, spread = found.values[:, 0] - true, np.sqrt(found.model[:, 0])
    assert abs(errors) == pytest.approx(spread, rel=0.02), "half of the way from one to two"
    assert np.sign(errors).tolist() == ([-1, -1] if times == 1 else [1, 1])
    assert found.values[1, 0] < counted[1] or times == 1


def test_places_that_are_never_mistaken_keep_their_persons_and_noise() -> None:
    found = of_days(chances(places(share=0.0)), np.array([[300.0], [40.0]]), np.array([[25.0], [16.0]]))
    assert found.values[:, 0] == pytest.approx([300, 40], rel=1e-3)
    assert found.variances[:, 0] == pytest.approx([25, 16], rel=1e-3)
    assert found.model[:, 0] == pytest.approx([0, 0], abs=1e-3)


def test_what_events_miss_is_an_error_of_each_end_and_larger_where_nothing_corrects_it() -> None:
    near = np.zeros(1)
    for seen, share in ((True, FALSE), (False, UNSEEN)):
        assert of_false(seen, [near]).model.tolist() == [[share**2]]
        assert of_false(seen, [near], 1).model.tolist() == [[2 * share**2]]
        pairs = of_false(seen, [near, near])
        assert (pairs.value.tolist(), pairs.model.tolist()) == ([[[1.0]]], [[[2 * share**2]]])
    assert UNSEEN > FALSE


def test_where_plans_show_more_stays_next_door_the_error_is_larger() -> None:
    far = np.array([0.3, 0.0])
    assert of_false(True, [far]).model[:, 0] == pytest.approx([0.09, FALSE**2])
    pairs = of_false(True, [far, far]).model[..., 0]
    assert pairs == pytest.approx(np.array([[0.18, 0.09 + FALSE**2], [0.09 + FALSE**2, 2 * FALSE**2]]))
