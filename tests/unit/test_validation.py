"""Great Expectations behind its one door: verdicts say how many, never which."""

import gc
import subprocess
import sys
import weakref
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa

from tasks.validation import COUNTS, VERDICTS, Expectation, ExpectationResult, ValidationStatus, validate
from tests.plain_validator import plain

FRAME = pa.table(
    {
        "value": [1.0, 2.0, None, 7.0],
        "low": [0.5, 1.0, None, 9.0],
        "status": ["estimate", "estimate", "withheld_small", "estimate"],
    }
)


def test_a_verdict_counts_the_rows_that_fail_it() -> None:
    check = Expectation("at most five", "ExpectColumnValuesToBeBetween", {"column": "value", "max_value": 5})
    assert validate(FRAME, [check]) == [ExpectationResult("at most five", ValidationStatus.FAILED, 1)]


def test_a_check_can_look_at_some_rows_only() -> None:
    null = {"column": "value"}
    withheld = Expectation("withheld is null", "ExpectColumnValuesToBeNull", null, where=("status", "withheld_small"))
    given = Expectation("given is not null", "ExpectColumnValuesToNotBeNull", null, where=("status", "estimate"))
    assert [verdict.status for verdict in validate(FRAME, [withheld, given])] == [
        ValidationStatus.PASSED,
        ValidationStatus.PASSED,
    ]


def test_verdicts_keep_the_order_of_the_checks_and_an_error_is_not_a_failure() -> None:
    checks = [
        Expectation("ordered", "ExpectColumnPairValuesAToBeGreaterThanB", {"column_A": "value", "column_B": "low"}),
        Expectation("four rows", "ExpectTableRowCountToEqual", {"value": 4}),
        Expectation("no such column", "ExpectColumnValuesToBeNull", {"column": "nowhere"}),
        Expectation("not a number", "ExpectColumnValuesToBeBetween", {"column": "status", "max_value": 5}),
    ]
    assert [(verdict.check, verdict.status) for verdict in validate(FRAME, checks)] == [
        ("ordered", ValidationStatus.FAILED),
        ("four rows", ValidationStatus.PASSED),
        ("no such column", ValidationStatus.ERROR),
        ("not a number", ValidationStatus.ERROR),
    ]


def test_a_judgement_leaves_nothing_that_keeps_its_callers_variables_alive() -> None:
    class Opened:
        """Like a database that closes when nobody knows it any more."""

    def verb() -> "weakref.ref[Opened]":
        opened = Opened()
        validate(FRAME, [Expectation("four rows", "ExpectTableRowCountToEqual", {"value": 4})])
        return weakref.ref(opened)

    gc.disable()
    try:
        assert verb()() is None
    finally:
        gc.enable()


def test_frames_that_are_judged_at_once_get_their_own_verdicts() -> None:
    def fourfold(number: int) -> list[ExpectationResult]:
        checks = [Expectation(f"{n} rows", "ExpectTableRowCountToEqual", {"value": n}) for n in range(8)]
        return validate(FRAME.slice(0, number % 5), checks)

    with ThreadPoolExecutor(8) as pool:
        for number, verdicts in enumerate(pool.map(fourfold, range(24))):
            assert [v.status is ValidationStatus.PASSED for v in verdicts] == [n == number % 5 for n in range(8)]


def test_the_plain_validator_of_other_tests_says_what_the_library_says() -> None:
    estimates, keys = ("status", "estimate"), {"column_list": ["value", "status"], "ignore_row_if": "never"}
    ordered = {"column_A": "low", "column_B": "value", "or_equal": True, "ignore_row_if": "either_value_is_missing"}
    checks = [
        Expectation("null", "ExpectColumnValuesToBeNull", {"column": "value"}),
        Expectation("empty", "ExpectColumnValuesToBeNull", {"column": "value"}, unless=estimates),
        Expectation("empty here", "ExpectColumnValuesToBeNull", {"column": "low"}, unless=estimates),
        Expectation("nobody", "ExpectColumnValuesToBeNull", {"column": "low"}, unless=("status", "none")),
        Expectation("filled", "ExpectColumnValuesToNotBeNull", {"column": "value"}, estimates),
        Expectation("most", "ExpectColumnValuesToBeBetween", {"column": "value", "max_value": 2}),
        Expectation("least", "ExpectColumnValuesToBeBetween", {"column": "value", "min_value": 1}, estimates),
        Expectation("known", "ExpectColumnValuesToBeInSet", {"column": "status", "value_set": ["estimate"]}),
        Expectation("order", "ExpectColumnPairValuesAToBeGreaterThanB", ordered),
        Expectation("rows", "ExpectTableRowCountToEqual", {"value": 4}),
        Expectation("keys", "ExpectCompoundColumnsToBeUnique", keys),
        Expectation("all", "ExpectColumnDistinctValuesToEqualSet", {"column": "status", "value_set": ["estimate"]}),
        Expectation("here", "ExpectColumnDistinctValuesToEqualSet", {"column": "low", "value_set": [0.5]}, estimates),
        Expectation("nowhere", "ExpectColumnValuesToBeNull", {"column": "nowhere"}),
    ]
    twice = pa.concat_tables([FRAME, FRAME.slice(1, 2)])
    for frame in (FRAME, twice, FRAME.slice(0, 1)):
        said = [[(result.check, result.status) for result in judge(frame, checks)] for judge in (plain, validate)]
        assert said[0] == said[1]


def test_nothing_to_check_needs_no_library() -> None:
    assert validate(FRAME, []) == []


def test_results_never_copy_offending_values() -> None:
    assert VERDICTS["result_format"] == "BOOLEAN_ONLY"
    assert COUNTS["exclude_unexpected_values"] is True


def test_neither_aws_nor_statistics_nor_charts_are_loaded_to_validate_and_aws_can_be_later() -> None:
    code = """
import sys, pyarrow as pa
from tasks.validation import Expectation, validate
validate(pa.table({"x": [1]}), [Expectation("x", "ExpectColumnValuesToBeBetween", {"column": "x", "max_value": 2})])
print(*{"botocore.client", "altair.vegalite", "scipy.stats._stats_py"} & sys.modules.keys())
import boto3, scipy.stats
print(round(scipy.stats.norm.cdf(0), 1))
"""
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert said == "\n0.5\n"
