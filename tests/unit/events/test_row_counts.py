"""The row account adds up, always; keys hold what was packed."""

import numpy as np
import pytest

from tasks.errors import StepFailed
from tasks.events.packed_key import CELLS, REASON_SECOND, SUBSCRIBER_SHIFT, SUBSCRIBERS, pack
from tasks.events.reasons import QUARANTINED, READ_REASONS, WALK_REASONS, Reason
from tasks.events.row_counts import ALL_FILES, RowCounts
from tasks.mobility.key_fields import cell_of, second_of


def test_a_row_lost_or_counted_twice_fails_the_account() -> None:
    for kept in (8, 10, -1):
        with pytest.raises(StepFailed, match="does not add up"):
            RowCounts({"a": 10}, {("a", Reason.BAD_TIME): 1}, kept)


def test_accounts_add_by_file_and_reason() -> None:
    one = RowCounts({"a": 10}, {("a", Reason.BAD_TIME): 1}, 9)
    two = RowCounts({"a": 2, "b": 0}, {("a", Reason.BAD_TIME): 1, ("a", Reason.NO_CONSENT): 1}, 0)
    both = one + two
    assert (both.rows_in, both.total, both.kept) == ({"a": 12, "b": 0}, 12, 9)
    assert both.reasons == {Reason.NO_CONSENT: 1, Reason.BAD_TIME: 2}


def test_the_walk_sets_aside_over_all_files() -> None:
    walked = RowCounts({"a": 10}, {}, 10).after_walk({Reason.DUPLICATE: 3, Reason.IMPOSSIBLE_SPEED: 0}, 7)
    assert walked.set_aside == {(ALL_FILES, Reason.DUPLICATE): 3}
    with pytest.raises(StepFailed):
        RowCounts({"a": 10}, {}, 10).after_walk({Reason.DUPLICATE: 3}, 8)


def test_every_reason_is_found_by_reading_or_by_the_walk() -> None:
    first = {Reason.UNREADABLE_ROW, Reason.MISSING_SUBSCRIBER}
    assert {*first, *READ_REASONS, *WALK_REASONS} == set(Reason)
    assert {*first, *READ_REASONS} - {Reason.NO_CONSENT, Reason.OTHER_DAY} == QUARANTINED


def test_keys_order_by_subscriber_then_second_then_cell_and_unpack_to_what_they_hold() -> None:
    last = np.array([SUBSCRIBERS - 1]), np.array([REASON_SECOND]), np.array([CELLS - 1])
    assert pack(*last).tolist() == [2**63 - 1]
    parts = (np.array([0, 0, 1, SUBSCRIBERS - 1]), np.array([1, 2, 0, 89_999]), np.array([CELLS - 1, 0, 0, 5]))
    assert (np.diff(pack(*parts)) > 0).all()
    held = [(key >> SUBSCRIBER_SHIFT, second_of(key), cell_of(key)) for key in pack(*parts)]
    assert held == list(zip(*parts, strict=True))
