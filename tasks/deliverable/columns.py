"""The columns of a delivery's tables, once: for files, data contract, manifest, read-me and verification."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa

from tasks.deliverable.serialisation import instant
from tasks.deliverable.view import DimensionView, LevelView, ReleaseView, RowStatus, TableView

PEOPLE = ("people", "people_low", "people_high")
"""Columns of estimated people, in the release and in the delivery."""

PERSONS = ("persons", "persons_low", "persons_high")
"""Columns of counted subscribers in the delivery."""

INTERVAL = 0.9
"""The share of intervals that hold the true count."""

RELIABILITY = {"good": 0.15, "usable": 0.3, "weak": float("inf")}
"""Half of the interval, as a share of the number, is below this."""

EXAMPLE = datetime(2026, 3, 2, 7, tzinfo=UTC)
"""The instant of the examples."""


@dataclass(frozen=True)
class DataColumn:
    """One column: Arrow type, whether it is always filled, its meaning, its unit, allowed values, and an example."""

    name: str
    type: pa.DataType
    required: bool
    meaning: str
    unit: str = ""
    values: tuple[str, ...] = ()
    example: object = None
    """Made up, so that it is the same in every period; None where the values are listed, or depend on the plan."""

    @property
    def field(self) -> pa.Field:
        """The column in an Arrow or Parquet schema, with meaning and unit as metadata."""
        described = {"description": self.meaning, **({"unit": self.unit} if self.unit else {})}
        return pa.field(self.name, self.type, nullable=not self.required, metadata=described)


def columns(release: ReleaseView, table: TableView) -> tuple[DataColumn, ...]:
    """Every column in the order of the files: level, the table's dimensions, numbers, status."""
    return (_level(table), *_keys(release, table), *_numbers(release, table))


def key_columns(table: TableView | LevelView) -> tuple[str, ...]:
    """The columns that together name a row."""
    return ("level", *(dimension.column for dimension in table.dimensions))


def status_meanings(instant: DimensionView | None) -> dict[RowStatus, str]:
    """What each status says of its row."""
    unit = instant.unit if instant else "period"
    return {
        RowStatus.ESTIMATE: "The number is published, with its interval.",
        RowStatus.WITHHELD_SMALL: "The noisy number was below the level's threshold. "
        "It is not shown; do not read it as zero.",
        RowStatus.NO_COVERAGE: f"No antenna of the network served this place in this {unit}: nothing is known.",
        RowStatus.INCOMPLETE: f"The network's data of this {unit} did not arrive in full: nothing is known.",
    }


def _level(table: TableView) -> DataColumn:
    names = tuple(level.name for level in table.levels)
    return DataColumn("level", pa.string(), True, "What the row counts. Sums never mix levels.", values=names)


def _keys(release: ReleaseView, table: TableView) -> Iterator[DataColumn]:
    for dimension in table.dimensions:
        if dimension.is_instant:
            yield from _instant(dimension, release.timezone)
        else:
            texts = dimension.type == pa.string() and not dimension.granted_by
            values = tuple(str(value) for value in dimension.shown if texts)
            yield DataColumn(dimension.column, dimension.type, True, dimension.meaning, values=values)
        if dimension.granted_by:
            of_district = dimension.granted_by == "district"
            named = "The district's name, or its id where it has none." if of_district else "The zone's name."
            yield DataColumn(dimension.name_column, pa.string(), True, named)


def _instant(dimension: DimensionView, timezone: str) -> Iterator[DataColumn]:
    meaning = f"{dimension.meaning.removesuffix('.')}, in UTC: the key of the {dimension.unit}."
    local = EXAMPLE.astimezone(ZoneInfo(timezone))
    yield DataColumn(dimension.column, pa.timestamp("us", "UTC"), True, meaning, example=instant(EXAMPLE))
    date = f"The date on the local clock ({timezone})."
    yield DataColumn("local_date", pa.date32(), True, date, example=local.date().isoformat())
    yield DataColumn(
        dimension.local_column,
        pa.int8(),
        True,
        f"The hour on the local clock, 0 to 23. It stands twice on the day when clocks go back: use {dimension.column} "
        "as the key.",
        "h",
        example=local.hour,
    )
    meaning, minutes = "Local clock minus UTC. It changes within a day when clocks change.", utc_offset_minutes(local)
    yield DataColumn("utc_offset_minutes", pa.int16(), True, meaning, "min", example=minutes)


def utc_offset_minutes(local: datetime) -> int:
    """Local clock minus UTC at an aware local time."""
    return (local.replace(tzinfo=UTC) - local) // timedelta(minutes=1)


def number_sources(release: ReleaseView) -> dict[str, str]:
    """Each column of numbers, with its column in the release."""
    persons = dict(zip((*PERSONS, "se"), ("value", "low", "high", "se"), strict=True))
    return persons | (dict(zip(PEOPLE, PEOPLE, strict=True)) if release.estimator else {})


def intervals(release: ReleaseView) -> list[tuple[str, str, str]]:
    """Columns of lower end, number and upper end."""
    return [(low, value, high) for value, low, high in ((PERSONS, PEOPLE) if release.estimator else (PERSONS,))]


def _counted(table: TableView) -> str:
    """What `persons` counts, also in levels that count something else."""
    others = "".join(
        f" (in {level.name}: their {level.counted})" for level in table.levels if level.counted != "persons"
    )
    return f"Opted-in subscribers counted{others}, noise included"


def _numbers(release: ReleaseView, table: TableView) -> Iterator[DataColumn]:
    interval = f"the {100 * INTERVAL:.0f} % interval"
    meanings = {
        "persons": (_counted(table), "persons", 1250),
        "persons_low": (f"Lower end of {interval} of persons", "persons", 1197),
        "persons_high": (f"Upper end of {interval} of persons", "persons", 1303),
        "se": ("Standard error of persons, from the noise", "persons", 32.0),
        "people": (f"People, estimated from persons ({release.estimator})", "people", 5000),
        "people_low": (f"Lower end of {interval} of people", "people", 4700),
        "people_high": (f"Upper end of {interval} of people", "people", 5300),
    }
    for name in number_sources(release):
        meaning, unit, example = meanings[name]
        of_type, said = pa.float64() if name == "se" else pa.int64(), f"{meaning}; empty unless the status is estimate."
        yield DataColumn(name, of_type, False, said, unit, example=example)
    good, usable = (f"{100 * RELIABILITY[name]:.0f} %" for name in ("good", "usable"))
    reliability = (
        f"Half of the interval as a share of persons: good is below {good}, usable below {usable}, else weak; "
        "empty unless the status is estimate."
    )
    yield DataColumn("reliability", pa.string(), False, reliability, values=tuple(RELIABILITY))
    status = "Whether there is a number, and if not, why."
    yield DataColumn("status", pa.string(), True, status, values=tuple(RowStatus))
