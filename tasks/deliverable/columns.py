"""The columns of a delivery, once: for the table, the data contract, the manifest, the read-me and verification."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from tasks.deliverable.view import DimensionView, ReleaseView, RowStatus

PEOPLE = ("people", "people_low", "people_high")
"""Columns of estimated people, in the release and in the delivery."""

INTERVAL = 0.9
"""The share of intervals that hold the true panel count."""

_LOGICAL = {"date32[day]": "date", "double": "number", "string": "string"}


@dataclass(frozen=True)
class DataColumn:
    """One column: Arrow type, whether it is always filled, its meaning, and its allowed values."""

    name: str
    type: pa.DataType
    required: bool
    meaning: str
    values: tuple[str, ...] = ()

    @property
    def logical(self) -> str:
        """The logical type of the Open Data Contract Standard."""
        return "timestamp" if pa.types.is_timestamp(self.type) else _LOGICAL.get(str(self.type), "integer")


def columns(release: ReleaseView) -> tuple[DataColumn, ...]:
    """Every column in the order of the files: period, level, the levels' dimensions, numbers."""
    return (*_period_and_level(release), *_keys(release), *_numbers(release))


def key_columns(release: ReleaseView) -> tuple[str, ...]:
    """The columns that together name a row."""
    return ("level", *_dimensions(release))


def status_meanings(release: ReleaseView) -> dict[RowStatus, str]:
    """What each status says of its row."""
    unit = release.instant.unit if release.instant else "period"
    return {
        RowStatus.ESTIMATE: "The number is published, with its interval.",
        RowStatus.WITHHELD_SMALL: "The noisy number was below the level's threshold. "
        "It is not shown, and it is not zero.",
        RowStatus.NO_COVERAGE: f"No antenna of the network served this place in this {unit}: nothing is known.",
        RowStatus.INCOMPLETE: f"The network's data of this {unit} did not arrive in full: nothing is known.",
    }


def _dimensions(release: ReleaseView) -> dict[str, list[DimensionView]]:
    """Each key column with the dimension that fills it in each level that has one."""
    found: dict[str, list[DimensionView]] = {}
    for level in release.levels:
        for dimension in level.dimensions:
            found.setdefault(dimension.column, []).append(dimension)
    return found


def _period_and_level(release: ReleaseView) -> tuple[DataColumn, ...]:
    levels = tuple(level.name for level in release.levels)
    return (
        DataColumn("period_start", pa.date32(), True, "First local day of the period."),
        DataColumn("period_end", pa.date32(), True, "First local day after the period."),
        DataColumn("level", pa.string(), True, "What the row counts. Sums never mix levels.", levels),
    )


def _keys(release: ReleaseView) -> Iterator[DataColumn]:
    for dimensions in _dimensions(release).values():
        required = len(dimensions) == len(release.levels)
        if dimensions[0].granted_by:
            yield from _place(dimensions, required)
        elif dimensions[0].is_instant:
            yield from _instant(dimensions[0], required, release.timezone)
        else:
            yield _plain(dimensions, required)


def _place(dimensions: Sequence[DimensionView], required: bool) -> Iterator[DataColumn]:
    first, meaning = dimensions[0], dimensions[0].meaning
    if len({dimension.granted_by for dimension in dimensions}) > 1:
        meaning = f"{meaning.removesuffix('.')}, or the district in levels of districts."
    yield DataColumn(first.column, first.type, required, meaning)
    yield DataColumn(
        first.name_column,
        pa.string(),
        required,
        "The place's name; of a district, its id. In data.csv a name that a spreadsheet would take for a formula "
        "(it begins with = + - @, a tab or a line break) stands behind an apostrophe.",
    )


def _instant(dimension: DimensionView, required: bool, timezone: str) -> Iterator[DataColumn]:
    meaning = f"{dimension.meaning.removesuffix('.')}, with its offset ({timezone})."
    yield DataColumn(dimension.column, pa.timestamp("us", timezone), required, meaning)
    yield DataColumn(
        dimension.local_column,
        pa.int8(),
        required,
        "The hour on the local clock, 0 to 23; on the day when clocks are set back one hour stands twice, "
        f"so use {dimension.column} as the key.",
    )


def _plain(dimensions: Sequence[DimensionView], required: bool) -> DataColumn:
    first = dimensions[0]
    texts = first.type == pa.string()
    values = dict.fromkeys(str(value) for dimension in dimensions for value in dimension.values if texts)
    return DataColumn(first.column, first.type, required, first.meaning, tuple(values))


def number_sources(release: ReleaseView) -> dict[str, str]:
    """Each column of numbers, with its column in the release."""
    panel = {"panel_value": "value", "panel_se": "se", "panel_low": "low", "panel_high": "high"}
    return panel | (dict(zip(PEOPLE, PEOPLE, strict=True)) if release.estimator else {})


def intervals(release: ReleaseView) -> list[tuple[str, str, str]]:
    """Columns of lower end, estimate and upper end."""
    panel = ("panel_low", "panel_value", "panel_high")
    return [panel, (PEOPLE[1], PEOPLE[0], PEOPLE[2])] if release.estimator else [panel]


def _numbers(release: ReleaseView) -> Iterator[DataColumn]:
    interval = f"the {100 * INTERVAL:.0f} % interval"
    meanings = {
        "panel_value": "Opted-in subscribers counted, noise included",
        "panel_se": "Standard error of panel_value from the noise",
        "panel_low": f"Lower end of {interval}",
        "panel_high": f"Upper end of {interval}",
        "people": f"People, estimated from panel_value ({release.estimator})",
        "people_low": f"Lower end of {interval} of people",
        "people_high": f"Upper end of {interval} of people",
    }
    for name in number_sources(release):
        yield DataColumn(name, pa.float64(), False, f"{meanings[name]}; empty unless the status is estimate.")
    yield DataColumn("status", pa.string(), True, "Whether there is a number, and if not, why.", tuple(RowStatus))
