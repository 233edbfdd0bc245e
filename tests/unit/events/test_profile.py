"""The noisy profile carries its error along, and says nothing finer than hours and reasons."""

import numpy as np
import pyarrow as pa
import pytest

from tasks.errors import StepFailed
from tasks.events.profile import NoisyValue, Profile, entries, keys, middle, total
from tasks.events.reasons import READ_REASONS, Reason


def protected(hours: int, withheld: bool = False) -> pa.Table:
    count = len(entries(hours))
    values = pa.array(np.arange(count, dtype=float), mask=np.full(count, withheld))
    return keys(hours).append_column("value", values).append_column("se", pa.array(np.full(count, 3.0)))


@pytest.mark.parametrize("hours", [23, 24, 25])
def test_a_profile_has_each_local_hour_and_each_read_reason(hours: int) -> None:
    profile = Profile.read(protected(hours))
    assert len(profile.hours) == hours
    assert profile.reasons[Reason.NO_CONSENT].value == hours
    assert profile.reasons[Reason.BAD_PLMN].value == hours + len(READ_REASONS) - 1


def test_a_profile_of_other_entries_is_not_read_as_this_one() -> None:
    table = protected(24)
    with pytest.raises(StepFailed):
        Profile.read(table.take(list(range(len(table)))[::-1]))


def test_a_profile_must_not_be_suppressed() -> None:
    with pytest.raises(StepFailed, match="withheld"):
        Profile.read(protected(24, withheld=True))


def test_a_profile_holds_numbers_only() -> None:
    table = protected(24)
    unknown = pa.array([float("nan")] * len(table))
    with pytest.raises(StepFailed):
        Profile.read(table.set_column(1, "value", unknown))


def test_errors_of_sums_and_multiples_are_exact() -> None:
    assert total([NoisyValue(1, 3), NoisyValue(2, 4)]) == NoisyValue(3, 5)
    assert NoisyValue(2, 4).times(-0.5) == NoisyValue(-1, 2)
    assert total([]) == NoisyValue(0, 0)


def test_the_error_of_a_median_is_never_less_than_its_own() -> None:
    rng = np.random.default_rng(1)
    days = np.array([100.0, 104.0, 180.0, 300.0, 301.0])
    medians = np.median(days + rng.normal(0, 7, (4000, 5)), axis=1)
    assert medians.std() <= middle([NoisyValue(day, 7.0) for day in days]).se * 1.02


def test_every_row_is_kept_or_has_one_reason() -> None:
    profile = Profile.read(protected(24))
    whole = profile.of(Reason.OTHER_DAY) + profile.apart_from(Reason.OTHER_DAY)
    assert whole.value == sum(range(24 + len(READ_REASONS)))
    assert profile.kept.value == sum(range(24))
