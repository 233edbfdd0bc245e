"""The data contract's quality rules: those of the gate that any tool can run on the delivered tables."""

from collections.abc import Iterator

from open_data_contract_standard.model import DataQuality

from tasks.deliverable.columns import DataColumn, key_columns
from tasks.deliverable.level_view import TableView
from tasks.deliverable.number_columns import intervals, number_columns, optional_columns
from tasks.deliverable.view import RowStatus

PARTITION_KEY = ("dt", "revision")
"""The columns of the folders that name a row together with its key."""


def table_rules(table: TableView) -> Iterator[DataQuality]:
    """Every row has a key of its own, each number lies in its interval, and nothing is shown below a threshold."""
    yield DataQuality(
        type="library",
        metric="duplicateValues",
        arguments={"properties": [*PARTITION_KEY, *key_columns(table)]},
        mustBe=0,
        dimension="uniqueness",
        severity="error",
        description="These columns together name a row.",
    )
    for low, value, high in intervals(table):
        outside = f"{low} > {value} OR {value} > {high}"
        yield _no_row(outside, "consistency", f"{value} is between {low} and {high}.")
    for level in (level for level in table.levels if level.threshold):
        below = f"level = '{level.name}' AND {level.quantity.name} < {level.threshold}"
        yield _no_row(below, "conformity", f"{level.name} shows nothing below {level.threshold}.")


def column_rules(table: TableView, column: DataColumn) -> Iterator[DataQuality]:
    """A column has its listed values only, and a number is there exactly where the status is estimate."""
    if column.values:
        yield DataQuality(
            type="library",
            metric="invalidValues",
            arguments={"validValues": [str(value) for value in column.values]},
            mustBe=0,
            dimension="conformity",
            severity="error",
            description=f"{column.name} has known values only.",
        )
    if column.name in (*number_columns(table), "reliability"):
        other = f"(${{property}} IS NULL) = (status = '{RowStatus.ESTIMATE}')"
        yield _no_row(other, "completeness", f"{column.name} is filled exactly where the status is estimate.")
    if column.name in optional_columns(table):
        yield _no_row(
            f"${{property}} IS NOT NULL AND status <> '{RowStatus.ESTIMATE}'",
            "completeness",
            f"{column.name} is empty unless the status is estimate.",
        )


def _no_row(condition: str, dimension: str, description: str) -> DataQuality:
    """No row meets the SQL condition."""
    query = f"SELECT COUNT(*) FROM ${{object}} WHERE {condition}"
    return DataQuality(
        type="sql", query=query, mustBe=0, dimension=dimension, severity="error", description=description
    )
