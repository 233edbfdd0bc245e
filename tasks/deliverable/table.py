"""The delivered table: the granted rows of a release in the delivery's columns."""

import pyarrow as pa
import pyarrow.compute as pc

from tasks.deliverable.columns import columns, number_sources
from tasks.deliverable.grant import Granted
from tasks.deliverable.view import DimensionView, LevelView, ReleaseView, RowStatus, ZonesView
from tasks.errors import StepFailed

DECIMALS = 2
"""Hundredths of a person, far below any noise: more digits would suggest precision."""


def deliverable_table(release: ReleaseView, table: pa.Table, plan: ZonesView, places: Granted) -> pa.Table:
    """The granted rows of a release, in the delivery's columns and order."""
    names = dict(zip(plan.zone_ids, plan.names, strict=True))
    levels = [
        _in_client_columns(release, level, _granted_rows(release, table, level, places), names)
        for level in release.levels
    ]
    return pa.concat_tables(levels).combine_chunks()


def status_counts(data: pa.Table, level: str) -> dict[str, int]:
    """Rows of a level of a delivery by status."""
    statuses = data.filter(pc.equal(data["level"], level))["status"].value_counts().to_pylist()
    return {status.value: 0 for status in RowStatus} | {seen["values"]: seen["counts"] for seen in statuses}


def _granted_rows(release: ReleaseView, table: pa.Table, level: LevelView, places: Granted) -> pa.Table:
    """The rows of a level whose granted dimensions are all granted, sorted by key."""
    rows = table.filter(pc.equal(table["level"], level.name))
    for dimension in level.dimensions:
        if dimension.granted_by:
            wanted = pa.array(places.values(dimension), dimension.type)
            rows = rows.filter(pc.is_in(rows[dimension.name], value_set=wanted))
    keys = [dimension.name for dimension in level.dimensions]
    expected = places.keys(level)
    # Every granted key has exactly one row: a missing row would look like a zero.
    if not rows.num_rows == rows.group_by(keys).aggregate([]).num_rows == expected:
        raise StepFailed(
            f"Release {release.id} holds {rows.num_rows} rows of level {level.name} where {expected} keys are granted.",
            "This is a defect in Throng: nothing was sent.",
            "delivery.keys_missing",
        )
    return rows.sort_by([(name, "ascending") for name in keys])


def _in_client_columns(release: ReleaseView, level: LevelView, rows: pa.Table, names: dict[str, str]) -> pa.Table:
    made = {
        "period_start": pa.repeat(pa.scalar(release.period.first, pa.date32()), rows.num_rows),
        "period_end": pa.repeat(pa.scalar(release.period.end, pa.date32()), rows.num_rows),
        "level": rows["level"],
        "status": rows["status"],
        **{name: pc.round(rows[source], DECIMALS) for name, source in number_sources(release).items()},
    }
    for dimension in level.dimensions:
        made |= _key(dimension, rows[dimension.name], release, names)
    return pa.table({column.name: made.get(column.name, pa.nulls(rows.num_rows)).cast(column.type)
                     for column in columns(release)})  # fmt: skip


def _key(
    dimension: DimensionView, values: pa.ChunkedArray, release: ReleaseView, names: dict[str, str]
) -> dict[str, pa.ChunkedArray | pa.Array]:
    """A dimension's column, and the name or the local hour beside it."""
    made = {dimension.column: values}
    if dimension.granted_by:
        named = names if dimension.granted_by == "zone" else {}
        made[dimension.name_column] = pa.array([named.get(id, id) for id in values.to_pylist()], pa.string())
    if dimension.is_instant:
        made[dimension.local_column] = _local_hours(values, release)
    return made


def _local_hours(starts: pa.ChunkedArray, release: ReleaseView) -> pa.Array:
    """The local clock's hour of each instant, by the few distinct instants of a period."""
    coded = starts.combine_chunks().dictionary_encode()
    hours = [instant.astimezone(release.local).hour for instant in coded.dictionary.to_pylist()]
    return pa.array(hours, pa.int8()).take(coded.indices)
