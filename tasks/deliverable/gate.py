"""The gate on a deliverable: what must hold of its rows before anything is written to a client."""

from collections.abc import Iterator
from math import prod

import pyarrow as pa

from tasks.deliverable.columns import columns, key_columns
from tasks.deliverable.grant import Granted
from tasks.deliverable.serialisation import as_text
from tasks.deliverable.table import NUMBERS
from tasks.deliverable.view import Place, ReleaseView, RowStatus
from tasks.errors import RefusedDelivery
from tasks.validation import Expectation, ExpectationResult, validate
from tasks.validation import Status as ValidationStatus


def check_delivery(release: ReleaseView, places: Granted, data: pa.Table) -> tuple[ExpectationResult, ...]:
    """RowClassifier the rows of a delivery; raises RefusedDelivery naming the first check that does not pass."""
    verdicts = tuple(validate(as_text(data), list(checks(release, places))))
    for verdict in verdicts:
        if verdict.status is not ValidationStatus.PASSED:
            count = "" if verdict.unexpected is None else f" in {verdict.unexpected} rows"
            raise RefusedDelivery(
                f"The delivery of {release.id} does not pass its own gate: '{verdict.check}' {verdict.status}{count}.",
                "Nothing was sent. This is a defect in Throng: report this line.",
            )
    return verdicts


def checks(release: ReleaseView, places: Granted) -> Iterator[Expectation]:
    """Every check, named by what holds when it passes."""
    keys = list(key_columns(release))
    unique = {"column_list": keys, "ignore_row_if": "never"}
    yield Expectation("every key has one row", "ExpectCompoundColumnsToBeUnique", unique)
    yield Expectation("every granted key has a row", "ExpectTableRowCountToEqual", {"value": _keys(release, places)})
    for column in columns(release):
        if column.values:
            within = {"column": column.name, "value_set": list(column.values)}
            yield Expectation(f"{column.name} has known values only", "ExpectColumnValuesToBeInSet", within)
    yield from _hours_and_places(release, places)
    yield from _numbers(release)


def _keys(release: ReleaseView, places: Granted) -> int:
    counts = {Place.ZONE: len(places.zones), Place.DISTRICT: len(places.districts)}
    values = [counts[level.place] * prod(map(len, level.keys.values())) for level in release.levels]
    return len(release.hours) * sum(values)


def _hours_and_places(release: ReleaseView, places: Granted) -> Iterator[Expectation]:
    hours = [hour.astimezone(release.local).isoformat() for hour in release.hours]
    for level in release.levels:
        ids = places.zones if level.place is Place.ZONE else places.districts
        if not ids:
            continue
        where = ("level", level.name)
        for column, values in (("hour_start", hours), ("zone_id", list(ids))):
            arguments = {"column": column, "value_set": values}
            name = f"{level.name} has every {column}"
            yield Expectation(name, "ExpectColumnDistinctValuesToEqualSet", arguments, where)


def _numbers(release: ReleaseView) -> Iterator[Expectation]:
    for low, high in (("panel_low", "panel_value"), ("panel_value", "panel_high")):
        order = {"column_A": high, "column_B": low, "or_equal": True, "ignore_row_if": "either_value_is_missing"}
        yield Expectation(f"{low} is at most {high}", "ExpectColumnPairValuesAToBeGreaterThanB", order)
    for status in RowStatus:
        filled = status is RowStatus.ESTIMATE
        rule = "ExpectColumnValuesToNotBeNull" if filled else "ExpectColumnValuesToBeNull"
        for number in NUMBERS:
            name = f"{number} is {'filled' if filled else 'empty'} where the status is {status}"
            yield Expectation(name, rule, {"column": number}, ("status", status.value))
    for level in release.levels:
        least = {"column": "panel_value", "min_value": level.threshold}
        yield Expectation(
            f"{level.name} shows nothing below {level.threshold}",
            "ExpectColumnValuesToBeBetween",
            least,
            ("level", level.name),
        )
