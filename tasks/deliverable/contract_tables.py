"""The data contract's tables, as a reader of their folders sees them: the files' columns and those of the folders."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from open_data_contract_standard.model import CustomProperty, SchemaObject, SchemaProperty

from tasks.deliverable.columns import DataColumn, columns, key_columns
from tasks.deliverable.contract_rules import PARTITION_KEY, column_rules, table_rules
from tasks.deliverable.level_view import LevelView, TableView
from tasks.deliverable.statements import missing_rows
from tasks.deliverable.view import ReleaseView

TYPES: dict[str, tuple[str, str, dict[str, Any] | None]] = {
    "string": ("string", "VARCHAR", None),
    "int8": ("integer", "INTEGER", {"format": "i8"}),
    "int16": ("integer", "INTEGER", {"format": "i16"}),
    "int32": ("integer", "INTEGER", {"format": "i32"}),
    "int64": ("integer", "BIGINT", {"format": "i64"}),
    "double": ("number", "DOUBLE", None),
    "date32[day]": ("date", "DATE", None),
    "timestamp[us, tz=UTC]": ("timestamp", "TIMESTAMP_TZ", {"timezone": True, "defaultTimezone": "UTC"}),
}
"""Arrow type -> logical type, physical type and options. SQL exports know TIMESTAMP_TZ, and no longer name for it."""


def contract_table(release: ReleaseView, table: TableView) -> SchemaObject:
    """A table of the contract."""
    key = (*PARTITION_KEY, *key_columns(table))
    in_files = [_property(table, column, key) for column in columns(release, table)]
    in_folders = [
        _property(table, column, key).model_copy(update={"partitioned": True, "partitionKeyPosition": position})
        for position, column in enumerate(_folder_columns(release), 1)
    ]
    return SchemaObject(
        name=table.name,
        physicalName=table.name,
        physicalType="table",
        logicalType="object",
        description=" ".join(level.meaning for level in table.levels),
        dataGranularityDescription=_granularity(table),
        properties=[*in_files, *in_folders],
        quality=list(table_rules(table)),
        customProperties=[CustomProperty(property="levels", value=[_level(level) for level in table.levels])],
    )


def _granularity(table: TableView) -> str:
    missing = [f"{level.name}: {missing_rows(level)}" for level in table.levels if level.missing]
    return " ".join(["One row for each granted key of each level, published or not.", *missing])


def _folder_columns(release: ReleaseView) -> Iterator[DataColumn]:
    cadence = release.period.cadence.value
    yield DataColumn("cadence", pa.string(), True, "How long a period is.", values=(cadence,))
    yield DataColumn("dt", pa.date32(), True, "The first day of the period.", example="2026-03-02")
    meaning = "Counts the deliveries of a period: keep the newest of each dt."
    yield DataColumn("revision", pa.int64(), True, meaning, example=1)


def _property(table: TableView, column: DataColumn, key: tuple[str, ...]) -> SchemaProperty:
    logical, physical, options = TYPES[str(column.type)]
    named = column.name in key
    example = str(column.values[0]) if column.values else column.example
    return SchemaProperty(
        name=column.name,
        logicalType=logical,
        logicalTypeOptions=options,
        physicalType=physical,
        primaryKey=named or None,
        primaryKeyPosition=key.index(column.name) + 1 if named else None,
        required=column.required,
        description=column.meaning,
        examples=None if example is None else [example],
        quality=list(column_rules(table, column)) or None,
        customProperties=[CustomProperty(property="unit", value=column.unit)] if column.unit else None,
    )


def _level(level: LevelView) -> dict[str, object]:
    return {
        "name": level.name,
        "meaning": level.meaning,
        "quantity": level.quantity.name,
        "additiveOver": level.additive_columns,
        "shareWithin": level.share_columns,
        "threshold": level.threshold,
    }
