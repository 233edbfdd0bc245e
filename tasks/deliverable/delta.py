"""Delta tables: a log beside a table's Parquet files that names the newest revision of each period."""

import hashlib
import io
import json
from collections import Counter
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
from tasks.period import Period

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
    """One change of a product's logs: a file for each table that it touches, and the delivery that it names."""

    number: int
    """Counts the changes of all tables; a log counts its own files."""
    logs: Mapping[str, str]
    """The content of the log's file, by table."""
    period: str | None = None
    """None: tables begin, and no file is named."""
    revision: int | None = None
    """None: no file of the period counts any more."""


def log_files(product_folder: str, versions: Iterable[DeltaVersion]) -> dict[str, bytes]:
    """The content of each file of the logs by its path below the client's prefix, oldest first."""
    files, next_file = {}, Counter[str]()
    for version in versions:
        for table, log in version.logs.items():
            files[f"{product_folder}/data/{table}/{LOG}/{next_file[table]:020d}.json"] = log.encode()
        next_file.update(version.logs.keys())
    return files


def log_facts(product_folder: str, versions: Sequence[DeltaVersion]) -> list[dict[str, object]]:
    """Each log as the index states it: its table's folder, its newest version, and its digest."""
    logs: dict[str, list[bytes]] = {}
    for table, log in ((table, log) for version in versions for table, log in version.logs.items()):
        logs.setdefault(table, []).append(log.encode())
    return [
        {"path": f"{product_folder}/data/{table}", "version": len(files) - 1, "digest": log_digest(files)}
        for table, files in sorted(logs.items())
    ]


def named(versions: Iterable[DeltaVersion]) -> dict[str, int]:
    """Each period whose files the newest version names, with the delivery's revision."""
    found = {version.period: version.revision for version in versions if version.period}
    return {period: revision for period, revision in found.items() if revision}


def extended(versions: Sequence[DeltaVersion], changes: Iterable[DeltaDelivery | str]) -> list[DeltaVersion]:
    """The versions that follow: one for each newest delivery, or for a period of which no file counts any more.

    Raises RefusedDelivery if a delivery has other columns than a table's first one, or other tables than those of
    an equally long period.
    """
    made = list(versions)
    for change in changes:
        if isinstance(change, str):
            made.append(_without(made, change))
            continue
        begun = _begun(made)
        _check_columns(made, begun, change)
        new = {table: _beginning(change, table) for table in change.files if table not in begun}
        made += [DeltaVersion(len(made), new)] if new else []
        made.append(_with(made, change))
    return made[len(versions) :]


def _begun(versions: Iterable[DeltaVersion]) -> dict[str, str]:
    """The first file of each log, by table."""
    return {table: log for version in versions if version.period is None for table, log in version.logs.items()}


def _beginning(first: DeltaDelivery, table: str) -> str:
    """The first file of a table's log: the protocol and the columns."""
    table_id = str(uuid5(UUID(first.manifest_sha256[:32]), table))
    info = commit_info("CREATE TABLE", first.at, first.product)
    return lines(info, protocol(), meta_data(table, table_id, first.files[table].schema, first.at))


def _check_columns(before: Sequence[DeltaVersion], begun: Mapping[str, str], delivery: DeltaDelivery) -> None:
    cadence = Period.parse(delivery.period).cadence
    alike = next((each for each in before if each.period and Period.parse(each.period).cadence is cadence), None)
    known = [table for table in delivery.files if table in begun]
    same = all(columns(begun[table]) == columns(_beginning(delivery, table)) for table in known)
    if not same or (alike and alike.logs.keys() != delivery.files.keys()):
        raise RefusedDelivery(
            f"{delivery} has other tables or columns than the Delta tables of earlier deliveries.",
            "Raise the product's version: the columns of a version never change.",
            "delta.columns_differ",
        )


def _with(before: Sequence[DeltaVersion], delivery: DeltaDelivery) -> DeltaVersion:
    logs = {}
    for name, file in delivery.files.items():
        gone = _counting(before, delivery.period).get(name, [])
        info = commit_info("WRITE", delivery.at, str(delivery), file.partition)
        logs[name] = lines(info, *(remove(old, delivery.at) for old in gone), add(file, delivery.at))
    return DeltaVersion(len(before), logs, delivery.period, delivery.revision)


def _without(before: Sequence[DeltaVersion], period: str) -> DeltaVersion:
    logs = {}
    for name, (gone,) in _counting(before, period).items():
        at = gone["modificationTime"]
        info = commit_info("DELETE", at, f"{period} no longer counts", gone["partitionValues"])
        logs[name] = lines(info, remove(gone, at))
    return DeltaVersion(len(before), logs, period)


def _counting(versions: Sequence[DeltaVersion], period: str) -> dict[str, list[Action]]:
    """By table, the `add` of a period's file that counts, if one does."""
    last = next((version for version in reversed(versions) if version.period == period), None)
    return {table: list(added(log)) for table, log in last.logs.items()} if last else {}
