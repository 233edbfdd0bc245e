"""Actions of the Delta transaction log, as lines of JSON; reader version 1, writer version 2.

https://github.com/delta-io/delta/blob/master/PROTOCOL.md
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pyarrow as pa

from tasks.deliverable.serialisation import to_compact_json
from tasks.errors import StepFailed

PARTITION_TYPES = {"cadence": "string", "dt": "date", "revision": "long"}
"""Columns that are in no file, but in the folders' names; with the types of the contract."""
_TYPES = {
    pa.string(): "string",
    pa.bool_(): "boolean",
    pa.int8(): "byte",
    pa.int16(): "short",
    pa.int32(): "integer",
    pa.int64(): "long",
    pa.float64(): "double",
    pa.date32(): "date",
    pa.timestamp("us", "UTC"): "timestamp",
}

Action = Mapping[str, Any]


@dataclass(frozen=True)
class DeltaFile:
    """A delivered Parquet file: its path below the table's folder, its bytes, rows and schema."""

    path: str
    bytes: int
    rows: int
    schema: pa.Schema

    @property
    def partition(self) -> dict[str, str]:
        """The keys of its folders."""
        return {name: value for name, _, value in (folder.partition("=") for folder in self.path.split("/")[:-1])}


def lines(*actions: Action) -> str:
    """A version's file in the log."""
    return "".join(f"{to_compact_json(action).decode()}\n" for action in actions)


def protocol() -> Action:
    """What a reader and a writer must understand: the least."""
    return {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}


def meta_data(table: str, table_id: str, schema: pa.Schema, at: int) -> Action:
    """A table's columns; times in milliseconds since 1970, as everywhere in a log."""
    return {
        "metaData": {
            "id": table_id,
            "name": table,
            "format": {"provider": "parquet", "options": {}},
            "schemaString": to_compact_json({"type": "struct", "fields": _fields(schema)}).decode(),
            "partitionColumns": list(PARTITION_TYPES),
            "configuration": {},
            "createdTime": at,
        }
    }


def add(file: DeltaFile, at: int) -> Action:
    """From here on the file counts."""
    return {
        "add": {
            "path": quote(file.path, safe="/="),
            "partitionValues": file.partition,
            "size": file.bytes,
            "modificationTime": at,
            "dataChange": True,
            "stats": to_compact_json({"numRecords": file.rows}).decode(),
        }
    }


def remove(added: Action, at: int) -> Action:
    """From here on the file of an `add` counts no more; `added` is the action's content."""
    kept = {name: added[name] for name in ("path", "partitionValues", "size")}
    return {"remove": {**kept, "tags": {}, "deletionTimestamp": at, "dataChange": True, "extendedFileMetadata": True}}


def commit_info(operation: str, at: int, said: str, partition: Mapping[str, str] | None = None) -> Action:
    """Who wrote what, for people; `partition`: whose rows are replaced."""
    keys = (f"{name} = '{partition[name]}'" for name in ("cadence", "dt")) if partition else ()
    return {
        "commitInfo": {
            "timestamp": at,
            "operation": operation,
            "operationParameters": {"predicate": " AND ".join(keys)} if partition else {},
            "engineInfo": "Throng",
            "userMetadata": said,
        }
    }


def added(log: str) -> Iterator[Action]:
    """The content of each `add` of a version's file."""
    return (action["add"] for action in map(json.loads, log.splitlines()) if "add" in action)


def columns(log: str) -> list[tuple[str, str, bool]]:
    """Name, type and nullability of each column of the Parquet files, as a version's file states it."""
    (stated,) = (action["metaData"] for action in map(json.loads, log.splitlines()) if "metaData" in action)
    fields = json.loads(stated["schemaString"])["fields"]
    return [(each["name"], each["type"], each["nullable"]) for each in fields if each["name"] not in PARTITION_TYPES]


def _fields(schema: pa.Schema) -> list[Action]:
    of_folders = [_field(name, kind, False, "") for name, kind in PARTITION_TYPES.items()]
    return [*(_field(f.name, _type(f), f.nullable, _meaning(f)) for f in schema), *of_folders]


def _field(name: str, kind: str, nullable: bool, meaning: str) -> Action:
    return {"name": name, "type": kind, "nullable": nullable, "metadata": {"comment": meaning} if meaning else {}}


def _type(field: pa.Field) -> str:
    if field.type in _TYPES:
        return _TYPES[field.type]
    raise StepFailed(
        f"Column {field.name} has a type that Delta tables do not have.",
        "This is a defect in Throng: give the product's column another type.",
        "delta.type_unknown",
    )


def _meaning(field: pa.Field) -> str:
    return str((field.metadata or {}).get(b"description", b"").decode())
