"""Where data are kept: database, lake, keys, client buckets; trust zones are types.

Each opener checks and opens the stores of its zone only, so that each verb can run under a role of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from tasks import env_files, policy, policy_file
from tasks.settings import Settings, load
from tasks.store.atomic_files import make_folder
from tasks.store.audit import AuditLog
from tasks.store.catalog import Catalog
from tasks.store.database import Database
from tasks.store.event_log import EventLog
from tasks.store.installation import Installation, check_established
from tasks.store.keys import DataKeys, DigestKey, KeyNames, PseudonymKeys
from tasks.store.lake import Lake, ReleasedLake
from tasks.store.ledger import Ledger
from tasks.store.locks import Locks
from tasks.store.migrations import prepare
from tasks.store.object_store import FileObjectStore, InstallationPart
from tasks.store.signing_keys import SigningKeys

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


def check_not_lost(settings: Settings) -> None:
    """Raise RefusedRelease, before anything is created, if a store is in use and its database is missing or empty."""
    check_established(settings.database, _parts(settings).values())


def _open(zone: type[Zone], given: Settings | None = None) -> Zone:
    """Open the stores that the zone has fields for; creates what is missing.

    Raises Misconfigured for an older or newer database, and RefusedRelease, before anything is written, if the
    database and another store are not of one installation.
    """
    settings = given or load()
    env_files.check_home(settings.home)
    reviewed, fields = policy_file.load(settings.policy), zone.__dataclass_fields__
    check_not_lost(settings)
    parts: dict[str, Any] = {name: part for name, part in _parts(settings).items() if name in fields}
    if "lake" in fields and "data_keys" not in fields:
        parts["lake"] = ReleasedLake(FileObjectStore(settings.lake_root))
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
        installation=Installation.open(database, parts, ledger, reviewed.policy.drawn),
        **parts,
        **others,
    )


open_catalog = partial(_open, CatalogStores)
open_planning = partial(_open, PlanningStores)
"""What plans and status read."""
open_releases = partial(_open, ReleaseStores)
"""Stored releases, without the keys of any zone."""
open_landing = partial(_open, LandingStores)
open_pseudonymised = partial(_open, PseudonymisedStores)
open_released = partial(_open, ReleasedStores)
open_stores = partial(_open, Stores)


def _buckets(settings: Settings) -> "Buckets":
    from tasks.store.buckets import Buckets  # boto3: 0.2 s

    return Buckets(settings.home)


_OTHERS: dict[str, Callable[[Settings], Any]] = {
    "key_names": lambda settings: KeyNames(settings.keys_root),
    "buckets": _buckets,
}


def _parts(settings: Settings) -> dict[str, InstallationPart]:
    """Stores that carry the installation's id, by field."""
    keys = settings.keys_root
    return {
        "lake": Lake(FileObjectStore(settings.lake_root), DataKeys(keys / "data")),
        "digest_key": DigestKey(keys / "digest"),
        "pseudonym_keys": PseudonymKeys(keys / "pseudonym"),
        "data_keys": DataKeys(keys / "data"),
        "signing_keys": SigningKeys(keys / "signing"),
    }
