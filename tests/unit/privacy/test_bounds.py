import copy
import math
import pickle
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tasks.errors import StepFailed
from tasks.privacy.bounds import UNIT, BoundedCounter, Contributions, LevelRule, WeightedCounter
from tests import reference


def persons(*ids: int) -> np.ndarray:
    return np.array(ids, dtype=np.uint64)


def keys(*flat: int) -> np.ndarray:
    return np.array(flat, dtype=np.int64)


@pytest.mark.parametrize(("sigma", "bound"), [("0", 24), ("-1", 24), ("NaN", 24), ("Infinity", 24), ("32", 0)])
def test_a_rule_without_noise_or_bound_cannot_exist(sigma: str, bound: int) -> None:
    with pytest.raises(StepFailed, match="positive sigma and bound"):
        LevelRule("rows", Decimal(sigma), bound, None)


def test_contributions_never_show_their_values() -> None:
    secret = Contributions("rows", keys(271828), 1)
    for shown in (repr(secret), str(secret), f"{[secret]}"):
        assert "271828" not in shown
    with pytest.raises(StepFailed) as refused:
        Contributions("rows", keys(-271828), 1)
    assert "271828" not in str(refused.value)


def test_contributions_cannot_leave_their_process() -> None:
    secret = Contributions("rows", keys(1), 1)
    for leave in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(StepFailed, match="cannot be pickled or copied"):
            leave(secret)


def test_contributions_cannot_be_changed_through_the_array_they_came_from() -> None:
    array = keys(1, 2)
    secret = Contributions("rows", array, 1)
    array[0] = 100
    assert secret.values.tolist() == [1, 2]
    with pytest.raises(ValueError, match="read-only"):
        secret.values[0] = 100


def test_sums_in_floating_point_are_refused() -> None:
    with pytest.raises(StepFailed, match="floating point"):
        Contributions("rows", np.array([1.0]), 1)


def test_only_ones_and_sixty_fourths_are_counted() -> None:
    with pytest.raises(StepFailed, match="1/64"):
        Contributions("rows", keys(1), 1, unit=2)


def test_a_tally_sums_over_all_known_keys() -> None:
    tally = BoundedCounter("zone_hour", (2, 3), bound=2)
    tally.add(persons(1, 1, 7), keys(0, 5, 5))
    tally.add(persons(), keys())
    tally.add(persons(8), keys(2))
    sums = tally.contributions()
    assert sums.values.tolist() == [[1, 0, 1], [0, 0, 2]]
    assert (sums.level, sums.bound, sums.unit) == ("zone_hour", 2, 1)


@pytest.mark.parametrize(
    ("person", "key", "words"),
    [
        (persons(1, 1, 1), keys(0, 1, 2), "more than 2 keys"),
        (persons(1, 1), keys(3, 3), "one key twice"),
        (persons(2, 1), keys(0, 1), "ascending"),
        (persons(1, 2, 1), keys(0, 1, 1), "ascending"),
        (persons(1), keys(6), "outside the known keys"),
        (persons(1), keys(-1), "outside the known keys"),
        (persons(1), np.array([1.0]), "outside the known keys"),
        (persons(1, 2), keys(1), "different length"),
        (np.array([np.nan, np.nan]), keys(1, 1), "no integers"),
    ],
)
def test_a_tally_refuses_whoever_breaks_the_bound(person: np.ndarray, key: np.ndarray, words: str) -> None:
    with pytest.raises(StepFailed, match=words):
        BoundedCounter("zone_hour", (2, 3), bound=2).add(person, key)


@pytest.mark.parametrize("again", [3, 5])
def test_a_person_cannot_come_again_in_a_later_call(again: int) -> None:
    tally = BoundedCounter("zone_hour", (2, 3), bound=2)
    tally.add(persons(2, 5), keys(0, 0))
    with pytest.raises(StepFailed, match="whole and in ascending order"):
        tally.add(persons(again), keys(1))


def test_a_tally_holds_for_the_greatest_pseudonyms() -> None:
    tally = BoundedCounter("zone_hour", (2,), bound=1)
    tally.add(persons(2**63, 2**64 - 1), keys(0, 0))
    with pytest.raises(StepFailed, match="ascending"):
        tally.add(persons(2**64 - 1), keys(1))


histories = st.dictionaries(
    st.integers(0, 2**64 - 1),
    st.dictionaries(st.integers(0, 5), st.lists(st.integers(0, 2**31 - 1) | st.integers(0, 3), max_size=3), max_size=6),
    max_size=5,
)


def weighted(
    history: dict[int, dict[int, list[int]]], bound: int, calls: int = 1, chosen: np.ndarray | None = None
) -> Contributions:
    """The people's counts in one call, or in several of whole persons; a key's counts come in parts."""
    counter, people = WeightedCounter("visits", (2, 3), bound, chosen), np.array(sorted(history), dtype=object)
    for some in np.array_split(people, calls):
        rows = [(p, key, n) for p in some for key, parts in history[p].items() for n in parts]
        columns = [[row[column] for row in rows] for column in range(3)]
        counter.add(persons(*columns[0]), keys(*columns[1]), keys(*columns[2]))
    return counter.contributions()


