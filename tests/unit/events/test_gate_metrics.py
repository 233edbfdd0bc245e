"""What the gate measures where the noise of the profile hides the quality of rows: exact totals over all rows."""

import pytest

from tasks.events.file_facts import FileFacts
from tasks.events.gate_metrics import SURE, GateMetric, of_day, strange
from tasks.events.profile import NoisyValue, Profile
from tasks.events.reasons import READ_REASONS, Reason
from tasks.policy import GateRules, Rule
from tasks.policy_file import load

RULES = load().policy.gate.rules
ROWS = 20_000
HIDDEN = Profile((NoisyValue(500.0, 9051.0),) * 24, dict.fromkeys(READ_REASONS, NoisyValue(0.0, 9051.0)))
"""Of a day so small that noise is all that its profile shows."""
CLEAR = Profile((NoisyValue(2e6, 9051.0),) * 24, dict.fromkeys(READ_REASONS, NoisyValue(0.0, 9051.0)))


def facts(kept: int = 12_000, rows: int = ROWS, **unfit: int) -> FileFacts:
    return FileFacts(
        files=8,
        rejected=(),
        empty=(),
        rows=rows,
        kept=kept,
        unreadable_rows=0,
        missing_subscribers=0,
        lateness_hours=0.0,
        unfit={Reason(reason): rows for reason, rows in unfit.items()},
    )


def measured(rule: str, found: FileFacts, profile: Profile = HIDDEN, rules: GateRules = RULES) -> GateMetric:
    measure = of_day(found, profile, (), rules)[rule]
    assert measure is not None
    return measure


def fails(measure: GateMetric) -> bool:
    """Surely: the gate's own test has what lies between."""
    assert abs(measure.excess.value) > SURE * measure.excess.se or measure.excess == NoisyValue(0.0, 0.0)
    return measure.excess.value > 0


@pytest.mark.parametrize(
    ("rule", "limit", "faults"),
    [
        ("bad_times", 2_000, ("missing_time", "bad_time", "outside_day")),
        ("unusable_cells", 2_000, ("missing_cell", "unknown_cell", "expired_cell", "bad_plmn")),
        ("other_days", 10_000, ("other_day",)),
    ],
)
def test_a_small_day_is_judged_by_what_is_wrong_in_all_rows(rule: str, limit: int, faults: tuple[str, ...]) -> None:
    for fault in faults:
        within, beyond = (measured(rule, facts(**{fault: rows})) for rows in (limit, limit + 1))
        assert (fails(within), fails(beyond)) == (False, True)
        assert beyond.exact
        assert beyond.value == (limit + 1) / ROWS


def test_where_the_profile_tells_exact_totals_are_not_judged() -> None:
    measure = measured("bad_times", facts(rows=80_000_000, bad_time=70_000_000), CLEAR)
    assert not fails(measure)
    assert not measure.exact


@pytest.mark.parametrize(("kept", "stops"), [(0, True), (99, True), (100, False), (12_000, False)])
def test_a_day_keeps_its_least_share_of_all_rows(kept: int, stops: bool) -> None:
    assert fails(measured("rows_kept", facts(kept))) is stops


def test_files_without_a_row_are_no_empty_day() -> None:
    assert fails(measured("rows_kept", facts(kept=0, rows=0)))


def test_a_limit_of_nothing_still_stops_a_day_that_keeps_nothing() -> None:
    rules = RULES.model_copy(update={"rows_kept": Rule(limit=0, severity="critical")})
    assert fails(measured("rows_kept", facts(kept=0), rules=rules))
    assert not fails(measured("rows_kept", facts(kept=1), rules=rules))


def test_a_day_is_strange_once_exact_totals_pass_a_limit() -> None:
    assert not strange(facts(), RULES)
    assert strange(facts(kept=0), RULES)
    assert strange(facts(unknown_cell=19_000), RULES)


def test_the_share_that_is_kept_is_shown_as_the_row_account_has_it() -> None:
    assert measured("rows_kept", facts(kept=12_000, rows=20_000), CLEAR).value == 0.6


def test_noise_below_zero_is_shown_as_nothing() -> None:
    low = {reason: NoisyValue(-9051.0, 9051.0) for reason in READ_REASONS}
    assert measured("other_days", facts(rows=80_000_000), Profile(CLEAR.hours, low)).value == 0.0
