"""The delivered tables: the granted rows of a release in the delivery's columns."""

from collections.abc import Iterator, Mapping
from statistics import NormalDist

import pyarrow as pa
import pyarrow.compute as pc

from tasks.deliverable.areas import granted_areas
from tasks.deliverable.columns import RELIABILITY, columns, utc_offset_minutes
from tasks.deliverable.grant import Granted
from tasks.deliverable.level_view import DimensionView, LevelView, TableView
from tasks.deliverable.number_columns import DENSITY, DENSITY_DIGITS, measures
from tasks.deliverable.view import ReleaseView, RowStatus, ZonesView
from tasks.errors import StepFailed

Tables = Mapping[str, pa.Table]
"""The delivered rows by the table's name, in the order of the release's tables."""

Columns = dict[str, pa.ChunkedArray | pa.Array]

Areas = Mapping[str, float]
"""Square kilometres by place."""

Names = Mapping[str, Mapping[str, str]]
"""Names of zones and of districts, by id."""


def delivered_tables(release: ReleaseView, rows: pa.Table, plan: ZonesView, places: Granted) -> Tables:
    """The granted rows of a release, in the delivery's columns, sorted by level and key."""
    areas = {table.name: granted_areas(plan, places, table.area_of) for table in release.tables if table.area_of}
    names = {"zone": dict(zip(plan.zone_ids, plan.names, strict=True)), "district": plan.district_names}
    return {
        table.name: pa.concat_tables(
            _in_client_columns(
                release, table, level, _granted_rows(release, rows, level, places), names, areas.get(table.name, {})
            )
            for level in table.levels
        ).combine_chunks()
        for table in release.tables
    }


def status_counts(data: pa.Table, level: str) -> dict[str, int]:
    """Rows of a level by status."""
    statuses = data.filter(pc.equal(data["level"], level))["status"].value_counts().to_pylist()
    return {status.value: 0 for status in RowStatus} | {seen["values"]: seen["counts"] for seen in statuses}


def expected_lifted(data: pa.Table, level: LevelView) -> int:
    """About how many shown numbers of a level are truly below its threshold, shown only because noise lifted them."""
    if not level.threshold:
        return 0
    of_level, shown = pc.equal(data["level"], level.name), pc.equal(data["status"], RowStatus.ESTIMATE)
    rows = data.filter(pc.and_(of_level, shown))
    distances = pc.divide(pc.subtract(rows[level.quantity.name], float(level.threshold)), rows["se"]).to_pylist()
    return round(sum(NormalDist().cdf(-distance) for distance in distances))


def _granted_rows(release: ReleaseView, table: pa.Table, level: LevelView, places: Granted) -> pa.Table:
    """The rows of a level whose keys may all be delivered, sorted by key."""
    rows = table.filter(pc.equal(table["level"], level.name))
    for dimension in level.dimensions:
        wanted = pa.array(places.values(dimension), dimension.type)
        rows = rows.filter(pc.is_in(rows[dimension.name], value_set=wanted))
    keys = [dimension.name for dimension in level.dimensions]
    expected, distinct = places.keys(level), rows.group_by(keys).aggregate([]).num_rows
    # Every granted key has exactly one row: a missing row would look like a zero. A sparse level says what it means.
    if rows.num_rows != distinct or not (level.missing or distinct == expected):
        raise StepFailed(
            f"Release {release.id} holds {rows.num_rows} rows of level {level.name} where {expected} keys are granted.",
            "This is a defect in Throng: nothing was sent.",
            "delivery.keys_missing",
        )
    return rows.sort_by([(name, "ascending") for name in keys])


def _in_client_columns(
    release: ReleaseView, table: TableView, level: LevelView, rows: pa.Table, names: Names, areas: Areas
) -> pa.Table:
    made: Columns = {"level": rows["level"], "status": rows["status"]}
    for dimension in level.dimensions:
        made |= _key(dimension, rows[dimension.name], release, names)
    shown = pc.equal(rows["status"], RowStatus.ESTIMATE)
    made |= {name: pc.if_else(shown, numbers, None) for name, numbers in _numbers(table, rows)}
    if table.area_of:
        made[DENSITY] = _density(made[table.quantity.name], rows[table.area_of.name], areas)
    fields = [column.field for column in columns(release, table)]
    return pa.table([made[field.name].cast(field.type) for field in fields], pa.schema(fields))


def _key(dimension: DimensionView, values: pa.ChunkedArray, release: ReleaseView, names: Names) -> Columns:
    """A dimension's column, and the name or the local time beside it."""
    made: Columns = {dimension.column: values}
    if dimension.place:
        named = names[dimension.place]
        made[dimension.name_column] = pa.array([named.get(id, id) for id in values.to_pylist()], pa.string())
    return made | (_local_time(dimension, values, release) if dimension.is_instant else {})


def _local_time(dimension: DimensionView, starts: pa.ChunkedArray, release: ReleaseView) -> Columns:
    """The local clock at each instant, by the few distinct instants of a period."""
    coded = starts.combine_chunks().dictionary_encode()
    local = [instant.astimezone(release.local) for instant in coded.dictionary.to_pylist()]
    offsets = [utc_offset_minutes(time) for time in local]
    made = {
        "local_date": pa.array([time.date() for time in local], pa.date32()),
        dimension.local_column: pa.array([time.hour for time in local], pa.int8()),
        "utc_offset_minutes": pa.array(offsets, pa.int16()),
    }
    return {name: column.take(coded.indices) for name, column in made.items()}


def _column(rows: pa.Table, name: str) -> pa.ChunkedArray:
    """A column of the release, which has none of people where they are not estimated."""
    return rows[name] if name in rows.column_names else pa.chunked_array([pa.nulls(rows.num_rows, pa.float64())])


def _numbers(table: TableView, rows: pa.Table) -> Iterator[tuple[str, pa.ChunkedArray]]:
    """Rounded values, intervals widened to as many digits and cut at zero, and how reliable they are."""
    for measure in measures(table):
        scale = 10.0**measure.decimals
        value, low, high = (pc.multiply(_column(rows, name), scale) for name in measure.sources)
        least = pc.floor(pc.min_element_wise(value, 0.0, skip_nulls=False))
        ends = (pc.max_element_wise(pc.floor(low), least, skip_nulls=False), pc.ceil(high))
        for name, number in zip(measure.columns, (pc.round(value), *ends), strict=True):
            yield name, pc.divide(number, scale)
    yield "se", pc.round(rows["se"], 1)
    share = pc.divide(pc.subtract(rows["high"], rows["low"]), pc.multiply(pc.abs(rows["value"]), 2.0))
    above = [pc.greater_equal(share, limit).cast(pa.int8()) for limit in list(RELIABILITY.values())[:-1]]
    yield "reliability", pa.chunked_array([pa.array(RELIABILITY)]).take(pc.add(*above))


def _density(persons: pa.ChunkedArray, places: pa.ChunkedArray, areas: Areas) -> pa.Array:
    """Delivered persons per square kilometre: a reader gets the same from both files."""
    digits = f".{DENSITY_DIGITS}g"
    pairs = zip(persons.to_pylist(), places.to_pylist(), strict=True)
    return pa.array(
        [None if n is None else float(format(n / areas[place], digits)) for n, place in pairs], pa.float64()
    )