@given(histories, st.integers(1, 16384), st.integers(1, 4))
def test_weighted_counts_are_those_of_the_definition_however_they_come(history: Any, bound: int, calls: int) -> None:
    expected = np.zeros(6, dtype=object)
    for places in history.values():
        counts = [sum(places.get(key, [])) for key in range(6)]
        expected += np.array(reference.weighted(counts, bound), dtype=object)
    sums = weighted(history, bound, calls)
    assert sums.values.ravel().tolist() == expected.tolist()
    assert (sums.level, sums.bound, sums.unit, sums.values.shape) == ("visits", bound, UNIT, (2, 3))


@given(histories, st.integers(1, 16384), st.data())
def test_without_any_person_weighted_counts_move_by_no_more_than_the_bound(history: Any, bound: int, data: Any) -> None:
    gone = data.draw(st.sampled_from(sorted(history) or [0]))
    others = {person: places for person, places in history.items() if person != gone}
    steps = (weighted(history, bound).values - weighted(others, bound).values).ravel().tolist()
    assert sum(step**2 for step in steps) <= bound * UNIT**2


@given(histories, st.integers(1, 16384), st.sets(st.integers(0, 5)))
def test_chosen_keys_have_the_sums_that_they_have_among_all_keys(history: Any, bound: int, chosen: set[int]) -> None:
    some = keys(*sorted(chosen))
    sums = weighted(history, bound, chosen=some)
    assert sums.values.tolist() == weighted(history, bound).values.ravel()[some].tolist()
    assert sums.chosen is some


@given(st.lists(st.integers(0, 2**31 - 1) | st.just(2**31 - 1), min_size=1, max_size=6), st.integers(1, 2**61))
@example([1, 2], 2**61)
def test_no_bound_is_so_large_that_a_sum_of_squares_turns_negative(counts: list[int], bound: int) -> None:
    """In exact fractions: a person moves the vector by at most the bound, or is refused."""
    history = {1: {key: [count] for key, count in enumerate(counts)}}
    if (math.isqrt(UNIT**2 * bound) + 1) ** 2 * len(counts) >= 2**63:
        with pytest.raises(StepFailed, match="bound too large"):
            weighted(history, bound)
    else:
        sums = weighted(history, bound).values.ravel().tolist()
        assert sum(Fraction(value, UNIT) ** 2 for value in sums) <= bound


def test_a_bounded_count_of_chosen_keys_checks_all_keys_of_a_person() -> None:
    counter = BoundedCounter("zone_hour", (2, 3), 2, keys(0, 5))
    counter.add(persons(1, 1, 7), keys(0, 3, 5))
    assert counter.contributions().values.tolist() == [1, 1]
    with pytest.raises(StepFailed, match="more than 2 keys"):
        counter.add(persons(8, 8, 8), keys(1, 2, 3))


@pytest.mark.parametrize("chosen", [keys(1, 1), keys(2, 1), keys(-1), keys(6), np.array([1.0]), np.array([[1]])])
def test_chosen_keys_ascend_within_the_level(chosen: np.ndarray) -> None:
    with pytest.raises(StepFailed, match="chosen key"):
        WeightedCounter("visits", (2, 3), 8, chosen)


def test_contributions_of_chosen_keys_are_one_sum_a_key() -> None:
    with pytest.raises(StepFailed, match="one sum for each chosen key"):
        Contributions("rows", keys(1, 2), 1, chosen=keys(1))


def test_a_level_of_more_keys_than_integers_can_number_is_refused() -> None:
    with pytest.raises(StepFailed, match="too many keys"):
        WeightedCounter("visits", (2**31, 2**31), 8, keys(0)).add(persons(1, 2), keys(0, 1))


def test_who_keeps_the_bound_is_counted_in_full() -> None:
    counter = WeightedCounter("visits", (9,), bound=8)
    counter.add(persons(*[1] * 8, 2, 2, *[3] * 9), keys(*range(8), 0, 0, *range(9)))
    eight, twice, nine = UNIT, 2 * UNIT, math.isqrt(UNIT**2 * 8 // 9)
    assert counter.contributions().values.tolist() == [eight + twice + nine, *[eight + nine] * 7, nine]


@pytest.mark.parametrize("times", [keys(-1), keys(2**31), keys(1, 1), np.array([1.0])])
def test_a_count_of_a_wrong_form_is_refused(times: np.ndarray) -> None:
    with pytest.raises(StepFailed, match="number of times"):
        WeightedCounter("visits", (2,), bound=8).add(persons(1), keys(0), times)


@pytest.mark.parametrize(("person", "key"), [(persons(2, 1), keys(0, 1)), (persons(1), keys(2)), (persons(1), keys())])
def test_a_weighted_count_holds_persons_and_keys_to_the_same_rules(person: np.ndarray, key: np.ndarray) -> None:
    with pytest.raises(StepFailed) as refused:
        WeightedCounter("visits", (2,), bound=8).add(person, key)
    assert refused.value.code == "privacy.defect"
