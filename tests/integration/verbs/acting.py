"""Verbs as a process runs them in a home, and what a home's books say afterwards."""

import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.deliver import Deliver, client_spec
from tasks.errors import ThrongError
from tasks.events import gate
from tasks.expectations import Check, Status, Verdict
from tasks.period import Period
from tasks.privacy.noise import production_noise
from tasks.settings import Settings
from tasks.store import Stores, open_stores
from tasks.store.audit import AuditEntry
from tasks.store.clients import parse_client
from tasks.store.lake import DeliveryKey
from tasks.store.tables import Delivery
from tests.integration.verbs.dying_stores import Border, dying

DAY = date(2026, 3, 3)
NOISY = {"value", "se", "low", "high", "status"}


@dataclass(frozen=True)
class Act:
    """A verb with its arguments."""

    verb: str
    given: tuple[Any, ...]


@dataclass(frozen=True)
class Books:
    """What a home holds, without what only noise decides."""

    lake: dict[str, str]
    """sha256 of each file but releases and deliveries."""
    releases: dict[str, str]
    """State and, of the stored rows, the sha256 without noisy columns, by key."""
    charges: list[tuple[str, str, int]]
    spent: dict[str, tuple[int, int]]
    days: list[tuple[Any, ...]]
    accounts: list[tuple[Any, ...]]
    deliveries: list[tuple[Any, ...]]
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


def settings(home: Path, landing: Path) -> Settings:
    """Settings of a home, whatever the environment says."""
    os.chdir(home.parent)
    return Settings(home=home, landing=str(landing))


def prepare(home: Path, landing: Path) -> None:
    """A new home whose keys exist, so that pseudonyms are the same in each copy of it."""
    stores = open_stores(settings(home, landing))
    for period in ("2026-03-03", "2026-03"):
        stores.keys.period_key(Period.parse(period))
    stores.keys.signing_key()
    stores.keys.digest(b"")


def copied(source: Path, target: Path) -> Path:
    """A home's copy; the lake's files never change, so both share them."""

    def copy(file: str, to: str) -> None:
        (os.link if "/lake/" in file else shutil.copy2)(file, to)

    shutil.copytree(source, target, copy_function=copy)
    return target


def apply(home: Path, landing: Path, text: str) -> None:
    """Keep a client's file, as the command line does."""
    spec = parse_client(text, "client.toml", ("footfall",))
    catalog = open_stores(settings(home, landing)).catalog
    digest = hashlib.sha256(text.encode()).hexdigest()
    document = spec.model_dump(mode="json", by_alias=True)
    catalog.apply_client(spec.name, document, digest, AuditEntry("tester", "client applied", spec.name))


def in_bucket(home: Path, landing: Path, client: str) -> tuple[dict[str, bytes], dict[str, bytes], str]:
    """A client's objects but the index, what is stored of its deliveries under the same names, and what it verifies."""
    from tasks.deliverable.signature import public_key
    from tasks.deliverable.verify import verify

    stores = open_stores(settings(home, landing))
    bucket = stores.buckets.open(client_spec(stores, client).destination)
    found = {name: bucket.get(name) for name in bucket.list()}
    stored = {
        f"{delivery.path}/{name}": content
        for delivery in stores.catalog.deliveries(client)
        for name, content in stores.lake.delivery(_delivery_key(delivery), delivery.manifest_sha256).items()
    }
    sizes = {name: len(content) for name, content in found.items()}
    verdict = verify(sizes, found.__getitem__, public_key(stores.keys.signing_key())).verdict
    return {name: content for name, content in found.items() if name != "index.json"}, stored, verdict


def put_foreign(home: Path, landing: Path, client: str, folder: str) -> None:
    """Put another's file where a delivery's is to be."""
    stores = open_stores(settings(home, landing))
    content = b"somebody else's"
    bucket = stores.buckets.open(client_spec(stores, client).destination)
    bucket.put_new(f"{folder}/README.md", content, hashlib.sha256(content).hexdigest())


def index_of(home: Path, landing: Path, client: str) -> Any:
    """A client's index as it stands in the bucket."""
    stores = open_stores(settings(home, landing))
    return json.loads(stores.buckets.open(client_spec(stores, client).destination).get("index.json"))


