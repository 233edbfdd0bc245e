"""Trust zones as types: landing (raw ids), pseudonymised (rows, noise), released; and what needs the catalog alone.

Each opener checks and opens the stores of its zone only, so that each zone can run under a role of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from tasks import env_files, policy, policy_file
from tasks.settings import Settings, load
from tasks.store.atomic_files import make_folder
from tasks.store.audit import AuditLog
from tasks.store.catalog import Catalog
from tasks.store.database import Database
from tasks.store.event_log import EventLog
from tasks.store.installation import Installation, check_established
from tasks.store.keys import DataKeys, DigestKey, KeyNames, PseudonymKeys, SigningKeys
from tasks.store.lake import Lake, ReleasedLake
from tasks.store.ledger import Ledger
from tasks.store.locks import Locks
from tasks.store.migrations import prepare
from tasks.store.object_store import FileObjectStore

if TYPE_CHECKING:
    from tasks.store.buckets import Buckets


@dataclass(frozen=True)
class CatalogStores:
    """The database, the settings and the policy."""

    settings: Settings
    policy: policy.ReviewedPolicy
    catalog: Catalog
    ledger: Ledger
    audit: AuditLog
    locks: Locks
    installation: Installation


@dataclass(frozen=True)
class PlanningStores(CatalogStores):
    """Beside the catalog, the key by which landings are compared, and the names of the other keys."""

    digest_key: DigestKey
    key_names: KeyNames


@dataclass(frozen=True)
class ReleaseStores(CatalogStores):
    """Beside the catalog, stored releases and zone plans."""

    lake: ReleasedLake


@dataclass(frozen=True)
class LandingStores(ReleaseStores):
    """The landing zone: raw ids become pseudonyms here, and nowhere else."""

    lake: Lake
    digest_key: DigestKey
    pseudonym_keys: PseudonymKeys
    data_keys: DataKeys


@dataclass(frozen=True)
class PseudonymisedStores(ReleaseStores):
    """The pseudonymised zone: rows are counted, noise is drawn."""

    lake: Lake
    data_keys: DataKeys


@dataclass(frozen=True)
class ReleasedStores(ReleaseStores):
    """The released zone: what was drawn becomes deliveries."""

    signing_keys: SigningKeys
    buckets: "Buckets"


@dataclass(frozen=True)
class Stores(LandingStores, PlanningStores, PseudonymisedStores, ReleasedStores):
    """All zones together, for examinations of a whole installation."""

    lake: Lake


Zone = TypeVar("Zone", bound=CatalogStores)


def open_catalog(given: Settings | None = None) -> CatalogStores:
    """Open the database; creates what is missing. Raises Misconfigured for an older or newer database.

    Raises RefusedRelease, before anything is written, if the database and another store are not of one installation.
    """
    return _open(CatalogStores, given)


def open_planning(given: Settings | None = None) -> PlanningStores:
    """Open what plans and status read; raises as `open_catalog`."""
    return _open(PlanningStores, given)


def open_releases(given: Settings | None = None) -> ReleaseStores:
    """Open stored releases, without the keys of any zone; raises as `open_catalog`."""
    return _open(ReleaseStores, given)


def open_landing(given: Settings | None = None) -> LandingStores:
    """Open the landing zone; raises as `open_catalog`."""
    return _open(LandingStores, given)


def open_pseudonymised(given: Settings | None = None) -> PseudonymisedStores:
    """Open the pseudonymised zone; raises as `open_catalog`."""
    return _open(PseudonymisedStores, given)


def open_released(given: Settings | None = None) -> ReleasedStores:
    """Open the released zone; raises as `open_catalog`."""
    return _open(ReleasedStores, given)


def open_stores(given: Settings | None = None) -> Stores:
    """Open every zone; raises as `open_catalog`."""
    return _open(Stores, given)


def check_not_lost(settings: Settings) -> None:
    """Raise RefusedRelease, before anything is created, if a store is in use and its database is missing or empty."""
    check_established(settings.database, [make(settings) for make in _PARTS.values()])


def _open(zone: type[Zone], given: Settings | None) -> Zone:
    """Open the stores that the zone has fields for."""
    settings = given or load()
    env_files.check_home(settings.home)
    reviewed, fields = policy_file.load(settings.policy), zone.__dataclass_fields__
    check_not_lost(settings)
    opened = {name: make(settings) for name, make in _PARTS.items() if name in fields}
    if "lake" in fields and "data_keys" not in fields:
        opened["lake"] = ReleasedLake(FileObjectStore(settings.lake_root))
    make_folder(settings.home.absolute())
    database = Database(settings.database, journal=EventLog(settings.logs_root))
    prepare(database)
    ledger = Ledger(database)
    others = {name: make(settings) for name, make in _OTHERS.items() if name in fields}
    return zone(
        settings=settings,
        policy=reviewed,
        catalog=Catalog(database),
        ledger=ledger,
        audit=AuditLog(database),
        locks=Locks(database),
        installation=Installation.open(database, opened, ledger),
        **opened,
        **others,
    )


def _buckets(settings: Settings) -> "Buckets":
    from tasks.store.buckets import Buckets  # boto3: 0.2 s

    return Buckets(settings.home)


_PARTS: dict[str, Callable[[Settings], Any]] = {
    "lake": lambda settings: Lake(FileObjectStore(settings.lake_root), DataKeys(settings.keys_root / "data")),
    "digest_key": lambda settings: DigestKey(settings.keys_root / "digest"),
    "pseudonym_keys": lambda settings: PseudonymKeys(settings.keys_root / "pseudonym"),
    "data_keys": lambda settings: DataKeys(settings.keys_root / "data"),
    "signing_keys": lambda settings: SigningKeys(settings.keys_root / "signing"),
}
"""Stores that carry the installation's id, by field."""

_OTHERS: dict[str, Callable[[Settings], Any]] = {
    "key_names": lambda settings: KeyNames(settings.keys_root),
    "buckets": _buckets,
}
