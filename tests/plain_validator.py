"""What the expectations in use mean, in plain Python: for tests whose subject is not Great Expectations."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import pyarrow as pa
import pytest

from tasks.deliver import Deliver
from tasks.ingest import Ingest
from tasks.validation import Expectation, ExpectationResult, ValidationStatus

Row = Mapping[str, Any]
Arguments = Mapping[str, Any]


def plain(frame: pa.Table, checks: Sequence[Expectation]) -> list[ExpectationResult]:
    """Judge a table as `tasks.validation.validate` does; rows are counted where they can fail one by one."""
    rows = frame.to_pylist()
    return [_result(check, [row for row in rows if _is_judged(row, check)]) for check in checks]


def judge_plainly(patch: pytest.MonkeyPatch) -> None:
    """Let the verbs of this process judge so: half of their CPU time is Great Expectations' otherwise."""
    patch.setattr("tasks.ingest.Ingest", partial(Ingest, validator=plain))
    patch.setattr("tasks.deliver.Deliver", partial(Deliver, validator=plain))


def _is_judged(row: Row, check: Expectation) -> bool:
    where, unless = check.where, check.unless
    return (not where or row[where[0]] == where[1]) and (not unless or row[unless[0]] != unless[1])


def _result(check: Expectation, rows: list[Row]) -> ExpectationResult:
    try:
        if by_row := ROWS.get(check.expectation):
            unexpected = sum(not by_row(row, check.arguments) for row in rows)
            status = ValidationStatus.FAILED if unexpected else ValidationStatus.PASSED
            return ExpectationResult(check.name, status, unexpected or None)
        passed = TABLES[check.expectation](rows, check.arguments)
        return ExpectationResult(check.name, ValidationStatus.PASSED if passed else ValidationStatus.FAILED, None)
    except (KeyError, TypeError):
        return ExpectationResult(check.name, ValidationStatus.ERROR, None)


def _between(row: Row, given: Arguments) -> bool:
    value, least, most = row[given["column"]], given.get("min_value"), given.get("max_value")
    return value is None or ((least is None or value >= least) and (most is None or value <= most))


def _ordered(row: Row, given: Arguments) -> bool:
    a, b = row[given["column_A"]], row[given["column_B"]]
    return None in (a, b) or bool(a >= b if given.get("or_equal") else a > b)


ROWS: Mapping[str, Callable[[Row, Arguments], bool]] = {
    "ExpectColumnValuesToBeNull": lambda row, given: row[given["column"]] is None,
    "ExpectColumnValuesToNotBeNull": lambda row, given: row[given["column"]] is not None,
    "ExpectColumnValuesToBeBetween": _between,
    "ExpectColumnValuesToBeInSet": lambda row, given: row[given["column"]] in (None, *given["value_set"]),
    "ExpectColumnPairValuesAToBeGreaterThanB": _ordered,
}


def _unique(rows: list[Row], given: Arguments) -> bool:
    return max(Counter(tuple(row[name] for name in given["column_list"]) for row in rows).values(), default=1) == 1


TABLES: Mapping[str, Callable[[list[Row], Arguments], bool]] = {
    "ExpectTableRowCountToEqual": lambda rows, given: len(rows) == given["value"],
    "ExpectTableRowCountToBeBetween": lambda rows, given: given["min_value"] <= len(rows) <= given["max_value"],
    "ExpectCompoundColumnsToBeUnique": _unique,
    "ExpectColumnDistinctValuesToEqualSet": lambda rows, given: (
        {row[given["column"]] for row in rows} - {None} == set(given["value_set"])
    ),
}
