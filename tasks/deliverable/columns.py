"""The columns of a delivery's tables, once: for files, data contract, manifest, read-me and verification."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa

from tasks.deliverable.level_view import DimensionView, LevelView, TableView
from tasks.deliverable.number_columns import DENSITY, DENSITY_DIGITS, Measure, measures
from tasks.deliverable.serialisation import instant
from tasks.deliverable.view import ReleaseView, RowStatus
from tasks.interval import INTERVAL

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
    return (_level(table), *_keys(release, table), *_numbers(table))


def key_columns(table: TableView | LevelView) -> tuple[str, ...]:
    """The columns that together name a row."""
    return ("level", *(dimension.column for dimension in table.dimensions))


def status_meanings(release: ReleaseView) -> dict[RowStatus, str]:
    """What each status says of its row."""
    unit = release.instant.unit if release.instant else release.period.cadence.value
    small = "The noisy number was below the level's threshold"
    if any(level.sigma is None for level in release.levels):
        small += ", or, where a number was computed, small against its standard error"
    return {
        RowStatus.ESTIMATE: "The number is published, with its interval.",
        RowStatus.WITHHELD_SMALL: f"{small}. It is not shown; do not read it as zero.",
        RowStatus.NO_COVERAGE: (
            f"No valid cell lay in this place during this {unit}, so nobody can be counted here. Persons who "
            "are here use cells of neighbouring places, and are counted there."
        ),
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
            texts = dimension.type == pa.string() and not dimension.place
            values = tuple(str(value) for value in dimension.shown if texts)
            yield DataColumn(dimension.column, dimension.type, True, dimension.meaning, values=values)
        if dimension.place:
            of_district = dimension.place == "district"
            named = "The district's name, or its id where it has none." if of_district else "The zone's name."
            yield DataColumn(dimension.name_column, pa.string(), True, named)


def _instant(dimension: DimensionView, timezone: str) -> Iterator[DataColumn]:
    meaning = f"{dimension.meaning.removesuffix('.')}, in UTC: the key of the {dimension.unit}."
    local = EXAMPLE.astimezone(ZoneInfo(timezone))
    yield DataColumn(dimension.column, pa.timestamp("us", "UTC"), True, meaning, example=instant(EXAMPLE))
    date = f"The date on the local clock ({timezone})."
    yield DataColumn("local_date", pa.date32(), True, date, example=local.date().isoformat())
    hourly = dimension.unit == "hour"
    begins = "" if hourly else f" at which the {dimension.unit} begins"
    twice = f" It stands twice on the day when clocks go back: use {dimension.column} as the key." if hourly else ""
    meaning = f"The hour on the local clock{begins}, 0 to 23.{twice}"
    yield DataColumn(dimension.local_column, pa.int8(), True, meaning, "h", example=local.hour)
    meaning, minutes = "Local clock minus UTC. It changes within a day when clocks change.", utc_offset_minutes(local)
    yield DataColumn("utc_offset_minutes", pa.int16(), True, meaning, "min", example=minutes)


def utc_offset_minutes(local: datetime) -> int:
    """Local clock minus UTC at an aware local time."""
    return (local.replace(tzinfo=UTC) - local) // timedelta(minutes=1)


def _numbers(table: TableView) -> Iterator[DataColumn]:
    counted = table.quantity
    first, *others = (list(_measure(measure)) for measure in measures(table))
    yield from first
    yield _number(
        "se", pa.float64(), f"Standard error of {counted.name}, from the noise", counted.unit, counted.example[3]
    )
    yield from (column for of_measure in others for column in of_measure)
    if table.area_of:
        meaning = (
            f"{table.quantity.name.capitalize()} over the place's area_km2, to {DENSITY_DIGITS} significant digits"
        )
        yield _number(DENSITY, pa.float64(), meaning, "persons/km2", 847.0)
    good, usable = (f"{100 * RELIABILITY[name]:.0f} %" for name in ("good", "usable"))
    reliability = (
        f"Half of the interval as a share of {counted.name}: good is below {good}, usable below {usable}, else weak; "
        "empty unless the status is estimate."
    )
    yield DataColumn("reliability", pa.string(), False, reliability, values=tuple(RELIABILITY))
    status = "Whether there is a number, and if not, why."
    yield DataColumn("status", pa.string(), True, status, values=tuple(RowStatus))


def _measure(measure: Measure) -> Iterator[DataColumn]:
    """The columns of a value and of its interval."""
    missing = f", or where {measure.missing}" if measure.missing else ""
    interval = f"of the {100 * INTERVAL:.0f} % interval of {measure.columns[0]}"
    meanings = (measure.meaning, f"Lower end {interval}", f"Upper end {interval}")
    of_type = pa.float64() if measure.decimals else pa.int64()
    for name, meaning, example in zip(measure.columns, meanings, measure.example, strict=True):
        yield _number(name, of_type, meaning, measure.unit, example, missing)


def _number(name: str, of_type: pa.DataType, meaning: str, unit: str, example: float, missing: str = "") -> DataColumn:
    typed = int(example) if pa.types.is_integer(of_type) else example
    return DataColumn(
        name, of_type, False, f"{meaning}; empty unless the status is estimate{missing}.", unit, example=typed
    )
