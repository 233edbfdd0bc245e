"""The delivered table: the granted rows of a release, in a client's words."""

from math import prod

import pyarrow as pa
import pyarrow.compute as pc

from tasks.deliverable.columns import columns
from tasks.deliverable.grant import Granted
from tasks.deliverable.view import LevelView, Place, ReleaseView, ZonesView
from tasks.errors import StepFailed

DECIMALS = 2
"""Hundredths of a person: far below any noise, so that nobody reads meaning into a tail of digits."""

NUMBERS = {"panel_value": "value", "panel_se": "se", "panel_low": "low", "panel_high": "high"}


def deliverable_table(release: ReleaseView, table: pa.Table, plan: ZonesView, places: Granted) -> pa.Table:
    """Cut the granted places out of a release (its own columns) and put them into the delivery's columns and order."""
    levels = [_level(release, table, level, plan, places) for level in release.levels]
    return pa.concat_tables(levels).combine_chunks()


def _level(release: ReleaseView, table: pa.Table, level: LevelView, plan: ZonesView, places: Granted) -> pa.Table:
    of_zone = level.place is Place.ZONE
    place, ids = ("zone_id", places.zones) if of_zone else ("district_id", places.districts)
    wanted = pc.is_in(table[place], value_set=pa.array(ids, pa.string()))
    rows = table.filter(pc.and_(pc.equal(table["level"], level.name), wanted))
    rows = rows.sort_by([(name, "ascending") for name in (place, "hour_start", *level.keys)])
    _assert_complete(rows, level, place, len(ids), release)
    return _in_client_columns(release, rows, place, dict(zip(plan.zone_ids, plan.names, strict=True)))


def _assert_complete(rows: pa.Table, level: LevelView, place: str, places: int, release: ReleaseView) -> None:
    """Every granted key has exactly one row, so that a missing row is never read as a zero."""
    expected = places * len(release.hours) * prod(len(values) for values in level.keys.values())
    keys = [place, "hour_start", *level.keys]
    if not rows.num_rows == rows.group_by(keys).aggregate([]).num_rows == expected:
        raise StepFailed(
            f"Release {release.id} holds {rows.num_rows} rows of level {level.name} where {expected} keys are granted.",
            "This is a defect in Throng: nothing was sent.",
        )


def _in_client_columns(release: ReleaseView, rows: pa.Table, place: str, names: dict[str, str]) -> pa.Table:
    count = rows.num_rows
    starts = rows["hour_start"].combine_chunks()
    ids = rows[place].to_pylist()
    made = {
        "period_start": pa.repeat(pa.scalar(release.period.first, pa.date32()), count),
        "period_end": pa.repeat(pa.scalar(release.period.end, pa.date32()), count),
        "zone_id": rows[place],
        "zone_name": pa.array([names[id] if place == "zone_id" else id for id in ids], pa.string()),
        "local_hour": _local_hours(starts, release),
        **{name: pc.round(rows[source], DECIMALS) for name, source in NUMBERS.items()},
    }
    return pa.table({column.name: made.get(column.name, _column(rows, column.name)).cast(column.type)
                     for column in columns(release)})  # fmt: skip


def _column(rows: pa.Table, name: str) -> pa.ChunkedArray | pa.Array:
    return rows[name] if name in rows.column_names else pa.nulls(rows.num_rows)


def _local_hours(starts: pa.Array, release: ReleaseView) -> pa.Array:
    """The local clock's hour of each instant, by the few distinct instants of a period."""
    coded = starts.dictionary_encode()
    hours = [instant.astimezone(release.local).hour for instant in coded.dictionary.to_pylist()]
    return pa.array(hours, pa.int8()).take(coded.indices)
