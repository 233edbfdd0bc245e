"""Where things rest: database, lake, keys, client buckets; a verb gets them all as one `Stores`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks import env_files, policy, policy_file, settings
from tasks.store.atomic_files import make_folder
from tasks.store.audit import AuditLog
from tasks.store.catalog import Catalog
from tasks.store.database import Database
from tasks.store.event_log import EventLog
from tasks.store.installation import Installation, check_not_lost
from tasks.store.keys import FileKeys, KeyStore
from tasks.store.lake import Lake
from tasks.store.ledger import Ledger
from tasks.store.locks import Locks
from tasks.store.migrations import prepare
from tasks.store.object_store import FileObjectStore

if TYPE_CHECKING:
    from tasks.store.buckets import Buckets


@dataclass(frozen=True)
class Stores:
    """What a verb reads and writes; tests put other objects in the same places."""

    settings: settings.Settings
    policy: policy.ReviewedPolicy
    catalog: Catalog
    ledger: Ledger
    audit: AuditLog
    lake: Lake
    keys: KeyStore
    buckets: "Buckets"
    locks: Locks
    installation: Installation


def open_stores(given: settings.Settings | None = None) -> Stores:
    """Open everything; creates what is missing, and raises Misconfigured for an older or newer database.

    Raises RefusedRelease, before anything is written, where database, lake and keys are not of one installation.
    """
    from tasks.store.buckets import Buckets  # boto3: 0.2 s

    where = given or settings.load()
    env_files.check_home(where.home)
    reviewed = policy_file.load(where.policy)
    keys = FileKeys(where.keys_root)
    lake = Lake(FileObjectStore(where.lake_root), keys)
    check_not_lost(where.database, lake, keys)
    make_folder(where.home.absolute())
    database = Database(where.database, journal=EventLog(where.logs_root))
    prepare(database)
    ledger = Ledger(database)
    installation = Installation.open(database, lake, keys, ledger)
    return Stores(
        settings=where,
        policy=reviewed,
        catalog=Catalog(database),
        ledger=ledger,
        audit=AuditLog(database),
        lake=lake,
        keys=keys,
        buckets=Buckets(where.home),
        locks=Locks(database),
        installation=installation,
    )
