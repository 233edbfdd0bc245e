"""Verbs as a process runs them in a home, undisturbed, killed at a border, or with a fault that begins there."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from tasks.client_state import client_spec
from tasks.deliver import Deliver
from tasks.deliverable.delta import DeltaVersion, log_files
from tasks.deliverable.verifier.index_history import INDEX
from tasks.deliverable.verifier.key_chain import KEYS
from tasks.errors import ThrongError
from tasks.privacy.noise import production_noise
from tasks.release import utc_now
from tasks.rotate import Rotate
from tasks.step import sanitised
from tasks.store import Stores, open_stores
from tasks.store.audit import AuditEntry
from tasks.store.client_file import parse_client
from tasks.store.lake import DeliveryKey
from tasks.store.tables import Delivery
from tests.integration.verbs.books import Ended, ended
from tests.integration.verbs.dying_stores import Border, Fault, dying
from tests.integration.verbs.homes import settings
from tests.plain_validator import plain

DAY = date(2026, 3, 3)


@dataclass(frozen=True)
class Act:
    """A verb with its arguments."""

    verb: str
    given: tuple[Any, ...]


@dataclass(frozen=True)
class Tried:
    """How a verb ended that something went wrong with: its outcome or error, and what the command line makes of it."""

    outcome: str
    exit_code: int
    said: str
    borders: tuple[str, ...]


def apply(home: Path, landing: Path, text: str) -> None:
    """Keep a client's file, as the command line does."""
    spec = parse_client(text, "client.toml", ("footfall",), ("parquet", "csv", "delta"))
    catalog = open_stores(settings(home, landing)).catalog
    digest = hashlib.sha256(text.encode()).hexdigest()
    document = spec.model_dump(mode="json", by_alias=True)
    catalog.apply_client(spec.name, document, digest, AuditEntry("tester", "client applied", spec.name))


def in_bucket(home: Path, landing: Path, client: str) -> tuple[dict[str, bytes], dict[str, bytes], str]:
    """Objects of a client but index and keys, what is stored of them under the same names, and how they verify."""
    from tasks.deliverable.signature import public_key
    from tasks.deliverable.verify import verify

    stores = open_stores(settings(home, landing))
    bucket = stores.buckets.open(client_spec(stores, client).destination)
    found = {name: bucket.get(name) for name in bucket.sizes()}
    stored = {
        f"{delivery.product}/v{delivery.version}/{name}": content
        for delivery in stores.catalog.deliveries(client)
        for name, content in stores.lake.delivery(_delivery_key(delivery), delivery.manifest_sha256).items()
    }
    logs: dict[str, list[DeltaVersion]] = {}
    for row in stores.catalog.delta_log(client):
        of_product = logs.setdefault(f"{row.product}/v{row.product_version}", [])
        of_product.append(DeltaVersion(row.number, row.logs))
    for folder, versions in logs.items():
        stored |= log_files(folder, versions)
    sizes = {name: len(content) for name, content in found.items()}
    verdict = verify(sizes, found.__getitem__, public_key(stores.signing_keys.current())).verdict
    return {name: content for name, content in found.items() if name not in (INDEX, KEYS)}, stored, verdict


def objects_of(home: Path, landing: Path, client: str) -> dict[str, bytes]:
    """A client's objects."""
    stores = open_stores(settings(home, landing))
    bucket = stores.buckets.open(client_spec(stores, client).destination)
    return {name: bucket.get(name) for name in bucket.sizes()}


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


def perform(act: Act, home: Path, landing: Path, at: int | None = None) -> Ended:
    """Do it, killed at a border if one is given."""
    stores, border = open_stores(settings(home, landing)), Border(at)
    try:
        done = _verb(act.verb, dying(stores, border))(*act.given)
        outcome = str(getattr(done, "outcome", type(done).__name__))
    except ThrongError as error:
        outcome = type(error).__name__
    return ended(outcome, tuple(border.passed), stores, home)


def attempt(
    act: Act,
    home: Path,
    landing: Path,
    at: int | str | None,
    fault: Fault,
    now: Callable[[], datetime] = utc_now,
) -> Tried:
    """Do it as a command does, with a fault that begins at a border: of a number, or the first of a name.

    None: the fault is there before the stores are opened.
    """
    border = Border(at, fault)

    def run() -> str:
        if at is None:
            fault()
        verb = _verb(act.verb, dying(open_stores(settings(home, landing)), border), now)
        return str(verb(*act.given).outcome)

    try:
        outcome, code, said = sanitised(act.verb, run), 0, ""
    except ThrongError as error:
        outcome, code, said = type(error).__name__, error.exit_code, str(error)
    return Tried(outcome, code, said, tuple(border.passed))


def perform_at_once(act: Act, home: Path, landing: Path) -> list[Ended]:
    """Two processes do it at the same time."""
    forks = get_context("fork")
    with forks.Pool(2, forks.Barrier(2).wait) as both:
        return both.starmap(perform, [(act, home, landing)] * 2, 1)


def books(home: Path, landing: Path) -> Ended:
    """What a home's books say now."""
    return ended("", (), open_stores(settings(home, landing)), home)


def _verb(name: str, stores: Stores, now: Callable[[], datetime] = utc_now) -> Any:
    from tasks.ingest import Ingest
    from tests.publisher import publisher

    made: dict[str, Callable[..., Any]] = {
        "ingest": partial(Ingest, stores, production_noise(), validator=plain),
        "publish": partial(publisher, stores, production_noise()),
        "rotate": partial(Rotate, stores),
    }
    return made.get(name, partial(Deliver, stores, validator=plain))(now=now)
