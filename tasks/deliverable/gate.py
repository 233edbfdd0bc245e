"""The gate of a delivery: checks of its rows before anything is written to a client."""

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise

from tasks.deliverable.columns import columns, key_columns
from tasks.deliverable.grant import Granted
from tasks.deliverable.level_view import TableView
from tasks.deliverable.number_columns import intervals, number_columns, optional_columns
from tasks.deliverable.serialisation import as_text, instant
from tasks.deliverable.table import Tables
from tasks.deliverable.view import ReleaseView, RowStatus
from tasks.errors import RefusedDelivery
from tasks.quantity import PEOPLE
from tasks.validation import Expectation, ExpectationResult, ValidationStatus, Validator, validate

IN_SET, EQUAL_SET = "ExpectColumnValuesToBeInSet", "ExpectColumnDistinctValuesToEqualSet"


def check_delivery(
    release: ReleaseView, places: Granted, tables: Tables, validator: Validator = validate
) -> tuple[ExpectationResult, ...]:
    """Check the rows of a delivery; raises RefusedDelivery naming the first check that does not pass."""
    verdicts = tuple(
        verdict
        for table in release.tables
        for verdict in validator(as_text(tables[table.name]), list(checks(release, table, places)))
    )
    for verdict in verdicts:
        if verdict.status is not ValidationStatus.PASSED:
            count = "" if verdict.unexpected is None else f" in {verdict.unexpected} rows"
            raise RefusedDelivery(
                f"The delivery of {release.id} does not pass its own gate: '{verdict.check}' {verdict.status}{count}.",
                "Nothing was sent. This is a defect in Throng: report this line.",
                "delivery.gate_failed",
            )
    return verdicts


def checks(release: ReleaseView, table: TableView, places: Granted) -> Iterator[Expectation]:
    """Every check of a table, named by what holds when it passes."""
    keys = list(key_columns(table))
    unique = {"column_list": keys, "ignore_row_if": "never"}
    yield Expectation("every key has one row", "ExpectCompoundColumnsToBeUnique", unique)
    yield _rows(table, places)
    for column in columns(release, table):
        if column.values:
            within = {"column": column.name, "value_set": list(column.values)}
            yield Expectation(f"{column.name} has known values only", IN_SET, within)
    yield from _dimensions(table, places)
    yield from _numbers(release, table)


def _rows(table: TableView, places: Granted) -> Expectation:
    """Every granted key has a row, but those of a sparse level that were not chosen."""
    rows = sum(places.keys(level) for level in table.levels)
    least = sum(places.keys(level) for level in table.levels if not level.missing)
    if least == rows:
        return Expectation("every granted key has a row", "ExpectTableRowCountToEqual", {"value": rows})
    between = {"min_value": least, "max_value": rows}
    return Expectation("no more rows than granted keys", "ExpectTableRowCountToBeBetween", between)


def _dimensions(table: TableView, places: Granted) -> Iterator[Expectation]:
    for level in filter(places.keys, table.levels):
        for dimension in level.dimensions:
            values = [_in_text(value) for value in places.values(dimension)]
            arguments = {"column": dimension.column, "value_set": values}
            words, rule = ("only a granted", IN_SET) if level.missing else ("every", EQUAL_SET)
            yield Expectation(f"{level.name} has {words} {dimension.column}", rule, arguments, ("level", level.name))


def _in_text(value: object) -> object:
    return instant(value) if isinstance(value, datetime) else value


def _numbers(release: ReleaseView, table: TableView) -> Iterator[Expectation]:
    for low, high in (pair for ends in intervals(table) for pair in pairwise(ends)):
        order = {"column_A": high, "column_B": low, "or_equal": True, "ignore_row_if": "either_value_is_missing"}
        yield Expectation(f"{low} is at most {high}", "ExpectColumnPairValuesAToBeGreaterThanB", order)
    numbers, estimate = (*number_columns(table), "reliability"), ("status", RowStatus.ESTIMATE.value)
    for number in (*numbers, *(PEOPLE if release.estimate and table.quantity.counts else ())):
        name = f"{number} is filled where the status is estimate"
        yield Expectation(name, "ExpectColumnValuesToNotBeNull", {"column": number}, where=estimate)
    for number in (*numbers, *optional_columns(table)):
        name = f"{number} is empty where the status is not estimate"
        yield Expectation(name, "ExpectColumnValuesToBeNull", {"column": number}, unless=estimate)
    for level in (level for level in table.levels if level.threshold):
        least = {"column": level.quantity.name, "min_value": level.threshold}
        yield Expectation(
            f"{level.name} shows nothing below {level.threshold}",
            "ExpectColumnValuesToBeBetween",
            least,
            ("level", level.name),
        )
