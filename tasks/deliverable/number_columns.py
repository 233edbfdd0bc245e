"""The numbers of a table: each measure has a value and the ends of its interval, delivered and in the release."""

from collections.abc import Iterator
from dataclasses import dataclass

from tasks.deliverable.level_view import TableView
from tasks.quantity import PEOPLE

SHARES = ("share", "share_low", "share_high")
"""Columns of shares, in the release and in the delivery."""

DENSITY = "persons_per_km2"
DENSITY_DIGITS = 3
"""Significant digits of a density."""

Names = tuple[str, str, str]
"""Columns of a value, of the lower end and of the upper end of its interval."""


@dataclass(frozen=True)
class Measure:
    """A value with its interval: its columns, theirs in the release, and how they are read."""

    columns: Names
    sources: Names
    meaning: str
    unit: str
    example: tuple[float, float, float]
    decimals: int = 0
    """Digits after the point; the interval is widened to them."""
    missing: str = ""
    """When a row with status estimate has none, as a phrase; empty: never."""


def measures(table: TableView) -> Iterator[Measure]:
    """The measures of a table in the order of its columns: what it counts, estimated people, shares."""
    counted = table.quantity
    value, low, high, _ = counted.example
    yield Measure(
        counted.columns, ("value", "low", "high"), counted.meaning, counted.unit, (value, low, high), counted.decimals
    )
    if counted.counts:
        noun = "All people" if counted.of_people else f"{counted.name.capitalize()} of all people"
        unit = "people" if counted.of_people else counted.unit
        meaning = f"{noun}, opted in or not, estimated from {counted.name}"
        yield Measure(PEOPLE, PEOPLE, meaning, unit, (5000, 4700, 5300), missing="people are not estimated")
    if table.shares:
        within = dict.fromkeys(column for level in table.levels for column in level.share_columns)
        meaning = f"Share of the sum of {counted.name} over all rows of the same {' and '.join(within)}, as a part of 1"
        yield Measure(SHARES, SHARES, meaning, "share", (0.315, 0.284, 0.346), 4, missing="the total is too small")


def intervals(table: TableView) -> list[Names]:
    """Columns of lower end, value and upper end."""
    return [(low, value, high) for value, low, high in (measure.columns for measure in measures(table))]


def number_columns(table: TableView) -> tuple[str, ...]:
    """Every column of numbers that each estimate has."""
    first, *others = (measure.columns for measure in measures(table) if not measure.missing)
    return (*first, "se", *(name for names in others for name in names), *([DENSITY] if table.area_of else []))


def optional_columns(table: TableView) -> tuple[str, ...]:
    """Every column of numbers that an estimate may lack."""
    return tuple(name for measure in measures(table) if measure.missing for name in measure.columns)
