"""What a home's books say: lake, ledger, catalog, audit, and what its clients hold."""

import hashlib
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from tasks.client_state import client_spec
from tasks.deliverable.index import facts_of
from tasks.period import Period
from tasks.privacy.release_table import OWN_COLUMNS
from tasks.store import Stores
from tasks.store.lake import LakeFile

NOISY = OWN_COLUMNS - {"level"}
STAGES = {"client applied", "asked", "register used"}
"""Audit entries of the tests' own preparations, and of what each attempt found in the landing."""


@dataclass(frozen=True)
class Books:
    """What a home holds, without what only noise decides."""

    lake: dict[str, str]
    """sha256 of each file but releases and deliveries; of a sealed one, of its rows."""
    releases: dict[str, str]
    """State and, of the stored rows, the sha256 without noisy columns, by key."""
    charges: list[tuple[str, str, int]]
    spent: dict[str, tuple[int, int]]
    days: list[tuple[Any, ...]]
    accounts: list[tuple[Any, ...]]
    deliveries: list[tuple[Any, ...]]
    audit: list[tuple[str, str, str]]
    """Event, subject and detail; an intent that was repeated counts once here (`Ended.intents` counts them)."""
    bucket: dict[str, str]
    """sha256 of each object but the index, by client and key."""
    index: dict[str, Any]
    """Each client's index as it stands in its bucket, without what the time of its writing decides."""
    left_over: list[str]


@dataclass(frozen=True)
class Ended:
    """How a process ended that was not killed."""

    outcome: str
    borders: tuple[str, ...]
    books: Books
    sha256: dict[str, str] = field(default_factory=dict)
    """Of each release, as the ledger says."""
    stored: dict[str, str] = field(default_factory=dict)
    """Of each release, as its file says."""
    intents: dict[str, int] = field(default_factory=dict)
    """Draw intents by release, as the audit table says."""


def ended(outcome: str, borders: tuple[str, ...], stores: Stores, home: Path) -> Ended:
    """The outcome of a verb, and the books after it."""
    releases = {_key(release): release for release in stores.ledger.releases()}
    files = {key: stores.settings.lake_root / "releases" / key / "release.parquet" for key in releases}
    return Ended(
        outcome,
        borders,
        _books(stores, home, {key: path for key, path in files.items() if path.exists()}),
        {key: release.sha256 or "" for key, release in releases.items()},
        {key: _sha256(path) for key, path in files.items() if path.exists()},
        Counter(entry.subject for entry in stores.audit.entries() if entry.event == "draw intended"),
    )


def _books(stores: Stores, home: Path, files: dict[str, Path]) -> Books:
    ledger, catalog, lake = stores.ledger, stores.catalog, stores.settings.lake_root
    rooms = ("presence", "stays", "week_state", "month_state", "coverage", "quarantine", "plans", "allowed")
    days, (bucket, index) = catalog.generations(), _held(stores)
    return Books(
        lake={
            str(path.relative_to(lake)): _content(stores, path)
            for room in rooms
            for path in _files(lake / room)
            # Public, and named by their cells: of cells that were replaced they stay.
            if path.name not in ("confusion.parquet", "stay_confusion.parquet", "evidence.parquet")
        },
        releases={key: f"{r.state} {_public(files.get(key))}" for r in ledger.releases() for key in [_key(r)]},
        charges=[(_key(release), charge.month, charge.units) for release, charge in ledger.charges()],
        spent={month.month: (month.cap, month.spent) for month in ledger.months()},
        days=[(d.day, d.generation, d.state, d.rows_in, d.rows_kept, d.profile_revision) for d in days],
        accounts=[tuple(vars(row)[name] for name in ("file", "reason", "rows")) for d in days
                  for row in catalog.account(d.day, d.generation)],
        deliveries=[(d.client, d.period, d.revision, d.state) for d in catalog.deliveries()],
        audit=_acts(stores),
        bucket=bucket,
        index=index,
        left_over=[str(path.relative_to(home)) for room in ("lake/staging", "lake/.unfinished", "scratch/landing",
                                          "scratch/day-2026-03-03") for path in _files(home / room)],
    )  # fmt: skip


def _acts(stores: Stores) -> list[tuple[str, str, str]]:
    """What the verbs say they did, without what noise or a bucket's folder decides."""
    acts: list[tuple[str, str, str]] = []
    for entry in stores.audit.entries():
        act = (entry.event, entry.subject, re.sub(r"[0-9a-f]{64}|s3://[^/]+/[^/]+", "...", entry.detail))
        if entry.event not in STAGES and not (entry.event == "draw intended" and act in acts):
            acts.append(act)
    return acts


def _held(stores: Stores) -> tuple[dict[str, str], dict[str, Any]]:
    """What the clients' buckets hold."""
    objects: dict[str, str] = {}
    indexes: dict[str, Any] = {}
    for client in stores.catalog.clients():
        bucket = stores.buckets.open(client_spec(stores, client.name).destination)
        held = {name: bucket.get(name) for name in bucket.sizes()}
        if content := held.pop("index.json", None):
            facts = facts_of(content)
            listed = [each | {"published_at": "..."} for each in facts["deliveries"]]
            indexes[client.name] = facts | {"deliveries": listed}
        objects |= {f"{client.name}/{name}": hashlib.sha256(held[name]).hexdigest() for name in held}
    return objects, indexes


def _key(release: Any) -> str:
    return f"{release.product}/v{release.version}/{release.period}/r{release.revision}"


def _public(path: Path | None) -> str:
    if path is None:
        return "without bytes"
    table = pq.ParquetFile(path).read()
    rows = table.select([name for name in table.column_names if name not in NOISY])
    return hashlib.sha256(repr((rows.to_pydict(), rows.schema.metadata)).encode()).hexdigest()


def _content(stores: Stores, path: Path) -> str:
    """Sealed twice, equal rows are other bytes."""
    if path.suffix != ".sealed":
        return _sha256(path)
    name = path.relative_to(stores.settings.lake_root)
    if name.parts[0] == "allowed":
        rows = stores.lake.eligible(Period.parse(name.parts[1].removeprefix("period="))).table
    else:
        rows = stores.lake.rows(LakeFile(str(name), path.stat().st_size))
    return hashlib.sha256(repr((rows.to_pydict(), rows.schema)).encode()).hexdigest()


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
