"""Delta tables: a log beside a table's Parquet files that names the newest revision of each period."""

import hashlib
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self
from uuid import UUID, uuid5

import pyarrow.parquet as pq

from tasks.deliverable.delta_actions import (
    Action,
    DeltaFile,
    add,
    added,
    columns,
    commit_info,
    lines,
    meta_data,
    protocol,
    remove,
)
from tasks.deliverable.manifest import MANIFEST
from tasks.deliverable.verifier.delta_logs import LOG, log_digest
from tasks.errors import RefusedDelivery

DELTA = "delta"
"""What a grant's `formats` calls it."""


@dataclass(frozen=True)
class DeltaDelivery:
    """What the logs say of a delivery: one file a table."""

    product: str
    period: str
    revision: int
    manifest_sha256: str
    at: int
    """When it was made, in milliseconds since 1970."""
    files: Mapping[str, DeltaFile]
    """By table."""

    @classmethod
    def read(cls, files: Mapping[str, bytes]) -> Self:
        """Of a rendered delivery's files by path below the product's folder."""
        (manifest,) = (content for path, content in files.items() if path.endswith(f"/{MANIFEST}"))
        stated = json.loads(manifest)
        rows = {file["path"]: file["rows"] for file in stated["files"]}
        tables = {table["name"]: table["path"] for table in stated["schema"]["tables"]}
        return cls(
            stated["product"],
            stated["period"],
            stated["delivery_revision"],
            hashlib.sha256(manifest).hexdigest(),
            int(datetime.fromisoformat(stated["created_at"]).timestamp() * 1000),
            {
                table: _file(path.removeprefix(f"data/{table}/"), files[path], rows[path])
                for table, path in tables.items()
            },
        )

    def __str__(self) -> str:
        return f"{self.product} {self.period} revision {self.revision}"


def _file(path: str, content: bytes, rows: int) -> DeltaFile:
    return DeltaFile(path, len(content), rows, pq.read_schema(io.BytesIO(content)))


@dataclass(frozen=True)
class DeltaVersion:
    """One version of a product's logs: a file for each table, and the delivery of the period that it names."""

    number: int
    logs: Mapping[str, str]
    """The content of the log's file, by table."""
    period: str | None = None
    """None: version 0, which names no file."""
    revision: int | None = None
    """None: no file of the period counts any more."""


def log_files(product_folder: str, versions: Iterable[DeltaVersion]) -> dict[str, bytes]:
    """The content of each file of the logs by its path below the client's prefix, oldest first."""
    return {
        f"{product_folder}/data/{table}/{LOG}/{version.number:020d}.json": log.encode()
        for version in versions
        for table, log in version.logs.items()
    }


def log_facts(product_folder: str, versions: Sequence[DeltaVersion]) -> list[dict[str, object]]:
    """Each log as the index states it: its table's folder, its newest version, and its digest."""
    return [
        {
            "path": f"{product_folder}/data/{table}",
            "version": versions[-1].number,
            "digest": log_digest(version.logs[table].encode() for version in versions),
        }
        for table in sorted(versions[0].logs)
    ]


def named(versions: Iterable[DeltaVersion]) -> dict[str, int]:
    """Each period whose files the newest version names, with the delivery's revision."""
    found = {version.period: version.revision for version in versions if version.period}
    return {period: revision for period, revision in found.items() if revision}


def extended(versions: Sequence[DeltaVersion], changes: Iterable[DeltaDelivery | str]) -> list[DeltaVersion]:
    """The versions that follow: one for each newest delivery, or for a period of which no file counts any more.

    Raises RefusedDelivery if a delivery has other tables or columns than the first one.
    """
    made = list(versions)
    for change in changes:
        if isinstance(change, str):
            made.append(_without(made, change))
            continue
        begun = _beginning(change)
        made = made or [begun]
        _check_columns(made[0], begun, change)
        made.append(_with(made, change))
    return made[len(versions) :]


def _beginning(first: DeltaDelivery) -> DeltaVersion:
    """Version 0: the protocol and each table's columns."""
    info = commit_info("CREATE TABLE", first.at, first.product)
    logs = {
        name: lines(info, protocol(), meta_data(name, _table_id(first, name), file.schema, first.at))
        for name, file in first.files.items()
    }
    return DeltaVersion(0, logs)


def _table_id(first: DeltaDelivery, table: str) -> str:
    return str(uuid5(UUID(first.manifest_sha256[:32]), table))


def _check_columns(begun: DeltaVersion, new: DeltaVersion, delivery: DeltaDelivery) -> None:
    if {name: columns(log) for name, log in begun.logs.items()} != {n: columns(log) for n, log in new.logs.items()}:
        raise RefusedDelivery(
            f"{delivery} has other tables or columns than the Delta tables of earlier deliveries.",
            "Raise the product's version: the columns of a version never change.",
            "delta.columns_differ",
        )


def _with(before: Sequence[DeltaVersion], delivery: DeltaDelivery) -> DeltaVersion:
    logs = {}
    for name, file in delivery.files.items():
        gone = _counting(before, delivery.period, name)
        info = commit_info("WRITE", delivery.at, str(delivery), file.partition)
        logs[name] = lines(info, *(remove(old, delivery.at) for old in gone), add(file, delivery.at))
    return DeltaVersion(len(before), logs, delivery.period, delivery.revision)


def _without(before: Sequence[DeltaVersion], period: str) -> DeltaVersion:
    logs = {}
    for name in before[0].logs:
        (gone,) = _counting(before, period, name)
        at = gone["modificationTime"]
        info = commit_info("DELETE", at, f"{period} no longer counts", gone["partitionValues"])
        logs[name] = lines(info, remove(gone, at))
    return DeltaVersion(len(before), logs, period)


def _counting(versions: Sequence[DeltaVersion], period: str, table: str) -> list[Action]:
    """The `add` of a period's file that counts, if one does."""
    last = next((version for version in reversed(versions) if version.period == period), None)
    return list(added(last.logs[table])) if last else []
