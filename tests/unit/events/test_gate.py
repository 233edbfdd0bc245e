"""The gate stops a day only for what is certain under the noise, and says what to do in plain words."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from tasks.errors import Misconfigured, RejectedInput
from tasks.events.file_facts import FileFacts
from tasks.events.gate import GateResult, GateStatus, judge_day, judge_plans, refuse
from tasks.events.gate_metrics import SURE, incomplete_hours, of_rows
from tasks.events.plan_rules import INVALID_GEOMETRY, PlanMeasure
from tasks.events.profile import NoisyValue, Profile
from tasks.events.reasons import READ_REASONS, Reason
from tasks.events.register_values import ColumnFacts, RegisterFacts
from tasks.policy import Gate, GateRules
from tasks.policy_file import load
from tasks.validation import ExpectationResult, ValidationStatus, Validator, validate
from tests.plain_validator import plain

GATE = load().policy.gate
SE = 9051.0
FACTS = FileFacts(
    files=100,
    rejected=(),
    empty=(),
    rows=100_000_000,
    kept=48_000_000,
    unreadable_rows=0,
    missing_subscribers=0,
    lateness_hours=3.0,
)
GENDERS = ColumnFacts("subscribers.csv", "gender", 4_100, 300, 4_100, "f, m, x or empty", ", written Male")
SMALL = replace(FACTS, rows=20_000, kept=12_000)
FEW_AN_HOUR = (500.0,) * 24
HOUR = 2_000_000.0
USUAL = [NoisyValue(24 * HOUR, SE * 24**0.5)] * 5


def profile(hours: Sequence[float] = (HOUR,) * 24, se: float = SE, **reasons: float) -> Profile:
    rows = {reason: NoisyValue(reasons.get(reason.value, 0.0), se) for reason in READ_REASONS}
    return Profile(tuple(NoisyValue(rows, se) for rows in hours), rows)


def judged(
    facts: FileFacts = FACTS,
    day: Profile | None = None,
    history: Sequence[NoisyValue] = USUAL,
    rules: Gate = GATE,
    overrides: Sequence[str] = (),
    validator: Validator = plain,
) -> dict[str, GateResult]:
    results = judge_day(facts, day or profile(), history, rules, overrides, validator)
    return {result.rule: result for result in results}


def not_passed(results: dict[str, GateResult]) -> dict[str, str]:
    return {name: result.status.value for name, result in results.items() if result.status is not GateStatus.PASSED}


@pytest.mark.parametrize("validator", [plain, validate])
def test_a_usual_day_passes_every_rule_of_the_policy(validator: Validator) -> None:
    results = judged(validator=validator)
    assert set(results) == set(GateRules.model_fields) - {"register_values"}
    assert not_passed(results) == {}
    refuse(list(results.values()))


@pytest.mark.parametrize(
    ("rule", "facts", "day"),
    [
        ("rejected_files", replace(FACTS, rejected=tuple(f"{n}.parquet" for n in range(6))), profile()),
        ("empty_files", replace(FACTS, empty=tuple(f"{n}.csv" for n in range(6))), profile()),
        ("rows_kept", replace(FACTS, kept=0), profile()),
        ("subscribers.gender", replace(FACTS, registers=RegisterFacts((GENDERS,))), profile()),
        ("unreadable_rows", replace(FACTS, unreadable_rows=6_000_000), profile()),
        ("missing_subscribers", replace(FACTS, missing_subscribers=6_000_000), profile()),
        ("lateness_hours", replace(FACTS, lateness_hours=24.5), profile()),
        ("rows_low", FACTS, profile((HOUR * 0.45,) * 24)),
        ("rows_high", FACTS, profile((HOUR * 2.1,) * 24)),
        ("bad_times", FACTS, profile(bad_time=5e6, outside_day=2e6)),
        ("unusable_cells", FACTS, profile(unknown_cell=5e6, bad_plmn=2e6)),
        ("other_days", FACTS, profile(other_day=60e6)),
        ("hours_covered", FACTS, profile((HOUR,) * 20 + (0.0,) * 4)),
    ],
)
def test_a_day_that_surely_passes_a_limit_fails_that_rule_alone(rule: str, facts: FileFacts, day: Profile) -> None:
    results = judged(facts, day)
    assert not_passed(results) == {rule: "failed"}
    failed = results[rule]
    assert failed.action
    assert failed.message.endswith(".")
    assert ("--override" in failed.action) is (failed.severity == "critical")


def test_roamers_abroad_stop_no_day() -> None:
    usual = sum(number.value for number in profile().hours)
    assert not_passed(judged(FACTS, profile(abroad=usual / 4))) == {}


def test_a_limit_reached_exactly_is_not_passed() -> None:
    at_limit = replace(FACTS, rejected=tuple("abcde"), unreadable_rows=5_000_000, lateness_hours=24.0)
    assert not_passed(judged(at_limit)) == {}


def test_the_gate_does_not_judge_what_the_noise_hides() -> None:
    results = judged(SMALL, profile(FEW_AN_HOUR), history=[NoisyValue(12_000.0, SE * 24**0.5)])
    assert not_passed(results) == dict.fromkeys(("rows_low", "rows_high", "hours_covered"), "not_judged")
    assert results["hours_covered"].value is None


def test_where_rows_went_is_said_where_only_the_operator_reads_it() -> None:
    why = {"rows_kept": "All are no_consent.", "bad_times": "Their form is odd."}
    small = judged(replace(SMALL, kept=0, unfit={Reason.BAD_TIME: 20_000}, why=why), profile(FEW_AN_HOUR), history=())
    assert why["rows_kept"] in small["rows_kept"].message
    assert why["bad_times"] in small["bad_times"].message
    large = judged(replace(FACTS, why=why), profile(bad_time=20e6))["bad_times"]
    assert why["bad_times"] not in large.message
    assert why["bad_times"] in large.action
    assert why["rows_kept"] not in judged(replace(SMALL, why=why), profile(FEW_AN_HOUR))["rows_kept"].message


def test_a_number_of_rows_near_its_limit_is_not_judged() -> None:
    result = judged(day=profile((HOUR * 0.5 + SE / 3,) * 24))["rows_low"]
    assert result.status is GateStatus.NOT_JUDGED
    assert "noise" in result.message


def test_the_first_day_has_nothing_to_be_compared_with() -> None:
    results = judged(history=())
    assert not_passed(results) == {"rows_low": "not_judged", "rows_high": "not_judged"}
    assert "no earlier day" in results["rows_low"].message


def test_a_day_is_compared_with_the_policys_number_of_latest_days() -> None:
    history = [NoisyValue(HOUR, SE)] * 40 + [NoisyValue(24 * HOUR, SE)] * GATE.gate_days
    assert not_passed(judged(history=history)) == {}


def test_noise_alone_seldom_fails_a_good_day() -> None:
    rng = np.random.default_rng(7)
    limit = GATE.rules.bad_times.limit
    rows = {"bad_time": limit * 480_000, "hours": (1 - limit) * 480_000 / 24}
    fired = 0
    for _ in range(2000):
        noise = rng.normal(0, SE / 10, 24 + len(READ_REASONS))
        hours = tuple(NoisyValue(rows["hours"] + n, SE / 10) for n in noise[:24])
        others = {r: NoisyValue(n, SE / 10) for r, n in zip(READ_REASONS, noise[24:], strict=True)}
        others[Reason.BAD_TIME] = NoisyValue(rows["bad_time"] + others[Reason.BAD_TIME].value, SE / 10)
        measure = of_rows(Profile(hours, others), (), GATE.rules)["bad_times"]
        fired += measure is not None and measure.excess.value > SURE * measure.excess.se
    assert fired <= 1


def test_a_policy_that_rejects_the_day_stops_it_for_one_unreadable_file() -> None:
    facts = replace(FACTS, rejected=("part-07.parquet",))
    strict = GATE.model_copy(update={"unreadable_file": "reject_day"})
    assert not_passed(judged(facts)) == {}
    result = judged(facts, rules=strict)["rejected_files"]
    assert result.stops
    assert "part-07.parquet" in result.message


def test_a_stopped_day_names_each_rule_its_value_its_limit_and_what_to_do() -> None:
    day = profile((HOUR * 0.45,) * 24, unknown_cell=20e6)
    with pytest.raises(RejectedInput) as caught:
        refuse(list(judged(day=day).values()))
    said = str(caught.value)
    assert "rows_low: The day has about 45 % of a usual day's rows" in said
    assert "at least 50 % are expected" in said
    assert "unusable_cells: About 48.08 % of the panel's rows name no cell" in said
    assert "--override rows_low --reason" in said


def test_an_override_lets_a_failed_rule_pass_and_stays_visible() -> None:
    results = judged(day=profile((HOUR * 0.45,) * 24), overrides=("rows_low",))
    assert results["rows_low"].status is GateStatus.OVERRIDDEN
    refuse(list(results.values()))


def test_an_override_of_a_rule_that_holds_changes_nothing() -> None:
    assert judged(overrides=("rows_low",))["rows_low"].status is GateStatus.PASSED


def test_an_override_must_name_a_rule() -> None:
    with pytest.raises(Misconfigured, match="Did you mean 'rows_low'"):
        judged(overrides=("row_low",))
    with pytest.raises(Misconfigured, match="Rules: rejected_files"):
        judged(overrides=("zzz",))


def test_a_warning_does_not_stop_the_day() -> None:
    refuse(list(judged(replace(FACTS, lateness_hours=100.0)).values()))


def test_a_check_that_breaks_stops_the_day_as_a_failure_would() -> None:
    result = judged(
        validator=lambda _, checks: [ExpectationResult(c.name, ValidationStatus.ERROR, None) for c in checks]
    )["rows_low"]
    assert result.stops
    assert "defect" in result.message


def test_an_hour_is_incomplete_only_if_it_is_surely_empty() -> None:
    day = profile((HOUR,) * 22 + (0.0, HOUR * 0.06))
    assert incomplete_hours(day, GATE.rules) == (False,) * 22 + (True, False)
    small = profile((HOUR / 100,) * 23 + (0.0,))
    assert not any(incomplete_hours(small, GATE.rules))


def test_an_empty_hour_is_named() -> None:
    message = judged(day=profile((HOUR,) * 22 + (0.0, 0.0)))["hours_covered"].message
    assert "(22, 23)" in message


def test_many_rejected_files_are_named_in_part() -> None:
    facts = replace(FACTS, rejected=tuple(f"part-{n}" for n in range(8)))
    assert "(part-0, part-1, part-2, part-3, part-4 and 3 more)" in judged(facts)["rejected_files"].message


def test_zones_are_judged_alone_where_no_day_can_be_read_with_them() -> None:
    broken = PlanMeasure(INVALID_GEOMETRY, "zones.geojson", 2, 24, "Z01, Z02")
    (found,) = judge_plans([broken], plain)
    assert (found.rule, found.stops) == ("zones.invalid_geometry", True)
    (good,) = judge_plans([replace(broken, count=0, named="")], plain)
    assert not good.stops