def _delivery_key(delivery: Delivery) -> DeliveryKey:
    return DeliveryKey(delivery.client, delivery.product, delivery.version, delivery.period, delivery.revision)


def keep_reason(home: Path, landing: Path) -> int:
    """Write a reason to the audit table, as the command line does."""
    return open_stores(settings(home, landing)).audit.write(AuditEntry("tester", "asked", "a revision", "a reason"))


def perform(act: Act, home: Path, landing: Path, at: int | None = None, quick: bool = False) -> Ended:
    """Do it, killed at a border if one is given; `quick`: the gate's limits without Great Expectations."""
    stores, border = open_stores(settings(home, landing)), Border(at)
    if quick:
        gate.judge = _judge_plainly  # type: ignore[assignment]
    try:
        outcome = str(_verb(act.verb, dying(stores, border))(*act.given).outcome)
    except ThrongError as error:
        outcome = type(error).__name__
    return _ended(outcome, border, stores, home)


def perform_at_once(act: Act, home: Path, landing: Path) -> list[Ended]:
    """Two processes do it at the same time."""
    forks = get_context("fork")
    with forks.Pool(2, forks.Barrier(2).wait) as both:
        return both.starmap(perform, [(act, home, landing, None, True)] * 2, 1)


def _judge_plainly(frame: pa.Table, checks: Sequence[Check]) -> list[Verdict]:
    """What Great Expectations says, half a second sooner."""
    kept = {check.name: frame[check.name][0].as_py() <= 0 for check in checks}
    return [Verdict(name, Status.PASSED if fits else Status.FAILED, None) for name, fits in kept.items()]


def books(home: Path, landing: Path) -> Ended:
    """What a home's books say now."""
    return _ended("", Border(None), open_stores(settings(home, landing)), home)


def _verb(name: str, stores: Stores) -> Any:
    from tasks.ingest import Ingest
    from tasks.publish import Publish

    if name == "deliver":
        return Deliver(stores)
    return {"ingest": Ingest, "publish": Publish}[name](stores, production_noise())


def _ended(outcome: str, border: Border, stores: Stores, home: Path) -> Ended:
    releases = {_key(release): release for release in stores.ledger.releases()}
    files = {key: stores.lake.root / "releases" / key / "release.parquet" for key in releases}
    return Ended(
        outcome,
        tuple(border.passed),
        _books(stores, home, {key: path for key, path in files.items() if path.exists()}),
        {key: release.sha256 or "" for key, release in releases.items()},
        {key: _sha256(path) for key, path in files.items() if path.exists()},
        Counter(entry.subject for entry in stores.audit.entries() if entry.event == "draw intended"),
    )


def _books(stores: Stores, home: Path, files: dict[str, Path]) -> Books:
    ledger, catalog, lake = stores.ledger, stores.catalog, stores.lake.root
    rooms = ("presence", "month_state", "coverage", "quarantine", "plans", "allowed")
    days = catalog.generations()
    return Books(
        lake={str(path.relative_to(lake)): _sha256(path) for room in rooms for path in _files(lake / room)},
        releases={key: f"{r.state} {_public(files.get(key))}" for r in ledger.releases() for key in [_key(r)]},
        charges=[(_key(release), charge.month, charge.units) for release, charge in ledger.charges()],
        spent={month.month: (month.cap, month.spent) for month in ledger.months()},
        days=[(d.day, d.generation, d.state, d.rows_in, d.rows_kept, d.profile_revision) for d in days],
        accounts=[tuple(vars(row)[name] for name in ("file", "reason", "rows")) for d in days
                  for row in catalog.account(d.day, d.generation)],
        deliveries=[(d.client, d.period, d.revision, d.state) for d in catalog.deliveries()],
        left_over=[str(path) for room in ("lake/staging", "scratch/landing", "scratch/day-2026-03-03")
                   for path in _files(home / room)],
    )  # fmt: skip


def _key(release: Any) -> str:
    return f"{release.product}/v{release.version}/{release.period}/r{release.revision}"


def _public(path: Path | None) -> str:
    if path is None:
        return "without bytes"
    table = pq.ParquetFile(path).read()
    rows = table.select([name for name in table.column_names if name not in NOISY])
    return hashlib.sha256(repr((rows.to_pydict(), rows.schema.metadata)).encode()).hexdigest()


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
